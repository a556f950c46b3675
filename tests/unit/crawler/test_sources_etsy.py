from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from answers import answer, check, documents
from hypothesis import given

from crawler.sources.etsy import PAGE_SIZE, EtsySearch
from crawler.sources.interface import Ask, Query, Reading
from domain.catalog import Money
from domain.listing import Listing
from domain.settings import load_settings

API = "https://openapi.etsy.com/v3/application"
SEARCH = f"{API}/listings/active?keywords=bag&limit=100&offset=0"
MANY = f"{API}/listings/batch?listing_ids=501,502&includes=Images,Shop"
ETSY = EtsySearch(load_settings())


def result(**changed: Any) -> dict[str, Any]:
    plain = {
        "listing_id": 501,
        "shop_id": 9,
        "title": "Bag",
        "url": "https://www.etsy.com/listing/501/bag",
        "state": "active",
        "quantity": 3,
        "price": {"amount": 1250, "divisor": 100, "currency_code": "EUR"},
    }
    return {**plain, **changed}


def read(body: Any, url: str = MANY, **context: Any) -> Reading:
    reading = ETSY.read(Ask(url=url, source="etsy", context=context, depth=1), answer(body, url))
    check(reading)
    return reading


def one(**changed: Any) -> Listing:
    (offer,) = read({"count": 1, "results": [result(**changed)]}).offers
    return offer.listing


def parameters(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_a_search() -> None:
    (ask,) = ETSY.search(Query(text="  leather   bag "), image=b"no use")
    assert ask.url == f"{API}/listings/active?keywords=leather+bag&limit=100&offset=0"
    assert ETSY.search(Query(text="", image_sha256="a"), image=b"no use") == ()


def test_a_shop_is_known_by_its_number() -> None:
    (ask,) = ETSY.same_seller("9001")
    assert ask.url == f"{API}/shops/9001/listings/active?limit=100&offset=0"
    for odd in ("", "Quay", "9/../8", "0", "9" * 30, "٣"):
        assert ETSY.same_seller(odd) == ()


def test_a_search_leads_to_its_next_page_and_to_what_it_found() -> None:
    reading = read({"count": 150, "results": [result(), result(listing_id=502)]}, SEARCH, query="bag")
    further, many = reading.asks
    assert parameters(further.url) == {"keywords": "bag", "limit": "100", "offset": "100"}
    assert (many.url, many.context) == (MANY, {"query": "bag", "listing_ids": ["501", "502"]})
    assert (further.depth, many.depth) == (1, 2)
    last = read({"count": 150, "results": [result()]}, further.url)
    assert ["batch" in ask.url for ask in last.asks] == [True]
    assert read({"count": 100, "results": [result()]}, SEARCH).asks[0].url.startswith(f"{API}/listings/batch")
    assert read({"count": 0, "results": []}, SEARCH) == Reading()


def test_what_cannot_be_had_at_once_is_asked_for_one_by_one() -> None:
    many = read({"count": 2, "results": [result(), result(listing_id=502)]}, SEARCH).asks[0]
    single = ETSY.missed(many).asks
    assert [ask.url for ask in single] == [f"{API}/listings/{n}?includes=Images,Shop" for n in (501, 502)]
    assert ETSY.read(many, answer("<html>", many.url)).asks == single
    assert ETSY.missed(single[0]) == Reading()
    assert [offer.listing.listing_id for offer in read(result(), single[0].url).offers] == ["501"]


def test_no_more_is_read_than_a_page_may_hold() -> None:
    results = [result(listing_id=n) for n in range(1, PAGE_SIZE + 4)]
    assert "3 listings" in read({"count": 103, "results": results}, SEARCH).problems[0]
    assert len(read({"count": 103, "results": results}).offers) == PAGE_SIZE


@pytest.mark.parametrize(
    ("price", "expected", "raw"),
    [
        ({"amount": 1250, "divisor": 100, "currency_code": "EUR"}, "12.50", "12.50 EUR"),
        ({"amount": 1250, "divisor": 1, "currency_code": "JPY"}, "1250", "1250 JPY"),
        ({"amount": 250_000_000_000, "divisor": 100, "currency_code": "IDR"}, "2500000000", "2500000000.00 IDR"),
        ({"amount": 1250, "divisor": 3, "currency_code": "EUR"}, None, "1250/3 EUR"),
        ({"amount": -1, "divisor": 100, "currency_code": "EUR"}, None, "-1/100 EUR"),
        ({"amount": 1250, "divisor": 0, "currency_code": "EUR"}, None, "1250/0 EUR"),
        ({"amount": 1250, "divisor": 100}, None, "12.50"),
        (None, None, ""),
    ],
)
def test_prices_are_whole_numbers_and_what_to_divide_them_by(price: Any, expected: str | None, raw: str) -> None:
    listing = one(price=price)
    assert listing.price_raw == raw
    assert listing.price == (Money(amount=Decimal(expected), currency=price["currency_code"]) if expected else None)


def test_listings_that_are_not_offered_any_more_are_left() -> None:
    results = [result(state=state) for state in ("expired", "sold_out", "inactive", "active", "draft")]
    assert [offer.listing.availability for offer in read({"results": results}).offers] == ["OutOfStock", "InStock"]


def test_who_sells() -> None:
    shop = {"shop_id": 9, "shop_name": "QuayGoods", "review_count": 41, "shop_location_country_iso": "PT"}
    seller = one(shop=shop).seller
    assert (seller.id, seller.name, seller.feedback_score, seller.location) == ("9", "QuayGoods", 41, "PT")
    assert seller.feedback_percent is None
    assert (one().seller.id, one().seller.name) == ("9", "9")
    assert one(shipping_profile={"origin_country_iso": "CN"}).ships_from == "CN"


def test_errors_are_told_in_its_words() -> None:
    assert read({"error": "Shared secret is required."}).problems == ("Etsy says: Shared secret is required.",)
    elsewhere = ETSY.read(Ask(url=SEARCH), answer({"results": []}, "https://x.example/active"))
    assert elsewhere.problems == ("Etsy's API sent this request elsewhere",)


@given(
    documents(
        "results", "count", "listing_id", "title", "url", "price", "amount", "divisor", "currency_code", "images",
        "url_fullxfull", "rank", "shop", "shop_name", "state", "skus", "error",
    )
)  # fmt: skip
def test_no_document_brings_an_error_or_what_cannot_be_stored(document: Any) -> None:
    changed = result(price=document, images=document, shop=document, skus=document, quantity=document)
    for body in (document, {"count": document, "results": [document, changed, result(listing_id=document)]}):
        read(body, SEARCH)
        read(body, MANY, listing_ids=document)
        read(body, f"{API}/listings/501")
