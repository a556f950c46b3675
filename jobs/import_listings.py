"""Listings go in from files, a batch at a time, so that a killed import resumes by running again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

from domain.errors import BadInput, ImageRefused
from domain.listing import Listing, ListingImage, Unreadable
from domain.progress import Progress, silent
from domain.settings import Settings
from jobs.intake.findings import Findings
from jobs.intake.listing_files import ListingFile, ReadListing
from jobs.intake.pictures import Fetch, Picture, PictureIntake
from jobs.intake.source import FolderSource
from jobs.intake.write_behind import WriteBehind
from store.interfaces import EvidenceWriter, ListingWriter, SaveCount

BATCH = 200
"""Listings per transaction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingsReport:
    """What an import of listings did."""

    listings: int = 0
    """Listings taken in, those without a readable picture or price included."""
    images: int = 0
    """Pictures that could be read."""
    saved: SaveCount = field(default_factory=SaveCount)
    bad: tuple[BadInput, ...] = ()
    """Rows that were refused, and prices and pictures that cannot be read (their listings are taken in)."""


def import_listings(
    paths: Sequence[Path],
    records: ListingWriter,
    evidence: EvidenceWriter,
    settings: Settings,
    *,
    fetch: Fetch | None = None,
    progress: Progress = silent,
) -> ListingsReport:
    """Read JSONL (any other suffix), CSV and Parquet files and save their listings.

    Pictures are paths in the file's own folder, or URLs, which are read by `fetch`; without it they are unreadable.
    Listings are saved as they come, one transaction per `BATCH`: run again after a kill, it changes only what is
    missing. A file that cannot be read is reported in `bad` and does not stop the others.

    Raises BadInput when one of `paths` is not there, before anything is read.
    """
    for path in paths:
        if not path.is_file():
            raise BadInput("no such file", file=str(path))
    findings = Findings()
    with WriteBehind(evidence) as writes:
        batch = _Batch(records, writes)
        for path in paths:
            intake = PictureIntake(
                source=FolderSource(path.parent, settings),
                settings=settings,
                write=writes.write,
                fetch=fetch,
                keep_refused=True,
            )
            try:
                _import_file(ListingFile(path, settings, findings), batch, intake, progress)
            except BadInput as error:
                findings.refuse(error.at(file=str(path)))
            batch.save()
    return ListingsReport(
        listings=batch.listings,
        images=batch.images,
        saved=batch.saved,
        bad=tuple(findings.bad),
    )


class _Batch:
    """Listings on their way into the records, behind the evidence that they name."""

    def __init__(self, records: ListingWriter, writes: WriteBehind) -> None:
        self._records, self._writes = records, writes
        self._waiting: list[Listing] = []
        self.saved = SaveCount()
        self.listings = self.images = 0

    def add(self, listing: Listing) -> None:
        self._waiting.append(listing)
        self.listings += 1
        self.images += sum(image.sha256 is not None for image in listing.images)
        if len(self._waiting) >= BATCH:
            self.save()

    def save(self) -> None:
        self._writes.settle()
        if self._waiting:
            self.saved += self._records.save_listings(self._waiting)
            self._waiting = []


def _import_file(file: ListingFile, batch: _Batch, intake: PictureIntake, progress: Progress) -> None:
    stage = f"listings of {file.path.name}"
    for read in _without_repeats(file):
        batch.add(_with_pictures(read, file, intake))
        progress(stage, file.line, file.total)
    progress(stage, file.line if file.total is None else file.total, file.total)


def _without_repeats(file: ListingFile) -> Iterator[ReadListing]:
    first: dict[bytes, int] = {}
    for read in file:
        key = _key(read.draft.listing)
        if key in first:
            reason = f'"{read.draft.listing.listing_id}" stands already on line {first[key]}'
            file.findings.refuse(BadInput(reason, file=str(file.path), line=read.line, field="listing_id"))
        else:
            first[key] = read.line
            yield read


def _key(listing: Listing) -> bytes:
    """16 bytes, so that ten million keys fit into memory."""
    return blake2b("\0".join(listing.key).encode(), digest_size=16).digest()


def _with_pictures(read: ReadListing, file: ListingFile, intake: PictureIntake) -> Listing:
    name, line = str(file.path), read.line
    for error in read.draft.unread:
        file.findings.refuse(error.at(file=name, line=line))
    if not read.draft.images:
        reason = "a listing without images; it is taken in, and gets no image verdict"
        file.findings.refuse(BadInput(reason, file=name, line=line, field="images"))
    images = []
    for at, link in enumerate(read.draft.images):
        most = file.settings.max_listing_images
        image = _image(link, intake.take(link)) if at < most else _one_too_many(link, most)
        if image.unreadable:
            reason = f"{link}: {image.unreadable.reason}"
            file.findings.refuse(ImageRefused(reason, file=name, line=line, field=f"images[{at}]"))
        images.append(image)
    return replace(read.draft.listing, images=tuple(images))


def _image(link: str, picture: Picture) -> ListingImage:
    if picture.refused is None:
        return ListingImage(source=link, sha256=picture.sha256)
    reason = picture.refused.reason
    if picture.sha256:
        reason += f" (bytes kept as evidence {picture.sha256})"
    return ListingImage(source=link, unreadable=Unreadable(what="image", source=link, reason=reason))


def _one_too_many(link: str, most: int) -> ListingImage:
    reason = f"not read: at most {most} pictures of one listing are"
    return ListingImage(source=link, unreadable=Unreadable(what="image", source=link, reason=reason))
