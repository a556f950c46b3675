"""Ways to name a logo that stand beside the line: each compares a photograph with each logo picture of the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from index.embedder import Space
from index.logo_index import LogoPicture
from index.preprocessing import content_box
from jobs.evaluate_models.bench import Bench
from jobs.evaluate_models.logo_eyes import Answer
from jobs.evaluate_models.methods import ImageModel, Method, ReadPicture, embedding, local_features, score_all
from jobs.evaluate_models.retrieval import Scores, best_of_label
from jobs.logo_pictures import LogoSet
from store.images import RGB

_SIDE = 112
"""Pixels of a photograph's longer side in which templates are looked for."""
_SHARES = (0.12, 0.2, 0.34, 0.57, 0.9)
"""Of that side: the longer sides at which a template is looked for."""
_SMALLEST = 6
_SMOOTH = 0.8
_LARGER = 1 / 3
"""Power of a template's pixels by which its correlation counts: small ones correlate with anything."""

Edges = NDArray[np.float32]
"""(h, w) how steep the picture is."""


def baselines(model: ImageModel, space: Space) -> list[Method]:
    """Local features with RANSAC, templates over scales, and the embedder on the whole photograph."""
    return [
        local_features(flips=False),
        template_matching(),
        embedding("embedding_whole_picture", model, space, whole=True),
    ]


def baseline_answers(bench: Bench, logos: LogoSet, methods: Sequence[Method], stage: str) -> dict[str, list[Answer]]:
    """By each method's name, what it says of each scene of the set."""
    shown = [(picture, logo.brand) for logo in logos.logos for picture in opaque(logo)]
    scores = score_all(
        methods,
        [_known(scene.picture) for scene in logos.scenes],
        [_known(picture) for picture, _ in shown],
        stage=stage,
        progress=bench.progress,
    )
    owners = [brand for _, brand in shown]
    return {name: list(_answers(by_picture, owners)) for name, by_picture in scores.items()}


def _answers(scores: Scores, owners: Sequence[str]) -> Iterator[Answer]:
    """A brand that ties with another is no answer."""
    best, names = best_of_label(scores, owners)
    for row in best:
        first = int(row.argmax())
        alone = np.count_nonzero(row == row[first]) == 1
        yield Answer(brand=names[first] if alone else None, score=float(row[first]))


def opaque(logo: LogoPicture) -> list[RGB]:
    """The picture as it is; of ink on a transparent ground its like on white, and that one's negative."""
    rgba = logo.rgba
    if rgba.shape[2] == 3:
        return [np.asarray(rgba, np.uint8)]
    alpha = rgba[:, :, 3:].astype(np.float32) / 255
    on_white = np.rint(rgba[:, :, :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return [on_white, np.asarray(255 - on_white, np.uint8)]


def template_matching() -> Method:
    """The best normalized correlation of edges at any place and of five sizes (``cv2.matchTemplate``).

    A logo is cut to what it shows first. Correlation alone named hardly anything: the smallest templates always win.
    """

    def of_query(rgb: RGB) -> Edges:
        return edges_of(rgb, _SIDE)

    def of_reference(rgb: RGB) -> list[Edges]:
        left, top, right, bottom = content_box(rgb)
        shown = np.ascontiguousarray(rgb[top:bottom, left:right])
        return [edges_of(shown, max(_SMALLEST, round(share * _SIDE))) for share in _SHARES]

    def compare(queries: Sequence[Edges], references: Sequence[list[Edges]]) -> Scores:
        # a picture and its negative have the same edges, which are looked for once
        keys = [sizes[-1].round().tobytes() for sizes in references]
        distinct = dict(zip(keys, references, strict=True))
        columns = {key: number for number, key in enumerate(distinct)}
        rows = [[max(_correlations(query, sizes), default=-1.0) for sizes in distinct.values()] for query in queries]
        best = np.array(rows, np.float32).reshape(len(queries), len(distinct))
        return best[:, [columns[key] for key in keys]]

    return Method(name="template_matching", of_query=of_query, of_reference=of_reference, compare=compare)


def edges_of(rgb: RGB, side: int) -> Edges:
    """How steep the gray picture is at `side` px of its longer side."""
    scale = side / max(rgb.shape[:2])
    size = (max(2, round(rgb.shape[1] * scale)), max(2, round(rgb.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.cvtColor(cv2.resize(rgb, size, interpolation=how), cv2.COLOR_RGB2GRAY)
    gray = cv2.GaussianBlur(small.astype(np.float32), (0, 0), _SMOOTH)
    return np.asarray(cv2.magnitude(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)), np.float32)


def _correlations(query: Edges, sizes: Sequence[Edges]) -> Iterator[float]:
    for template in sizes:
        fits = template.shape[0] <= query.shape[0] and template.shape[1] <= query.shape[1]
        # a flat template has no correlation with anything
        if fits and float(template.std()) > 1.0:
            found = cv2.matchTemplate(query, template, cv2.TM_CCOEFF_NORMED)
            yield float(found[np.isfinite(found)].max(initial=-1.0)) * template.size**_LARGER


def _known(rgb: RGB) -> ReadPicture:
    return lambda: rgb
