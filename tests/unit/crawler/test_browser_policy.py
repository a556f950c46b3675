"""What a page in a browser may ask for, and with which Chromium."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from crawler.browser.chromium import find_chromium, is_sandboxed, launch_options, why_no_browser
from crawler.browser.requests import is_wanted, site_of
from domain.errors import SettingRefused
from domain.settings import Settings

SHOP = "https://www.shop.co.uk/p/1"


def wanted(kind: str, url: str, *, main_frame: bool = True, pictures: bool = False) -> bool:
    return is_wanted(kind, url, page_url=SHOP, main_frame=main_frame, pictures=pictures)


@pytest.mark.parametrize("kind", ["script", "stylesheet", "xhr", "fetch"])
def test_what_builds_the_page_is_asked_for_wherever_it_lies(kind: str) -> None:
    assert wanted(kind, "https://static.shop.co.uk/a")
    assert wanted(kind, "https://network.example/a")
    assert wanted(kind, "https://network.example/a", main_frame=False)
    assert not wanted(kind, "ftp://network.example/a")
    assert not wanted(kind, "file:///etc/passwd")


@pytest.mark.parametrize("kind", ["image", "font"])
def test_what_is_for_the_eye_is_asked_for_where_it_is_looked_at(kind: str) -> None:
    assert wanted(kind, "https://network.example/a", pictures=True)
    assert not wanted(kind, "https://www.shop.co.uk/a", pictures=False)


@pytest.mark.parametrize("kind", ["media", "ping", "eventsource", "websocket", "manifest", "texttrack", "other", "new"])
def test_all_else_is_refused(kind: str) -> None:
    assert not wanted(kind, "https://www.shop.co.uk/a", pictures=True)


def test_the_page_goes_nowhere_else_and_frames_are_of_its_site() -> None:
    assert not wanted("document", "https://www.shop.co.uk/p/2")
    assert wanted("document", "https://help.shop.co.uk/size", main_frame=False)
    assert not wanted("document", "https://other.co.uk/size", main_frame=False)


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.shop.co.uk/", "shop.co.uk"),
        ("https://shop.example/", "shop.example"),
        ("http://127.0.0.1:8000/", "127.0.0.1"),
        ("http://localhost/", "localhost"),
        ("data:text/html,x", ""),
    ],
)
def test_sites(url: str, site: str) -> None:
    assert site_of(url) == site


def test_without_a_chromium_the_setting_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingRefused) as refusal:
        find_chromium(Settings())
    assert refusal.value.field == "ASSAYER_BROWSER_PATH"
    assert refusal.value.advice
    assert "ASSAYER_BROWSER_PATH" in (why_no_browser(Settings()) or "")
    with pytest.raises(SettingRefused, match="ASSAYER_BROWSER_PATH: no program at"):
        find_chromium(Settings(browser_path=str(tmp_path / "chromium")))


def test_the_chromium_that_is_named_is_taken(tmp_path: Path) -> None:
    program = tmp_path / "my-chromium"
    program.write_text("#!/bin/sh\n")
    assert why_no_browser(Settings(browser_path=str(program))), "it cannot be run"
    program.chmod(0o700)
    assert find_chromium(Settings(browser_path=str(program))) == program


def test_how_it_is_started(tmp_path: Path) -> None:
    program = Path(shutil.which("true") or "/bin/true")
    options = launch_options(Settings(browser_path=str(program)), proxy_url="http://127.0.0.1:1")
    assert options["proxy"] == {"server": "http://127.0.0.1:1", "bypass": "<-loopback>"}
    assert options["chromium_sandbox"] is is_sandboxed() is (os.geteuid() != 0)
    assert "--no-sandbox" not in options["args"], "playwright adds it where there is no sandbox, and nowhere else"
    wanted_flags = {"--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"}
    assert wanted_flags | {"--disable-component-update", "--disable-sync"} <= set(options["args"])
