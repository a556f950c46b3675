"""What a page object found, to an offer with raw and normalized values side by side."""

from __future__ import annotations

from collections.abc import Iterator

import web_poet

from crawler.extraction.evidence import Decision
from crawler.extraction.offer import last_segment
from crawler.extraction.price import read_price
from crawler.extraction.shop_page import ShopPage
from crawler.extraction.text import MAX_DESCRIPTION, MAX_TITLE, clean
from crawler.pages.generic import ItemPage
from crawler.pages.item import OfferItem, Stated
from crawler.pages.registry import page_class
from crawler.sources.interface import Offer
from domain.catalog import Money
from domain.gtin import valid_gtin
from domain.listing import FoundValue, Listing, Seller

_SURE = 0.55
"""What has less support is kept as it stands, and read as no price: one weak place alone must not accuse."""
_CONTESTED = 0.9
"""Two prices with more than this share of each other's support are one too many."""
_LISTING_FIELDS = {
    "name": "title",
    "productId": "listing_id",
    "shipsFrom": "ships_from",
    "sellerId": "seller.id",
    "sellerName": "seller.name",
    "sellerLocation": "seller.location",
}


def read_item(shop: ShopPage) -> tuple[type[ItemPage], OfferItem]:
    """The page object that reads a page, and what it finds, be it an item page or not."""
    chosen = page_class(shop.url)
    response = web_poet.HttpResponse(url=shop.url, body=shop.html.encode("utf-8", "replace"), encoding="utf-8")
    return chosen, chosen(response=response, shop=shop).item()


def read_offer(shop: ShopPage, marketplace: str) -> tuple[Offer | None, tuple[str, ...]]:
    """The offer of a page, None when it makes none; and what of a marketplace's item page could not be found."""
    if page_class(shop.url) is ItemPage and not shop.is_offered:
        return None, ()
    chosen, item = read_item(shop)
    if chosen is not ItemPage and not (item.name and item.productId):
        missing = " and ".join(
            what for what, there in (("title", item.name), ("item number", item.productId)) if not there
        )
        return None, (f"page object {chosen.__name__} found no {missing}",)
    return _offer(shop, item, marketplace), ()


def _offer(shop: ShopPage, item: OfferItem, marketplace: str) -> Offer:
    price, price_raw = _price(shop, item)
    seller_id = clean(item.sellerId) or clean(item.sellerName) or shop.seller.id
    listing = Listing(
        marketplace=marketplace,
        listing_id=clean(item.productId) or last_segment(shop.address) or last_segment(shop.url) or shop.address,
        url=shop.address,
        title=clean(item.name, MAX_TITLE),
        description=clean(item.description, MAX_DESCRIPTION),
        price=price,
        price_raw=price_raw,
        quantity=item.quantity,
        brand=clean(item.brand),
        sku=clean(item.sku),
        gtin=valid_gtin(item.gtin or ""),
        mpn=clean(item.mpn),
        availability=item.availability if item.availability in ("InStock", "OutOfStock") else "",
        category=clean(item.category),
        condition=clean(item.condition),
        ships_from=clean(item.shipsFrom),
        seller=Seller(
            id=seller_id,
            name=clean(item.sellerName) or seller_id,
            location=clean(item.sellerLocation),
            feedback_score=item.sellerFeedbackScore,
            feedback_percent=item.sellerFeedbackPercent,
        ),
        found=tuple(_found(item)),
    )
    return Offer(listing=listing, image_urls=item.images)


def _found(item: OfferItem) -> Iterator[FoundValue]:
    for name, value in item.filled().items():
        if isinstance(value, Stated) and value.where:
            yield FoundValue(field=_LISTING_FIELDS.get(name, name), raw=str(value)[:500], where=value.where[:500])


def _price(shop: ShopPage, item: OfferItem) -> tuple[Money | None, str]:
    """The price, None when it can be read in two ways or the page states two; and what stands there."""
    raw, currency = clean(item.price, 200), clean(item.currency, 20)
    decision = shop.fields.decisions.get("price")
    price_raw = f"{raw} {currency}".strip() if raw and (not currency or currency not in raw) else raw
    if decision is None or not isinstance(item.price, Stated) or item.price.where != decision.best.where:
        return read_price(raw, currency), price_raw  # a marketplace's own selector found it
    if decision.support < _SURE or decision.others > _CONTESTED * decision.support:
        return None, price_raw
    return _agreed(decision, currency), price_raw


def _agreed(decision: Decision, currency: str) -> Money | None:
    """The amount of the first statement that can be read in one way only: ``1299.00`` where another says ``1.299``."""
    for statement in decision.statements:
        if money := read_price(statement.raw, statement.currency or currency) or read_price(statement.raw, currency):
            return money if f"{money.amount.normalize():f}" == decision.value else None
    return None
