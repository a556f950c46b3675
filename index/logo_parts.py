"""A lockup's symbol and its word, told apart where a clear gap stands between two parts that differ clearly."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
PartBox = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels of the mask."""

_GAP_SHARE = 0.02
"""Of the mask's longer side, the narrowest gap that parts."""
_CLEARER = 1.3
"""How much wider the gap must be than any gap within the word: letters stand apart, too."""
_COMPACT, _ELONGATED = 1.8, 1.9
"""A symbol's longer side by its shorter one, at most; a word's width by its height, at least."""
_TALLER = 1.15
"""How much higher a symbol before a word is than the word: else it is the word's first letter."""
_LETTERS = 3
"""Connected pieces that make a word."""
_SPECK = 0.002
"""Of the mask's area: smaller pieces are no letters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """Where the two parts of a lockup lie."""

    symbol: PartBox
    word: PartBox


def find_parts(mask: Mask) -> Parts | None:
    """Symbol and word of a trimmed (height, width) mask; None unless it clearly has just these two."""
    return _beside(mask) or _above(mask)


def _beside(mask: Mask) -> Parts | None:
    """A symbol before or after a word: the widest gap between columns parts them."""
    gaps = _gaps(np.any(mask, axis=0), mask)
    if not gaps:
        return None
    begin, end = max(gaps, key=lambda gap: gap[1] - gap[0])
    first, second = _trim(mask, (0, 0, begin, mask.shape[0])), _trim(mask, (end, 0, mask.shape[1], mask.shape[0]))
    symbol, word = (first, second) if _height(first) >= _height(second) else (second, first)
    inside = [other for other in gaps if word[0] <= other[0] and other[1] <= word[2]]
    clear = all(end - begin >= _CLEARER * (other[1] - other[0]) for other in inside)
    taller = _height(symbol) >= _TALLER * _height(word)
    return _parts(mask, symbol, word) if clear and taller else None


def _above(mask: Mask) -> Parts | None:
    """A symbol above or below a word: the one gap between rows that leaves a compact and an elongated part."""
    gaps = _gaps(np.any(mask, axis=1), mask)
    if not gaps:
        return None
    begin, end = max(gaps, key=lambda gap: gap[1] - gap[0])
    first, second = _trim(mask, (0, 0, mask.shape[1], begin)), _trim(mask, (0, end, mask.shape[1], mask.shape[0]))
    symbol, word = (first, second) if _height(first) >= _height(second) else (second, first)
    return _parts(mask, symbol, word) if _height(symbol) >= _TALLER * _height(word) else None


def _parts(mask: Mask, symbol: PartBox, word: PartBox) -> Parts | None:
    width, height = symbol[2] - symbol[0], _height(symbol)
    compact = max(width, height) <= _COMPACT * min(width, height)
    elongated = word[2] - word[0] >= _ELONGATED * _height(word)
    if not compact or not elongated or _pieces(mask, word) < _LETTERS:
        return None
    return Parts(symbol=symbol, word=word)


def _gaps(lines: NDArray[np.bool_], mask: Mask) -> list[tuple[int, int]]:
    """(begin, end) of the runs of empty lines between filled ones, wide enough to part."""
    filled = np.flatnonzero(lines)
    steps = np.flatnonzero(np.diff(filled) > max(2.0, _GAP_SHARE * max(mask.shape)))
    return [(int(filled[step]) + 1, int(filled[step + 1])) for step in steps]


def _trim(mask: Mask, box: PartBox) -> PartBox:
    left, top, right, bottom = box
    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(mask[top:bottom, left:right], np.uint8))
    return left + x, top + y, left + x + width, top + y + height


def _height(box: PartBox) -> int:
    return box[3] - box[1]


def _pieces(mask: Mask, box: PartBox) -> int:
    left, top, right, bottom = box
    part = np.ascontiguousarray(mask[top:bottom, left:right], np.uint8)
    _count, _labels, statistics, _centers = cv2.connectedComponentsWithStats(part)
    return int((statistics[1:, cv2.CC_STAT_AREA] > _SPECK * part.size).sum())
