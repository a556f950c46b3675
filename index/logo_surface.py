"""What a mark shows where the logo, laid over it, shows something else: other colors, or not all of it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.match import Alteration, LogoAlteration
from index.logo_registration import Gray, Registration, edges_of
from store.images import RGB

_COLORFUL, _COLORED = 25.0, 20.0
"""CIELAB chroma from which a logo's pixel, and a seen one, has a hue that can be told."""
_OTHER_HUE, _KNOWN_HUE = np.deg2rad(60), np.deg2rad(45)
"""Light and cameras turn hues by half as much."""
_EVEN = 8.0
"""CIELAB distance from its surroundings within which a pixel is not on an edge."""
_RECOLORED, _STANDS_OUT = 0.7, 25.0
"""Share of the colorful pixels whose hue is another, and their CIELAB distance to what surrounds the mark: a logo
knocked out of a garment has no color of its own."""
_COLORFUL_SHARE, _FEWEST = 0.15, 60
_OWN_SHARE = 0.05
"""Of a brand's colorful pixels, from which a hue is one of the brand's."""
_HUES = ((20, "pink"), (55, "red"), (80, "orange"), (112, "yellow"), (165, "green"), (230, "turquoise"), (310, "blue"))
"""Upper ends of CIELAB hue angles in degrees; above the last it is purple."""

_CELLS, _SHIFT = 5, 3
"""Cells along the longer side, and pixels by which a cell may be out of place."""
_PLAIN, _LEAST_MASS = 0.12, 0.01
_SEEN, _PARTLY, _MISSING = 0.6, 0.7, 0.45
"""Correlations of a cell: from the first it is seen, below the others it may be covered in part, and is missing."""
_LEAST_COVERED, _MOST_COVERED = 0.18, 0.6
_LEAST_REST, _REST_SEEN, _REST_CORRELATION = 0.35, 0.9, 0.8
"""Share of the mark that must be clear of the cover, how much of it must be seen, and its median correlation."""
_CUT_SHARE = 0.15
"""Of a connected part of the mark, how much must be missing and how much seen for it to be cut through. Where a symbol
without its word is all there is, nothing is covered."""
_INKED, _ALIKE = 24.0, 30.0
"""CIELAB distances from which a pixel is not the ground, and below which a color may be the ground's."""


def recolored(fit: Registration, others: Sequence[RGB] = ()) -> LogoAlteration | None:
    """Where most of the logo's colorful pixels have a hue that none of the brand's logos (`others`) has.

    Black, white and gray are what every brand prints its mark in, so a mark without a hue is not recolored, and
    neither is the hue of a logo that has none.
    """
    logo, seen = _lab(fit.logo), _lab(fit.seen)
    mark = _content(fit) & fit.inside
    even = np.linalg.norm(logo - cv2.GaussianBlur(logo, (0, 0), 1.5), axis=2) < _EVEN
    ink = mark & even & (_chroma(logo) > _COLORFUL)
    drawn = int((mark & (np.linalg.norm(logo - _ground(logo, fit), axis=2) > _INKED)).sum())
    around = ~_content(fit) & fit.inside
    if int(ink.sum()) < max(_FEWEST, _COLORFUL_SHARE * drawn) or int(around.sum()) < _FEWEST:
        return None
    apart = np.linalg.norm(seen[ink] - np.median(seen[around], axis=0), axis=1)
    turned = _between(_hue(logo[ink]), _hue(seen[ink]))
    other = (_chroma(seen[ink]) > _COLORED) & (turned > _OTHER_HUE)
    share = float(other.mean())
    if share < _RECOLORED or float(np.median(apart)) < _STANDS_OUT:
        return None
    was, now = _middle_hue(logo[ink][other]), _middle_hue(seen[ink][other])
    if _name(was) == _name(now) or any(_has_hue(picture, now) for picture in (fit.logo, *others)):
        return None
    confidence = 0.6 + 0.39 * (share - _RECOLORED) / (1 - _RECOLORED)
    difference = f"is {_name(now)} where the logo is {_name(was)}"
    return LogoAlteration(kind=Alteration.RECOLORED, confidence=round(confidence, 3), difference=difference)


def covered(fit: Registration) -> LogoAlteration | None:
    """Where a connected part of the mark is missing that the logo does not end at, and all the rest is there."""
    agreement, mass = _cells(fit)
    drawn = mass > 0
    if int(drawn.sum()) < 4:
        return None
    mass = mass / mass.sum()
    count, labels = cv2.connectedComponents((drawn & (agreement < _MISSING)).astype(np.uint8), connectivity=4)
    if count < 2:
        return None
    missing = labels == max(range(1, count), key=lambda label: float(mass[labels == label].sum()))
    # what covers a part seldom ends where a cell does
    rim = drawn & ~missing & (agreement < _PARTLY) & (cv2.dilate(missing.astype(np.uint8), np.ones((3, 3))) > 0)
    rest = drawn & ~missing & ~rim
    lacks = float(mass[missing].sum()) + float(mass[rim].sum()) / 2
    if not _LEAST_COVERED < lacks < _MOST_COVERED or float(mass[rest].sum()) < _LEAST_REST:
        return None
    seen = float(mass[rest & (agreement > _SEEN)].sum()) / float(mass[rest].sum())
    sure = float(np.median(agreement[rest]))
    if seen < _REST_SEEN or sure < _REST_CORRELATION or not _cuts_through(fit, missing, rest) or _fades(fit, missing):
        return None
    confidence = 0.5 + 0.45 * min(1.0, (sure - _REST_CORRELATION) / 0.15)
    difference = f"lacks {_part(missing)} of the logo, about {round(100 * lacks)} % of it"
    return LogoAlteration(kind=Alteration.COVERED, confidence=round(confidence, 3), difference=difference)


def shows_all(fit: Registration) -> bool:
    """Whether no part of the mark is missing."""
    agreement, mass = _cells(fit)
    drawn = mass > 0
    if not drawn.any():
        return False
    lacks = float(mass[drawn & (agreement < _MISSING)].sum() / mass.sum())
    return lacks < 0.1 and float(np.median(agreement[drawn])) > 0.7


def _content(fit: Registration) -> NDArray[np.bool_]:
    left, top, right, bottom = fit.content
    inside = np.zeros(fit.logo.shape[:2], bool)
    inside[top:bottom, left:right] = True
    return inside


def _ground(logo: Gray, fit: Registration) -> NDArray[np.float32]:
    """What surrounds the logo."""
    return np.asarray(np.median(logo[~_content(fit)], axis=0), np.float32)


def _lab(rgb: RGB) -> Gray:
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def _chroma(lab: Gray) -> Gray:
    return np.asarray(np.hypot(lab[..., 1], lab[..., 2]), np.float32)


def _hue(lab: Gray) -> Gray:
    return np.asarray(np.arctan2(lab[..., 2], lab[..., 1]), np.float32)


def _between(one: Gray, other: Gray | float) -> Gray:
    """Angle between hues, 0 to pi."""
    return np.asarray(np.abs(np.angle(np.exp(1j * (one - other)))), np.float32)


def _middle_hue(lab: Gray) -> float:
    return float(np.arctan2(np.median(lab[:, 2]), np.median(lab[:, 1])))


def _has_hue(rgb: RGB, hue: float) -> bool:
    lab = _lab(rgb).reshape(-1, 3)
    colorful = lab[_chroma(lab) > _COLORFUL]
    return len(colorful) > 0 and float((_between(_hue(colorful), hue) < _KNOWN_HUE).mean()) > _OWN_SHARE


def _name(hue: float) -> str:
    degrees = float(np.degrees(hue)) % 360
    return next((name for end, name in _HUES if degrees < end), "purple" if degrees < 335 else "pink")


def _cells(fit: Registration) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(correlation, share of the logo's edges) by cell of its content; 0 edges where there is nothing to compare."""
    logo, seen = edges_of(fit.logo), edges_of(fit.seen)
    left, top, right, bottom = fit.content
    side = max(right - left, bottom - top) / _CELLS
    across, down = max(2, round((right - left) / side)), max(2, round((bottom - top) / side))
    columns = np.linspace(left, right, across + 1).round().astype(int)
    rows = np.linspace(top, bottom, down + 1).round().astype(int)
    around = cv2.copyMakeBorder(seen, _SHIFT, _SHIFT, _SHIFT, _SHIFT, cv2.BORDER_REPLICATE)
    agreement, mass = np.ones((down, across)), np.zeros((down, across))
    total = max(float(logo[top:bottom, left:right].sum()), 1e-6)
    for row in range(down):
        for column in range(across):
            y0, y1 = max(0, rows[row] - _SHIFT), rows[row + 1] + _SHIFT
            x0, x1 = max(0, columns[column] - _SHIFT), columns[column + 1] + _SHIFT
            part = logo[y0:y1, x0:x1]
            share = float(part.sum()) / total
            if part.std() < _PLAIN or share < _LEAST_MASS or not fit.inside[y0:y1, x0:x1].all():
                continue
            there = around[y0 : y0 + part.shape[0] + 2 * _SHIFT, x0 : x0 + part.shape[1] + 2 * _SHIFT]
            mass[row, column] = share
            agreement[row, column] = float(cv2.matchTemplate(there, part, cv2.TM_CCOEFF_NORMED).max())
    return agreement, mass


def _cuts_through(fit: Registration, missing: NDArray[np.bool_], rest: NDArray[np.bool_]) -> bool:
    """Whether most of what is missing belongs to connected parts of the mark of which the rest is there."""
    count, labels = cv2.connectedComponents(_ink(fit).astype(np.uint8), connectivity=8)
    sizes, lost, kept = (
        np.bincount(labels[part], minlength=count)[1:]
        for part in (labels >= 0, _where(fit, missing), _where(fit, rest))
    )
    cut = (lost > _CUT_SHARE * sizes) & (kept > _CUT_SHARE * sizes)
    return bool(lost[cut].sum() > 0.5 * lost.sum())


def _fades(fit: Registration, missing: NDArray[np.bool_]) -> bool:
    """Whether what is missing may be there, in the color of what it stands on."""
    left, top, right, bottom = fit.content
    gone = _ink(fit) & _where(fit, missing)
    logo, seen = (_lab(picture)[top:bottom, left:right][gone] for picture in (fit.logo, fit.seen))
    return bool(len(logo) == 0 or float(np.median(np.linalg.norm(logo - seen, axis=1))) < _ALIKE)


def _ink(fit: Registration) -> NDArray[np.bool_]:
    """(h, w) of the content: where the logo differs from its ground."""
    logo = _lab(fit.logo)
    left, top, right, bottom = fit.content
    return np.asarray((np.linalg.norm(logo - _ground(logo, fit), axis=2) > _INKED)[top:bottom, left:right])


def _where(fit: Registration, cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells as pixels of the content."""
    left, top, right, bottom = fit.content
    laid = cv2.resize(cells.astype(np.uint8), (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)
    return np.asarray(laid > 0)


def _part(missing: NDArray[np.bool_]) -> str:
    """In words, by where the missing cells' middle is."""
    rows, columns = np.nonzero(missing)
    across = (float(columns.mean()) + 0.5) / missing.shape[1] - 0.5
    down = (float(rows.mean()) + 0.5) / missing.shape[0] - 0.5
    if max(abs(across), abs(down)) < 0.15:
        return "the middle"
    if abs(across) >= abs(down):
        return "the left part" if across < 0 else "the right part"
    return "the upper part" if down < 0 else "the lower part"
