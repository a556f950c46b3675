"""One address for one page, and never one for two."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.manners.canonical import canonical_address, host_of

HOME = "https://shop.example/item/7"


@pytest.mark.parametrize(
    "variant",
    [
        f"{HOME}?utm_source=mail&UTM_Campaign=x",
        f"{HOME}?gclid=1&fbclid=2&srsltid=3",
        f"{HOME}#reviews",
        "https://SHOP.example:443/item/7",
        f"{HOME};jsessionid=0A1B.node3",
        f"{HOME}?PHPSESSID=abc&ASPSESSIONIDQQ=def",
        "https://shop.example/(S(lit3py55t21z5v55vlm25s55))/item/7",
        "https://shop.example/a/../item/7",
        f"{HOME}?spm=a2g0o.productlist.0.0.5b2f",
        f"{HOME}?%75tm_source=mail",
    ],
)
def test_variants_of_one_page(variant: str) -> None:
    assert canonical_address(variant) == HOME


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("?color=red", "?color=red&color=blue"),
        ("?ref=7", ""),
        ("?sid=7", "?sid=8"),
        ("?spm=X100", ""),
        ("?page=1", "?page=2"),
        ("?q=a%26b", "?q=a&b"),
        ("?utm=1", ""),
        ("/(S(small))/x", "/x"),
    ],
)
def test_pages_that_differ_stay_apart(one: str, other: str) -> None:
    assert canonical_address(HOME + one) != canonical_address(HOME + other)


def test_the_order_of_parameters_tells_nothing() -> None:
    assert canonical_address(f"{HOME}?b=2&a=1&utm_term=x") == canonical_address(f"{HOME}?a=1&b=2")


@pytest.mark.parametrize("broken", ["http://[", "http://[::1", "", "//", "https://a.example:no/x", "?", "http://a]b/"])
def test_what_is_no_address_is_left(broken: str) -> None:
    assert canonical_address(canonical_address(broken)) == canonical_address(broken)


# no name of a tracking parameter can be made of these letters
LETTERS = "abdxyzAB019é漢_-.+&=%;/? #"
texts = st.text(LETTERS, max_size=12)
names = st.text(LETTERS, min_size=1, max_size=8)
queries = st.lists(st.tuples(names, texts), max_size=5)


@given(st.text(max_size=60))
def test_once_is_enough_for_any_text(text: str) -> None:
    for url in (text, "https://shop.example/" + text):
        once = canonical_address(url)
        assert canonical_address(once) == once


@given(queries, st.text(max_size=20))
def test_once_is_enough_for_any_page(query: list[tuple[str, str]], path: str) -> None:
    once = canonical_address(f"https://shop.example/{quote(path)}?{urlencode(query)}")
    assert canonical_address(once) == once


@given(queries, queries)
def test_other_parameters_are_another_page(one: list[tuple[str, str]], other: list[tuple[str, str]]) -> None:
    same = canonical_address(f"{HOME}?{urlencode(one)}") == canonical_address(f"{HOME}?{urlencode(other)}")
    assert same == (sorted(one) == sorted(other))


@given(queries, st.sampled_from(["utm_medium", "gclid", "PHPSESSID", "mc_eid", "_trksid"]), texts)
def test_tracking_changes_nothing(query: list[tuple[str, str]], name: str, value: str) -> None:
    plain = f"{HOME}?{urlencode(query)}"
    assert canonical_address(f"{plain}&{urlencode([(name, value)])}") == canonical_address(plain)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Shop.Example/x", "shop.example"),
        ("https://shop.example:443/", "shop.example"),
        ("http://shop.example:443/", "shop.example:443"),
        ("http://127.0.0.1:8000/", "127.0.0.1:8000"),
        ("http://[::1]:8000/", "[::1]:8000"),
        ("http://[", ""),
        ("mailto:a@b.example", ""),
    ],
)
def test_host(url: str, host: str) -> None:
    assert host_of(url) == host
