from __future__ import annotations

import json
from typing import Any

import pytest
from answers import answer, check, documents, listed
from hypothesis import given
from hypothesis import strategies as st

from crawler.sources.interface import Ask, Reading
from crawler.sources.shopify import (
    MOST_PAGES,
    PAGE_SIZE,
    ShopifySource,
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


def shopify(body: object, page: int = 1, currency: str = "USD") -> Reading:
    url = product_list_url("https://shop.example/", page)
    return ShopifySource().read(Ask(url=url, context={"currency": currency}, depth=1), answer(body, url))


def product(at: int = 1, **changed: object) -> dict[str, object]:
    return {"handle": f"p{at}", "title": "A", "variants": [{"price": "12.00", "sku": f"S{at}"}], **changed}


def test_a_list_leads_to_its_next_page_and_to_the_pages_of_its_products() -> None:
    reading = shopify({"products": [product(1), product(2)]})
    assert [ask.source for ask in reading.asks] == ["shopify", "page", "page"]
    assert reading.asks[0].url.endswith("page=2")
    assert (reading.asks[0].depth, reading.asks[1].depth) == (1, 2)
    assert reading.asks[1].referer == product_list_url("https://shop.example/")
    assert shopify({"products": []}, page=2).asks == ()


def test_a_list_without_end_is_left_after_many_pages() -> None:
    reading = shopify({"products": [product()]}, page=MOST_PAGES)
    assert [ask.source for ask in reading.asks] == ["page"]
    assert "pages" in reading.problems[0]


def test_what_a_list_leaves_open_is_told() -> None:
    reading = shopify({"products": [product(), {"handle": "x"}, 7]}, currency="")
    assert reading.problems == (
        "2 products have no address or no title",
        "the shop states no currency, so that prices are kept as text",
    )
    assert shopify("<html>").problems == ("not a list of products",)


@pytest.mark.parametrize(
    ("available", "expected"),
    [([True], "InStock"), ([False, True], "InStock"), ([False, False], "OutOfStock"), ([False, None], ""), ([], "")],
)
def test_a_product_can_be_bought_when_one_variant_can(available: list[bool | None], expected: str) -> None:
    variants = [{"price": "1.00", "available": each} for each in available]
    found = read_product_list(json.dumps({"products": [product(variants=variants)]}), URL, marketplace="m", currency="")
    assert found
    assert found.offers[0].listing.availability == expected


def test_a_barcode_whose_check_digit_is_wrong_is_no_gtin() -> None:
    for code, expected in (("4006381333931", "4006381333931"), ("4006381333932", ""), ("0" * 13, "")):
        listing = listed(shopify({"products": [product(variants=[{"barcode": code}])]}).asks)[0].listing
        assert listing.gtin == expected


def test_the_currency_is_asked_for_where_the_page_does_not_state_it() -> None:
    source = ShopifySource()
    page = '<link href="//cdn.shopify.com/a.css">'
    (details,) = source.recognize(answer(page, "https://shop.example/collections/all"))
    assert (details.url, details.optional) == ("https://shop.example/meta.json", True)
    (listed_with,) = source.read(details, answer({"currency": "EUR"}, details.url)).asks
    (listed_without,) = source.missed(details).asks
    assert listed_with.url == listed_without.url == product_list_url("https://shop.example/")
    assert (listed_with.context, listed_without.context) == ({"currency": "EUR"}, {"currency": ""})
    assert source.missed(listed_with) == Reading()
    stating = page + '<script>Shopify.currency = {"active":"SEK"}</script>'
    (at_once,) = source.recognize(answer(stating, "https://shop.example/"))
    assert at_once.context == {"currency": "SEK"}
    assert source.recognize(answer("<p>nothing of the kind</p>")) == ()


def test_details_of_another_making_name_no_further_request() -> None:
    odd = Ask(url="https://shop.example/meta.json", source="shopify", context={"list": 7})
    assert ShopifySource().read(odd, answer("{}", odd.url)).asks == ()


@given(documents("products", "handle", "title", "variants", "price", "sku", "barcode", "available", "images", "src"))
def test_no_document_brings_an_error_or_what_cannot_be_stored(document: object) -> None:
    check(shopify({"products": [document, product(), {"handle": "a", "title": "A", "variants": document}]}))
    check(shopify(document))
