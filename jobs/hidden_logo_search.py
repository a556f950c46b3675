"""Logos that a copy of a catalog's photo no longer shows: blurred, blacked out, painted over."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from weakref import WeakValueDictionary

import cv2
import numpy as np

from domain.errors import EvidenceCorrupt, ImageRefused, NotFound
from domain.match import LogoMatch, PhotoMatch
from index.hidden_logos import find_hidden_logos
from index.homography import corners_of
from index.logo_matcher import LogoMatcher
from index.logo_regions import bounding_box
from store.images import RGB

REMEMBERED_BYTES = 256_000_000
"""Of catalog photos that show a logo; many listings copy one photo."""
_LIGHT = 1_000
"""Bytes that remembering a photo without a logo counts for."""

_Key = tuple[str, str]
"""Evidence digest of a catalog photo, and its rights holder."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _CatalogPhoto:
    """One that shows its owner's logo."""

    rgb: RGB
    logos: tuple[LogoMatch, ...]
    """Its owner's; at least one."""


class _Remembered:
    """What was found in catalog photos, least lately used forgotten first. Safe to share between threads."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._bytes = most_bytes, 0
        self._photos: OrderedDict[_Key, _CatalogPhoto | None] = OrderedDict()
        self._looks: WeakValueDictionary[_Key, threading.Lock] = WeakValueDictionary()
        self._lock = threading.Lock()

    def get(self, key: _Key, look: Callable[[], _CatalogPhoto | None]) -> _CatalogPhoto | None:
        """What is remembered, else what `look` finds; threads that want the same photo wait for one look."""
        with self._lock:
            one_look = self._looks.setdefault(key, threading.Lock())
        with one_look:
            with self._lock:
                if key in self._photos:
                    self._photos.move_to_end(key)
                    return self._photos[key]
            found = look()
            self._keep(key, found)
            return found

    def _keep(self, key: _Key, found: _CatalogPhoto | None) -> None:
        with self._lock:
            self._photos[key] = found
            self._bytes += _weight(found)
            while self._bytes > self._most:
                self._bytes -= _weight(self._photos.popitem(last=False)[1])


def _weight(photo: _CatalogPhoto | None) -> int:
    return _LIGHT + (photo.rgb.nbytes if photo else 0)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HiddenLogoSearch:
    """Compares copies with the catalog photos that they were made from, where those show their owner's logo."""

    matcher: LogoMatcher
    read_image: Callable[[str], RGB]
    """Decoded picture of an evidence digest; raises ImageRefused, NotFound or EvidenceCorrupt."""
    _remembered: _Remembered = field(default_factory=lambda: _Remembered(REMEMBERED_BYTES))

    def search(self, pictures: Sequence[tuple[str, RGB]], photos: Sequence[PhotoMatch]) -> tuple[LogoMatch, ...]:
        """Hidden logos in a listing's `pictures`, by the best of the copied `photos` in each."""
        shown = dict(pictures)
        best: dict[str, PhotoMatch] = {}
        for photo in photos:
            best.setdefault(photo.image_sha256, photo)
        return tuple(found for photo in best.values() for found in self._hidden(photo, shown))

    def _hidden(self, photo: PhotoMatch, shown: Mapping[str, RGB]) -> Iterator[LogoMatch]:
        copy = shown.get(photo.image_sha256)
        if copy is None:
            return
        sha256, holder = photo.reference_sha256, photo.rights_holder
        original = self._remembered.get((sha256, holder), lambda: self._look(sha256, holder))
        if original is None:
            return
        height, width = original.rgb.shape[:2]
        matrix = cv2.getPerspectiveTransform(corners_of((width, height)), np.array(photo.outline, np.float32))
        places = [logo.box for logo in original.logos]
        for hidden in find_hidden_logos(copy, original.rgb, np.asarray(matrix, np.float64), places):
            yield replace(
                original.logos[hidden.number],
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

    def _look(self, sha256: str, holder: str) -> _CatalogPhoto | None:
        """None: it shows no logo of its owner, or cannot be read, and says nothing of its copies."""
        try:
            rgb = self.read_image(sha256)
        except (ImageRefused, NotFound, EvidenceCorrupt):
            return None
        own = tuple(logo for logo in self.matcher.find([(sha256, rgb)]) if logo.rights_holder == holder)
        return _CatalogPhoto(rgb=rgb, logos=own) if own else None
