"""What thieves do to a catalog photo, at a strength that grows with the training curriculum."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from store.images import RGB
from training.painting import Generator, blend
from training.sources import Sources

_WORDS = ("SALE", "NEW", "50% OFF", "hot deal", "shop", "BEST", "official", "store24", "A1", "free ship", "TOP")
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX)

Edit = Callable[[RGB, Sources, Generator, float], RGB]
"""Takes a picture, the sources, a generator and a strength from 0 to 1; gives a new picture."""


def edit_copy(rgb: RGB, sources: Sources, generator: Generator, *, strength: float) -> RGB:
    """`rgb` after a random chain of edits; at strength 0 nearly itself, at 1 as harsh as composed anywhere."""
    picture = rgb
    for share, edit in _CHAIN:
        if generator.random() < share * (0.25 + 0.75 * strength):
            picture = edit(picture, sources, generator, strength)
    return picture


def _crop(rgb: RGB, sources: Sources, generator: Generator, strength: float) -> RGB:
    height, width = rgb.shape[:2]
    smallest = 1 - 0.5 * strength
    across, down = (min(side, max(16, int(side * generator.uniform(smallest, 1)))) for side in (width, height))
    left, top = int(generator.integers(0, width - across + 1)), int(generator.integers(0, height - down + 1))
    return rgb[top : top + down, left : left + across]


def _warp(rgb: RGB, sources: Sources, generator: Generator, strength: float) -> RGB:
    """Rotation, stretch and a light perspective; the ground beyond the edges is flat or continues."""
    height, width = rgb.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    turn = np.deg2rad(generator.normal(0, 9 * strength))
    center = np.array((width / 2, height / 2))
    rotation = np.array([(np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))])
    moved = (corners - center) @ rotation.T * generator.uniform(1 - 0.15 * strength, 1 + 0.15 * strength, 2) + center
    moved += generator.normal(0, 0.035 * strength, (4, 2)) * (width, height)
    low = moved.min(axis=0)
    inside = generator.random() < 0.5
    size = (width, height) if inside else tuple(int(side) for side in np.ceil(moved.max(axis=0) - low))
    if not inside:
        moved -= low
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    ground = tuple(int(c) for c in (rgb[0, 0] if generator.random() < 0.6 else generator.integers(0, 256, 3)))
    return np.asarray(cv2.warpPerspective(rgb, matrix, size, borderValue=ground), dtype=np.uint8)


def _recolor(rgb: RGB, sources: Sources, generator: Generator, strength: float) -> RGB:
    """Saturation, gain by channel, brightness and gamma by one table; sometimes a hue turn or gray."""
    picture = rgb
    if generator.random() < 0.4:
        hue = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
        hue[:, :, 0] = (hue[:, :, 0].astype(np.int16) + int(generator.normal(0, 10 * strength))) % 180
        hue[:, :, 1] = cv2.convertScaleAbs(
            hue[:, :, 1], alpha=generator.uniform(1 - 0.7 * strength, 1 + 0.6 * strength)
        )
        picture = np.asarray(cv2.cvtColor(hue, cv2.COLOR_HSV2RGB), dtype=np.uint8)
    ramp = np.linspace(0, 1, 256)[:, None] ** np.exp(generator.normal(0, 0.25 * strength))
    gain = generator.uniform(1 - 0.25 * strength, 1 + 0.15 * strength) * generator.normal(1, 0.05 * strength, 3)
    contrast = generator.uniform(1 - 0.4 * strength, 1 + 0.4 * strength)
    table = np.clip(((ramp - 0.5) * contrast + 0.5) * gain * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, np.ascontiguousarray(table[None])), dtype=np.uint8)


def _watermark(rgb: RGB, sources: Sources, generator: Generator, strength: float) -> RGB:
    picture, height, width = rgb.copy(), rgb.shape[0], rgb.shape[1]
    layer = picture.copy()
    for _ in range(int(generator.integers(1, 2 + int(4 * strength)))):
        word = str(generator.choice(_WORDS))
        size = generator.uniform(0.25, 0.4 + 0.8 * strength) * width / 160
        place = (int(generator.uniform(-0.1, 0.8) * width), int(generator.uniform(0.1, 1) * height))
        color = tuple(int(c) for c in generator.integers(0, 256, 3))
        font = _FONTS[int(generator.integers(len(_FONTS)))]
        cv2.putText(layer, word, place, font, size, color, int(generator.integers(1, 3)), cv2.LINE_AA)
    opacity = generator.uniform(0.3, 0.9)
    return np.asarray(cv2.addWeighted(layer, opacity, picture, 1 - opacity, 0), dtype=np.uint8)


def _sticker(rgb: RGB, sources: Sources, generator: Generator, strength: float) -> RGB:
    picture, height, width = rgb.copy(), rgb.shape[0], rgb.shape[1]
    for _ in range(int(generator.integers(1, 2 + int(2 * strength)))):
        color = tuple(int(c) for c in generator.integers(0, 256, 3))
        radius = max(3, int(min(height, width) * generator.uniform(0.05, 0.08 + 0.12 * strength)))
        x, y = int(generator.integers(0, width)), int(generator.integers(0, height))
        if generator.random() < 0.6:
            cv2.circle(picture, (x, y), radius, color, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(picture, (x - radius, y - radius // 2), (x + radius, y + radius // 2), color, -1)
        ink = (255, 255, 255) if sum(color) < 500 else (0, 0, 0)
        word = str(generator.choice(_WORDS))
        cv2.putText(picture, word, (x - int(radius * 0.7), y + 3), _FONTS[1], radius / 50, ink, 1, cv2.LINE_AA)
        if len(sources.marks) and generator.random() < 0.3:
            _stamp(picture, sources, generator, x, y, radius)
    return picture


def _stamp(picture: RGB, sources: Sources, generator: Generator, x: int, y: int, radius: int) -> None:
    mark = sources.marks[int(generator.integers(len(sources.marks)))]
    left, top = max(0, x - radius), max(0, y - radius)
    part = picture[top : y + radius, left : x + radius]
    if part.shape[0] < 4 or part.shape[1] < 4:
        return
    alpha = np.asarray(cv2.resize(mark, (part.shape[1], part.shape[0])), dtype=np.uint8)
    ink = np.empty_like(part)
    ink[:] = generator.integers(0, 256, 3)
    blend(part, ink, alpha)


def _blur_patch(rgb: RGB, sources: Sources, generator: Generator, strength: float) -> RGB:
    """A face or a logo made unrecognizable."""
    picture, height, width = rgb.copy(), rgb.shape[0], rgb.shape[1]
    across, down = (max(6, int(side * generator.uniform(0.1, 0.15 + 0.3 * strength))) for side in (width, height))
    left, top = int(generator.integers(0, max(1, width - across))), int(generator.integers(0, max(1, height - down)))
    part = picture[top : top + down, left : left + across]
    if generator.random() < 0.7:
        part[:] = cv2.GaussianBlur(part, (0, 0), max(1.0, min(across, down) / 5))
    else:
        tiles = cv2.resize(part, (4, 4), interpolation=cv2.INTER_AREA)
        part[:] = cv2.resize(tiles, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_NEAREST)
    return picture


def _frame(rgb: RGB, sources: Sources, generator: Generator, strength: float) -> RGB:
    """Mostly what is left of a frame once the content box was cut; sometimes all of it."""
    share = (
        generator.uniform(0.01, 0.04) if generator.random() < 0.5 else generator.uniform(0.02, 0.03 + 0.1 * strength)
    )
    sides = [int(share * generator.uniform(0.6, 1.4) * max(rgb.shape[:2])) for _ in range(4)]
    color = tuple(int(c) for c in generator.integers(0, 256, 3))
    return _surround(rgb, sides, color)


def _pad(rgb: RGB, sources: Sources, generator: Generator, strength: float) -> RGB:
    """The same ground goes on: a product photo cut or widened to another margin."""
    sides = [int(generator.uniform(0, 0.3 * strength) * max(rgb.shape[:2])) for _ in range(4)]
    ground = tuple(int(c) for c in rgb[0, 0])
    return _surround(rgb, sides, ground)


def _surround(rgb: RGB, sides: list[int], color: tuple[int, ...]) -> RGB:
    top, bottom, left, right = sides
    framed = cv2.copyMakeBorder(rgb, top, bottom, left, right, cv2.BORDER_CONSTANT, value=color)
    return np.asarray(framed, dtype=np.uint8)


def _neighbor(rgb: RGB, sources: Sources, generator: Generator, strength: float) -> RGB:
    """A collage of which most is this picture: what remains when a half was cut not quite at the seam."""
    other = sources.photos[int(generator.integers(len(sources.photos)))]
    height, width = rgb.shape[:2]
    share = generator.uniform(0.03, 0.1 + 0.2 * strength)
    if generator.random() < 0.6:
        strip = cv2.resize(other, (max(2, int(width * share)), height))
        parts = [rgb, strip] if generator.random() < 0.5 else [strip, rgb]
        return np.asarray(cv2.hconcat(parts), dtype=np.uint8)
    strip = cv2.resize(other, (width, max(2, int(height * share))))
    return np.asarray(cv2.vconcat([rgb, strip] if generator.random() < 0.5 else [strip, rgb]), dtype=np.uint8)


def _glare(rgb: RGB, sources: Sources, generator: Generator, strength: float) -> RGB:
    """Uneven light, as on a photo taken of a screen or a print."""
    corners = generator.uniform(1 - 0.5 * strength, 1 + 0.3 * strength, (2, 2)).astype(np.float32)
    light = cv2.resize(corners, (rgb.shape[1], rgb.shape[0]))
    return np.asarray(np.clip(rgb * light[:, :, None], 0, 255), dtype=np.uint8)


def _degrade(rgb: RGB, sources: Sources, generator: Generator, strength: float) -> RGB:
    """Small, noisy, compressed."""
    height, width = rgb.shape[:2]
    picture = rgb
    if generator.random() < 0.5:
        scale = generator.uniform(1 - 0.7 * strength, 1)
        small = cv2.resize(
            picture, (max(8, int(width * scale)), max(8, int(height * scale))), interpolation=cv2.INTER_AREA
        )
        picture = np.asarray(small, dtype=np.uint8)
    if generator.random() < 0.3:
        noise = generator.normal(0, 10 * strength, (*picture.shape[:2], 1)).astype(np.float32)
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if generator.random() < 0.5:
        quality = int(generator.uniform(95 - 75 * strength, 96))
        _done, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), dtype=np.uint8)
    return picture


_CHAIN: tuple[tuple[float, Edit], ...] = (
    (0.45, _crop),
    (0.3, _pad),
    (0.4, _warp),
    (0.55, _recolor),
    (0.35, _watermark),
    (0.3, _sticker),
    (0.3, _blur_patch),
    (0.3, _frame),
    (0.15, _neighbor),
    (0.15, _glare),
    (0.2, _crop),
    (0.7, _degrade),
)
