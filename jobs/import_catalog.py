"""A rights holder's catalog goes in: a product feed and its pictures, checked row by row."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from pydantic import ValidationError

from domain.catalog import Brand, Catalog, ReferenceImage, ReferenceProduct, RightsHolder, Trademark
from domain.errors import BadInput, EmptyCatalog, ImageRefused
from domain.progress import Progress, silent
from domain.settings import Settings
from jobs.intake.fields import placed_faults
from jobs.intake.findings import Findings
from jobs.intake.merchant_feed import FEED_SUFFIXES, FeedRow, read_feed
from jobs.intake.pictures import Fetch, Picture, PictureIntake
from jobs.intake.rights_holders import FILE_NAME, MAX_BYTES, BrandRow, RightsHolderRow, read_rights_holders
from jobs.intake.source import FolderSource, Source, open_source
from jobs.intake.write_behind import WriteBehind
from store.interfaces import CatalogReader, CatalogWriter, EvidenceWriter, SaveCount
from store.logo_images import decode_logo

_LONGEST_HEADER = 10_000
"""Bytes of a feed's first line that are looked at."""
_ID_COLUMN = re.compile(rb"(?:^|[\t,;|])[ \"\xef\xbb\xbf]*id[ \"]*(?:[\t,;|\r\n]|$)", re.IGNORECASE)
_ADVICE = f"Put a {FILE_NAME} beside the feed, or name the owner of all its brands with --rights-holder NAME."


class CatalogRecords(CatalogReader, CatalogWriter, Protocol):
    """What an import reads and writes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogReport:
    """What an import or check of a catalog found."""

    rights_holders: tuple[str, ...] = ()
    products: int = 0
    """Good products."""
    images: int = 0
    """Good pictures of products and logos."""
    saved: SaveCount = field(default_factory=SaveCount)
    """Products written; nothing where the catalog was only checked."""
    bad: tuple[BadInput, ...] = ()
    """Rows, pictures and fields that were refused, in the order found."""
    warnings: tuple[BadInput, ...] = ()
    """Odd, but taken in."""


def check_catalog(
    path: Path,
    settings: Settings,
    *,
    rights_holder: str | None = None,
    fetch: Fetch | None = None,
    progress: Progress = silent,
) -> CatalogReport:
    """Everything an import would say, without writing anything. What would end the import is the last of `bad`."""
    findings = Findings()
    intake = _Intake(settings, _sha256, rights_holder, fetch, progress, findings)
    try:
        catalogs = intake.read(path)
    except BadInput as error:
        findings.refuse(error)
        catalogs = ()
    return _report(catalogs, SaveCount(), findings)


def import_catalog(
    path: Path,
    records: CatalogRecords,
    evidence: EvidenceWriter,
    settings: Settings,
    *,
    rights_holder: str | None = None,
    fetch: Fetch | None = None,
    progress: Progress = silent,
) -> CatalogReport:
    """Read a folder, a ZIP, or a feed file beside its pictures, and save each rights holder's catalog.

    The stored catalogs of the rights holders are replaced by the good rows, in one transaction; pictures go to
    evidence before. With `rights_holders.json` in place, `rights_holder` picks one of its rights holders and leaves the
    others' rows aside; without it, it names the owner of every brand of the feed, of whom all else that is stored
    (authorized sellers above all) stays as it is. `fetch` gets pictures that are URLs; without it they are refused.

    Raises BadInput where a file cannot be read as a whole, ArchiveRefused, and EmptyCatalog where nothing is left
    to compare with; then nothing was saved.
    """
    findings = Findings()
    with WriteBehind(evidence) as writes:
        intake = _Intake(settings, writes.write, rights_holder, fetch, progress, findings)
        catalogs = intake.read(path)
        writes.settle()
    if intake.feed_alone:
        stored = {holder.name: holder for holder in records.rights_holders()}
        catalogs = tuple(_keeping_the_rest(catalog, stored.get(catalog.rights_holder.name)) for catalog in catalogs)
    return _report(catalogs, records.save_catalogs(catalogs), findings)


def _keeping_the_rest(catalog: Catalog, stored: RightsHolder | None) -> Catalog:
    """A feed alone says nothing of sellers, marks and logos: to forget them would accuse those whom they protect."""
    if stored is None:
        return catalog
    known = {brand.name.casefold() for brand in stored.brands}
    new = tuple(brand for brand in catalog.rights_holder.brands if brand.name.casefold() not in known)
    return replace(catalog, rights_holder=replace(stored, brands=stored.brands + new))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _report(catalogs: Sequence[Catalog], saved: SaveCount, findings: Findings) -> CatalogReport:
    logos = sum(len(brand.logos) for catalog in catalogs for brand in catalog.rights_holder.brands)
    return CatalogReport(
        rights_holders=tuple(catalog.rights_holder.name for catalog in catalogs),
        products=sum(len(catalog.products) for catalog in catalogs),
        images=logos + sum(len(product.images) for catalog in catalogs for product in catalog.products),
        saved=saved,
        bad=tuple(findings.bad),
        warnings=tuple(findings.warnings),
    )


@dataclass(slots=True)
class _Intake:
    """One reading of one catalog."""

    settings: Settings
    write: Callable[[bytes], str]
    chosen: str | None
    fetch: Fetch | None
    progress: Progress
    findings: Findings
    feed_alone: bool = False
    """Whether there was no rights_holders.json."""

    def read(self, path: Path) -> tuple[Catalog, ...]:
        """The catalogs at `path`, pictures taken in."""
        is_feed = path.is_file() and path.suffix.lower() in FEED_SUFFIXES
        source = FolderSource(path.parent, self.settings) if is_feed else open_source(path, self.settings)
        try:
            names = source.names()
            feeds = [path.name] if is_feed else _feeds(source, names, self.findings)
            rows = [row for name in feeds for row in self._rows(source, name)]
            return self._catalogs(source, path, names, rows)
        finally:
            source.close()

    def _rows(self, source: Source, name: str) -> list[FeedRow]:
        with source.open(name) as stream:
            rows = []
            for row in read_feed(stream, file=source.label(name), findings=self.findings):
                rows.append(row)
                if len(rows) % 1_000 == 0:
                    self.progress("feed rows", len(rows), None)
            return rows

    def _catalogs(self, source: Source, path: Path, names: Sequence[str], rows: list[FeedRow]) -> tuple[Catalog, ...]:
        refused = len(self.findings.bad)
        holders = self._holders(source, names, rows)
        owned = _Owners(holders, self.chosen, self.findings).assign(rows)
        if not owned and refused + len(rows):
            self._refuse_as_empty(path, "every row of the feed was refused")
        album = _Album(PictureIntake(source=source, settings=self.settings, write=self.write, fetch=self.fetch))
        count = _Count(self.progress, len(owned))
        by_owner = defaultdict(list)
        for owner, row in owned:
            by_owner[owner].append(row)
        catalogs = []
        for at, (json_path, holder) in enumerate(holders):
            if self.chosen and holder.name != self.chosen:
                continue
            label = source.label(FILE_NAME)
            rights_holder = _rights_holder(holder, json_path, label, album, self.findings)
            products = [_product(row, holder, album, self.findings) for row in count(by_owner[at])]
            good = tuple(product for product in products if product)
            self._warn_of_idle_floors(holder, good, f"{json_path}.minimum_advertised_price", label)
            if products and not good:
                reason = f"every product of {holder.name} was refused; what is stored of it stays as it is"
                self.findings.refuse(BadInput(reason, file=str(path)))
            else:
                catalogs.append(Catalog(rights_holder=rights_holder, products=good))
        if not any(catalog.products or catalog.rights_holder.marks for catalog in catalogs):
            self._refuse_as_empty(path, "no product, no brand and no trademark")
        return tuple(catalogs)

    def _holders(
        self, source: Source, names: Sequence[str], rows: list[FeedRow]
    ) -> tuple[tuple[str, RightsHolderRow], ...]:
        if FILE_NAME in names:
            content = source.read(FILE_NAME, max_bytes=MAX_BYTES)
            label = source.label(FILE_NAME)
            holders = read_rights_holders(content, file=label, findings=self.findings)
            if self.chosen and self.chosen not in [holder.name for _, holder in holders]:
                raise BadInput(f'no rights holder is named "{self.chosen}"', file=label, field="rights_holders")
            return holders
        if not self.chosen:
            if rows or self.findings.bad:
                raise BadInput("whose products these are is not said", file=source.label(FILE_NAME), advice=_ADVICE)
            return ()
        self.feed_alone = True
        brands = {row.brand.casefold(): row.brand for row in reversed(rows) if row.brand}
        if len(brands) != 1 and not all(row.brand for row in rows):
            brands.setdefault(self.chosen.casefold(), self.chosen)
        try:
            owner = RightsHolderRow(name=self.chosen, brands=[BrandRow(name=name) for name in brands.values()])
        except ValidationError as error:
            raise BadInput(placed_faults(error)[0].reason, field="rights_holder") from error
        return (("", owner),)

    def _warn_of_idle_floors(
        self, holder: RightsHolderRow, products: tuple[ReferenceProduct, ...], path: str, file: str
    ) -> None:
        if isinstance(holder.minimum_advertised_price, dict):
            known = {product.reference_id for product in products}
            for name in holder.minimum_advertised_price:
                if name not in known:
                    self.findings.warn(BadInput("no such product in the feed", file=file, field=f"{path}.{name}"))

    def _refuse_as_empty(self, path: Path, reason: str) -> None:
        if self.findings.bad:
            reason += f"; {len(self.findings.bad)} faults, the first: {self.findings.bad[0]}"
        raise EmptyCatalog(reason, file=str(path), advice=f"See them all with: assayer catalog check {path}")


def _feeds(source: Source, names: Sequence[str], findings: Findings) -> list[str]:
    """Feeds among a folder's files. A .txt is one only if nothing else is: folders hold read-me files.

    Beside a rights_holders.json, which is a catalog by itself, its first line must name a column id besides.
    """
    feeds = [name for name in names if PurePosixPath(name).suffix.lower() in FEED_SUFFIXES]
    texts = [name for name in feeds if name.lower().endswith(".txt")]
    if tables := [name for name in feeds if name not in texts]:
        return tables
    if FILE_NAME not in names:
        return texts
    for name in texts:
        if not _names_products(source, name):
            findings.warn(BadInput("taken for no feed: its first line names no column id", file=source.label(name)))
    return [name for name in texts if _names_products(source, name)]


def _names_products(source: Source, name: str) -> bool:
    with source.open(name) as stream:
        return bool(_ID_COLUMN.search(stream.readline(_LONGEST_HEADER)))


class _Count:
    """Tells progress over all rights holders together."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, rows: list[FeedRow]) -> Iterator[FeedRow]:
        for row in rows:
            yield row
            self._done += 1
            self._progress("product pictures", self._done, self._total)


class _Owners:
    """Which rights holder each row belongs to, by its brand."""

    def __init__(self, holders: Sequence[tuple[str, RightsHolderRow]], chosen: str | None, findings: Findings) -> None:
        self._findings = findings
        self._by_brand = {
            brand.name.casefold(): (at, brand.name) for at, (_, holder) in enumerate(holders) for brand in holder.brands
        }
        # a feed of one brand need not name it in every row
        self._only = (
            next(iter(self._by_brand.values()))
            if len(self._by_brand) == 1
            else self._by_brand.get((chosen or "").casefold())
        )

    def assign(self, rows: list[FeedRow]) -> list[tuple[int, FeedRow]]:
        """(position of the rights holder, row with the brand as its owner writes it); the others are refused."""
        first: dict[tuple[int, str], FeedRow] = {}
        for row in rows:
            owner = self._by_brand.get(row.brand.casefold()) if row.brand else self._only
            if owner is None:
                reason = f'"{row.brand}" is no brand of any rights holder' if row.brand else "empty: whose is it?"
                self._refuse(row, "brand", reason)
                continue
            key = (owner[0], row.product_id)
            if key in first:
                before = first[key]
                where = f"{before.line}" if before.file == row.file else f"{before.line} of {before.file}"
                self._refuse(row, "id", f'"{row.product_id}" stands already on line {where}')
                continue
            first[key] = replace(row, brand=owner[1])
        return [(at, row) for (at, _), row in first.items()]

    def _refuse(self, row: FeedRow, name: str, reason: str) -> None:
        self._findings.refuse(BadInput(reason, file=row.file, line=row.line, field=name))


class _Album:
    """Each picture is read once, however many products show it."""

    def __init__(self, intake: PictureIntake) -> None:
        self._intake = intake
        self._taken: dict[str, Picture] = {}
        self._logos: dict[str, Picture] = {}

    def take(self, link: str) -> Picture:
        if link not in self._taken:
            self._taken[link] = self._intake.take(link)
        return self._taken[link]

    def take_logo(self, link: str) -> Picture:
        """A logo may be an SVG; a product's picture may not."""
        if link not in self._logos:
            self._logos[link] = self._intake.take(link, decode_logo)
        return self._logos[link]


def _rights_holder(holder: RightsHolderRow, path: str, file: str, album: _Album, findings: Findings) -> RightsHolder:
    brands = []
    for at, brand in enumerate(holder.brands):
        logos = []
        for number, link in enumerate(brand.logos):
            picture = album.take_logo(link)
            if picture.refused:
                field_path = f"{path}.brands[{at}].logos[{number}]"
                reason, advice = f"{link}: {picture.refused.reason}", picture.refused.advice
                findings.refuse(ImageRefused(reason, file=file, field=field_path, advice=advice))
            elif picture.sha256 and picture.sha256 not in logos:
                logos.append(picture.sha256)
        brands.append(Brand(name=brand.name, logos=tuple(logos)))
    trademarks = tuple(
        Trademark(
            mark=row.mark,
            office=row.office,
            registration_number=row.registration_number,
            nice_classes=tuple(row.nice_classes),
            status=row.status,
        )
        for row in holder.trademarks
    )
    return RightsHolder(
        name=holder.name,
        brands=tuple(brands),
        trademarks=trademarks,
        authorized_sellers=tuple(dict.fromkeys(holder.authorized_sellers)),
        contact_email=holder.contact_email,
    )


def _product(row: FeedRow, holder: RightsHolderRow, album: _Album, findings: Findings) -> ReferenceProduct | None:
    """The product with the pictures that could be read; None where none could."""
    images: list[ReferenceImage] = []
    for at, link in enumerate(row.images):
        picture = album.take(link)
        if picture.refused:
            name = "additional_image_link" if at else "image_link"
            reason = f"{link}: {picture.refused.reason}"
            findings.refuse(ImageRefused(reason, file=row.file, line=row.line, field=name))
        elif picture.sha256 and picture.sha256 not in [image.sha256 for image in images]:
            role = "additional" if at else "main"
            images.append(ReferenceImage(sha256=picture.sha256, source=link, role=role))
    if not images:
        reason = "none of its pictures can be read: the product is left out"
        findings.refuse(BadInput(reason, file=row.file, line=row.line, field="image_link"))
        return None
    return ReferenceProduct(
        reference_id=row.product_id,
        rights_holder=holder.name,
        title=row.title,
        brand=row.brand,
        description=row.description,
        price=row.price,
        price_raw=row.price_raw,
        minimum_advertised_price=holder.floor_of(row.product_id, row.price),
        condition=row.condition,
        color=row.color,
        category=row.category,
        gtin=row.gtin,
        images=tuple(images),
    )
