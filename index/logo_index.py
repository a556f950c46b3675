"""All logos of all rights holders, in their variants: searched by mark vectors, voted for by local features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.progress import Progress, silent
from index.agreement import thumbnail
from index.embedder import Space
from index.local_features import LocalFeatures, extract, no_features, unit
from index.logo_variants import Content, LogoKind, LogoVariant, squared, variants
from index.preprocessing import network_input
from index.vector_search import VectorSearch
from index.votes import DescriptorVotes
from store.images import RGB, RGBA

_DESCRIBED = (LogoKind.COLOR, LogoKind.ON_WHITE, LogoKind.ON_BLACK, LogoKind.PHOTO)
"""Kinds whose local features are kept. Those of an inverse are these, rearranged: `index.local_features.inverted`."""
_AT_ONCE = 64
"""Views that are embedded together."""
_THUMBS_HELD = 512
"""Thumbnails that stay decoded, 25 MB."""
_SMALL_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 9)
_ELONGATED = 1.2
"""From this longer side by shorter one, a photograph is embedded both squashed and in a square."""


class MarkEmbedder(Protocol):
    """What the logo index asks of an image model; `index.embedder.Embedder` is one."""

    @property
    def size(self) -> int:
        """Side of the square input, in pixels."""

    @property
    def spaces(self) -> frozenset[Space]:
        """What it has vectors for."""

    def embed(self, images: NDArray[np.float32], space: Space = ...) -> NDArray[np.float32]:
        """(n, 3, size, size) views to (n, d) vectors of unit length."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoPicture:
    """One decoded logo file of a brand."""

    rights_holder: str
    brand: str
    sha256: str
    """Evidence digest of the file."""
    rgba: RGBA


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoReference:
    """One variant of a logo picture as the index knows it."""

    rights_holder: str
    brand: str
    sha256: str
    """Evidence digest of the logo's file."""
    kind: LogoKind
    size: tuple[int, int]
    """Width and height of the working picture, in whose pixels the points are."""
    content: Content
    """(left, top, right, bottom) of the mark in the working picture, without its margin."""
    thumb: tuple[int, int]
    """Width and height of the thumbnail."""
    thumb_bytes: int
    """Of its PNG."""
    features: int
    """How many local features it has; 0 for the variants of which none are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoArrays:
    """Everything numeric, concatenated over references in their order."""

    vectors: NDArray[np.float16]
    """(views, d) mark vectors, L2-normalized; d is 0 where the embedder has no mark space."""
    view_owners: NDArray[np.int32]
    """(views,) number of the reference each view shows."""
    points: NDArray[np.float32]
    """(features, 2) working pixels."""
    descriptors: NDArray[np.uint8]
    """(features, 128)."""
    thumbs: NDArray[np.uint8]
    """(sum of thumb bytes,) PNG files one after the other: pixels would be nine tenths of an index of drawn marks."""

    @property
    def bytes(self) -> int:
        """Of all arrays."""
        return sum(getattr(self, field.name).nbytes for field in fields(self))


class LogoIndex:
    """The logos of an index; of none, it finds nothing."""

    def __init__(
        self, references: Sequence[LogoReference], arrays: LogoArrays, search: VectorSearch, votes: DescriptorVotes
    ) -> None:
        self.references, self.arrays, self.votes = tuple(references), arrays, votes
        self.vector_search = search
        self._most_views = int(np.bincount(arrays.view_owners).max(initial=1))
        self._feature_ends = np.cumsum([0, *(r.features for r in self.references)])
        self._thumb_ends = np.cumsum([0, *(r.thumb_bytes for r in self.references)])
        self._thumb_of = lru_cache(_THUMBS_HELD)(self._read_thumb)

    @property
    def vectors(self) -> NDArray[np.float32]:
        """(views, d) of unit length; reference `arrays.view_owners[i]` is what view i shows."""
        return self.arrays.vectors.astype(np.float32)

    def search(self, vectors: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Mark vectors (q, d) to cosines (q, k), best first, and numbers of k different references (q, k).

        Cosine -1 and number -1 where there are fewer.
        """
        cosines, views = self.vector_search.search(vectors, k * self._most_views)
        owners = np.where(views < 0, -1, self.arrays.view_owners[views] if len(self.arrays.view_owners) else -1)
        if self._most_views == 1:
            return cosines, owners.astype(np.int32)
        return _first_of_each(cosines, owners, k)

    def features_of(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Points (n, 2) in working pixels and stored descriptors (n, 128) of one reference."""
        rows = slice(self._feature_ends[number], self._feature_ends[number + 1])
        return self.arrays.points[rows], self.arrays.descriptors[rows]

    def thumb_of(self, number: int) -> RGB:
        """Thumbnail (h, w, 3) of one reference, its working picture shrunk to 128 px. Read-only."""
        return self._thumb_of(number)

    def _read_thumb(self, number: int) -> RGB:
        png = self.arrays.thumbs[self._thumb_ends[number] : self._thumb_ends[number + 1]]
        decoded = np.asarray(cv2.imdecode(png, cv2.IMREAD_COLOR), np.uint8)
        thumb = np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)
        thumb.flags.writeable = False
        return thumb


@dataclass(frozen=True, kw_only=True, slots=True)
class _Described:
    reference: LogoReference
    features: LocalFeatures
    views: NDArray[np.float32]
    thumb: NDArray[np.uint8]
    """(n,) a PNG file."""


def build_logo_index(
    logos: Iterable[LogoPicture],
    embedder: MarkEmbedder,
    progress: Progress = silent,
    *,
    total: int | None = None,
    exact: bool = False,
) -> LogoIndex:
    """All variants of all logos, in memory, in the order given; pictures are held one at a time.

    `total` is how many logos there are, for the progress. `exact` compares every vector, however many there are.
    """
    references: list[LogoReference] = []
    features: list[LocalFeatures] = []
    thumbs: list[NDArray[np.uint8]] = []
    owners: list[int] = []
    vectors = _Vectors(embedder)
    for one in _describe_all(logos, total, embedder.size, progress):
        owners += [len(references)] * len(one.views)
        references.append(one.reference)
        features.append(one.features)
        thumbs.append(one.thumb)
        vectors.add(one.views)
    search = VectorSearch.build(vectors.all(), exact=exact)
    arrays = LogoArrays(
        vectors=search.vectors,
        view_owners=np.array(owners if search.vectors.size else [], np.int32),
        points=np.concatenate([no_features().points, *(one.points for one in features)]),
        descriptors=np.concatenate([no_features().descriptors, *(one.descriptors for one in features)]),
        thumbs=np.concatenate([np.zeros(0, np.uint8), *thumbs]),
    )
    return LogoIndex(references, arrays, search, _votes(references, arrays))


def no_logos() -> LogoIndex:
    """The logos of a catalog that has none."""
    none = no_features()
    arrays = LogoArrays(
        vectors=np.zeros((0, 0), np.float16),
        view_owners=np.zeros(0, np.int32),
        points=none.points,
        descriptors=none.descriptors,
        thumbs=np.zeros(0, np.uint8),
    )
    return LogoIndex((), arrays, VectorSearch(arrays.vectors, None), _votes((), arrays))


def owners_of(references: Sequence[LogoReference]) -> NDArray[np.int32]:
    """(features,) number of the reference that each local feature is of."""
    features = [reference.features for reference in references]
    return np.repeat(np.arange(len(references)), features).astype(np.int32)


def logo_views(variant: LogoVariant, size: int) -> NDArray[np.float32]:
    """What is embedded of a variant: (1 or 2, 3, size, size).

    A drawn mark stands in a square of its ground, as in training. A crop of a photograph is squashed, and where it is
    elongated it stands in a square besides: it is not known how a found box will be cut.
    """
    views = [network_input(squared(variant), size)]
    height, width = variant.rgb.shape[:2]
    if variant.kind == LogoKind.PHOTO and max(height, width) >= _ELONGATED * min(height, width):
        views.append(network_input(variant.rgb, size))
    return np.stack(views)


def _votes(references: Sequence[LogoReference], arrays: LogoArrays) -> DescriptorVotes:
    return DescriptorVotes.build(unit(arrays.descriptors), owners_of(references))


def _describe_all(
    logos: Iterable[LogoPicture], total: int | None, size: int, progress: Progress
) -> Iterator[_Described]:
    for done, logo in enumerate(logos, start=1):
        for variant in variants(logo.rgba):
            yield _describe(logo, variant, size)
        progress("logos", done, total)


def _describe(logo: LogoPicture, variant: LogoVariant, size: int) -> _Described:
    described = variant.kind in _DESCRIBED
    gray = np.asarray(cv2.cvtColor(variant.rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    features = extract(gray) if described else no_features()
    thumb = thumbnail(variant.rgb)
    png = cv2.imencode(".png", cv2.cvtColor(thumb, cv2.COLOR_RGB2BGR), _SMALL_PNG)[1].ravel()
    reference = LogoReference(
        rights_holder=logo.rights_holder,
        brand=logo.brand,
        sha256=logo.sha256,
        kind=variant.kind,
        size=(variant.rgb.shape[1], variant.rgb.shape[0]),
        content=variant.content,
        thumb=(thumb.shape[1], thumb.shape[0]),
        thumb_bytes=len(png),
        features=len(features),
    )
    return _Described(reference=reference, features=features, views=logo_views(variant, size), thumb=png)


class _Vectors:
    """Embeds views a batch at a time, so that many logos need no memory for all their views."""

    def __init__(self, embedder: MarkEmbedder) -> None:
        self._embedder = embedder
        self._waiting: list[NDArray[np.float32]] = []
        self._done: list[NDArray[np.float32]] = []

    def add(self, views: NDArray[np.float32]) -> None:
        """Views (n, 3, size, size) of the next reference."""
        if "mark" in self._embedder.spaces:
            self._waiting.extend(views)
            if len(self._waiting) >= _AT_ONCE:
                self._embed()

    def all(self) -> NDArray[np.float32]:
        """(views, d), in the order in which they were added."""
        self._embed()
        return np.concatenate(self._done) if self._done else np.zeros((0, 0), np.float32)

    def _embed(self) -> None:
        if self._waiting:
            self._done.append(self._embedder.embed(np.stack(self._waiting), "mark"))
            self._waiting = []


def _first_of_each(
    cosines: NDArray[np.float32], owners: NDArray[np.int32], k: int
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """The best view of each reference."""
    best = np.full((len(owners), k), -1, np.float32)
    numbers = np.full((len(owners), k), -1, np.int32)
    for row, line in enumerate(owners):
        known, first = np.unique(line, return_index=True)
        first = np.sort(first[known >= 0])[:k]
        best[row, : len(first)], numbers[row, : len(first)] = cosines[row, first], line[first]
    return best, numbers
