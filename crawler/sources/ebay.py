"""eBay's official search: the Browse API, version 1, as developer.ebay.com documents it.

A search answers with summaries, each item's own request with all of it; a listing is made of both. An application
token is needed (see `crawler.sources.credentials`), and each application has a number of calls a day.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from PIL import Image

from crawler.sources.ebay_item import read_item
from crawler.sources.interface import Answer, Ask, Offer, Priority, Query, Reading
from crawler.sources.json_answer import BrokenAnswer, Item, absolute_url, at, parsed, sequence, whole_number, words
from crawler.sources.listed import completed, listed_context, listed_offer
from domain.errors import SettingRefused
from domain.settings import Settings
from store.images import decode_image

PAGE_SIZE = 200
"""The most items on one page of a search."""
MOST_ITEMS = 10_000
"""The most items that the API gives of one search."""

_BROWSE = "/buy/browse/v1"
_SEARCH = f"{_BROWSE}/item_summary/search"
_IMAGE_SEARCH = f"{_BROWSE}/item_summary/search_by_image"
_ITEM = f"{_BROWSE}/item/"
# where the Browse API is available
_SITES = {
    "EBAY_AT": "ebay.at",
    "EBAY_AU": "ebay.com.au",
    "EBAY_BE": "ebay.be",
    "EBAY_CA": "ebay.ca",
    "EBAY_CH": "ebay.ch",
    "EBAY_DE": "ebay.de",
    "EBAY_ES": "ebay.es",
    "EBAY_FR": "ebay.fr",
    "EBAY_GB": "ebay.co.uk",
    "EBAY_HK": "ebay.com.hk",
    "EBAY_IE": "ebay.ie",
    "EBAY_IT": "ebay.it",
    "EBAY_NL": "ebay.nl",
    "EBAY_PL": "ebay.pl",
    "EBAY_SG": "ebay.com.sg",
    "EBAY_US": "ebay.com",
}
_IMAGE_SITES = frozenset({"EBAY_US", "EBAY_DE", "EBAY_GB", "EBAY_AU"})
# without it, what is only auctioned is left out
_ALL_FORMATS = "buyingOptions:{FIXED_PRICE|AUCTION|BEST_OFFER}"
# "*" is refused; round brackets with commas mean "or"
_NO_WORDS = re.compile(r"[*(),\s]+")
_LONGEST_QUERY = 100
_SELLER = re.compile(r"[^\s|{},:\[\]\x00-\x1f]{1,100}")
_ITEM_ID = re.compile(r"[\w|.~-]{1,100}", re.A)
_MOST_IMAGE_BYTES = 1_000_000
_LONGEST_SIDE = 1_000


class EbaySearch:
    """Searches one of eBay's marketplaces."""

    name = "ebay"

    def __init__(self, settings: Settings) -> None:
        self._site, self._base = settings.ebay_marketplace.strip().upper(), settings.ebay_url.rstrip("/")
        self._most_pixels = settings.max_image_pixels
        self.marketplace = _SITES.get(self._site, "")
        """Such as ``ebay.de``; empty when the setting names no marketplace that the API knows."""

    def recognize(self, page: Answer) -> Sequence[Ask]:
        """Nothing: a search API serves no site's pages."""
        return ()

    def search(self, query: Query, *, image: bytes | None = None) -> Sequence[Ask]:
        """By words, and by picture where this marketplace offers that.

        Raises SettingRefused for a marketplace that the API does not know, ImageRefused for a picture that is none.
        """
        self._check_site()
        asks: list[Ask] = []
        words = " ".join(_NO_WORDS.sub(" ", query.text).split())[:_LONGEST_QUERY].strip()
        context = {"query": query.text, "reason": query.reason, "rights_holder": query.rights_holder}
        if words:
            asks.append(self._page(_SEARCH, {"q": words}, context))
        if image is not None and self._site in _IMAGE_SITES:
            asks.append(self._image_search(image, context))
        return asks

    def same_seller(self, seller_id: str) -> Sequence[Ask]:
        """All items of a seller. Every search needs words or a category; ``0`` is the root of all categories."""
        self._check_site()
        if not _SELLER.fullmatch(seller_id):
            return ()
        filters = f"sellers:{{{seller_id}}},{_ALL_FORMATS}"
        return (self._page(_SEARCH, {"category_ids": "0", "filter": filters}, {"seller": seller_id}),)

    def read(self, ask: Ask, answer: Answer) -> Reading:
        """The items of a search, each to be asked for with what the search tells of it; or one item, complete."""
        try:
            self._check_origin(answer)
            payload = _payload(answer)
        except BrokenAnswer as error:
            return Reading(offers=_listed(ask), problems=(str(error),))
        if urlsplit(answer.url).path.startswith(_ITEM):
            return self._read_item(ask, payload)
        return self._read_search(ask, answer, payload)

    def missed(self, ask: Ask) -> Reading:
        """The item as the search told of it."""
        return Reading(offers=_listed(ask))

    def _read_item(self, ask: Ask, payload: Mapping[str, Any]) -> Reading:
        detail, listed = read_item(Item(payload, ""), self.marketplace), listed_offer(ask.context)
        if detail is None:
            return Reading(offers=_listed(ask), problems=("an item without a title or an address",))
        same = listed is not None and listed.listing.listing_id == detail.listing.listing_id
        return Reading(offers=(completed(detail, listed) if listed and same else detail,))

    def _read_search(self, ask: Ask, answer: Answer, payload: Mapping[str, Any]) -> Reading:
        summaries = sequence(payload.get("itemSummaries"))
        problems = list(_messages(payload.get("warnings")))
        offers: list[Offer] = []
        asks: list[Ask] = []
        for place, summary in enumerate(summaries[:PAGE_SIZE]):
            offer = read_item(Item(summary, f"itemSummaries[{place}]"), self.marketplace)
            if offer is None:
                problems.append(f"item {place} of a search has no title, number or address")
            elif details := self._item_ask(at(summary, "itemId"), offer, ask, answer.url):
                asks.append(details)
            else:
                offers.append(offer)
        if len(summaries) > PAGE_SIZE:
            problems.append(f"{len(summaries) - PAGE_SIZE} items after the first {PAGE_SIZE} of a page were not read")
        further = self._next(ask, answer, payload) if summaries else ()
        return Reading(offers=tuple(offers), asks=(*further, *asks), problems=tuple(problems))

    def _item_ask(self, item_id: Any, offer: Offer, ask: Ask, referer: str) -> Ask | None:
        if not isinstance(item_id, str) or not _ITEM_ID.fullmatch(item_id):
            return None
        return Ask(
            url=f"{self._base}{_ITEM}{quote(item_id, safe='')}",
            source=self.name,
            headers=self._headers(),
            context={**listed_context(offer), "query": ask.context.get("query", "")},
            priority=Priority.OFFER,
            depth=ask.depth + 1,
            referer=referer,
        )

    def _next(self, ask: Ask, answer: Answer, payload: Mapping[str, Any]) -> tuple[Ask, ...]:
        """The next page as the answer names it, when it goes on with the same search at the same server."""
        url = absolute_url(payload.get("next"), answer.url)
        same = url and urlsplit(url)[:3] == urlsplit(answer.url)[:3]
        before, after = _offset(ask.url), _offset(url)
        if not same or after is None or not (before or 0) < after < MOST_ITEMS:
            return ()
        key = f"{ask.key.rpartition(' from ')[0]} from {after}" if ask.key else ""
        return (
            Ask(
                url=url,
                source=self.name,
                method=ask.method,
                headers=ask.headers,
                body=ask.body,
                context=ask.context,
                priority=ask.priority,
                depth=ask.depth,
                key=key,
            ),
        )

    def _page(self, path: str, parameters: Mapping[str, str], context: Mapping[str, Any]) -> Ask:
        query = {"filter": _ALL_FORMATS} | dict(parameters) | {"limit": str(PAGE_SIZE), "offset": "0"}
        return Ask(
            url=f"{self._base}{path}?{urlencode(query)}",
            source=self.name,
            headers=self._headers(),
            context=context,
            priority=Priority.API,
        )

    def _image_search(self, image: bytes, context: Mapping[str, Any]) -> Ask:
        picture = _sendable(image, self._most_pixels)
        page = self._page(_IMAGE_SEARCH, {}, context)
        return Ask(
            url=page.url,
            source=self.name,
            method="POST",
            headers={**page.headers, "Content-Type": "application/json"},
            body=json.dumps({"image": base64.b64encode(picture).decode()}),
            context=context,
            priority=Priority.API,
            key=f"{self.name} {self._site} image {hashlib.sha256(image).hexdigest()} from 0",
        )

    def _headers(self) -> dict[str, str]:
        return {"Accept": "application/json", "X-EBAY-C-MARKETPLACE-ID": self._site}

    def _check_site(self) -> None:
        if not self.marketplace:
            raise SettingRefused(
                f"{self._site!r} is no marketplace of eBay's Browse API",
                field="ASSAYER_EBAY_MARKETPLACE",
                advice=f"Use one of {', '.join(_SITES)}.",
            )

    def _check_origin(self, answer: Answer) -> None:
        if urlsplit(answer.url.lower())[:2] != urlsplit(self._base.lower())[:2]:
            raise BrokenAnswer("eBay's API sent this request elsewhere")


def _payload(answer: Answer) -> Mapping[str, Any]:
    payload = parsed(answer)
    if not isinstance(payload, dict):
        raise BrokenAnswer("no answer of eBay's API (not an object)")
    if messages := list(_messages(payload.get("errors"))):
        raise BrokenAnswer("; ".join(messages[:3]))
    return payload


def _messages(values: Any) -> Iterator[str]:
    """What eBay says of errors and warnings, each with its number."""
    for value in sequence(values)[:10]:
        message = words(at(value, "longMessage")) or words(at(value, "message"))
        number = words(at(value, "errorId"))
        if message or number:
            yield f"eBay says: {message or 'no reason'} ({number or 'no number'})"


def _offset(url: str) -> int | None:
    return whole_number(next(iter(parse_qs(urlsplit(url).query).get("offset", [])), None))


def _listed(ask: Ask) -> tuple[Offer, ...]:
    offer = listed_offer(ask.context)
    return (offer,) if offer else ()


def _sendable(image: bytes, most_pixels: int) -> bytes:
    """A picture as it is or, when it is large, smaller: it is kept in the frontier until the search is through."""
    if len(image) <= _MOST_IMAGE_BYTES:
        return image
    picture = Image.fromarray(decode_image(image, max_pixels=most_pixels))
    picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()
