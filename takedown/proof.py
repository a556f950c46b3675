"""A match drawn so that a person sees it at once: both pictures, the mapped outline, the matched points."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from domain.match import Point
from store.images import RGB
from takedown.wording import latin_only

_PANEL = 560
_GAP, _MARGIN, _HEADER, _LINE = 56, 24, 30, 20
_MAX_ZOOM = 3.0
_MAX_LINES = 60
_SUPERSAMPLING = 2
_GROUND, _INK, _MUTED, _FRAME = (255, 255, 255), (23, 32, 51), (95, 107, 128), (203, 210, 222)
_OUTLINE = (255, 45, 120, 255)
# Eight hues that stay apart for color-blind readers too, each dark enough for white and light enough for black grounds
_HUES = (
    (230, 126, 0), (38, 139, 210), (0, 150, 110), (214, 64, 46),
    (150, 90, 220), (0, 172, 193), (196, 80, 140), (124, 148, 0),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class _Panel:
    """One picture on the canvas: `left`, `top` in canvas pixels, `scale` canvas pixels per picture pixel."""

    picture: Image.Image
    left: int
    top: int
    scale: float

    def holds(self, point: Point) -> bool:
        width, height = self.picture.size
        return 0 <= point[0] * self.scale <= width and 0 <= point[1] * self.scale <= height

    def place(self, point: Point) -> Point:
        """A picture pixel in supersampled canvas pixels."""
        x, y = (point[0] * self.scale + self.left, point[1] * self.scale + self.top)
        return (x * _SUPERSAMPLING, y * _SUPERSAMPLING)


def match_picture(
    listing_rgb: RGB,
    reference_rgb: RGB,
    *,
    outline: Sequence[Point],
    points: Sequence[tuple[Point, Point]],
    mirrored: bool,
    caption: str = "",
    reference_label: str = "Catalog photo",
    listing_label: str = "Listing photo",
) -> Image.Image:
    """A picture of at most about 1,230 px width: catalog picture left, listing picture right.

    Pictures are (height, width, 3) uint8. `outline` holds the catalog picture's corners in listing pixels, `points`
    pairs of (catalog pixel, listing pixel); what lies outside its picture is not drawn. Deterministic.
    """
    reference, listing, size = _lay_out(reference_rgb, listing_rgb, caption_lines=1 if caption else 0)
    canvas = Image.new("RGB", size, _GROUND)
    for panel in (reference, listing):
        canvas.paste(panel.picture, (panel.left, panel.top))
    large = canvas.resize((size[0] * _SUPERSAMPLING, size[1] * _SUPERSAMPLING), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(large, "RGBA")
    for panel in (reference, listing):
        _draw_frame(pen, panel)
    _draw_outline(large, listing, outline)
    _draw_points(pen, reference, listing, points)
    _draw_words(pen, reference, reference_label)
    _draw_words(pen, listing, f"{listing_label} (mirrored)" if mirrored else listing_label)
    if caption:
        _write(pen, (_MARGIN, size[1] - _MARGIN - _LINE + 4), caption, 13, _MUTED, size[0] - 2 * _MARGIN)
    return large.reduce(_SUPERSAMPLING)


def png_bytes(picture: Image.Image) -> bytes:
    """The picture as PNG. Fast compression: a tenth larger, in a third of the time."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def small_jpeg(picture: Image.Image, *, max_side: int) -> bytes:
    """The picture as JPEG of at most `max_side` pixels each way, for a letter."""
    buffer = io.BytesIO()
    small = picture.copy()
    small.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _lay_out(reference_rgb: RGB, listing_rgb: RGB, *, caption_lines: int) -> tuple[_Panel, _Panel, tuple[int, int]]:
    (left, left_scale), (right, right_scale) = _fitted(reference_rgb), _fitted(listing_rgb)
    height = max(left.height, right.height)
    top = _MARGIN + _HEADER
    reference = _Panel(picture=left, left=_MARGIN, top=top + (height - left.height) // 2, scale=left_scale)
    listing = _Panel(
        picture=right,
        left=_MARGIN + max(left.width, 160) + _GAP,
        top=top + (height - right.height) // 2,
        scale=right_scale,
    )
    width = listing.left + max(right.width, 200) + _MARGIN
    return reference, listing, (width, top + height + caption_lines * (_LINE + 8) + _MARGIN)


def _fitted(pixels: RGB) -> tuple[Image.Image, float]:
    picture = Image.fromarray(pixels)
    scale = min(_PANEL / picture.width, _PANEL / picture.height, _MAX_ZOOM)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0), scale


def _draw_frame(pen: ImageDraw.ImageDraw, panel: _Panel) -> None:
    width, height = panel.picture.size
    left, top = panel.left * _SUPERSAMPLING, panel.top * _SUPERSAMPLING
    pen.rectangle(
        (left - 2, top - 2, left + width * _SUPERSAMPLING + 1, top + height * _SUPERSAMPLING + 1),
        outline=_FRAME,
        width=2,
    )


def _draw_outline(large: Image.Image, panel: _Panel, outline: Sequence[Point]) -> None:
    """Drawn on a copy of the panel's area, so that what lies outside the picture is cut off."""
    if len(outline) < 3 or not all(math.isfinite(value) for corner in outline for value in corner):
        return
    left, top = panel.left * _SUPERSAMPLING, panel.top * _SUPERSAMPLING
    area = (
        left, top, left + panel.picture.width * _SUPERSAMPLING, top + panel.picture.height * _SUPERSAMPLING
    )  # fmt: skip
    cut = large.crop(area)
    pen = ImageDraw.Draw(cut, "RGBA")
    placed = [panel.place(corner) for corner in outline]
    corners = [(_bounded(x - left), _bounded(y - top)) for x, y in placed]
    ring = [*corners, corners[0], corners[1]]
    pen.line(ring, fill=(0, 0, 0, 110), width=11, joint="curve")
    pen.line(ring, fill=_OUTLINE, width=6, joint="curve")
    large.paste(cut, (left, top))


def _bounded(value: float) -> float:
    """Far outside is far enough: the drawing library's integers end somewhere."""
    return max(-30_000.0, min(30_000.0, value))


def _draw_points(
    pen: ImageDraw.ImageDraw, reference: _Panel, listing: _Panel, points: Sequence[tuple[Point, Point]]
) -> None:
    finite = (pair for pair in points if all(math.isfinite(value) for point in pair for value in point))
    inside = [pair for pair in finite if reference.holds(pair[0]) and listing.holds(pair[1])]
    # From top to bottom, so that neighboring lines take different hues
    ends = sorted((reference.place(a), listing.place(b)) for a, b in inside)
    ends.sort(key=lambda pair: pair[0][1])
    step = max(1, math.ceil(len(ends) / _MAX_LINES))
    for number, (start, end) in enumerate(ends[::step]):
        hue = _HUES[number % len(_HUES)]
        pen.line((start, end), fill=(255, 255, 255, 120), width=5)
        pen.line((start, end), fill=(*hue, 225), width=3)
    for number, (start, end) in enumerate(ends):
        hue = _HUES[number // step % len(_HUES)]
        for x, y in (start, end):
            pen.ellipse((x - 8, y - 8, x + 8, y + 8), fill=(255, 255, 255, 235))
            pen.ellipse((x - 6, y - 6, x + 6, y + 6), fill=(*hue, 255))


def _draw_words(pen: ImageDraw.ImageDraw, panel: _Panel, words: str) -> None:
    _write(pen, (panel.left, _MARGIN), words, 17, _INK, max(panel.picture.width, 160))


def _write(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], words: str, size: int, ink: tuple[int, int, int], max_width: int
) -> None:
    """One line at canvas pixels `at`, cut with an ellipsis at `max_width` canvas pixels."""
    font = ImageFont.load_default(size * _SUPERSAMPLING)
    line = latin_only(words)[:300]
    if pen.textlength(line, font) > max_width * _SUPERSAMPLING:
        while line and pen.textlength(line + "...", font) > max_width * _SUPERSAMPLING:
            line = line[:-1]
        line = line.rstrip() + "..."
    pen.text((at[0] * _SUPERSAMPLING, at[1] * _SUPERSAMPLING), line, fill=ink, font=font)
