"""A rights holder's own negatives: from rejected listings as they stand, and from pictures handed in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from domain.codec import digest, dump
from domain.errors import BadInput, ImageRefused, NotFound
from domain.negative import Negative, NegativeRegion
from domain.review import RejectionReason, SeenAs
from domain.settings import Settings
from index.negative_bank import (
    NegativeBank,
    SpaceEmbedder,
    bank_version,
    build_negative_bank,
    read_negative_bank,
    write_negative_bank,
)
from jobs.review_cases import latest_reviews
from store.images import RGB, decode_image
from store.interfaces import Evidence, EvidenceReader, Records, SaveCount

_FEWEST_DIGITS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class NegativesReport:
    """What adding pictures did."""

    added: tuple[Negative, ...]
    """All that are negatives now, whether or not they were before."""
    saved: SaveCount
    bad: tuple[BadInput, ...]
    """Files that were refused."""


def negative_regions(records: Records) -> tuple[NegativeRegion, ...]:
    """What is not to be taken for a rights holder's: regions rejected as not theirs, and pictures handed in."""
    rejected = (review for review in latest_reviews(records) if review.reason == RejectionReason.NOT_OURS)
    from_reviews = (
        NegativeRegion(
            rights_holder=review.rights_holder, seen_as=region.seen_as, sha256=region.image_sha256, box=region.box
        )
        for review in rejected
        for region in review.regions
    )
    handed_in = (
        NegativeRegion(rights_holder=negative.rights_holder, seen_as=seen_as, sha256=negative.sha256)
        for negative in records.negatives()
        for seen_as in SeenAs
    )
    return tuple(sorted({*from_reviews, *handed_in}, key=lambda region: region.place))


def negatives_state(records: Records) -> str:
    """Changes whenever a negative may have come or gone; cheaper than the negatives."""
    return f"{records.count_reviews()}/{digest([dump(negative) for negative in records.negatives()])}"


def open_negative_bank(
    regions: Sequence[NegativeRegion], evidence: EvidenceReader, embedder: SpaceEmbedder, settings: Settings
) -> NegativeBank:
    """The bank of these regions. Its vectors are kept beside the tenant's index, to be read again.

    Raises StoreUnavailable: evidence that cannot be reached is no picture that cannot be read.
    """
    kept = read_negative_bank(settings.index_dir, bank_version(regions, embedder.version))
    if kept:
        return kept

    def read_image(sha256: str) -> RGB:
        return decode_image(
            evidence.read(sha256), max_bytes=settings.max_image_bytes, max_pixels=settings.max_image_pixels
        )

    bank = build_negative_bank(regions, read_image, embedder)
    write_negative_bank(settings.index_dir, bank)
    return bank


def add_negatives(
    rights_holder: str,
    paths: Sequence[Path],
    records: Records,
    evidence: Evidence,
    settings: Settings,
    *,
    now: datetime | None = None,
) -> NegativesReport:
    """Keep each picture as not `rights_holder`'s; a file that is no picture is refused, and the others are kept.

    A picture that is there already stays as it is. Raises BadInput for a rights holder whom no catalog names.
    """
    if rights_holder not in {holder.name for holder in records.rights_holders()}:
        raise BadInput(
            f"no catalog of {rights_holder!r} is stored",
            field="rights_holder",
            advice="Import it first: assayer catalog import PATH.",
        )
    before = {negative.key: negative for negative in records.negatives()}
    wanted: dict[tuple[str, str], Negative] = {}
    bad: list[BadInput] = []
    for path in paths:
        try:
            sha256 = evidence.write(_checked(path, settings))
        except BadInput as error:
            bad.append(error.at(file=str(path)))
            continue
        one = Negative(rights_holder=rights_holder, sha256=sha256, name=path.name, added_at=now or datetime.now(UTC))
        wanted[one.key] = before.get(one.key) or wanted.get(one.key) or one
    saved = records.save_negatives(wanted.values())
    return NegativesReport(added=tuple(wanted.values()), saved=saved, bad=tuple(bad))


def _checked(path: Path, settings: Settings) -> bytes:
    """The file's bytes, which are a picture. Raises BadInput."""
    try:
        with path.open("rb") as file:
            content = file.read(settings.max_image_bytes + 1)
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror or error})", file=str(path)) from error
    try:
        decode_image(content, name=path.name, max_bytes=settings.max_image_bytes, max_pixels=settings.max_image_pixels)
    except ImageRefused as error:
        raise ImageRefused(error.reason, file=str(path)) from error
    return content


def remove_negatives(rights_holder: str, digests: Iterable[str], records: Records) -> int:
    """Take pictures back by the first digits of their digest, 8 or more; how many were removed.

    Raises NotFound for one that was not handed in, BadInput for too few digits or more than one picture that they fit;
    nothing is removed then.
    """
    own = [negative.key for negative in records.negatives() if negative.rights_holder == rights_holder]
    return records.delete_negatives([_meant(given, own) for given in digests])


def _meant(given: str, own: Sequence[tuple[str, str]]) -> tuple[str, str]:
    if len(given) < _FEWEST_DIGITS:
        raise BadInput(f"{given!r} has fewer than {_FEWEST_DIGITS} digits", field="sha256")
    found = [key for key in own if key[1].startswith(given.lower())]
    if not found:
        raise NotFound(
            f"no picture {given} was handed in",
            advice="See those there are: assayer catalog negatives list. One that comes from a rejected listing goes "
            "when that listing is decided on otherwise: assayer cases confirm, or reject with another reason.",
        )
    if len(found) > 1:
        raise BadInput(f"{given!r} fits {len(found)} pictures; give more digits", field="sha256")
    return found[0]
