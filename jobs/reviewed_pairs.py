"""What reviews say of pictures: this part of a listing picture shows what that reference shows, or does not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.errors import EvidenceCorrupt, ImageRefused, NotFound
from domain.review import Decision, RejectionReason, Review, SeenAs, SeenRegion
from domain.settings import Settings
from index.embedder import Embedder, Space
from index.negative_bank import cut
from index.preprocessing import network_input
from jobs.review_examples import GroupedReview
from store.images import RGB, decode_image
from store.interfaces import EvidenceReader
from store.logo_images import shown_logo

if TYPE_CHECKING:
    from training.judged import JudgedPictures

_BATCH = 32
_KEPT = 4
"""Times the side of the network's input: the most pixels of a side that are kept."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReviewedPair:
    """Two pictures that a person judged side by side; a side that has many pixels is shrunk, whatever the other."""

    space: Space
    """In which they are, or are not, to be close."""
    seen: RGB
    """Of the listing's picture what the finding was about."""
    reference: RGB
    same: bool
    """Confirmed; False: rejected as not the rights holder's."""
    group: str
    """What may not stand on both sides of a split."""


def read_pairs(
    reviews: Iterable[GroupedReview], evidence: EvidenceReader, settings: Settings, *, size: int
) -> tuple[list[ReviewedPair], int]:
    """(pairs, how many could not be read). A rejection for another reason than `not_ours` says nothing of pictures.

    `size` is the side of the square to which the network squashes them, in pixels. Raises StoreUnavailable.
    """
    pairs: list[ReviewedPair] = []
    unreadable = 0
    for one in reviews:
        if not _is_about_pictures(one.review):
            continue
        for region in one.review.regions:
            try:
                seen = _shrunk(_seen(region, evidence, settings), _KEPT * size)
                reference = _shrunk(_reference(region, evidence, settings), _KEPT * size)
            except (ImageRefused, NotFound, EvidenceCorrupt):
                unreadable += 1
                continue
            same = one.review.decision == Decision.CONFIRMED
            space: Space = region.seen_as.value
            pairs.append(ReviewedPair(space=space, seen=seen, reference=reference, same=same, group=one.group))
    return pairs, unreadable


def _seen(region: SeenRegion, evidence: EvidenceReader, settings: Settings) -> RGB:
    whole = _decoded(region.image_sha256, evidence, settings)
    return whole if region.box is None else cut(whole, region.box)


def _reference(region: SeenRegion, evidence: EvidenceReader, settings: Settings) -> RGB:
    """A logo as people are shown it: it may be an SVG, or white on a transparent ground."""
    if region.seen_as == SeenAs.MARK:
        return shown_logo(evidence.read(region.reference_sha256))
    return _decoded(region.reference_sha256, evidence, settings)


def _decoded(sha256: str, evidence: EvidenceReader, settings: Settings) -> RGB:
    return decode_image(evidence.read(sha256), max_bytes=settings.max_image_bytes, max_pixels=settings.max_image_pixels)


def _shrunk(rgb: RGB, side: int) -> RGB:
    """No side longer than `side`, each by itself. Copied where it is a part: a part keeps all of its picture."""
    height, width = min(rgb.shape[0], side), min(rgb.shape[1], side)
    if (height, width) == rgb.shape[:2]:
        return rgb.copy()
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def judged_pictures(pairs: Sequence[ReviewedPair], size: int) -> JudgedPictures:
    """The pairs as a training run sees them, squares of `size` pixels. Raises BadInput where there are none."""
    from training.judged import JudgedPictures

    seen = [_levels(pair.seen, size) for pair in pairs]
    references = [_levels(pair.reference, size) for pair in pairs]
    none = np.zeros((0, 3, size, size), np.uint8)
    return JudgedPictures(
        seen=np.stack(seen) if seen else none,
        references=np.stack(references) if references else none,
        same=np.array([pair.same for pair in pairs], bool),
        spaces=tuple(pair.space for pair in pairs),
    )


def _levels(rgb: RGB, size: int) -> NDArray[np.uint8]:
    return np.asarray(np.rint(255 * network_input(rgb, size)), np.uint8)


def _is_about_pictures(review: Review) -> bool:
    return review.decision == Decision.CONFIRMED or review.reason == RejectionReason.NOT_OURS


def embed_pictures(embedder: Embedder, pictures: Sequence[RGB], space: Space) -> NDArray[np.float32]:
    """(n, d) of unit length, each picture whole; n may be 0."""
    views = np.zeros((0, 3, embedder.size, embedder.size), np.float32)
    parts = [pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH)]
    vectors = [embedder.embed(np.stack([network_input(rgb, embedder.size) for rgb in part]), space) for part in parts]
    return np.concatenate([embedder.embed(views, space), *vectors])
