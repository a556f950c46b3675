"""Etsy's official search: the Open API, version 3, as developers.etsy.com documents it.

A search answers without pictures and shops; up to a hundred listings at once are asked for again with both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from crawler.extraction.price import read_price
from crawler.extraction.text import MAX_DESCRIPTION, MAX_TITLE, clean
from crawler.sources.interface import Answer, Ask, Offer, Priority, Query, Reading
from crawler.sources.json_answer import (
    BrokenAnswer,
    Item,
    absolute_url,
    at,
    mapping,
    parsed,
    picture_urls,
    sequence,
    whole_number,
    words,
)
from domain.catalog import Money
from domain.listing import Listing, Seller
from domain.settings import Settings

PAGE_SIZE = 100
"""The most listings on one page of a search, and in one request for many."""
MOST_ITEMS = 10_000
"""Of one search."""

_API = "/v3/application"
_SEARCH = f"{_API}/listings/active"
_MANY = f"{_API}/listings/batch"
_ASSOCIATIONS = "Images,Shop"
_PLACE = "https://www.etsy.com/"
_NUMBER = re.compile(r"[1-9]\d{0,18}", re.A)
_LONGEST_QUERY = 200
_MOST_DIGITS = 15
_OFFERED = {"active": "InStock", "sold_out": "OutOfStock"}


class EtsySearch:
    """Searches Etsy."""

    name = "etsy"
    marketplace = "etsy.com"

    def __init__(self, settings: Settings) -> None:
        self._base = settings.etsy_url.rstrip("/")

    def recognize(self, page: Answer) -> Sequence[Ask]:
        """Nothing: a search API serves no site's pages."""
        return ()

    def search(self, query: Query, *, image: bytes | None = None) -> Sequence[Ask]:
        """By words; Etsy cannot search by picture."""
        words = " ".join(query.text.split())[:_LONGEST_QUERY].strip()
        context = {"query": query.text, "reason": query.reason, "rights_holder": query.rights_holder}
        return (self._page(_SEARCH, {"keywords": words}, context),) if words else ()

    def same_seller(self, seller_id: str) -> Sequence[Ask]:
        """All listings of a shop, by its number."""
        if not _NUMBER.fullmatch(seller_id):
            return ()
        return (self._page(f"{_API}/shops/{seller_id}/listings/active", {}, {"seller": seller_id}),)

    def read(self, ask: Ask, answer: Answer) -> Reading:
        """The listings of a search, to be asked for with their pictures and shops; or those, complete."""
        try:
            if urlsplit(answer.url.lower())[:2] != urlsplit(self._base.lower())[:2]:
                raise BrokenAnswer("Etsy's API sent this request elsewhere")
            payload = _payload(answer)
        except BrokenAnswer as error:
            return Reading(asks=self._one_by_one(ask), problems=(str(error),))
        if urlsplit(answer.url).path.endswith("/active"):
            return self._read_search(ask, answer, payload)
        if "results" in payload:
            items = [Item(each, f"results[{place}]") for place, each in enumerate(sequence(payload["results"]))]
        else:
            items = [Item(payload, "")]
        return _read_listings(items[:PAGE_SIZE])

    def missed(self, ask: Ask) -> Reading:
        """Of a request for many: each by itself."""
        return Reading(asks=self._one_by_one(ask))

    def _read_search(self, ask: Ask, answer: Answer, payload: Mapping[str, Any]) -> Reading:
        results = sequence(payload.get("results"))
        numbers = dict.fromkeys(clean(at(each, "listing_id")) for each in results[:PAGE_SIZE])
        known = [number for number in numbers if _NUMBER.fullmatch(number)]
        many = self._many_ask(known, ask, answer.url) if known else None
        problems = [f"{unread} listings have no number"] if (unread := len(numbers) - len(known)) else []
        if len(results) > PAGE_SIZE:
            problems.append(f"{len(results) - PAGE_SIZE} listings after the first {PAGE_SIZE} of a page were not read")
        further = self._next(ask, payload) if results else ()
        return Reading(asks=(*further, *((many,) if many else ())), problems=tuple(problems))

    def _next(self, ask: Ask, payload: Mapping[str, Any]) -> tuple[Ask, ...]:
        parts = urlsplit(ask.url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        after = (whole_number(query.get("offset")) or 0) + PAGE_SIZE
        if after >= min(whole_number(payload.get("count")) or 0, MOST_ITEMS):
            return ()
        query |= {"limit": str(PAGE_SIZE), "offset": str(after)}
        url = urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))
        return (self._ask(url, ask.context, Priority.API, depth=ask.depth),)

    def _page(self, path: str, parameters: Mapping[str, str], context: Mapping[str, Any]) -> Ask:
        query = {**parameters, "limit": str(PAGE_SIZE), "offset": "0"}
        return self._ask(f"{self._base}{path}?{urlencode(query)}", context, Priority.API)

    def _many_ask(self, numbers: Sequence[str], ask: Ask, referer: str) -> Ask:
        query = urlencode({"listing_ids": ",".join(numbers), "includes": _ASSOCIATIONS}, safe=",")
        context = {**ask.context, "listing_ids": list(numbers)}
        return self._ask(f"{self._base}{_MANY}?{query}", context, Priority.OFFER, depth=ask.depth + 1, referer=referer)

    def _one_by_one(self, ask: Ask) -> tuple[Ask, ...]:
        numbers = [each for each in sequence(ask.context.get("listing_ids")) if isinstance(each, str)]
        context = {name: value for name, value in ask.context.items() if name != "listing_ids"}
        query = urlencode({"includes": _ASSOCIATIONS}, safe=",")
        return tuple(
            self._ask(f"{self._base}{_API}/listings/{number}?{query}", context, Priority.OFFER, depth=ask.depth)
            for number in numbers[:PAGE_SIZE]
            if _NUMBER.fullmatch(number)
        )

    def _ask(self, url: str, context: Mapping[str, Any], priority: int, *, depth: int = 0, referer: str = "") -> Ask:
        return Ask(
            url=url,
            source=self.name,
            headers={"Accept": "application/json"},
            context=context,
            priority=priority,
            depth=depth,
            referer=referer,
        )


def _payload(answer: Answer) -> Mapping[str, Any]:
    payload = parsed(answer)
    if not isinstance(payload, dict):
        raise BrokenAnswer("no answer of Etsy's API (not an object)")
    if "error" in payload:
        raise BrokenAnswer(f"Etsy says: {words(payload['error']) or 'an error'}")
    return payload


def _read_listings(items: Sequence[Item]) -> Reading:
    stated = [item for item in items if item.at("state") in (None, *_OFFERED)]
    offers = [offer for item in stated if (offer := _offer(item))]
    unread = len(stated) - len(offers)
    problems = (f"{unread} listings have no title, number or address",) if unread else ()
    return Reading(offers=tuple(offers), problems=problems)


def _offer(item: Item) -> Offer | None:
    title, number = item.text("title", "title", longest=MAX_TITLE), item.text("listing_id", "listing_id")
    url = absolute_url(item.at("url"), _PLACE).partition("?")[0]
    if not title or not number or not url:
        return None
    item.note("url", item.at("url"), "url")
    price, price_raw = _price(item)
    listing = Listing(
        marketplace=EtsySearch.marketplace,
        listing_id=number,
        url=url,
        title=title,
        description=item.text("description", "description", longest=MAX_DESCRIPTION),
        price=price,
        price_raw=price_raw,
        quantity=item.count("quantity", "quantity"),
        sku=item.text("sku", "skus[0]"),
        availability=_availability(item),
        ships_from=item.text("ships_from", "shipping_profile.origin_country_iso"),
        seller=_seller(item),
        found=item.found,
    )
    return Offer(listing=listing, image_urls=picture_urls(_pictures(item), _PLACE))


def _price(item: Item) -> tuple[Money | None, str]:
    """The lowest price, and what stands there. The API states whole numbers, and what to divide them by."""
    amount = whole_number(item.at("price.amount"), most=10**_MOST_DIGITS)
    divisor, currency = whole_number(item.at("price.divisor")), clean(item.at("price.currency_code"))
    raw = f"{clean(item.at('price.amount'))}/{clean(item.at('price.divisor'))} {currency}".strip(" /")
    item.note("price", raw, "price")
    if amount is None or divisor not in (1, 10, 100, 1_000, 10_000):
        return None, raw
    stated = str(Decimal(amount).scaleb(1 - len(str(divisor))))
    return read_price(stated, currency), f"{stated} {currency}".strip()


def _availability(item: Item) -> str:
    state = clean(item.at("state"))
    if state not in _OFFERED:
        return ""
    item.note("availability", state, "state")
    return _OFFERED[state]


def _seller(item: Item) -> Seller:
    """A shop. Its stars are not a share of positive feedback, so they are left out."""
    name = item.text("seller", "shop.shop_name")
    number = clean(item.at("shop_id")) or clean(item.at("shop.shop_id"))
    return Seller(
        id=number or name,
        name=name or number,
        feedback_score=item.count("seller.feedback_score", "shop.review_count"),
        location=clean(item.at("shop.shop_location_country_iso")),
    )


def _pictures(item: Item) -> Iterator[Any]:
    """By rank, each in its full size."""
    images = [mapping(image) for image in sequence(item.at("images"))]
    ranked = sorted(images, key=lambda image: whole_number(image.get("rank")) or 0)
    return (image.get("url_fullxfull") for image in ranked)
