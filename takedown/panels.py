"""Pictures, frames, outlines and words laid on one canvas: what every drawn proof is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from domain.match import Point
from store.images import RGB
from takedown.wording import latin_only

PANEL = 560
"""Longest side of a picture, in canvas pixels."""
GAP, MARGIN, HEADER, LINE = 56, 24, 30, 20
MAX_ZOOM = 3.0
SUPERSAMPLING = 2
GROUND, INK, MUTED, FRAME = (255, 255, 255), (23, 32, 51), (95, 107, 128), (203, 210, 222)
OUTLINE = (255, 45, 120, 255)

Color = tuple[int, int, int] | tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One picture on the canvas: `left`, `top` in canvas pixels, `scale` canvas pixels per picture pixel."""

    picture: Image.Image
    left: int
    top: int
    scale: float

    @property
    def area(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in supersampled canvas pixels."""
        width, height = self.picture.size
        edges = (self.left, self.top, self.left + width, self.top + height)
        left, top, right, bottom = (edge * SUPERSAMPLING for edge in edges)
        return left, top, right, bottom

    def holds(self, point: Point) -> bool:
        """Whether a picture pixel lies in the picture."""
        width, height = self.picture.size
        return 0 <= point[0] * self.scale <= width and 0 <= point[1] * self.scale <= height

    def place(self, point: Point) -> Point:
        """A picture pixel in supersampled canvas pixels."""
        x, y = (point[0] * self.scale + self.left, point[1] * self.scale + self.top)
        return (x * SUPERSAMPLING, y * SUPERSAMPLING)


def fitted(
    pixels: RGB, width: int = PANEL, height: int = PANEL, *, max_zoom: float = MAX_ZOOM
) -> tuple[Image.Image, float]:
    """The (height, width, 3) picture within the given canvas pixels, and its scale."""
    picture = Image.fromarray(pixels)
    scale = min(width / picture.width, height / picture.height, max_zoom)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0), scale


def lay_down(size: tuple[int, int], panels: Sequence[Panel]) -> Image.Image:
    """The panels in frames on an empty canvas of `size`, supersampled."""
    canvas = Image.new("RGB", size, GROUND)
    for panel in panels:
        canvas.paste(panel.picture, (panel.left, panel.top))
    large = canvas.resize((size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(large, "RGBA")
    for panel in panels:
        left, top, right, bottom = panel.area
        pen.rectangle((left - 2, top - 2, right + 1, bottom + 1), outline=FRAME, width=2)
    return large


def draw_outline(
    large: Image.Image, panel: Panel, outline: Sequence[Point], *, color: Color = OUTLINE, width: int = 6
) -> None:
    """Drawn on a copy of the panel's area, so that what lies outside the picture is cut off."""
    if len(outline) < 3 or not all(math.isfinite(value) for corner in outline for value in corner):
        return
    area = panel.area
    cut = large.crop(area)
    pen = ImageDraw.Draw(cut, "RGBA")
    placed = [panel.place(corner) for corner in outline]
    corners = [(_bounded(x - area[0]), _bounded(y - area[1])) for x, y in placed]
    ring = [*corners, corners[0], corners[1]]
    pen.line(ring, fill=(0, 0, 0, 110), width=width + 5, joint="curve")
    pen.line(ring, fill=color, width=width, joint="curve")
    large.paste(cut, area[:2])


def _bounded(value: float) -> float:
    """Far outside is far enough: the drawing library's integers end somewhere."""
    return max(-30_000.0, min(30_000.0, value))


def write(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], words: str, size: int, ink: tuple[int, int, int], max_width: int
) -> None:
    """One line at canvas pixels `at`, cut with an ellipsis at `max_width` canvas pixels."""
    font = ImageFont.load_default(size * SUPERSAMPLING)
    line = latin_only(words)[:300]
    if pen.textlength(line, font) > max_width * SUPERSAMPLING:
        while line and pen.textlength(line + "...", font) > max_width * SUPERSAMPLING:
            line = line[:-1]
        line = line.rstrip() + "..."
    pen.text((at[0] * SUPERSAMPLING, at[1] * SUPERSAMPLING), line, fill=ink, font=font)
