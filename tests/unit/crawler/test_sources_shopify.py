from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.sources.shopify import (
    PAGE_SIZE,
    is_product_list,
    may_be_shopify,
    next_product_list,
    product_list_url,
    read_product_list,
    shop_details_url,
    stated_currency,
)

URL = "https://shop.example/products.json?limit=250&page=1"


def test_addresses() -> None:
    assert product_list_url("https://shop.example/collections/all?x=1") == URL
    assert (
        product_list_url("https://shop.example/sub/products.json")
        == "https://shop.example/sub/products.json?limit=250&page=1"
    )
    assert next_product_list(URL) == URL[:-1] + "2"
    assert next_product_list("https://shop.example/products.json") == URL[:-1] + "2"
    assert next_product_list("https://shop.example/products.json?page=x") == URL[:-1] + "2"
    assert shop_details_url(URL) == "https://shop.example/meta.json"
    assert is_product_list(URL)
    assert not is_product_list("https://shop.example/products.json/x")


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<link href="//cdn.shopify.com/s.css">', True),
        ('<a href="/collections/all">all</a>', True),
        ('<a href="https://shop.example/products/red-bag">bag</a>', True),
        ('<a href="/item/1">products/</a>', False),
        ('<a href="/products/">all</a>', False),
    ],
)
def test_pages_that_look_like_such_a_shop(html: str, expected: bool) -> None:
    assert may_be_shopify(html) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Shopify.currency = {"active":"CAD","rate":"1.0"};', "CAD"),
        ('{"currency": "USD"}', "USD"),
        ('{"currency": null}', ""),
        ("[]", ""),
        ("<html>", ""),
        ("[" * 100_000, ""),
    ],
)
def test_currencies(text: str, expected: str) -> None:
    assert stated_currency(text) == expected


@pytest.mark.parametrize("text", ["", "<html>", "[]", "{}", '{"products": {}}', "[" * 100_000])
def test_what_is_no_list(text: str) -> None:
    assert read_product_list(text, URL, marketplace="m", currency="USD") is None


def test_a_price_without_a_currency_stays_raw() -> None:
    product = {"handle": "a", "title": "A", "variants": [{"price": "12.00"}]}
    found = read_product_list(json.dumps({"products": [product]}), URL, marketplace="m", currency="")
    assert found
    listing = found.offers[0].listing
    assert (listing.price, listing.price_raw, listing.listing_id) == (None, "12.00", "a")


def test_a_list_is_read_as_far_as_such_a_shop_fills_a_page() -> None:
    products = [{"handle": f"p{at}", "title": "A"} for at in range(PAGE_SIZE + 3)]
    found = read_product_list(json.dumps({"products": products}), URL, marketplace="m", currency="")
    assert found
    assert (len(found.offers), found.products, found.beyond) == (PAGE_SIZE, PAGE_SIZE + 3, 3)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["handle", "title", "variants", "images", "vendor", "body_html", "product_type"])


@given(st.lists(st.dictionaries(NAMES, JSON, max_size=6) | JSON, max_size=4))
def test_no_list_brings_an_error(products: list[Any]) -> None:
    found = read_product_list(json.dumps({"products": products}), URL, marketplace="m", currency="USD")
    assert found
    assert len(found.offers) <= found.products == len(products)
