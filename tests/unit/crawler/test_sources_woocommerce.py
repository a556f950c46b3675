from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from answers import answer, check, documents, listed
from hypothesis import given

from crawler.sources.interface import Ask, Reading
from crawler.sources.woocommerce import (
    MOST_PAGES,
    PAGE_SIZE,
    WooCommerceSource,
    api_root,
    may_be_woocommerce,
    products_url,
)
from domain.catalog import Money

URL = "https://shop.example/wp-json/wc/store/v1/products?per_page=100&page=1"
PRICES = {"price": "1999", "currency_code": "EUR", "currency_minor_unit": 2}


def product(**changed: Any) -> dict[str, Any]:
    plain = {"id": 7, "name": "Bag", "permalink": "https://shop.example/product/bag/", "prices": PRICES}
    return {**plain, **changed}


def woocommerce(body: Any, url: str = URL, **headers: str) -> Reading:
    return WooCommerceSource().read(Ask(url=url, depth=1), answer(body, url, **headers))


def one(**changed: Any) -> Any:
    (offer,) = listed(woocommerce([product(**changed)]).asks)
    return offer.listing


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<link href="https://shop.example/wp-content/plugins/woocommerce/a.css">', True),
        ('<BODY id=x class="page woocommerce-page">', True),
        ("<body class='theme-a woocommerce'>", True),
        ('<body class="blog"><p class="woocommerce">', False),
        ("we compare woocommerce with others", False),
    ],
)
def test_pages_of_such_a_shop(html: str, expected: bool) -> None:
    assert may_be_woocommerce(html) is expected
    assert bool(WooCommerceSource().recognize(answer(html))) is expected


def test_where_the_api_begins() -> None:
    here = "https://shop.example/en/shop/"
    linked = "<link href='https://shop.example/en/wp-json/' rel='https://api.w.org/'>"
    assert api_root(answer(linked, here)) == "https://shop.example/en/wp-json/"
    header = '<https://shop.example/en/wp-json/>; rel="https://api.w.org/", </x>; rel=shortlink'
    assert api_root(answer("", here, link=header)) == "https://shop.example/en/wp-json/"
    for elsewhere in (
        "<link rel='https://api.w.org/' href='https://other.example/wp-json/'>",
        "",
        "<link https://api.w.org/",
    ):
        assert api_root(answer(elsewhere, here)) == "https://shop.example/wp-json/"
    assert products_url("https://shop.example/en/wp-json/", 1) == URL.replace("/wp-json", "/en/wp-json")
    plain = products_url("https://shop.example/index.php?rest_route=/", 2)
    assert plain == "https://shop.example/index.php?rest_route=/wc/store/v1/products&per_page=100&page=2"


def test_pages_go_on_as_far_as_the_header_says() -> None:
    def further(count: int, url: str = URL, **headers: str) -> list[str]:
        asks = woocommerce([product()] * count, url, **headers).asks
        return [ask.url for ask in asks if ask.source == "woocommerce"]

    second = URL.replace("&page=1", "&page=2")
    assert further(1, x_wp_totalpages="2") == [second]
    assert further(1, second, x_wp_totalpages="2") == []
    assert further(0, x_wp_totalpages="2") == []
    # a cache in between may drop the header
    assert further(PAGE_SIZE) == [second]
    assert further(PAGE_SIZE - 1) == []
    last = URL.replace("&page=1", f"&page={MOST_PAGES}")
    assert further(1, last, x_wp_totalpages="9999") == []


@pytest.mark.parametrize(
    ("prices", "expected", "raw"),
    [
        (PRICES, "19.99", "19.99 EUR"),
        ({**PRICES, "currency_minor_unit": 0, "currency_code": "JPY"}, "1999", "1999 JPY"),
        ({**PRICES, "currency_minor_unit": 3, "currency_code": "KWD"}, "1.999", "1.999 KWD"),
        ({**PRICES, "currency_minor_unit": None}, None, "1999 EUR"),
        ({**PRICES, "currency_minor_unit": True}, None, "1999 EUR"),
        ({**PRICES, "currency_minor_unit": 9}, None, "1999 EUR"),
        ({**PRICES, "price": "19.99"}, None, "19.99 EUR"),
        ({**PRICES, "price": ""}, None, "EUR"),
        ({**PRICES, "price": "0"}, None, "0.00 EUR"),
        ({**PRICES, "currency_code": "XXX"}, None, "19.99 XXX"),
        (None, None, ""),
    ],
)
def test_prices_come_in_the_smallest_unit(prices: Any, expected: str | None, raw: str) -> None:
    listing = one(prices=prices)
    assert listing.price_raw == raw
    if expected is None:
        assert listing.price is None
    else:
        assert listing.price == Money(amount=Decimal(expected), currency=prices["currency_code"])


def test_what_stood_where_a_price_was_found_is_kept_as_it_stood() -> None:
    (found,) = (each for each in one().found if each.field == "price")
    assert (found.raw, found.where) == ("1999", "api [0].prices.price")


def test_identifiers() -> None:
    assert (one().listing_id, one(sku="A 1").listing_id, one(sku="A 1").sku) == ("7", "A 1", "A 1")
    attributes = [
        {"name": "Color", "terms": [{"name": "red"}]},
        {"name": "Marke", "terms": [{"name": "Aurelle"}]},
        {"name": "GTIN-13", "terms": [{"name": "4006381333931"}]},
    ]
    listing = one(attributes=attributes)
    assert (listing.brand, listing.gtin) == ("Aurelle", "4006381333931")
    assert one(brands=[{"name": "Luma"}], attributes=attributes).brand == "Luma"
    # several terms are a choice between variants
    choice = [{"name": "Brand", "terms": [{"name": "Aurelle"}, {"name": "Luma"}]}]
    assert one(attributes=choice).brand == ""


@pytest.mark.parametrize(("stated", "expected"), [(True, "InStock"), (False, "OutOfStock"), ("yes", ""), (None, "")])
def test_availability(stated: Any, expected: str) -> None:
    assert one(is_in_stock=stated).availability == expected


def test_products_that_lead_to_another_site_are_left() -> None:
    reading = woocommerce([product(permalink="https://other.example/bag"), product(name=""), 7, product()])
    assert len(listed(reading.asks)) == 1
    assert reading.problems == ("3 products have no title, or no address on this site",)


def test_no_more_is_read_of_a_page_than_such_a_shop_puts_there() -> None:
    reading = woocommerce([product()] * (PAGE_SIZE + 5))
    assert len(listed(reading.asks)) == PAGE_SIZE
    assert reading.problems == ("5 products after the first 100 of a page were not read",)


@pytest.mark.parametrize(
    "body", ["", "<html>", "[" * 100_000, '{"a": ' + "9" * 5_000 + "}", "7", {"message": "no\u2028"}]
)
def test_what_is_no_list_of_products(body: Any) -> None:
    reading = woocommerce(body)
    assert (reading.offers, reading.asks, len(reading.problems)) == ((), (), 1)
    check(reading)


@given(
    documents(
        "name", "permalink", "prices", "price", "currency_code", "currency_minor_unit", "images", "src", "attributes",
        "terms", "brands", "categories", "id", "sku",
    )
)  # fmt: skip
def test_no_document_brings_an_error_or_what_cannot_be_stored(document: Any) -> None:
    check(woocommerce([document, product(prices=document, attributes=document, images=document, categories=document)]))
    check(woocommerce(document))
