"""Every folder of tests/fixtures/pages: pages in the shape of a marketplace's or platform's, and what must be read.

``<name>.json`` beside ``<name>.html``: ``url``; ``listing``, fields of the listing (null: none may be made), the price
as ``9.99 EUR``; ``fields``, what the generic reading takes, listing or not; ``found``, where a field was found;
``images``. What is not named there is not compared.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import tldextract

from crawler.extraction.page import Page, read_page
from crawler.extraction.shop_page import ShopPage
from crawler.pages.generic import ItemPage
from crawler.pages.registry import page_class
from domain.codec import dump

PAGES = Path(__file__).parents[2] / "fixtures" / "pages"
CASES = sorted(PAGES.glob("*/*.html"))


def read(case: Path) -> tuple[dict[str, Any], Page]:
    expected = json.loads(case.with_suffix(".json").read_text("utf-8"))
    return expected, read_page(case.read_text("utf-8"), expected["url"], marketplace="m.example")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.stem}")
def test_pages_are_read_as_written_beside_them(case: Path) -> None:
    expected, page = read(case)
    if "listing" in expected and expected["listing"] is None:
        assert page.offer is None
        return
    if "listing" in expected:
        assert page.offer
        listing = dump(page.offer.listing)
        price = listing["price"]
        listing["price"] = price and f"{price['amount']} {price['currency']}"
        assert {name: listing[name] for name in expected["listing"]} == expected["listing"]
        found = {each.field: each.where for each in page.offer.listing.found}
        assert {name: found.get(name) for name in expected.get("found", {})} == expected.get("found", {})
        assert "images" not in expected or list(page.offer.image_urls) == expected["images"]
    if "fields" in expected:
        fields = ShopPage(case.read_text("utf-8"), expected["url"]).fields
        assert {name: fields.value(name) for name in expected["fields"]} == expected["fields"]


def test_every_page_object_has_a_page_to_test_it() -> None:
    tested = {page_class(json.loads(case.with_suffix(".json").read_text("utf-8"))["url"]) for case in CASES}
    page_class("https://shop.example/")  # loads them all
    assert set(ItemPage.__subclasses__()) <= tested


def test_a_page_object_is_for_item_pages_of_its_site_alone() -> None:
    assert page_class("https://www.ebay.de/itm/words/123456789012").__name__ == "EbayItemPage"
    assert page_class("https://www.ebay.de/usr/somebody") is ItemPage
    assert page_class("https://ebay.de.other.example/itm/123456789012") is ItemPage
    assert page_class("http://[bad") is ItemPage


def test_an_item_page_that_cannot_be_read_is_told() -> None:
    page = read_page(
        "<html><body><p>Robot check</p></body></html>", "https://www.ebay.com/itm/123456789012", marketplace="m"
    )
    assert page.offer is None
    assert page.broken == ("page object EbayItemPage found no title",)


def test_choosing_a_page_object_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library that knows domains would fetch its list by itself."""

    def refuse(*args: object) -> None:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert page_class("https://never-asked-before.example.co.uk/item/1") is ItemPage
    assert tldextract.tldextract.TLD_EXTRACTOR.suffix_list_urls == ()
