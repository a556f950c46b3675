"""A found mark drawn for a person to judge: the logo, the place enlarged, and where in the picture it stands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from domain.match import Box
from store.images import RGB
from takedown.logo_proof import LogoProof
from takedown.panels import (
    GAP,
    HEADER,
    INK,
    LINE,
    MARGIN,
    MUTED,
    PANEL,
    SUPERSAMPLING,
    Panel,
    draw_outline,
    fitted,
    lay_down,
    write,
)
from takedown.wording import plain

_SMALL_WIDTH, _SMALL_HEIGHT = 380, 240
_LEAST_WIDTH = 200
_MAX_ZOOM = 8.0
_AROUND = 0.25
"""Of the box's sides, shown around the enlarged place."""
_OUTLINE = (0, 172, 193, 255)
_MOST_DIFFERENCES = 4
_AIR = 4.0
"""Canvas pixels between a mark and the box around it."""
_ASCII_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "…": "..."})


def logo_picture(
    listing_rgb: RGB, logo_rgb: RGB, proof: LogoProof, *, logo_label: str = "The rights holder's logo"
) -> Image.Image:
    """A picture of about 1,050 px width at most: the logo and the place enlarged at the left, the listing at the right.

    Pictures are (height, width, 3) uint8. The box is drawn, and the logo's outline where there is one; below stand
    brand, probability, what each eye saw, and what differs. A box outside the picture is not enlarged. Deterministic.
    """
    place = _place(listing_rgb, proof.box)
    lines = caption_lines(proof)
    panels, size = _lay_out(logo_rgb, place, listing_rgb, len(lines))
    large = lay_down(size, panels)
    pen = ImageDraw.Draw(large, "RGBA")
    labels = (logo_label, "What the box shows", "Listing photo") if place is not None else (logo_label, "Listing photo")
    for panel, words in zip(panels, labels, strict=True):
        write(pen, (panel.left, panel.top - HEADER), words, 17, INK, max(panel.picture.width, _LEAST_WIDTH))
    listing = panels[-1]
    draw_outline(large, listing, proof.outline, color=_OUTLINE, width=3)
    draw_outline(large, listing, corners(_grown(proof.box, _AIR / listing.scale)), width=4)
    for number, line in enumerate(lines):
        at = (MARGIN, size[1] - MARGIN // 2 - (len(lines) - number) * (LINE + 4))
        write(pen, at, line.translate(_ASCII_QUOTES), 14 if number == 0 else 13, MUTED if number else INK,
              size[0] - 2 * MARGIN)  # fmt: skip
    return large.reduce(SUPERSAMPLING)


def corners(box: Box) -> tuple[tuple[float, float], ...]:
    """Of left, top, right, bottom, clockwise from the top left."""
    left, top, right, bottom = box
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def _grown(box: Box, by: float) -> Box:
    """The line should not hide what it shows."""
    return (box[0] - by, box[1] - by, box[2] + by, box[3] + by)


def caption_lines(proof: LogoProof) -> list[str]:
    """Brand and probability, what each eye saw, and what differs, each in a line."""
    lines = [f"{plain(proof.brand, 80)}: probability {proof.probability:.3f}", " · ".join(findings(proof))]
    differences = [plain(difference, 160) for difference in proof.differences[:_MOST_DIFFERENCES]]
    return [*lines, *(f"Altered: {difference}" for difference in differences)]


def findings(proof: LogoProof) -> list[str]:
    """What each eye saw, in a few words each."""
    if proof.hidden:
        return ["Hidden in this copy of a catalog photo that shows it"]
    seen = [f"Similarity to the logo {proof.similarity:.2f} of 1"]
    seen += [f"{proof.inliers} points agree"] if proof.inliers and proof.outline else []
    seen += [f"reads “{plain(proof.text, 60)}”, {proof.text_score:.2f} of 1"] if proof.text else []
    return seen


def _place(listing_rgb: RGB, box: Box) -> RGB | None:
    """The box and a little around it, cut from the picture; None where it lies outside."""
    height, width = listing_rgb.shape[:2]
    margin = (_AROUND * (box[2] - box[0]), _AROUND * (box[3] - box[1]))
    left, right = (round(min(max(x, 0.0), width)) for x in (box[0] - margin[0], box[2] + margin[0]))
    top, bottom = (round(min(max(y, 0.0), height)) for y in (box[1] - margin[1], box[3] + margin[1]))
    if right - left < 1 or bottom - top < 1:
        return None
    return np.ascontiguousarray(listing_rgb[top:bottom, left:right])


def _lay_out(
    logo_rgb: RGB, place_rgb: RGB | None, listing_rgb: RGB, caption_lines: int
) -> tuple[Sequence[Panel], tuple[int, int]]:
    """The logo, the enlarged place (where there is one) below it, and the listing beside both; the canvas's size."""
    smaller = [fitted(logo_rgb, _SMALL_WIDTH, _SMALL_HEIGHT)]
    if place_rgb is not None:
        smaller.append(fitted(place_rgb, _SMALL_WIDTH, _SMALL_HEIGHT, max_zoom=_MAX_ZOOM))
    panels, top = list[Panel](), MARGIN + HEADER
    for picture, scale in smaller:
        panels.append(Panel(picture=picture, left=MARGIN, top=top, scale=scale))
        top += picture.height + MARGIN + HEADER
    picture, scale = fitted(listing_rgb, PANEL, PANEL)
    left = MARGIN + max(_LEAST_WIDTH, *(panel.picture.width for panel in panels)) + GAP
    panels.append(Panel(picture=picture, left=left, top=MARGIN + HEADER, scale=scale))
    bottom = max(panel.top + panel.picture.height for panel in panels)
    size = (
        left + max(picture.width, _LEAST_WIDTH) + MARGIN,
        bottom + MARGIN + caption_lines * (LINE + 4) + MARGIN // 2,
    )
    return panels, size
