"""An item as eBay's Browse API states it, in a search or by itself, to an offer."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit, urlunsplit

from crawler.extraction.price import read_price
from crawler.extraction.text import MAX_DESCRIPTION, MAX_TITLE, clean
from crawler.sources.interface import Offer
from crawler.sources.json_answer import Item, absolute_url, at, picture_urls, sequence
from domain.listing import Listing, Seller

_BASE = "https://www.ebay.com/"
# eBay's picture servers give each picture in the size that its name asks for; 1,600 px is the largest
_SIZE = re.compile(r"/s-l\d{2,4}\.(\w{3,4})$")
_LARGEST = r"/s-l1600.\1"
_PICTURE_HOST = "i.ebayimg.com"
_VARIANT = "var"
_MOST_TOLD = 20
_IN_STOCK = frozenset({"IN_STOCK", "LIMITED_STOCK"})
_OUT_OF_STOCK = frozenset({"OUT_OF_STOCK"})


def read_item(item: Item, marketplace: str) -> Offer | None:
    """The offer of one item; None when it has no title or no address. A summary says less than the item itself."""
    title, url = item.text("title", "title", longest=MAX_TITLE), _plain_url(absolute_url(item.at("itemWebUrl"), _BASE))
    listing_id = item.text("listing_id", "legacyItemId") or _legacy_id(clean(item.at("itemId")))
    if not title or not url or not listing_id:
        return None
    item.note("url", item.at("itemWebUrl"), "itemWebUrl")
    amount, currency = _price(item)
    listing = Listing(
        marketplace=marketplace,
        listing_id=listing_id,
        url=url,
        title=title,
        description=item.text("description", "description", "shortDescription", longest=MAX_DESCRIPTION),
        price=read_price(amount, currency) if _has_fixed_price(item) else None,
        price_raw=f"{amount} {currency}{'' if _has_fixed_price(item) else ' (bid)'}".strip() if amount else "",
        quantity=_quantity(item),
        brand=item.text("brand", "brand"),
        gtin=item.gtin("gtin", "product.gtins[0]"),
        mpn=item.text("mpn", "mpn", "product.mpns[0]"),
        availability=_availability(item),
        category=_category(item),
        condition=item.text("condition", "condition"),
        ships_from=item.text("ships_from", "itemLocation.country"),
        seller=_seller(item),
        found=item.found,
    )
    return Offer(listing=listing, image_urls=_pictures(item))


def _seller(item: Item) -> Seller:
    # some developers get an immutable id in place of the names of sellers in the United States
    user = item.text("seller", "seller.username", "seller.userId")
    try:
        percent = float(clean(item.at("seller.feedbackPercentage")))
    except ValueError:
        percent = -1.0
    return Seller(
        id=user,
        name=user,
        feedback_score=item.count("seller.feedback_score", "seller.feedbackScore"),
        feedback_percent=percent if 0 <= percent <= 100 else None,
    )


def _has_fixed_price(item: Item) -> bool:
    """A bid is no price: it is what somebody else would pay so far."""
    options = sequence(item.at("buyingOptions"))
    return "FIXED_PRICE" in options or "AUCTION" not in options


def _price(item: Item) -> tuple[str, str]:
    """Amount and currency, of the bid where there is no other."""
    places = ("price",) if _has_fixed_price(item) else ("currentBidPrice", "minimumPriceToBid", "price")
    for place in places:
        if amount := clean(item.at(f"{place}.value")):
            currency = clean(item.at(f"{place}.currency"))
            item.note("price", f"{amount} {currency}", place)
            return amount, currency
    return "", ""


def _quantity(item: Item) -> int | None:
    """What one way of delivery states; "more than 10" is no number."""
    for place in range(min(len(sequence(item.at("estimatedAvailabilities"))), _MOST_TOLD)):
        count = item.count("quantity", f"estimatedAvailabilities[{place}].estimatedAvailableQuantity")
        if count is not None:
            return count
    return None


def _availability(item: Item) -> str:
    """Of all ways of delivery: one that there is makes the item one that can be bought."""
    told = [clean(at(each, "estimatedAvailabilityStatus")) for each in sequence(item.at("estimatedAvailabilities"))]
    told = told[:_MOST_TOLD]
    available = next((place for place, status in enumerate(told) if status in _IN_STOCK), None)
    gone = 0 if told and all(status in _OUT_OF_STOCK for status in told) else None
    place = available if available is not None else gone
    if place is None:
        return ""
    item.note("availability", told[place], f"estimatedAvailabilities[{place}].estimatedAvailabilityStatus")
    return "InStock" if available is not None else "OutOfStock"


def _category(item: Item) -> str:
    if path := item.text("category", "categoryPath"):
        return " > ".join(part.strip() for part in path.split("|") if part.strip())
    leaves = [clean(leaf) for leaf in sequence(item.at("leafCategoryIds"))[:_MOST_TOLD]]
    for place, category in enumerate(sequence(item.at("categories"))[:_MOST_TOLD]):
        if clean(at(category, "categoryId")) in leaves:
            return item.text("category", f"categories[{place}].categoryName")
    return ""


def _pictures(item: Item) -> tuple[str, ...]:
    found = [item.at("image.imageUrl"), *(at(each, "imageUrl") for each in sequence(item.at("additionalImages")))]
    if not any(found):
        found = [at(each, "imageUrl") for each in sequence(item.at("thumbnailImages"))]
    return picture_urls((_largest(url) for url in found if isinstance(url, str)), _BASE)


def _largest(url: str) -> str:
    parts = urlsplit(absolute_url(url, _BASE))
    if parts.hostname != _PICTURE_HOST:
        return url
    path = _SIZE.sub(_LARGEST, parts.path.removeprefix("/thumbs"))
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _plain_url(url: str) -> str:
    """An item's address without what tells where a visitor came from; which variant it is stays."""
    if not url:
        return ""
    parts = urlsplit(url)
    variant = parse_qs(parts.query).get(_VARIANT, [""])[0]
    query = f"{_VARIANT}={variant}" if variant.isascii() and variant.isdigit() else ""
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def _legacy_id(item_id: str) -> str:
    """``v1|110012|0`` is listing 110012."""
    parts = item_id.split("|")
    return parts[1] if len(parts) == 3 and parts[0] == "v1" else ""
