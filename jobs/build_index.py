"""From stored catalogs to the index on disk; nothing is done when it is already there."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import AssayerError, EmptyCatalog
from domain.progress import Progress, silent
from domain.settings import Settings
from index.artifact import Checkpoint, read_artifact, write_artifact
from index.build import build_artifact
from index.embedder import Embedder
from index.local_features import FEATURES_VERSION
from store.images import RGB, decode_image
from store.interfaces import CatalogReader, EvidenceReader


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

    artifact = build_artifact(
        products,
        read_image,
        embedder,
        catalog_digest=catalog_digest,
        embedder=embedder.version,
        progress=progress,
    )
    checkpoint = write_artifact(settings.index_dir, artifact.checkpoint, artifact.arrays, artifact.votes)
    return BuildReport(checkpoint=checkpoint, built=True)


def _current(settings: Settings, embedder: Embedder, catalog_digest: str) -> Checkpoint | None:
    """The checkpoint on disk when it, and every file of it, is what would be built."""
    try:
        artifact = read_artifact(settings.index_dir, embedder=embedder.version, features=FEATURES_VERSION)
    except AssayerError:
        return None
    checkpoint = artifact.checkpoint
    return checkpoint if checkpoint.catalog_digest == catalog_digest and not checkpoint.unreadable else None
