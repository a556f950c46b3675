from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from crawler.sources.interface import Offer
from crawler.sources.listed import completed, listed_context, listed_offer, merged, page_ask
from domain.catalog import Money
from domain.listing import FoundValue, Listing, Seller

ENTRY = Offer(
    listing=Listing(
        marketplace="m",
        listing_id="S-1",
        url="https://shop.example/products/bag",
        title="Bag as listed",
        seller=Seller(id="shop.example", name="shop.example"),
        price=Money(amount=Decimal("12.50"), currency="EUR"),
        price_raw="12.50 EUR",
        brand="Aurelle",
        sku="S-1",
        availability="InStock",
        quantity=0,
        found=(
            FoundValue(field="title", raw="Bag as listed", where="api products[0].title"),
            FoundValue(field="price", raw="12.50", where="api products[0].variants[0].price"),
        ),
    ),
    image_urls=("https://shop.example/1.jpg",),
)
PAGE = Offer(
    listing=Listing(
        marketplace="m",
        listing_id="bag",
        url="https://shop.example/products/bag",
        title="Bag as its page names it",
        seller=Seller(id="acme", name="Acme Ltd"),
        description="Long",
        found=(FoundValue(field="title", raw="Bag as its page names it", where="css h1"),),
    ),
    image_urls=("https://shop.example/page.jpg",),
)


def test_a_listed_offer_comes_back_from_the_context_of_its_pages_request() -> None:
    ask = page_ask(ENTRY, depth=2, referer="https://shop.example/products.json")
    assert (ask.url, ask.source, ask.depth) == (ENTRY.listing.url, "page", 2)
    assert listed_offer(ask.context) == ENTRY


@pytest.mark.parametrize("kept", [None, 7, {}, {"listing_id": 1}, {**listed_context(ENTRY)["listed"], "title": None}])
def test_a_context_that_holds_none(kept: object) -> None:
    assert listed_offer({"listed": kept}) is None
    assert listed_offer({}) is None


def test_the_page_tells_who_sells_and_the_list_how_the_shop_names_and_numbers_it() -> None:
    offer = merged(PAGE, ENTRY)
    listing = offer.listing
    assert (listing.listing_id, listing.title, listing.description) == ("S-1", "Bag as listed", "Long")
    assert (listing.seller.name, listing.brand, listing.quantity) == ("Acme Ltd", "Aurelle", 0)
    assert (listing.price, listing.price_raw) == (ENTRY.listing.price, "12.50 EUR")
    assert offer.image_urls == ENTRY.image_urls
    assert {each.field: each.where for each in listing.found} == {
        "title": "api products[0].title",
        "price": "api products[0].variants[0].price",
    }


def test_the_price_on_the_page_stands() -> None:
    own = Money(amount=Decimal("9.99"), currency="EUR")
    page = replace(PAGE, listing=replace(PAGE.listing, price=own, price_raw="9,99 €"))
    listing = merged(page, ENTRY).listing
    assert (listing.price, listing.price_raw) == (own, "9,99 €")
    unreadable = replace(PAGE, listing=replace(PAGE.listing, price_raw="1.299"))
    listing = merged(unreadable, ENTRY).listing
    assert (listing.price, listing.price_raw) == (ENTRY.listing.price, "12.50 EUR")


def test_a_vendor_that_the_page_takes_for_the_seller_is_not_taken_for_the_maker() -> None:
    page = replace(PAGE, listing=replace(PAGE.listing, seller=Seller(id="x", name="AURELLE")))
    assert merged(page, ENTRY).listing.brand == ""


def test_details_stand_and_what_they_leave_open_comes_from_the_list() -> None:
    offer = completed(PAGE, ENTRY)
    assert (offer.listing.listing_id, offer.listing.title) == ("bag", "Bag as its page names it")
    assert (offer.listing.brand, offer.listing.seller.name) == ("Aurelle", "Acme Ltd")
    assert offer.image_urls == PAGE.image_urls
    assert completed(replace(PAGE, image_urls=()), ENTRY).image_urls == ENTRY.image_urls
