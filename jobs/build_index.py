"""From stored catalogs to the index on disk; nothing is done when it is already there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from domain.catalog import RightsHolder
from domain.errors import AssayerError, EmptyCatalog, EvidenceCorrupt, ImageRefused, NotFound
from domain.progress import Progress, silent
from domain.settings import Settings
from index.artifact import Checkpoint, read_artifact, write_artifact
from index.build import build_artifact
from index.embedder import Embedder
from index.local_features import FEATURES_VERSION
from index.logo_index import LogoPicture, build_logo_index
from store.images import RGB, decode_image
from store.interfaces import CatalogReader, EvidenceReader
from store.logo_images import decode_logo


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildReport:
    """What a build did."""

    checkpoint: Checkpoint
    built: bool
    """False: the index on disk was already of this catalog and model."""


def build_index(
    catalogs: CatalogReader,
    evidence: EvidenceReader,
    embedder: Embedder,
    settings: Settings,
    *,
    progress: Progress = silent,
) -> BuildReport:
    """Build and publish the tenant's index. Raises EmptyCatalog when there is nothing to compare with.

    Where a picture could not be read the last time, everything is tried again: its evidence may be back.
    """
    catalog_digest = catalogs.catalog_digest()
    if current := _current(settings, embedder, catalog_digest):
        return BuildReport(checkpoint=current, built=False)
    products = catalogs.products()
    if not products and not catalogs.rights_holders():
        raise EmptyCatalog(
            "there is no catalog",
            field="catalog",
            advice="Import one: assayer catalog import PATH --rights-holder NAME.",
        )

    def read_image(sha256: str) -> RGB:
        return decode_image(
            evidence.read(sha256), max_bytes=settings.max_image_bytes, max_pixels=settings.max_image_pixels
        )

    reader = _LogoReader(catalogs.rights_holders(), evidence, settings)
    logos = build_logo_index(reader.pictures(), embedder, progress, total=reader.total)
    artifact = build_artifact(
        products,
        read_image,
        embedder,
        catalog_digest=catalog_digest,
        embedder=embedder.version,
        logos=logos,
        unreadable_logos=reader.unreadable,
        progress=progress,
    )
    checkpoint = write_artifact(settings.index_dir, artifact.checkpoint, artifact.arrays, artifact.votes, logos)
    return BuildReport(checkpoint=checkpoint, built=True)


class _LogoReader:
    """Reads the logos of all rights holders, one at a time, and keeps what could not be read."""

    def __init__(self, holders: Iterable[RightsHolder], evidence: EvidenceReader, settings: Settings) -> None:
        self._evidence, self._settings = evidence, settings
        self._logos = [
            (holder.name, brand.name, sha256) for holder in holders for brand in holder.brands for sha256 in brand.logos
        ]
        self.unreadable: list[str] = []

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self._logos)

    def pictures(self) -> Iterator[LogoPicture]:
        """Those that can be read. Raises StoreUnavailable: a store that is down says nothing about its pictures."""
        most = self._settings
        for rights_holder, brand, sha256 in self._logos:
            try:
                content = self._evidence.read(sha256)
                rgba = decode_logo(content, max_bytes=most.max_image_bytes, max_pixels=most.max_image_pixels)
            except (ImageRefused, NotFound, EvidenceCorrupt) as error:
                self.unreadable.append(f"logo of {brand}: {error}")
            else:
                yield LogoPicture(rights_holder=rights_holder, brand=brand, sha256=sha256, rgba=rgba)


def _current(settings: Settings, embedder: Embedder, catalog_digest: str) -> Checkpoint | None:
    """The checkpoint on disk when it, and every file of it, is what would be built."""
    try:
        artifact = read_artifact(settings.index_dir, embedder=embedder.version, features=FEATURES_VERSION)
    except AssayerError:
        return None
    checkpoint = artifact.checkpoint
    return checkpoint if checkpoint.catalog_digest == catalog_digest and not checkpoint.unreadable else None
