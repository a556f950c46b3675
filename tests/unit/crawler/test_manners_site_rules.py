"""What holds for which host, and what is said of a file that is wrong."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.manners.site_rules import LEAST_DELAY_S, SiteRule, SiteRules, is_loopback
from crawler.manners.window import ALWAYS, parse_window
from domain.errors import BadInput, SettingRefused
from domain.settings import Settings

SITES = """
["shop.example"]
window = "22:00-06:00"
delay_s = 5
concurrency = 1
browser = true

["*.market.example"]
delay_s = 2

["eu.market.example"]
concurrency = 9

[bare.example]
delay_s = 0

["127.0.0.1:8000"]
delay_s = 0.5

["bücher.example"]
browser = true
"""


def rules(tmp_path: Path, text: str = SITES, **settings: object) -> SiteRules:
    file = tmp_path / "sites.toml"
    file.write_text(text, "utf-8")
    return SiteRules(Settings(crawl_sites_file=file, **settings))  # type: ignore[arg-type]


def test_a_host_without_an_entry_follows_the_settings() -> None:
    settings = Settings(crawl_delay_s=3, crawl_site_concurrency=7, crawl_window="22:00-06:00")
    assert SiteRules(settings).rules_for("other.example") == SiteRule(
        window=parse_window("22:00-06:00"), delay_s=3, least_delay_s=LEAST_DELAY_S, concurrency=7
    )
    assert SiteRules(Settings(crawl_delay_s=0.1)).rules_for("other.example").least_delay_s == 0.1


def test_an_entry_holds(tmp_path: Path) -> None:
    rule = rules(tmp_path).rules_for("Shop.Example")
    assert rule == SiteRule(
        window=parse_window("22:00-06:00"), delay_s=5, least_delay_s=5, concurrency=1, browser=True, adaptive=True
    )


@pytest.mark.parametrize(
    ("host", "delay_s", "concurrency"),
    [
        ("de.market.example", 2, 4),
        ("shop.de.market.example:8443", 2, 4),
        ("eu.market.example", 1, 9),
        ("shop.eu.market.example", 2, 4),
        ("market.example", 1, 4),
        ("notmarket.example", 1, 4),
        ("bare.example", 0, 4),
        ("shop.example:8443", 5, 1),
        ("xn--bcher-kva.example", 1, 4),
    ],
)
def test_the_closest_entry_holds(tmp_path: Path, host: str, delay_s: float, concurrency: int) -> None:
    rule = rules(tmp_path).rules_for(host)
    assert (rule.delay_s, rule.concurrency) == (delay_s, concurrency)
    assert rule.browser == (host in ("shop.example:8443", "xn--bcher-kva.example"))


def test_ones_own_machine_is_not_spared_unless_told(tmp_path: Path) -> None:
    spared = rules(tmp_path, allow_loopback=True)
    told = spared.rules_for("127.0.0.1:8000")
    assert (told.least_delay_s, told.adaptive) == (0.5, True)
    plain = spared.rules_for("127.0.0.1:9000")
    assert (plain.delay_s, plain.least_delay_s, plain.adaptive, plain.window) == (0, 0, False, ALWAYS)
    assert rules(tmp_path).rules_for("127.0.0.1:9000").delay_s == 1


@pytest.mark.parametrize(
    ("text", "line", "field", "said"),
    [
        ('["a.example"]\ndelay_s = -1', 2, "a.example.delay_s", "number of seconds from 0 to 3600"),
        ('["a.example"]\n\ndelay_s = true', 3, "a.example.delay_s", "number of seconds"),
        ('["a.example"]\ndelay_s = nan', 2, "a.example.delay_s", "number of seconds"),
        ('["a.example"]\nconcurrency = 1.5', 2, "a.example.concurrency", "whole number from 1 to 64"),
        ('["a.example"]\nbrowser = "yes"', 2, "a.example.browser", "true or false"),
        ('["b.example"]\nwindow = ""\n["a.example"]\nwindow = "22-6"', 4, "a.example.window", "'22-6' is no window"),
        ('["a.example"]\nwindow = 22', 2, "a.example.window", "must be text"),
        (
            '["a.example"]\ndelay = 1',
            2,
            "a.example.delay",
            "is no field; there are window, delay_s, concurrency, browser",
        ),
        ('["https://a.example"]\ndelay_s = 1', 1, "https://a.example", "is no host"),
        ('["a.*.example"]\ndelay_s = 1', 1, "a.*.example", "is no host"),
        ('["A.example"]\n["a.example"]', 2, "a.example", "is there twice"),
        ("delay_s = 1", 1, "delay_s", "belongs into the table of a host"),
        ('["a.example"]\ndelay_s = \n', 2, None, "is not TOML"),
    ],
)
def test_a_wrong_file_is_named_with_line_and_field(
    tmp_path: Path, text: str, line: int, field: str | None, said: str
) -> None:
    with pytest.raises(BadInput, match=said) as refused:
        rules(tmp_path, text)
    assert (refused.value.file, refused.value.line, refused.value.field) == (str(tmp_path / "sites.toml"), line, field)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingRefused, match="cannot be read") as refused:
        SiteRules(Settings(crawl_sites_file=tmp_path / "none.toml"))
    assert refused.value.field == "ASSAYER_CRAWL_SITES_FILE"


def test_a_file_of_no_text(tmp_path: Path) -> None:
    file = tmp_path / "sites.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="is not TOML"):
        SiteRules(Settings(crawl_sites_file=file))
    file.write_bytes(b"#" * 1_000_001)
    with pytest.raises(BadInput, match="more than 1000000 bytes"):
        SiteRules(Settings(crawl_sites_file=file))


def test_a_wrong_window_in_the_settings() -> None:
    with pytest.raises(SettingRefused, match="'night' is no window") as refused:
        SiteRules(Settings(crawl_window="night"))
    assert refused.value.field == "ASSAYER_CRAWL_WINDOW"


@given(
    st.text(max_size=200) | st.from_regex(r'(\["?[a-z.*]{1,9}"?\]\n)?[a-z_]{1,9} = [0-9"a-z]{1,4}\n', fullmatch=True)
)
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("sites") / "sites.toml"
    file.write_text(text, "utf-8", "replace")
    with contextlib.suppress(BadInput):
        SiteRules(Settings(crawl_sites_file=file))


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1", "127.9.9.9:8000", "[::1]:80", "[::1]", "a.localhost."]
)
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.example", "10.0.0.1", "[2001:db8::1]:80", "", "127.0.0.1.example"])
def test_no_loopback(host: str) -> None:
    assert not is_loopback(host)
