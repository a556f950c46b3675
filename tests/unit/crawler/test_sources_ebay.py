from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from answers import answer, check, documents, listed
from hypothesis import given

from crawler.sources.ebay import PAGE_SIZE, EbaySearch
from crawler.sources.interface import Ask, Query, Reading
from domain.catalog import Money
from domain.errors import ImageRefused, SettingRefused
from domain.listing import Listing
from domain.settings import load_settings

API = "https://api.ebay.com/buy/browse/v1"
SEARCH = f"{API}/item_summary/search?q=bag&limit=200&offset=0"
ITEM = f"{API}/item/v1%7C110012%7C0"


def ebay(**settings: Any) -> EbaySearch:
    return EbaySearch(load_settings(**settings))


def summary(**changed: Any) -> dict[str, Any]:
    plain = {
        "itemId": "v1|110012|0",
        "legacyItemId": "110012",
        "title": "Bag",
        "itemWebUrl": "https://www.ebay.com/itm/110012",
        "price": {"value": "10.00", "currency": "USD"},
        "buyingOptions": ["FIXED_PRICE"],
    }
    return {**plain, **changed}


def read(body: Any, url: str = SEARCH, **context: Any) -> Reading:
    reading = ebay().read(Ask(url=url, source="ebay", context=context), answer(body, url))
    check(reading)
    return reading


def one(**changed: Any) -> Listing:
    (offer,) = read(summary(**changed), ITEM).offers
    return offer.listing


def parameters(ask: Ask) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(ask.url).query).items()}


def test_a_search_asks_for_all_ways_of_selling_on_the_marketplace_that_is_set() -> None:
    query = Query(text="Aurelle bag", reason="brand Aurelle", rights_holder="Aurelle SA")
    (ask,) = ebay(ebay_marketplace="EBAY_DE").search(query)
    assert urlsplit(ask.url).path == "/buy/browse/v1/item_summary/search"
    assert parameters(ask) == {
        "q": "Aurelle bag",
        "filter": "buyingOptions:{FIXED_PRICE|AUCTION|BEST_OFFER}",
        "limit": "200",
        "offset": "0",
    }
    assert ask.headers["X-EBAY-C-MARKETPLACE-ID"] == "EBAY_DE"
    assert ask.context == {"query": "Aurelle bag", "reason": "brand Aurelle", "rights_holder": "Aurelle SA"}
    assert (ebay(ebay_marketplace="ebay_de").marketplace, ebay().marketplace) == ("ebay.de", "ebay.com")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("N*ke (shoes, new)", "N ke shoes new"), ("a" * 150, "a" * 100), ("***", None), (" ", None), ("", None)],
)
def test_words_that_the_api_takes(text: str, expected: str | None) -> None:
    asks = ebay().search(Query(text=text))
    assert [parameters(ask)["q"] for ask in asks] == ([expected] if expected else [])


def test_pictures_are_searched_for_where_the_marketplace_offers_that() -> None:
    picture = Query(text="", image_sha256="a" * 64)
    (ask,) = ebay(ebay_marketplace="EBAY_GB").search(picture, image=b"picture")
    assert (ask.method, json.loads(ask.body)) == ("POST", {"image": "cGljdHVyZQ=="})
    assert ebay(ebay_marketplace="EBAY_FR").search(picture, image=b"picture") == []
    (other,) = ebay(ebay_marketplace="EBAY_GB").search(picture, image=b"another")
    assert ask.key != other.key
    with pytest.raises(ImageRefused):
        ebay().search(picture, image=b"no picture" * 200_000)


def test_a_marketplace_that_the_api_does_not_know_is_refused() -> None:
    for name in ("EBAY_XX", "DE", ""):
        with pytest.raises(SettingRefused, match="ASSAYER_EBAY_MARKETPLACE"):
            ebay(ebay_marketplace=name).search(Query(text="bag"))
        with pytest.raises(SettingRefused, match="ASSAYER_EBAY_MARKETPLACE"):
            ebay(ebay_marketplace=name).same_seller("north.star")


def test_the_items_of_a_seller_are_those_of_all_categories() -> None:
    (ask,) = ebay().same_seller("north.star")
    assert parameters(ask)["category_ids"] == "0"
    assert parameters(ask)["filter"].startswith("sellers:{north.star},buyingOptions:{")
    for odd in ("", "a|b", "a}", "a b", "a,b", "x" * 101):
        assert ebay().same_seller(odd) == ()


def test_the_next_page_goes_on_with_the_same_search_at_the_same_server() -> None:
    def following(url: Any) -> list[str]:
        reading = read({"itemSummaries": [summary()], "next": url})
        return [ask.url for ask in reading.asks if "/item_summary/" in ask.url]

    following_url = SEARCH.replace("offset=0", "offset=200")
    assert following(following_url) == [following_url]
    for odd in (
        None,
        7,
        SEARCH,
        following_url.replace("api.ebay.com", "api.example.com"),
        following_url.replace("item_summary/search", "item/x"),
        SEARCH.replace("offset=0", "offset=10000"),
        SEARCH.replace("offset=0", "offset=-200"),
        SEARCH.replace("&offset=0", ""),
    ):
        assert following(odd) == []
    assert read({"itemSummaries": [], "next": following_url}).asks == ()


def test_the_next_page_of_a_search_by_picture_sends_the_picture_again() -> None:
    (ask,) = ebay().search(Query(text=""), image=b"picture")
    body = {"itemSummaries": [summary()], "next": ask.url.replace("offset=0", "offset=200")}
    further = ebay().read(ask, answer(body, ask.url)).asks[0]
    assert (further.method, further.body, further.headers) == (ask.method, ask.body, ask.headers)
    assert further.key == ask.key.replace("from 0", "from 200")


def test_an_item_is_asked_for_with_what_the_search_told_of_it() -> None:
    (ask,) = read({"itemSummaries": [summary()]}, query="bag").asks
    assert (ask.url, ask.context["query"], ask.depth) == (ITEM, "bag", 1)
    told = listed([ask])[0]
    assert told.listing.listing_id == "110012"
    assert ebay().missed(ask).offers == (told,)
    assert ebay().read(ask, answer("<html>", ask.url)).offers == (told,)
    assert ebay().read(ask, answer({}, ask.url)).offers == (told,)


def test_an_item_without_a_number_of_its_own_is_taken_as_the_search_tells_of_it() -> None:
    reading = read({"itemSummaries": [summary(itemId="../../x"), summary(title=""), summary(itemId=None)]})
    assert (len(reading.offers), reading.asks, len(reading.problems)) == (2, (), 1)


def test_no_more_is_read_than_a_page_may_hold() -> None:
    reading = read({"itemSummaries": [summary(itemId=f"v1|{n}|0") for n in range(PAGE_SIZE + 3)]})
    assert len(reading.asks) == PAGE_SIZE
    assert "3 items" in reading.problems[0]


def test_errors_and_warnings_are_told_in_its_words() -> None:
    error = {"errorId": 12001, "domain": "API_BROWSE", "message": "Short.", "longMessage": "The call must have 'q'."}
    assert read({"errors": [error]}).problems == ("eBay says: The call must have 'q'. (12001)",)
    reading = read({"itemSummaries": [summary()], "warnings": [{"errorId": 12002, "message": "Odd."}]})
    assert (len(reading.asks), reading.problems) == (1, ("eBay says: Odd. (12002)",))


def test_an_answer_from_elsewhere_is_not_read() -> None:
    elsewhere = replace(answer({}), url="https://x.example/")
    assert ebay().read(Ask(url=SEARCH), elsewhere).problems == ("eBay's API sent this request elsewhere",)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.ebay.com/itm/110012?hash=item1&amdata=enc%3A#x", "https://www.ebay.com/itm/110012"),
        ("https://www.ebay.de/itm/Bag/110012?var=4711&_trkparms=1", "https://www.ebay.de/itm/Bag/110012?var=4711"),
        ("https://www.ebay.com/itm/110012?var=x", "https://www.ebay.com/itm/110012"),
    ],
)
def test_addresses_lose_what_tells_where_a_visitor_came_from(url: str, expected: str) -> None:
    assert one(itemWebUrl=url).url == expected


def test_an_item_is_numbered_as_its_page_is() -> None:
    assert one(legacyItemId=None, itemId="v1|4711|99").listing_id == "4711"
    for odd in ("4711", "v2|4711|0", "v1|4711"):
        assert read(summary(legacyItemId=None, itemId=odd), ITEM).offers == ()


def test_auctions_have_no_price_until_somebody_offers_to_sell_at_one() -> None:
    bid = {"currentBidPrice": {"value": "1.00", "currency": "USD"}}
    both = one(buyingOptions=["AUCTION", "FIXED_PRICE"], **bid)
    assert both.price == Money(amount=Decimal(10), currency="USD")
    auction = one(buyingOptions=["AUCTION"], **bid)
    assert (auction.price, auction.price_raw) == (None, "1.00 USD (bid)")
    unbid = one(buyingOptions=["AUCTION"], price=None, minimumPriceToBid={"value": "0.99", "currency": "USD"})
    assert (unbid.price, unbid.price_raw) == (None, "0.99 USD (bid)")


@pytest.mark.parametrize(
    ("stated", "availability", "quantity"),
    [
        ([{"estimatedAvailabilityStatus": "IN_STOCK", "estimatedAvailableQuantity": 4}], "InStock", 4),
        ([{"estimatedAvailabilityStatus": "OUT_OF_STOCK", "estimatedAvailableQuantity": 0}], "OutOfStock", 0),
        (
            [{"estimatedAvailabilityStatus": "OUT_OF_STOCK"}, {"estimatedAvailabilityStatus": "LIMITED_STOCK"}],
            "InStock",
            None,
        ),
        ([{"estimatedAvailabilityStatus": "OUT_OF_STOCK"}, {}], "", None),
        ([{"availabilityThresholdType": "MORE_THAN", "availabilityThreshold": 10}], "", None),
        ([{"estimatedAvailabilityStatus": "SOMETHING_NEW"}], "", None),
        (None, "", None),
    ],
)
def test_availability(stated: Any, availability: str, quantity: int | None) -> None:
    listing = one(estimatedAvailabilities=stated)
    assert (listing.availability, listing.quantity) == (availability, quantity)


@pytest.mark.parametrize(
    ("percent", "expected"), [("99.3", 99.3), ("0.0", 0.0), (100, 100.0), ("101", None), ("", None)]
)
def test_sellers(percent: Any, expected: float | None) -> None:
    seller = one(
        seller={"username": "", "userId": "abc123", "feedbackPercentage": percent, "feedbackScore": "9"}
    ).seller
    assert (seller.id, seller.feedback_percent, seller.feedback_score) == ("abc123", expected, 9)


def test_pictures_come_in_their_largest_size_and_thumbnails_only_for_want_of_others() -> None:
    def pictures(**changed: Any) -> tuple[str, ...]:
        return read(summary(**changed), ITEM).offers[0].image_urls

    thumb = [{"imageUrl": "https://i.ebayimg.com/thumbs/images/g/abc/s-l96.webp"}]
    own = {"imageUrl": "https://other.example/s-l225.jpg"}
    assert pictures(thumbnailImages=thumb) == ("https://i.ebayimg.com/images/g/abc/s-l1600.webp",)
    assert pictures(thumbnailImages=thumb, image=own) == ("https://other.example/s-l225.jpg",)
    assert pictures(image={"imageUrl": "javascript:alert(1)"}) == ()


NAMES = (
    "itemSummaries", "next", "itemId", "legacyItemId", "title", "itemWebUrl", "price", "value", "currency", "seller",
    "username", "feedbackPercentage", "buyingOptions", "image", "imageUrl", "additionalImages", "categories", "errors",
    "estimatedAvailabilities", "warnings", "message", "gtin", "leafCategoryIds", "categoryPath",
)  # fmt: skip


@given(documents(*NAMES))
def test_no_document_brings_an_error_or_what_cannot_be_stored(document: Any) -> None:
    changed = dict.fromkeys(NAMES[6:], document)
    for body in (document, {"itemSummaries": [document, summary(), summary(**changed)], "warnings": document}):
        read(body)
        read(body, ITEM)
    read(summary(**changed), ITEM)
    read({"itemSummaries": [summary()], "next": document})
