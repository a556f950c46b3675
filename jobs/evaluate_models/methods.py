"""Ways to tell how alike two pictures are: the model's vectors, and the baselines that stand beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.progress import Progress
from index.embedder import Space
from index.homography import align
from index.local_features import LocalFeatures, mirrored
from index.picture import pdq_distances, pdq_hashes, prepare
from index.preprocessing import REFERENCE_VIEWS, query_views, reference_views
from index.score_normalization import ScoreNormalization
from index.votes import DescriptorVotes
from jobs.evaluate_models.retrieval import Scores
from store.images import RGB

Vectors = NDArray[np.float32]
"""(n, d) float32 of unit length."""
ReadPicture = Callable[[], RGB]
"""A picture, decoded when it is asked for, so that thousands need no memory."""

_SHORTLIST = 10
"""References that local features align a picture with; their votes name them."""
_BINS = 8
"""Of each color channel in the histogram."""


class ImageModel(Protocol):
    """What gives vectors: the embedder, or the same tower untrained."""

    @property
    def size(self) -> int:
        """Side of the square input, in pixels."""

    def embed(self, images: NDArray[np.float32], space: Space = "copy") -> Vectors:
        """(n, 3, size, size) views to (n, d) of unit length."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """One way: what it keeps of a picture, and how it compares what it kept."""

    name: str
    of_query: Callable[[RGB], Any]
    of_reference: Callable[[RGB], Any]
    compare: Callable[[Sequence[Any], Sequence[Any]], Scores]
    """What was kept of queries and of references to (queries, references), larger is more alike."""


def score_all(
    methods: Sequence[Method],
    queries: Sequence[ReadPicture],
    references: Sequence[ReadPicture],
    *,
    stage: str,
    progress: Progress,
) -> dict[str, Scores]:
    """(queries, references) by each method's name. Each picture is decoded once for all of them."""
    total = len(queries) + len(references)
    kept: tuple[dict[str, list[Any]], ...] = ({m.name: [] for m in methods}, {m.name: [] for m in methods})
    done = 0
    for side, pictures in enumerate((references, queries)):
        for read in pictures:
            rgb = read()
            for method in methods:
                look = method.of_query if side else method.of_reference
                kept[side][method.name].append(look(rgb))
            done += 1
            progress(stage, done, total)
    return {method.name: method.compare(kept[1][method.name], kept[0][method.name]) for method in methods}


def embedding(
    name: str,
    model: ImageModel,
    space: Space,
    *,
    whole: bool = False,
    flips: bool = True,
    normalization: ScoreNormalization | None = None,
) -> Method:
    """The largest cosine of any view of one picture with any of the other.

    `whole`: each picture is one view, itself. `flips`: a reference is also seen in the mirror.
    """
    kept = 1 if whole else REFERENCE_VIEWS if flips else REFERENCE_VIEWS // 2

    def of_query(rgb: RGB) -> Vectors:
        return model.embed(query_views(rgb, model.size)[: 1 if whole else None], space)

    def of_reference(rgb: RGB) -> Vectors:
        return model.embed(reference_views(rgb, model.size)[:kept], space)

    def compare(queries: Sequence[Vectors], references: Sequence[Vectors]) -> Scores:
        views = np.concatenate(queries)
        cosines = views @ np.concatenate(references).T
        if normalization:
            cosines = normalization.normalized(views, cosines)
        by_reference = np.maximum.reduceat(cosines, _starts(references), axis=1)
        return np.asarray(np.maximum.reduceat(by_reference, _starts(queries), axis=0), np.float32)

    return Method(name=name, of_query=of_query, of_reference=of_reference, compare=compare)


def _starts(groups: Sequence[Vectors]) -> NDArray[np.int64]:
    return np.cumsum([0, *(len(group) for group in groups[:-1])])


def pdq() -> Method:
    """Facebook's perceptual hash: minus the Hamming distance, upright or mirrored, the smaller."""

    def compare(queries: Sequence[NDArray[np.uint8]], references: Sequence[NDArray[np.uint8]]) -> Scores:
        stored = np.stack([one[0] for one in references])
        nearest = [np.minimum(*(pdq_distances(turn, stored) for turn in query)) for query in queries]
        return -np.stack(nearest).astype(np.float32)

    def look(rgb: RGB) -> NDArray[np.uint8]:
        return np.stack(pdq_hashes(rgb))

    return Method(name="pdq", of_query=look, of_reference=look, compare=compare)


def color_histogram() -> Method:
    """Intersection of RGB histograms (Swain and Ballard, "Color indexing", IJCV 7, 1991)."""

    def look(rgb: RGB) -> NDArray[np.float32]:
        bins = cv2.calcHist([rgb], [0, 1, 2], None, [_BINS] * 3, [0, 256] * 3).ravel()
        return np.asarray(bins / bins.sum(), np.float32)

    def compare(queries: Sequence[NDArray[np.float32]], references: Sequence[NDArray[np.float32]]) -> Scores:
        stored = np.stack(references)
        return np.stack([np.minimum(stored, query).sum(axis=1) for query in queries])

    return Method(name="color_histogram", of_query=look, of_reference=look, compare=compare)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pointed:
    """A picture's local features and its working size."""

    features: LocalFeatures
    size: tuple[int, int]


def local_features(*, flips: bool = True) -> Method:
    """RootSIFT with RANSAC: how many points agree on one homography, among the references that most features name.

    Between equals, votes decide. `flips`: a mirrored picture is looked for as well.
    """

    def look(rgb: RGB) -> _Pointed:
        picture = prepare(rgb)
        return _Pointed(features=picture.features, size=(picture.width, picture.height))

    def compare(queries: Sequence[_Pointed], references: Sequence[_Pointed]) -> Scores:
        stored = [one.features.unit_descriptors() for one in references]
        owners = np.repeat(np.arange(len(stored)), [len(one) for one in stored]).astype(np.int32)
        votes = DescriptorVotes.build(np.concatenate(stored), owners)
        return np.stack([_inliers(query, references, stored, votes, flips) for query in queries])

    return Method(name="local_features", of_query=look, of_reference=look, compare=compare)


def _inliers(
    query: _Pointed,
    references: Sequence[_Pointed],
    stored: Sequence[NDArray[np.float32]],
    votes: DescriptorVotes,
    flips: bool,
) -> NDArray[np.float32]:
    """(references,) inliers, plus less than one for the votes."""
    descriptors = query.features.unit_descriptors()
    scores = np.zeros(len(references), np.float32)
    for flip in (False, True) if flips else (False,):
        named = votes.vote(mirrored(descriptors) if flip else descriptors, len(references))
        scores = np.maximum(scores, named / (1 + named))
        for number in np.argsort(-named, kind="stable")[:_SHORTLIST]:
            own = mirrored(stored[number]) if flip else stored[number]
            listing = (query.features.points, descriptors)
            reference = references[number]
            if found := align((reference.features.points, own), listing, reference.size, mirrored=flip):
                scores[number] = max(scores[number], found.inliers + named[number] / (1 + named[number]))
    return scores


def mean_of(name: str, scores: Sequence[Scores]) -> dict[str, Scores]:
    """The mean of several methods' scores, as a method of its own."""
    return {name: np.asarray(np.mean(scores, axis=0), np.float32)}
