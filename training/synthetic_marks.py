"""An endless source of marks that nobody owns: an embedder that learns marks needs more of them than there are brands.

Words in many typefaces, emblems by rule, real training marks deformed into others, and symbols beside words.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.deformed_marks import deform_mark
from training.emblems import draw_emblem
from training.lettering import Generator, draw_word, invent_name, set_line
from training.mark_masks import MARK_SIDE, Mask, fit_mask, has_shape

WORDS, EMBLEMS, DEFORMED, LOCKUPS = 0.3, 0.3, 0.2, 0.2
"""Shares of the four kinds."""
_FAINTEST = 0.025
"""Of the square: a few thin leftovers are no mark."""


def synthetic_mark(
    generator: Generator,
    fonts: Sequence[Path],
    marks: Sequence[Mask] | NDArray[np.uint8],
    *,
    side: int = MARK_SIDE,
) -> Mask:
    """A (side, side) uint8 mask, centered, 92 of 96 parts of it long; equal generators, fonts and marks, equal mask.

    `marks` are (96, 96) masks to deform, of the training split only. Without fonts or marks, what needs them gives
    way to emblems.
    """
    while True:
        drawn = _draw(generator, fonts, marks)
        mask = None if drawn is None else fit_mask(drawn, side)
        if mask is not None and has_shape(mask) and float(mask.mean()) > _FAINTEST * 255:
            return mask


def _draw(generator: Generator, fonts: Sequence[Path], marks: Sequence[Mask] | NDArray[np.uint8]) -> Mask | None:
    pick = generator.random()
    if pick < WORDS and fonts:
        return draw_word(generator, fonts)
    if WORDS <= pick < WORDS + DEFORMED and len(marks):
        return deform_mark(generator, marks)
    if WORDS + DEFORMED <= pick < WORDS + DEFORMED + LOCKUPS and fonts:
        return _lockup(generator, fonts, marks)
    return draw_emblem(generator, fonts)


def _lockup(generator: Generator, fonts: Sequence[Path], marks: Sequence[Mask] | NDArray[np.uint8]) -> Mask | None:
    """A symbol before or above a word."""
    drawn = deform_mark(generator, marks) if len(marks) and generator.random() < 0.4 else draw_emblem(generator, fonts)
    symbol, word = fit_mask(drawn), set_line(generator, fonts, invent_name(generator, 9))
    if symbol is None or word is None or not has_shape(symbol):
        return None
    if generator.random() < 0.5:
        height = round(96 * generator.uniform(0.35, 0.8))
        width = max(8, min(480, round(word.shape[1] * height / word.shape[0])))
        canvas = np.zeros((96, 96 + 8 + width), np.uint8)
        canvas[:, :96] = symbol
        top = (96 - height) // 2
        canvas[top : top + height, 104:] = cv2.resize(word, (width, height), interpolation=cv2.INTER_AREA)
        return canvas
    width = round(96 * generator.uniform(0.8, 1.8))
    height = max(8, min(96, round(word.shape[0] * width / word.shape[1])))
    canvas = np.zeros((96 + 8 + height, max(96, width)), np.uint8)
    left = (canvas.shape[1] - 96) // 2
    canvas[:96, left : left + 96] = symbol
    left = (canvas.shape[1] - width) // 2
    canvas[104:, left : left + width] = cv2.resize(word, (width, height), interpolation=cv2.INTER_AREA)
    return canvas
