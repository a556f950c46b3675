"""Whose mark stands in a picture: three eyes look, and a small model weighs what they saw.

The first eye compares embeddings of places where a mark may stand with those of all logos. The second lays logos over
the picture by local features. The third reads. Each finds brands that the others then look at in the same place; what
no eye finds likely enough is *no known mark*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.match import Alteration, Box, LogoAlteration, LogoMatch, Point
from index.logo_alterations import SeenLogo, find_alterations
from index.logo_detector import LogoDetector
from index.logo_features import LogoAlignment, align_logos, look_at
from index.logo_index import LogoIndex, MarkEmbedder
from index.logo_regions import (
    Region,
    area,
    bounding_box,
    distinct,
    grid,
    intersection_over_union,
    overlap_of_smaller,
    region_views,
    within,
)
from index.logo_variants import LogoKind
from index.logo_verifier import FEATURE_NAMES, NEAR, LogoVerifier
from index.mark_text import ReadText, TextReader
from index.negative_bank import NO_NEGATIVES, NegativeBank
from index.score_normalization import ScoreNormalization
from index.word_marks import WordHit, WordMarks
from store.images import RGB

Eye = Literal["embedding", "features", "text", "detector"]
"""What can be left out to see what it is worth; without the detector, the first eye looks at the grid alone."""

_MOST_BOXES, _MOST_ALIGNED, _MOST_WORDS, _MOST_REGIONS = 14, 4, 6, 28
_BRANDS_PER_REGION = 3
_NEAREST = 24
"""References that are searched for each view."""
_DEDUCTED = 0.5
"""Of how close a place is to pictures without a mark, the share that its cosines are lessened by."""
_SAME_PLACE, _LARGER = 0.6, 16.0
"""Overlap of the smaller, and the most by which the larger exceeds it, for two finds to be of one mark."""
_ONE_MARK = 0.5
"""Intersection over union from which two brands cannot both stand there."""
_MOST_POINTS = 60.0
_IN_COLOR = frozenset((LogoKind.COLOR, LogoKind.ON_WHITE, LogoKind.ON_BLACK, LogoKind.INVERSE, LogoKind.PHOTO))
"""Variants whose colors are the brand's own."""
_AT_ONCE = 64


class Brand(NamedTuple):
    """Whose mark it is."""

    rights_holder: str
    brand: str


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LogoCandidate:
    """A brand that may stand in a place, with what speaks for it."""

    brand: Brand
    box: Box
    probability: float
    features: NDArray[np.float32]
    """(k,) in the order of index.logo_verifier.FEATURE_NAMES."""
    similarity: float
    """Cosine of the nearest of the brand's references; -1 where embeddings were left out."""
    reference: int
    """Its position in the index, or that of the aligned one."""
    views: NDArray[np.float32]
    """(v, d) mark vectors of the place; v is 0 where embeddings were left out."""
    alignment: LogoAlignment | None
    words: WordHit | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """What the embedding says of a brand in one region."""

    cosine: float
    deducted: float
    margin: float
    """Over the next brand's cosine there."""
    reference: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Seen:
    """A picture's places with what the first eye saw there, and what the others found."""

    regions: Sequence[Region]
    views: NDArray[np.float32]
    """(v, d) mark vectors."""
    owners: NDArray[np.int32]
    """(v,) region that each shows."""
    near: Sequence[Mapping[Brand, float]]
    """For each view, cosines of the nearest brands, nearest first."""
    deducted: NDArray[np.float32]
    """(v,) how close each view is to pictures without a mark."""
    alignments: Sequence[LogoAlignment]
    read: Sequence[ReadText]
    words: Sequence[WordHit]


class LogoMatcher:
    """Looks for all logos of one index. Safe to share between threads."""

    def __init__(
        self,
        logos: LogoIndex,
        embedder: MarkEmbedder,
        verifier: LogoVerifier,
        *,
        detector: LogoDetector | None,
        reader: TextReader | None,
        words: WordMarks,
        background: NDArray[np.float32] | None = None,
        negatives: NegativeBank = NO_NEGATIVES,
        without: frozenset[Eye] = frozenset(),
    ) -> None:
        """`background` (n, d) are mark vectors of pictures without a mark; None or empty: nothing is deducted.

        `negatives` is what rights holders said is not theirs.
        """
        self.logos, self.verifier = logos, verifier
        self._embedder, self._detector, self._reader, self._words = embedder, detector, reader, words
        self._negatives, self._without = negatives, without
        self._deductions = None
        if background is not None and len(background):
            self._deductions = ScoreNormalization(background, nearest=10, beta=_DEDUCTED)

    @property
    def versions(self) -> dict[str, str]:
        """Of what decides, by the names of domain.assessment.Versions; empty for what is not used."""
        return {
            "detector": self._detector.version if self._detector else "",
            "logo_verifier": self.verifier.version,
            "reader": self._reader.version if self._reader else "",
        }

    def find(self, pictures: Sequence[tuple[str, RGB]]) -> tuple[LogoMatch, ...]:
        """Known marks in a listing's pictures, each with its digest; most probable first, one a picture and brand."""
        found = [match for sha256, rgb in pictures for match in self._in_picture(sha256, rgb)]
        return tuple(sorted(found, key=lambda match: -match.probability))

    def _in_picture(self, sha256: str, rgb: RGB) -> list[LogoMatch]:
        if not self.logos.references:
            return []
        seen = self._look(rgb)
        named = self.named(self._candidates(seen, rgb))
        return [self._as_match(sha256, rgb, one, self._alterations(one, seen, rgb)) for one in named]

    def named(self, candidates: Sequence[LogoCandidate]) -> list[LogoCandidate]:
        """Those of `candidates`, best first, that are likely enough; of two brands in one place the likelier."""
        kept: list[LogoCandidate] = []
        for candidate in candidates:
            likely = candidate.probability >= self.verifier.name_from and not self._is_negative(candidate)
            if likely and not any(intersection_over_union(candidate.box, other.box) > _ONE_MARK for other in kept):
                kept.append(candidate)
        return kept

    def _is_negative(self, candidate: LogoCandidate) -> bool:
        cosines = np.full(len(candidate.views), candidate.similarity, np.float32)
        return bool(self._negatives.blocks(candidate.brand.rights_holder, candidate.views, cosines).any())

    def candidates(self, rgb: RGB) -> tuple[LogoCandidate, ...]:
        """The best place of every brand that any eye found, likeliest first, however unlikely."""
        if not self.logos.references:
            return ()
        return self._candidates(self._look(rgb), rgb)

    def _candidates(self, seen: _Seen, rgb: RGB) -> tuple[LogoCandidate, ...]:
        found = [self._candidate(brand, seen, rgb) for brand in self._brands(seen)]
        return tuple(sorted(found, key=lambda one: (-one.probability, one.brand)))

    def _look(self, rgb: RGB) -> _Seen:
        alignments = () if "features" in self._without else align_logos(look_at(rgb), self.logos)
        read = self._reader.read(rgb) if self._reader and "text" not in self._without else ()
        # a brand without a logo picture has nothing that could be shown beside what was read
        words = [hit for hit in self._words.find(read) if Brand(hit.rights_holder, hit.brand) in self._references_of]
        regions = distinct(
            [
                *(Region(box=within(bounding_box(one.outline), rgb)) for one in alignments[:_MOST_ALIGNED]),
                *(Region(box=within(hit.box, rgb)) for hit in words[:_MOST_WORDS]),
                *self._detected(rgb),
                *grid(rgb),
            ],
            most=_MOST_REGIONS,
        )
        views, owners = self._views(rgb, regions)
        return _Seen(
            regions=regions,
            views=views,
            owners=owners,
            near=self._nearest(views),
            deducted=self._deductions.deductions(views) if self._deductions else np.zeros(len(views), np.float32),
            alignments=alignments,
            read=read,
            words=words,
        )

    def _detected(self, rgb: RGB) -> list[Region]:
        if self._detector is None or "detector" in self._without:
            return []
        (found,) = self._detector.detect([rgb])
        return [
            Region(box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])), detected=float(score))
            for box, score in zip(found.boxes[:_MOST_BOXES], found.scores, strict=False)
        ]

    def _views(self, rgb: RGB, regions: Sequence[Region]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        if "embedding" in self._without or "mark" not in self._embedder.spaces:
            return np.zeros((0, 0), np.float32), np.zeros(0, np.int32)
        views = [region_views(rgb, region.box, self._embedder.size) for region in regions]
        stacked = np.concatenate(views)
        vectors = [self._embedder.embed(stacked[n : n + _AT_ONCE], "mark") for n in range(0, len(stacked), _AT_ONCE)]
        return np.concatenate(vectors), np.repeat(np.arange(len(views)), [len(v) for v in views]).astype(np.int32)

    @cached_property
    def _views_of(self) -> Mapping[Brand, NDArray[np.intp]]:
        """Rows of the index's vectors that show each brand."""
        rows: dict[Brand, list[int]] = {}
        for row, number in enumerate(self.logos.arrays.view_owners):
            rows.setdefault(self._brand_of(int(number)), []).append(row)
        return {brand: np.array(found) for brand, found in rows.items()}

    def _brand_of(self, number: int) -> Brand:
        reference = self.logos.references[number]
        return Brand(reference.rights_holder, reference.brand)

    def _brands(self, seen: _Seen) -> list[Brand]:
        """Brands that any eye found, each once."""
        found = [self._brand_of(one.number) for one in seen.alignments]
        found += [Brand(hit.rights_holder, hit.brand) for hit in seen.words]
        found += [brand for near in seen.near for brand in list(near)[:_BRANDS_PER_REGION]]
        return list(dict.fromkeys(found))

    def _nearest(self, views: NDArray[np.float32]) -> list[dict[Brand, float]]:
        if not len(views):
            return []
        cosines, numbers = self.logos.search(views, _NEAREST)
        near: list[dict[Brand, float]] = []
        for row, found in zip(cosines, numbers, strict=True):
            best: dict[Brand, float] = {}
            for cosine, number in zip(row, found, strict=True):
                if number >= 0:
                    best.setdefault(self._brand_of(int(number)), float(cosine))
            near.append(best)
        return near

    def _candidate(self, brand: Brand, seen: _Seen, rgb: RGB) -> LogoCandidate:
        alignments = [one for one in seen.alignments if self._brand_of(one.number) == brand]
        words = [hit for hit in seen.words if (hit.rights_holder, hit.brand) == brand]
        looks = self._looks(brand, seen)
        best: LogoCandidate | None = None
        for number, (region, look) in enumerate(zip(seen.regions, looks, strict=True)):
            aligned = next((one for one in alignments if _same_place(region.box, bounding_box(one.outline))), None)
            hit = next((one for one in words if _same_place(region.box, one.box)), None)
            features = _weighed(region, look, aligned, hit)
            probability = self.verifier.model.confidence(features)
            if best is None or probability > best.probability:
                best = LogoCandidate(
                    brand=brand,
                    box=within(region.box, rgb),
                    probability=probability,
                    features=features,
                    similarity=look.cosine,
                    reference=aligned.number if aligned else look.reference,
                    views=seen.views[seen.owners == number],
                    alignment=aligned,
                    words=hit,
                )
        assert best is not None  # the grid always has regions
        return best

    def _looks(self, brand: Brand, seen: _Seen) -> list[_Look]:
        rows = self._views_of.get(brand)
        if rows is None or not len(seen.views):
            reference = self._references_of[brand][0]
            return [_Look(cosine=-1.0, deducted=0.0, margin=0.0, reference=reference)] * len(seen.regions)
        cosines = seen.views @ self.logos.arrays.vectors[rows].astype(np.float32).T
        nearest, best = cosines.argmax(axis=1), cosines.max(axis=1)
        rivals = np.array([next((c for b, c in near.items() if b != brand), -1.0) for near in seen.near])
        looks = []
        for number in range(len(seen.regions)):
            views = np.flatnonzero(seen.owners == number)
            view = views[np.argmax((best - seen.deducted)[views])]
            looks.append(
                _Look(
                    cosine=float(best[view]),
                    deducted=float(seen.deducted[view]),
                    margin=float(best[view] - rivals[view]),
                    reference=int(self.logos.arrays.view_owners[rows[nearest[view]]]),
                )
            )
        return looks

    @cached_property
    def _references_of(self) -> Mapping[Brand, Sequence[int]]:
        numbers: dict[Brand, list[int]] = {}
        for number in range(len(self.logos.references)):
            numbers.setdefault(self._brand_of(number), []).append(number)
        return numbers

    def _alterations(self, found: LogoCandidate, seen: _Seen, rgb: RGB) -> tuple[LogoAlteration, ...]:
        """How the mark differs from the logo. Of a crop from a photograph only its letters are known well enough."""
        reference = self.logos.references[found.reference]
        thumb = self.logos.thumb_of(found.reference)
        shrink = thumb.shape[1] / reference.size[0]
        left, top, right, bottom = (side * shrink for side in reference.content)
        altered = find_alterations(
            SeenLogo(
                picture=rgb,
                box=found.box,
                logo=thumb,
                content=(left, top, right, bottom),
                matrix=found.alignment.matrix @ np.diag([1 / shrink, 1 / shrink, 1.0]) if found.alignment else None,
                others=[
                    self.logos.thumb_of(number)
                    for number in self._references_of[found.brand]
                    if self.logos.references[number].kind in _IN_COLOR
                ],
                marks=self._words.marks_of(*found.brand),
                known=self._words.others(*found.brand),
                texts=seen.read,
            ),
            self._reader,
        )
        if reference.kind != LogoKind.PHOTO:
            return altered
        return tuple(one for one in altered if one.kind == Alteration.LETTER_CHANGED)

    def _as_match(
        self, sha256: str, rgb: RGB, found: LogoCandidate, alterations: tuple[LogoAlteration, ...]
    ) -> LogoMatch:
        aligned = found.alignment
        return LogoMatch(
            image_sha256=sha256,
            rights_holder=found.brand.rights_holder,
            brand=found.brand.brand,
            logo_sha256=self.logos.references[found.reference].sha256,
            box=within(found.box, rgb),
            outline=tuple(_point(corner) for corner in aligned.outline) if aligned else (),
            probability=round(found.probability, 6),
            similarity=round(found.similarity, 4),
            inliers=aligned.inliers if aligned else 0,
            text=found.words.text if found.words else "",
            text_score=round(found.words.score, 4) if found.words else 0.0,
            alterations=alterations,
        )


def _weighed(region: Region, look: _Look, aligned: LogoAlignment | None, words: WordHit | None) -> NDArray[np.float32]:
    """(k,) features in [0, 1], see index.logo_verifier.FEATURE_NAMES."""
    resemblance = look.cosine - look.deducted
    found = {
        "resemblance": resemblance,
        "near_resemblance": (resemblance - NEAR) / (1 - NEAR),
        "distinctness": look.margin / 0.5,
        "points": np.log1p(min(aligned.inliers, _MOST_POINTS)) / np.log1p(_MOST_POINTS) if aligned else 0.0,
        "pixels": (max(aligned.correlation, 0.0) + aligned.agreeing) / 2 if aligned else 0.0,
        "spread": aligned.spread / 0.4 if aligned else 0.0,
        "words": words.score if words else 0.0,
        "detected": region.detected,
    }
    return np.array([min(max(found[name], 0.0), 1.0) for name in FEATURE_NAMES], np.float32)


def _same_place(one: Box, other: Box) -> bool:
    smaller, larger = sorted((area(one), area(other)))
    return overlap_of_smaller(one, other) > _SAME_PLACE and larger <= _LARGER * smaller


def _point(xy: NDArray[np.float32]) -> Point:
    return round(float(xy[0]), 1), round(float(xy[1]), 1)
