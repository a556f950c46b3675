"""From catalogs to an index: every reference picture embedded, hashed, described, and compared with its likes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from domain.catalog import ReferenceProduct
from domain.errors import EmptyCatalog, EvidenceCorrupt, ImageRefused, NotFound
from domain.progress import Progress, silent
from index.agreement import thumbnail
from index.artifact import FORMAT, Arrays, Checkpoint, IndexArtifact, Reference
from index.local_features import FEATURES_VERSION, LocalFeatures, no_features, unit
from index.logo_index import LogoIndex
from index.logo_variants import VARIANTS_VERSION
from index.picture import prepare
from index.preprocessing import reference_views
from index.twins import find_twins
from index.votes import DescriptorVotes
from store.images import RGB

ReadImage = Callable[[str], RGB]
"""Decoded picture of an evidence digest; raises ImageRefused, NotFound or EvidenceCorrupt for one that is unreadable.

Anything else it raises ends the build: a store that is down says nothing about its pictures."""


class CopyEmbedder(Protocol):
    """What index and matcher ask of an image model, wherever it runs; `index.embedder.Embedder` is one."""

    @property
    def size(self) -> int:
        """Side of the square input, in pixels."""

    def embed(self, images: NDArray[np.float32], /) -> NDArray[np.float32]:
        """(n, 3, size, size) views to (n, d) vectors of unit length that are close for copies of one photograph."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Described:
    """One reference picture with all that the index keeps of it."""

    reference: Reference
    features: LocalFeatures
    pdq: NDArray[np.uint8]
    vectors: NDArray[np.float32]
    thumb: RGB


def build_artifact(
    products: Sequence[ReferenceProduct],
    read_image: ReadImage,
    model: CopyEmbedder,
    *,
    catalog_digest: str,
    embedder: str,
    logos: LogoIndex | None = None,
    unreadable_logos: Sequence[str] = (),
    progress: Progress = silent,
) -> IndexArtifact:
    """An index in memory; of no references for a catalog of marks alone.

    A picture that cannot be read is named in the checkpoint and left out. Raises EmptyCatalog when none of the
    products' is left.
    """
    unreadable: list[str] = []
    described = list(_describe_all(products, read_image, model, unreadable, progress))
    if unreadable and not described:
        raise EmptyCatalog(
            "no reference picture could be read",
            field="image_link",
            advice="Import the catalog again with its pictures: assayer catalog import PATH.",
        )
    checkpoint = Checkpoint(
        format=FORMAT,
        catalog_digest=catalog_digest,
        embedder=embedder,
        features=FEATURES_VERSION,
        references=tuple(one.reference for one in described),
        logo_variants=VARIANTS_VERSION,
        logos=logos.references if logos else (),
        unreadable=(*unreadable, *unreadable_logos),
        files=(),
    )
    if not described:
        return _of_nothing(checkpoint, model, logos)
    return _with_twins(checkpoint, _arrays(described), logos, progress)


def _describe_all(
    products: Sequence[ReferenceProduct],
    read_image: ReadImage,
    model: CopyEmbedder,
    unreadable: list[str],
    progress: Progress,
) -> Iterator[_Described]:
    total = sum(len(product.images) for product in products)
    done = 0
    for product in products:
        for image in product.images:
            try:
                rgb = read_image(image.sha256)
            except (ImageRefused, NotFound, EvidenceCorrupt) as error:
                unreadable.append(f"{product.reference_id}: {error}")
            else:
                yield _describe(product, image.sha256, rgb, model)
            done += 1
            progress("index", done, total)


def _describe(product: ReferenceProduct, sha256: str, rgb: RGB, model: CopyEmbedder) -> _Described:
    picture, thumb = prepare(rgb), thumbnail(rgb)
    reference = Reference(
        reference_id=product.reference_id,
        rights_holder=product.rights_holder,
        brand=product.brand,
        sha256=sha256,
        size=(picture.width, picture.height),
        scale=picture.scale,
        thumb=(thumb.shape[1], thumb.shape[0]),
        features=len(picture.features),
    )
    vectors = model.embed(reference_views(rgb, model.size))
    return _Described(reference=reference, features=picture.features, pdq=picture.pdq, vectors=vectors, thumb=thumb)


def _arrays(described: Sequence[_Described]) -> Arrays:
    views = [len(one.vectors) for one in described]
    return Arrays(
        embeddings=np.concatenate([one.vectors for one in described]),
        view_owners=np.repeat(np.arange(len(described)), views).astype(np.int32),
        pdq=np.stack([one.pdq for one in described]),
        points=np.concatenate([one.features.points for one in described]),
        descriptors=np.concatenate([one.features.descriptors for one in described]),
        thumbs=np.concatenate([one.thumb.reshape(-1, 3) for one in described]),
        twin_pairs=np.zeros((0, 2), np.int32),
        twin_matrices=np.zeros((0, 3, 3), np.float64),
    )


def _with_twins(checkpoint: Checkpoint, arrays: Arrays, logos: LogoIndex | None, progress: Progress) -> IndexArtifact:
    counts = [reference.features for reference in checkpoint.references]
    owners = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    votes = DescriptorVotes.build(unit(arrays.descriptors), owners)
    alone = IndexArtifact(checkpoint, arrays, votes)
    pairs, matrices = find_twins(alone, progress)
    return IndexArtifact(checkpoint, replace(arrays, twin_pairs=pairs, twin_matrices=matrices), votes, logos)


def _of_nothing(checkpoint: Checkpoint, model: CopyEmbedder, logos: LogoIndex | None) -> IndexArtifact:
    """The index of a catalog of marks alone: logos are looked for, and words read against its marks."""
    nowhere = np.zeros(0, np.int32)
    no_points = no_features()
    arrays = Arrays(
        embeddings=model.embed(np.zeros((0, 3, model.size, model.size), np.float32)),
        view_owners=nowhere,
        pdq=np.zeros((0, 32), np.uint8),
        points=no_points.points,
        descriptors=no_points.descriptors,
        thumbs=np.zeros((0, 3), np.uint8),
        twin_pairs=np.zeros((0, 2), np.int32),
        twin_matrices=np.zeros((0, 3, 3), np.float64),
    )
    return IndexArtifact(checkpoint, arrays, DescriptorVotes.build(unit(no_points.descriptors), nowhere), logos)
