"""Things of schema.org to the fields of a listing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from crawler.extraction.structured import Node, listed, types
from crawler.extraction.text import MAX_DESCRIPTION, MAX_TITLE, clean

PRODUCT_TYPES = frozenset(
    {"product", "productmodel", "productgroup", "individualproduct", "someproducts", "vehicle", "car", "book"}
)
OFFER_TYPES = frozenset({"offer", "aggregateoffer", "offerforpurchase", "demand"})

_GTINS = ("gtin13", "gtin", "gtin14", "gtin12", "gtin8", "ean", "isbn")
_MOST_PRICES = 20
_MOST_IMAGES = 200
_LARGEST_QUANTITY = 2**31 - 1
_WHOLE_NUMBER = re.compile(r"\d{1,10}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SellerFields:
    """Who offers, as far as one source says."""

    id: str = ""
    name: str = ""
    location: str = ""
    feedback_score: int | None = None
    feedback_percent: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferFields:
    """What one source says of an offer; empty where it is silent."""

    id: str = ""
    url: str = ""
    title: str = ""
    description: str = ""
    price: str = ""
    currency: str = ""
    other_prices: tuple[str, ...] = ()
    """Of the offers that were not chosen, and the ends of a range."""
    sku: str = ""
    gtin: str = ""
    """As stated, its check digit not looked at."""
    mpn: str = ""
    availability: str = ""
    """As stated: a term of schema.org, or words."""
    quantity: int | None = None
    brand: str = ""
    category: str = ""
    condition: str = ""
    ships_from: str = ""
    images: tuple[str, ...] = ()
    """Absolute URLs."""
    seller: SellerFields = SellerFields()
    offered: bool = False
    """Whether it says that the thing is for sale, not only that it exists."""
    syntax: str = ""
    """Which it was written in: a key of `evidence.WEIGHTS`."""


def read_product(product: Node, page_url: str, syntax: str = "") -> OfferFields:
    """A product with its offer. The offer is the one of this page where there are several."""
    offers = list(_offers(product))
    offer = _chosen(offers, page_url)
    priced = _priced(offer)
    price = _first_text(priced, "price", "lowPrice")
    return OfferFields(
        # some write the kind of number before it, as the vocabulary suggests
        id=(_first_text(product, "productID", "sku") or _first_text(offer, "sku")).removeprefix("sku:"),
        url=_link(product.get("url"), page_url),
        title=_first_text(product, "name", longest=MAX_TITLE),
        description=_first_text(product, "description", longest=MAX_DESCRIPTION),
        price=price,
        other_prices=_other_prices(offers, price),
        sku=_first_text(product, "sku").removeprefix("sku:") or _first_text(offer, "sku") or _number(product),
        gtin=_first_text(product, *_GTINS) or _first_text(offer, *_GTINS),
        mpn=_first_text(product, "mpn") or _first_text(offer, "mpn"),
        availability=_availability(offers, offer),
        currency=_first_text(priced, "priceCurrency", "currency") or _first_text(offer, "priceCurrency"),
        quantity=_quantity(offer),
        brand=_name(product.get("brand")) or _name(product.get("manufacturer")),
        category=_category(product.get("category")),
        condition=_condition(offer.get("itemCondition") or product.get("itemCondition")),
        ships_from=_ships_from(offer),
        images=_images(product, page_url),
        seller=_seller(offer, product),
        offered=bool(offer),
        syntax=syntax,
    )


def _number(product: Node) -> str:
    """What else numbers a product: ``productID``, whose kind of number may stand before it."""
    number = _first_text(product, "productID", "productId")
    kind, colon, rest = number.partition(":")
    return rest if colon and kind.isalnum() else number


def _other_prices(offers: Sequence[Node], price: str) -> tuple[str, ...]:
    stated = (_first_text(_priced(offer), name) for offer in offers for name in ("price", "lowPrice", "highPrice"))
    return tuple(dict.fromkeys(other for other in stated if other and other != price))[:_MOST_PRICES]


def _availability(offers: Sequence[Node], chosen: Node) -> str:
    """Of the chosen offer; where that is silent, the first that another states."""
    return next(filter(None, (_first_text(offer, "availability") for offer in (chosen, *offers))), "")


def _offers(product: Node) -> Iterator[Node]:
    """Every single offer; those of an aggregate before the aggregate."""
    # "offerDetails" is what data-vocabulary.org, the older vocabulary, calls it
    for offer in listed(product.get("offers")) + listed(product.get("offerDetails")):
        if isinstance(offer, dict):
            yield from (each for each in listed(offer.get("offers")) if isinstance(each, dict))
            yield offer
    for variant in listed(product.get("hasVariant")):
        if isinstance(variant, dict):
            yield from (each for each in listed(variant.get("offers")) if isinstance(each, dict))


def _chosen(offers: Sequence[Node], page_url: str) -> Node:
    own = (offer for offer in offers if _link(offer.get("url"), page_url) == page_url)
    priced = (offer for offer in offers if _first_text(_priced(offer), "price", "lowPrice"))
    return next(own, None) or next(priced, None) or next(iter(offers), {})


def _priced(offer: Node) -> Node:
    """The offer, or its price specification where the price stands there."""
    if _first_text(offer, "price", "lowPrice"):
        return offer
    return next((each for each in listed(offer.get("priceSpecification")) if isinstance(each, dict)), offer)


def _seller(offer: Node, product: Node) -> SellerFields:
    found = offer.get("seller") or offer.get("offeredBy") or product.get("seller")
    seller = next(iter(listed(found)), None)
    if not isinstance(seller, dict):
        return SellerFields(name=clean(seller))
    name = _first_text(seller, "name", "legalName")
    identified = _first_text(seller, "identifier", "sku") or _segment(seller.get("@id")) or _segment(seller.get("url"))
    address = next((each for each in listed(seller.get("address")) if isinstance(each, dict)), {})
    rating = next((each for each in listed(seller.get("aggregateRating")) if isinstance(each, dict)), {})
    return SellerFields(
        id=identified or name,
        name=name or identified,
        location=_country(address) or _first_text(seller, "address", "location"),
        feedback_score=_whole(_first_text(rating, "ratingCount", "reviewCount")),
        feedback_percent=_percent(rating),
    )


def _percent(rating: Node) -> float | None:
    """A rating on a scale of 100; other scales say something else than a share of positive feedback."""
    try:
        value, best = float(_first_text(rating, "ratingValue")), float(_first_text(rating, "bestRating"))
    except ValueError:
        return None
    return value if best == 100 and 0 <= value <= 100 else None


def _quantity(offer: Node) -> int | None:
    level = next(iter(listed(offer.get("inventoryLevel"))), None)
    return _whole(_first_text(level, "value") if isinstance(level, dict) else clean(level))


def _whole(text: str) -> int | None:
    text = text.removesuffix(".0")
    number = int(text) if _WHOLE_NUMBER.fullmatch(text) else None
    return number if number is not None and number <= _LARGEST_QUANTITY else None


def _condition(value: Any) -> str:
    """``https://schema.org/NewCondition`` is ``new``; other words stay as they are."""
    said = clean(next(iter(listed(value)), ""))
    return said.rpartition("/")[2].removesuffix("Condition").lower() if "schema.org" in said else said


def _ships_from(offer: Node) -> str:
    for detail in listed(offer.get("shippingDetails")):
        origin = detail.get("shippingOrigin") if isinstance(detail, dict) else None
        if isinstance(origin, dict) and (country := _country(origin)):
            return country
    place = next((each for each in listed(offer.get("availableAtOrFrom")) if isinstance(each, dict)), {})
    address = place.get("address")
    return _country(address) if isinstance(address, dict) else clean(address)


def _country(address: Node) -> str:
    return _name(address.get("addressCountry"))


def _category(value: Any) -> str:
    return " > ".join(filter(None, (_name(each) for each in listed(value))))[:500]


def _name(value: Any) -> str:
    """A thing's name, where a thing or its bare name may stand."""
    value = next(iter(listed(value)), "")
    return _first_text(value, "name", "@id") if isinstance(value, dict) else clean(value)


def _images(product: Node, page_url: str) -> tuple[str, ...]:
    found: list[Any] = []
    for image in listed(product.get("image")):
        found += (
            listed(image.get("contentUrl") or image.get("url") or image.get("@id"))
            if isinstance(image, dict)
            else [image]
        )
    return absolute(found, page_url)


def absolute(links: Iterable[Any], page_url: str) -> tuple[str, ...]:
    """http and https links, absolute, each once, in the order given."""
    urls = (_link(link, page_url) for link in links)
    return tuple(dict.fromkeys(url for url in urls if url))[:_MOST_IMAGES]


def _link(value: Any, page_url: str) -> str:
    value = next(iter(listed(value)), "")
    if not isinstance(value, str) or not value.strip():
        return ""
    try:
        url = urljoin(page_url, value.strip())
        url.encode()  # half a surrogate pair, which JSON may hold, is no address
        return url if urlsplit(url).scheme in ("http", "https") else ""
    except ValueError:
        return ""


def _segment(url: Any) -> str:
    return last_segment(url) if isinstance(url, str) else ""


def last_segment(url: str) -> str:
    """The last part of a URL's path, or its fragment where the path is empty: what shops name things by."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return clean(unquote(parts.path.rstrip("/").rpartition("/")[2] or parts.fragment))


def _first_text(node: Node, *names: str, longest: int = 500) -> str:
    for name in names:
        for value in listed(node.get(name)):
            said = _first_text(value, "value", "name", "@value") if isinstance(value, dict) else clean(value, longest)
            if said:
                return said
    return ""


def is_product(node: Node) -> bool:
    """Whether it is a thing that can be bought."""
    return bool(types(node) & PRODUCT_TYPES)
