"""What a list tells of an offer, kept until the offer's own page is there, and what becomes of both.

A shop's list tells more than its pages of some things (its stock number), and nothing of others (who sells). So each
listed offer's own page is asked for, with the listed offer in the request's context.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from crawler.sources.interface import Ask, Offer, Priority
from domain.codec import dump, load
from domain.errors import BadInput
from domain.listing import Listing

_KEY = "listed"

# of these, the list's word counts; of the others, that of the offer's own page where it says something
_FROM_LIST = ("listing_id", "title", "description")
_NEVER_FROM_LIST = frozenset(
    {"marketplace", "url", "seller", "images", "captured_at", "first_seen_at", "page_sha256", "found", "relists"}
)


def page_ask(listed: Offer, *, depth: int, referer: str) -> Ask:
    """The request for the page of a listed offer."""
    return Ask(
        url=listed.listing.url,
        source="page",
        context=listed_context(listed),
        priority=Priority.OFFER,
        depth=depth,
        referer=referer,
    )


def listed_context(offer: Offer) -> dict[str, Any]:
    """A listed offer as the context of a request, JSON."""
    return {_KEY: {**dump(offer.listing), "image_urls": list(offer.image_urls)}}


def is_listed(ask: Ask) -> bool:
    """Whether a request is for the page of an offer that a list told of."""
    return _KEY in ask.context


def listed_offer(context: Mapping[str, Any]) -> Offer | None:
    """The listed offer in a request's context; None when there is none."""
    kept = context.get(_KEY)
    if not isinstance(kept, dict):
        return None
    image_urls = kept.get("image_urls")
    try:
        listing = load(Listing, {name: value for name, value in kept.items() if name != "image_urls"})
    except BadInput:  # kept by another version of this program
        return None
    return Offer(
        listing=listing,
        image_urls=tuple(url for url in image_urls if isinstance(url, str)) if isinstance(image_urls, list) else (),
    )


def merged(page: Offer, listed: Offer) -> Offer:
    """An offer as its page states it, with what the list tells of it: its number, and whatever the page leaves open."""
    own, entry = page.listing, listed.listing
    # pages that name no maker name the shop's vendor for the seller, and lists name the vendor for the maker
    seller_is_maker = own.seller.name.casefold() == entry.brand.casefold()
    taken = {name: getattr(entry, name) for name in _FROM_LIST if getattr(entry, name)} | filled(own, entry)
    if seller_is_maker:
        taken.pop("brand", None)
    return Offer(
        listing=replace(own, **taken, found=_found(own, entry, taken)), image_urls=listed.image_urls or page.image_urls
    )


def completed(detail: Offer, listed: Offer) -> Offer:
    """An offer as its details state it, with what its entry in a list tells where they are silent."""
    own, entry = detail.listing, listed.listing
    taken = filled(own, entry)
    return Offer(
        listing=replace(own, **taken, found=_found(own, entry, taken)),
        image_urls=detail.image_urls or listed.image_urls,
    )


def filled(own: Listing, entry: Listing) -> dict[str, Any]:
    """The fields that `own` leaves open and `entry` states."""
    taken = {
        field.name: getattr(entry, field.name)
        for field in fields(Listing)
        if field.name not in _NEVER_FROM_LIST and _is_open(getattr(own, field.name))
    }
    if own.price is None and entry.price is not None:
        # an amount that could be read must not stand beside the words of one that could not
        taken["price_raw"] = entry.price_raw
    elif own.price is not None:
        taken.pop("price_raw", None)
    return {name: value for name, value in taken.items() if not _is_open(value)}


def _is_open(value: object) -> bool:
    return value is None or value == ""


def _found(own: Listing, entry: Listing, taken: Mapping[str, Any]) -> tuple[Any, ...]:
    told = {each.field: each for each in entry.found if each.field in taken}
    return (*(each for each in own.found if each.field not in told), *told.values())
