"""Logos that a copy of a catalog's photo no longer shows: blurred, blacked out, painted over."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from domain.errors import EvidenceCorrupt, ImageRefused, NotFound
from domain.match import LogoMatch, PhotoMatch
from index.hidden_logos import find_hidden_logos
from index.homography import corners_of
from index.logo_matcher import LogoMatcher
from index.logo_regions import bounding_box
from store.images import RGB

_REMEMBERED = 256
"""Catalog photos whose logos are remembered; many listings copy one photo."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _CatalogPhoto:
    rgb: RGB
    logos: tuple[LogoMatch, ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HiddenLogoSearch:
    """Compares copies with the catalog photos that they were made from, where those show their owner's logo."""

    matcher: LogoMatcher
    read_image: Callable[[str], RGB]
    """Decoded picture of an evidence digest; raises ImageRefused, NotFound or EvidenceCorrupt."""
    _known: OrderedDict[str, _CatalogPhoto | None] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def search(self, pictures: Sequence[tuple[str, RGB]], photos: Sequence[PhotoMatch]) -> tuple[LogoMatch, ...]:
        """Hidden logos in a listing's `pictures`, by the best of the copied `photos` in each."""
        shown = dict(pictures)
        best: dict[str, PhotoMatch] = {}
        for photo in photos:
            best.setdefault(photo.image_sha256, photo)
        return tuple(found for photo in best.values() for found in self._hidden(photo, shown))

    def _hidden(self, photo: PhotoMatch, shown: Mapping[str, RGB]) -> Iterator[LogoMatch]:
        original, copy = self._catalog_photo(photo.reference_sha256), shown.get(photo.image_sha256)
        own = [logo for logo in original.logos if logo.rights_holder == photo.rights_holder] if original else []
        if original is None or copy is None or not own:
            return
        height, width = original.rgb.shape[:2]
        matrix = cv2.getPerspectiveTransform(corners_of((width, height)), np.array(photo.outline, np.float32))
        places = [logo.box for logo in own]
        for hidden in find_hidden_logos(copy, original.rgb, np.asarray(matrix, np.float64), places):
            yield replace(
                own[hidden.number],
                image_sha256=photo.image_sha256,
                box=bounding_box(hidden.outline),
                outline=hidden.outline,
                similarity=0.0,
                inliers=0,
                text="",
                text_score=0.0,
                alterations=(hidden.alteration,),
                hidden=True,
            )

    def _catalog_photo(self, sha256: str) -> _CatalogPhoto | None:
        """None: it cannot be read, and says nothing of its copies."""
        with self._lock:
            if sha256 in self._known:
                self._known.move_to_end(sha256)
                return self._known[sha256]
        try:
            rgb = self.read_image(sha256)
        except (ImageRefused, NotFound, EvidenceCorrupt):
            looked = None
        else:
            looked = _CatalogPhoto(rgb=rgb, logos=self.matcher.find([(sha256, rgb)]))
        with self._lock:
            self._known[sha256] = looked
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return looked
