"""What is stored of a value, the same in every implementation: its key, its JSON, and the digests that tell changes."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from domain.assessment import Assessment
from domain.case import Case
from domain.catalog import Catalog, ReferenceProduct, RightsHolder
from domain.codec import digest, dump, load
from domain.errors import BadInput, NotFound
from domain.listing import Listing
from domain.negative import Negative
from domain.notice import Notice
from domain.review import Review
from store.interfaces import SaveCount

Key = tuple[str, ...]

MAX_KEY_BYTES = 512
"""PostgreSQL indexes at most 2,704 bytes a row; the longest key here is a tenant, three such parts and a time."""

_PROVENANCE = frozenset({"captured_at", "first_seen_at", "page_sha256", "found"})
_ADDED_LATER = frozenset({"sku", "gtin", "mpn", "availability", "relists"})
"""Fields of a listing that came after the first release: left empty they count for nothing, so that what people
decided on a listing before still stands on the same one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One value as it is stored."""

    key: Key
    """Its parts of the primary key, the tenant left out."""
    digest: str
    """SHA-256 that changes with anything stored: the same digest is saved as `unchanged`."""
    detail: dict[str, Any]
    """`domain.codec.dump` of the value."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """What queries ask for beside the key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What a save has to write."""

    added: dict[Key, Entry]
    updated: dict[Key, Entry]
    count: SaveCount


def changes(entries: Iterable[Entry], known: Mapping[Key, str]) -> Changes:
    """Compare with the `known` digests. The same key twice counts twice, and the last one stays."""
    digests = dict(known)
    final: dict[Key, Entry] = {}
    added = updated = unchanged = 0
    for entry in entries:
        before = digests.get(entry.key)
        if before == entry.digest:
            unchanged += 1
            continue
        added, updated = (added + 1, updated) if before is None else (added, updated + 1)
        digests[entry.key] = entry.digest
        final[entry.key] = entry
    return Changes(
        added={key: entry for key, entry in final.items() if key not in known},
        updated={key: entry for key, entry in final.items() if key in known},
        count=SaveCount(added=added, updated=updated, unchanged=unchanged),
    )


def is_storable(part: str) -> bool:
    """Whether a database can hold it as part of a key; what cannot be stored is not there either."""
    return "\0" not in part and not any("\ud800" <= character <= "\udfff" for character in part)


def checked_key(**parts: str) -> Key:
    """The parts as a key. Raises BadInput for one that a database could not keep apart or could not keep at all."""
    for name, part in parts.items():
        if not part:
            raise BadInput("is empty, so records could not be told apart", field=name)
        if not is_storable(part):
            raise BadInput("holds a NUL character or half of a surrogate pair", field=name)
        if len(part.encode()) > MAX_KEY_BYTES:
            raise BadInput(f"is longer than {MAX_KEY_BYTES} bytes", field=name)
    return tuple(parts.values())


def text_digest(text: str) -> str:
    """SHA-256 of any text, 64 hex digits: its place in an index, which takes no text of any length.

    Half of a surrogate pair is no error: what cannot be stored is looked for and not found.
    """
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def demand(wanted: Iterable[Key], stored: Container[Key], kind: str) -> None:
    """Raises NotFound naming the first of the wanted that is not stored."""
    for key in wanted:
        if key not in stored:
            raise NotFound(f"no {kind} {'/'.join(key)} is stored")


def content_digest(listing: Listing) -> str:
    """What an assessment is tied to: everything but when, in which page bytes and where in them it was found.

    A page changes with every visit (tokens, counters); a crawl that finds the same offer must not void verdicts.
    """
    return _content_digest(dump(listing))


def _content_digest(detail: Mapping[str, Any]) -> str:
    told = {name: value for name, value in detail.items() if name not in _PROVENANCE}
    return digest({name: value for name, value in told.items() if value or name not in _ADDED_LATER})


def readable(value: object) -> dict[str, Any]:
    """The value as JSON. Raises BadInput for one that could be written and never read again, such as a NaN price."""
    detail = dump(value)
    load(type(value), detail)
    return detail


def holder_entry(holder: RightsHolder) -> Entry:
    """A rights holder by name."""
    detail = readable(holder)
    return Entry(key=checked_key(rights_holder=holder.name), digest=digest(detail), detail=detail)


def product_entries(catalog: Catalog) -> list[Entry]:
    """The products by rights holder and reference id. Raises BadInput for a stranger's or a repeated product."""
    entries = [_product_entry(product) for product in catalog.products]
    seen: set[Key] = set()
    for entry in entries:
        if entry.key[0] != catalog.rights_holder.name:
            raise BadInput(f"{entry.key[0]!r} in the catalog of {catalog.rights_holder.name!r}", field="rights_holder")
        if entry.key in seen:
            raise BadInput(f"{entry.key[1]!r} stands twice in one catalog", field="reference_id")
        seen.add(entry.key)
    return entries


def _product_entry(product: ReferenceProduct) -> Entry:
    detail = readable(product)
    key = checked_key(rights_holder=product.rights_holder, reference_id=product.reference_id)
    return Entry(key=key, digest=digest(detail), detail=detail)


def catalog_digest(holders: Mapping[Key, str], products: Mapping[Key, str]) -> str:
    """One digest over the digests of all rights holders and products, whatever their order."""
    return digest([sorted([*key, each] for key, each in table.items()) for table in (holders, products)])


def listing_entry(listing: Listing) -> Entry:
    """A listing by marketplace and id."""
    detail = readable(listing)
    key = checked_key(marketplace=listing.marketplace, listing_id=listing.listing_id)
    columns = {"content_digest": _content_digest(detail), "seller_sha256": text_digest(listing.seller.id)}
    return Entry(key=key, digest=digest(detail), detail=detail, columns=columns)


def assessment_entry(assessment: Assessment, listing_content: str) -> Entry:
    """An assessment by its listing; the same verdict on other content is another entry."""
    detail = readable(assessment)
    columns = {
        "content_digest": listing_content,
        "versions_digest": digest(detail["versions"]),
        "band": assessment.band.value,
    }
    key = checked_key(marketplace=assessment.marketplace, listing_id=assessment.listing_id)
    return Entry(key=key, digest=digest([listing_content, detail]), detail=detail, columns=columns)


def case_entry(case: Case) -> Entry:
    """A case by its id."""
    detail = readable(case)
    return Entry(key=checked_key(case_id=case.case_id), digest=digest(detail), detail=detail)


def notice_entry(notice: Notice) -> Entry:
    """A notice by its id."""
    detail = readable(notice)
    columns = {"case_id": notice.case_id, "status": notice.status.value}
    return Entry(key=checked_key(notice_id=notice.notice_id), digest=digest(detail), detail=detail, columns=columns)


def review_entry(review: Review) -> Entry:
    """A review by what was decided about, and when."""
    detail = readable(review)
    parts = checked_key(
        marketplace=review.marketplace, listing_id=review.listing_id, rights_holder=review.rights_holder
    )
    key = (*parts, instant(review.decided_at))
    columns = {"content_digest": review.content_digest}
    return Entry(key=key, digest=digest(detail), detail=detail, columns=columns)


def instant(time: datetime) -> str:
    """UTC and of fixed length, so that the order of the words is the order of time."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def new_reviews(reviews: Iterable[Review], stored: Sequence[Review]) -> tuple[list[Review], int]:
    """(those that say something new, how many do not), given what is `stored` of their listings, oldest first.

    Raises BadInput for one that says something new and is no later than the last of its listing and rights holder.
    """
    last = {review.key: review.decided_at for review in stored}
    standing = {(review.key, review.content_digest): review for review in stored}
    new: list[Review] = []
    unchanged = 0
    for review in reviews:
        topic = (review.key, review.content_digest)
        if topic in standing and standing[topic].says_what(review):
            unchanged += 1
            continue
        if review.key in last and review.decided_at <= last[review.key]:
            raise BadInput(
                f"{review.listing_id} was decided on at {instant(last[review.key])}, which is no earlier",
                field="decided_at",
                advice="Look at the clock of this machine, then try again.",
            )
        standing[topic], last[review.key] = review, review.decided_at
        new.append(review)
    return new, unchanged


def negative_entry(negative: Negative) -> Entry:
    """A negative by rights holder and picture."""
    detail = readable(negative)
    key = checked_key(rights_holder=negative.rights_holder, sha256=negative.sha256)
    return Entry(key=key, digest=digest(detail), detail=detail)
