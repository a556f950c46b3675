"""What thieves do to a catalog photo before they put it under their own offer."""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance

from crawler.marketplace.drawing.edit_names import EDITS
from crawler.marketplace.drawing.emblem import typeface

Pixels = Image.Image
_WORDS = ("SALE", "HOT", "BEST PRICE", "NEW", "TOP", "-50%", "FREE SHIPPING", "No.1", "IN STOCK")
_COLORS = ((220, 40, 40), (250, 200, 30), (30, 120, 220), (20, 150, 80), (240, 240, 240), (20, 20, 20), (230, 90, 160))


def edit_photo(sources: tuple[bytes, ...], edits: tuple[str, ...], seed: int) -> bytes:
    """A JPEG made from the first source by the named edits; a collage puts the second beside it."""
    stream = np.random.default_rng(seed)
    picture, *others = [Image.open(io.BytesIO(source)).convert("RGB") for source in sources]
    for name in sorted(edits, key=EDITS.index):
        if name == "collage":
            picture = _collage(picture, others[0], stream)
        elif name != "jpeg":
            picture = _EDITS[name](picture, stream)
    file = io.BytesIO()
    quality = int(stream.integers(38, 66)) if "jpeg" in edits else int(stream.integers(76, 92))
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _crop(picture: Pixels, stream: np.random.Generator) -> Pixels:
    keep = stream.uniform(0.70, 0.90, 2)
    width, height = (int(side * part) for side, part in zip(picture.size, keep, strict=True))
    left = int(stream.uniform(0, picture.width - width))
    top = int(stream.uniform(0, picture.height - height))
    return picture.crop((left, top, left + width, top + height))


def _flip(picture: Pixels, stream: np.random.Generator) -> Pixels:
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def _rotate(picture: Pixels, stream: np.random.Generator) -> Pixels:
    angle = float(stream.uniform(3, 14) * stream.choice([-1, 1]))
    corner = picture.getpixel((2, 2))
    return picture.rotate(angle, Image.Resampling.BICUBIC, fillcolor=corner)


def _colour(picture: Pixels, stream: np.random.Generator) -> Pixels:
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        picture = enhancer(picture).enhance(float(stream.uniform(0.74, 1.28)))
    tint = np.asarray(stream.uniform(0.92, 1.08, 3), np.float32)
    return Image.fromarray(np.clip(np.asarray(picture) * tint, 0, 255).astype(np.uint8))


def _watermark(picture: Pixels, stream: np.random.Generator) -> Pixels:
    word = ("shop", "deals", "store", "market", "photo")[int(stream.integers(5))] + str(int(stream.integers(10, 99)))
    layer = Image.new("RGBA", (picture.width * 2, picture.height * 2))
    draw, face = ImageDraw.Draw(layer), typeface("DejaVuSans-Bold.ttf", int(stream.integers(24, 44)))
    ink = (255, 255, 255, int(stream.integers(70, 150)))
    if stream.random() < 0.5:
        for row in range(0, layer.height, 150):
            for column in range((row // 150 % 2) * 100, layer.width, 260):
                draw.text((column, row), word, ink, face)
    else:
        face = typeface("DejaVuSans-Bold.ttf", int(stream.integers(50, 80)))
        draw.text((layer.width / 2, layer.height / 2), word, ink, face, anchor="mm")
    layer = layer.rotate(float(stream.uniform(-35, 35)))
    left, top = picture.width // 2, picture.height // 2
    layer = layer.crop((left, top, left + picture.width, top + picture.height))
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def _border(picture: Pixels, stream: np.random.Generator) -> Pixels:
    margin = int(stream.integers(14, 46))
    framed = Image.new("RGB", (picture.width + 2 * margin, picture.height + 2 * margin), _any(stream))
    framed.paste(picture, (margin, margin))
    return framed


def _sticker(picture: Pixels, stream: np.random.Generator) -> Pixels:
    picture = picture.copy()
    draw = ImageDraw.Draw(picture)
    for _ in range(int(stream.integers(1, 3))):
        radius = picture.width * float(stream.uniform(0.09, 0.15))
        x = picture.width * float(stream.choice([0.15, 0.82]) + stream.uniform(-0.03, 0.03))
        y = picture.height * float(stream.choice([0.14, 0.85]) + stream.uniform(-0.03, 0.03))
        color = _any(stream)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), color, (255, 255, 255), 3)
        word = _WORDS[int(stream.integers(len(_WORDS)))]
        ink = (255, 255, 255) if sum(color) < 450 else (20, 20, 20)
        size = max(10, int(radius * 2.4 / max(3, len(word))))
        draw.text((x, y), word, ink, typeface("DejaVuSans-Bold.ttf", size), anchor="mm")
    return picture


def _blurpatch(picture: Pixels, stream: np.random.Generator) -> Pixels:
    """Smear or mosaic a rectangle near the middle, where a logo often is."""
    pixels = np.array(picture)
    height, width = pixels.shape[:2]
    tall, wide = int(height * stream.uniform(0.10, 0.2)), int(width * stream.uniform(0.16, 0.32))
    top = int(height * stream.uniform(0.30, 0.62) - tall / 2)
    left = int(width * stream.uniform(0.38, 0.62) - wide / 2)
    part = pixels[top : top + tall, left : left + wide]
    if stream.random() < 0.5:
        part = cv2.GaussianBlur(part, (0, 0), 11)
    else:
        part = cv2.resize(
            cv2.resize(part, (8, 5), interpolation=cv2.INTER_AREA), (wide, tall), interpolation=cv2.INTER_NEAREST
        )
    pixels[top : top + tall, left : left + wide] = part
    return Image.fromarray(pixels)


def _collage(picture: Pixels, other: Pixels, stream: np.random.Generator) -> Pixels:
    first, second = (picture, other) if stream.random() < 0.5 else (other, picture)
    if stream.random() < 0.6:
        tall = min(first.height, second.height, 460)
        parts = [part.resize((part.width * tall // part.height, tall)) for part in (first, second)]
        board = Image.new("RGB", (parts[0].width + parts[1].width + 6, tall), "white")
        board.paste(parts[0], (0, 0))
        board.paste(parts[1], (parts[0].width + 6, 0))
    else:
        wide = min(first.width, second.width, 460)
        parts = [part.resize((wide, part.height * wide // part.width)) for part in (first, second)]
        board = Image.new("RGB", (wide, parts[0].height + parts[1].height + 6), "white")
        board.paste(parts[0], (0, 0))
        board.paste(parts[1], (0, parts[0].height + 6))
    scale = min(1.0, 760 / max(board.size))
    return board.resize((int(board.width * scale), int(board.height * scale)))


def _screenshot(picture: Pixels, stream: np.random.Generator) -> Pixels:
    """A phone's screen with the photo in a shop's app."""
    width = 480
    shown = picture.resize((width, picture.height * width // picture.width))
    top, bottom = int(stream.integers(50, 84)), int(stream.integers(90, 170))
    dark = stream.random() < 0.4
    paper, ink = ((24, 24, 28), (235, 235, 235)) if dark else ((250, 250, 250), (30, 30, 30))
    screen = Image.new("RGB", (width, top + shown.height + bottom), paper)
    screen.paste(shown, (0, top))
    draw = ImageDraw.Draw(screen)
    clock = f"{int(stream.integers(0, 24)):02d}:{int(stream.integers(0, 60)):02d}"
    draw.text((16, 8), clock, ink, typeface("DejaVuSans-Bold.ttf", 16))
    draw.rectangle((width - 52, 10, width - 20, 24), None, ink, 2)
    draw.rectangle((width - 49, 13, width - 30, 21), ink)
    draw.text((16, top - 24), "<   Shop", ink, typeface("DejaVuSans.ttf", 16))
    base = top + shown.height
    for i in range(3):
        draw.rounded_rectangle(
            (16, base + 16 + i * 20, int(width * stream.uniform(0.4, 0.9)), base + 27 + i * 20), 4, (150, 150, 155)
        )
    draw.rounded_rectangle((width - 150, base + bottom - 46, width - 16, base + bottom - 12), 10, _any(stream))
    return screen


def _resize(picture: Pixels, stream: np.random.Generator) -> Pixels:
    scale = float(stream.uniform(0.45, 0.85))
    return picture.resize((int(picture.width * scale), int(picture.height * scale)), Image.Resampling.LANCZOS)


def _rephotograph(picture: Pixels, stream: np.random.Generator) -> Pixels:
    """The photo on a screen, photographed again: a slight perspective, a glow, fine lines, blur."""
    width, height = picture.size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    bent = corners + stream.uniform(0.0, 0.07, (4, 2)) * [width, height] * [[1, 1], [-1, 1], [-1, -1], [1, -1]]
    matrix = cv2.getPerspectiveTransform(corners, bent.astype(np.float32))
    pixels = cv2.warpPerspective(np.asarray(picture), matrix, (width, height), borderValue=(18, 18, 20)).astype(
        np.float32
    )
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = stream.uniform(0.1, 0.9, 2) * [width, height]
    glow = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (0.35 * width) ** 2) * float(stream.uniform(15, 45))
    lines = np.sin(rows * 2.2 + columns * 0.13) * 2.5
    pixels = cv2.GaussianBlur(pixels + (glow + lines)[..., None], (0, 0), 0.7)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _any(stream: np.random.Generator) -> tuple[int, int, int]:
    return _COLORS[int(stream.integers(len(_COLORS)))]


Array = NDArray[np.uint8]
_EDITS: dict[str, Callable[[Pixels, np.random.Generator], Pixels]] = {
    "crop": _crop,
    "flip": _flip,
    "rotate": _rotate,
    "colour": _colour,
    "watermark": _watermark,
    "border": _border,
    "sticker": _sticker,
    "blurpatch": _blurpatch,
    "screenshot": _screenshot,
    "resize": _resize,
    "rephotograph": _rephotograph,
}
