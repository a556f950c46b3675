"""Listings that take up one that is gone. A doubt is no link: nobody is to bear a stranger's past."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from domain.listing import Listing
from store.interfaces import SiteMemory

_LEAST_WORDS = 3
"""A title of fewer words is shared by too many to tell by itself."""
_LEAST_CHARACTERS = 8
"""The same, in scripts without spaces."""
_LIKE_TITLES = 0.5
_MOST_ALIKE = 100
"""Of what more than these have in common, nothing follows: no seller lists one thing anew that often."""
_EPOCH = datetime(1, 1, 1, tzinfo=UTC)


def gone_by_visits(memory: SiteMemory) -> Callable[[Listing], bool]:
    """Whether every page that offered a listing said at its last visit that it is no more; False without a visit."""

    def gone(listing: Listing) -> bool:
        visits = memory.visits_of_listing(*listing.key)
        return bool(visits) and all(visit.gone for visit in visits)

    return gone


def relisted(listing: Listing, of_seller: Sequence[Listing], gone: Callable[[Listing], bool]) -> str | None:
    """The listing_id of what `listing` takes up again, on the same marketplace; None when nothing, or it is not clear.

    `of_seller` are all known listings of its seller. A new listing takes up a gone one that has the same title, the
    same first picture, or the same GTIN or part number and a like title. What still stands with the same marks keeps
    its claim: a seller that offers a thing several times has not listed it anew. Of several the latest is named, unless
    it has been taken up already. A listing that is stored is not new: it keeps what it has.
    """
    known = _unique(other for other in of_seller if other.marketplace == listing.marketplace)
    stored = next((other for other in known if other.listing_id == listing.listing_id), None)
    if stored is not None:
        return stored.relists or None
    own = [other for other in known if listing.seller.id and other.seller.id == listing.seller.id]
    telling = _telling_pictures(listing, own)
    alike = [other for other in own if _same_again(listing, other, telling)]
    return _predecessor(listing, alike, gone, {other.relists for other in own})


class Resembling:
    """Listings of one seller by what could make two of them alike, so that not each is compared with every other."""

    def __init__(self, listings: Iterable[Listing]) -> None:
        self._bearing: defaultdict[tuple[str, str], dict[str, Listing]] = defaultdict(dict)
        self._showing: defaultdict[str, dict[tuple[str, ...], Listing]] = defaultdict(dict)
        for listing in listings:
            self.add(listing)

    def add(self, listing: Listing) -> None:
        """Add one, or put it in the place of the one with its id."""
        for mark in _marks(listing):
            self._bearing[mark][listing.listing_id] = listing
        if listing.relists:
            self._bearing["relists", listing.relists][listing.listing_id] = listing
        for sha256 in _pictures(listing):
            if len(self._showing[sha256]) < _UNTELLING:
                self._showing[sha256].setdefault(_words(listing.title), listing)

    def to(self, listing: Listing) -> list[Listing] | None:
        """Of all, those that `relisted` needs of the listing's seller; None where too many are like it."""
        found: dict[str, Listing] = {}
        for mark in _marks(listing):
            witnesses = self._showing[mark[1]] if mark[0] == "picture" else {}
            if len(witnesses) == _UNTELLING:
                found |= {other.listing_id: other for other in witnesses.values()}
            elif len(bearing := self._bearing[mark]) > _MOST_ALIKE:
                return None
            else:
                found |= bearing
        for listing_id in list(found):
            found |= self._bearing.get(("relists", listing_id), {})
        found.pop(listing.listing_id, None)
        return list(found.values())


def _marks(listing: Listing) -> Iterator[tuple[str, str]]:
    words = _words(listing.title)
    if _says_enough(words):
        yield "title", " ".join(words)
    for field in ("gtin", "mpn"):
        if number := getattr(listing, field):
            yield field, number
    for sha256 in sorted(_pictures(listing)):
        yield "picture", sha256


def _predecessor(
    listing: Listing, alike: Sequence[Listing], gone: Callable[[Listing], bool], taken_up: set[str]
) -> str | None:
    candidates: list[Listing] = []
    for other in alike:
        if not gone(other):
            return None
        if _earlier(other, listing):
            candidates.append(other)
    if not candidates:
        return None
    latest = max(candidates, key=lambda other: (other.captured_at or _EPOCH, other.listing_id))
    return None if latest.listing_id in taken_up else latest.listing_id


def _unique(listings: Iterable[Listing]) -> list[Listing]:
    return list({listing.key: listing for listing in listings}.values())


def _earlier(other: Listing, listing: Listing) -> bool:
    return other.captured_at is None or listing.captured_at is None or other.captured_at < listing.captured_at


def _same_again(listing: Listing, other: Listing, telling: frozenset[str]) -> bool:
    if _contradict(listing.gtin, other.gtin) or _contradict(listing.mpn, other.mpn):
        return False
    words, others = _words(listing.title), _words(other.title)
    if words == others and _says_enough(words):
        return True
    if telling & _pictures(other) & {*_first_picture(listing), *_first_picture(other)}:
        return True
    same_number = bool(listing.gtin and listing.gtin == other.gtin) or bool(listing.mpn and listing.mpn == other.mpn)
    return same_number and _likeness(set(words), set(others)) >= _LIKE_TITLES


_UNTELLING = 3
"""Titles beside one picture that are always too many, whichever of them is the listing's own."""


def _telling_pictures(listing: Listing, others: Sequence[Listing]) -> frozenset[str]:
    """Those of its pictures that no two titles share: a shop's banner or size chart stands beside all it sells."""
    titles: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
    for other in others:
        for sha256 in _pictures(other):
            titles[sha256].add(_words(other.title))
    return frozenset(sha256 for sha256 in _pictures(listing) if len(titles[sha256]) <= 1)


def _pictures(listing: Listing) -> frozenset[str]:
    return frozenset(image.sha256 for image in listing.images if image.sha256)


def _first_picture(listing: Listing) -> tuple[str, ...]:
    """What the article looks like; further pictures may show anything."""
    return tuple(image.sha256 for image in listing.images if image.sha256)[:1]


def _says_enough(words: Sequence[str]) -> bool:
    unspaced = any(character >= "\u2e80" for word in words for character in word)
    return len(words) >= _LEAST_WORDS or (unspaced and sum(map(len, words)) >= _LEAST_CHARACTERS)


def _words(title: str) -> tuple[str, ...]:
    """Case, width and punctuation aside."""
    folded = unicodedata.normalize("NFKC", title).casefold()
    kept = "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in folded)
    return tuple(kept.split())


def _likeness(words: set[str], others: set[str]) -> float:
    """Jaccard's index, 0 to 1."""
    return len(words & others) / len(words | others) if words or others else 0.0


def _contradict(one: str, other: str) -> bool:
    return bool(one and other and one != other)
