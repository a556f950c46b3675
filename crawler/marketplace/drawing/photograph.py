"""A product, a scene and a camera: one photograph."""

from __future__ import annotations

import io
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crawler.marketplace.drawing.bag import draw_bag
from crawler.marketplace.drawing.bottle import draw_bottle
from crawler.marketplace.drawing.charger import draw_charger
from crawler.marketplace.drawing.design import Design, Family
from crawler.marketplace.drawing.emblem import lockup
from crawler.marketplace.drawing.noise import Field, blur, cut, grid, smooth_noise
from crawler.marketplace.drawing.relief import SIZE, Relief, shade
from crawler.marketplace.drawing.scenes import CATALOG_SCENES, OWN_SCENES, STANDING_SCENES, Scene
from crawler.marketplace.drawing.shirt import draw_shirt
from crawler.marketplace.drawing.shoe import draw_shoe
from crawler.marketplace.drawing.watch import draw_watch

_FRAMES = ((560, 560), (480, 600), (600, 480), (480, 640), (600, 520))
"""(height, width) in pixels."""
_SOFT = {Family.BAG: 7.0, Family.SHIRT: 6.0, Family.SHOE: 4.0}
"""How far soft goods give way between two photographs, in pixels of the relief."""
_ALWAYS_LYING = (Family.SHIRT, Family.WATCH)


def draw_product(design: Design, instance: np.random.Generator) -> Relief:
    """The product as a relief. What `instance` decides (grain, folds, laces, the time) differs between photographs."""
    shape, form = np.random.default_rng(design.shape_seed), design.shape_seed % 3
    if design.variant == "pouch":
        return draw_bag(design, form, shape, instance)
    draw = {
        Family.BAG: draw_bag,
        Family.SHOE: draw_shoe,
        Family.WATCH: draw_watch,
        Family.BOTTLE: draw_bottle,
        Family.CHARGER: draw_charger,
        Family.SHIRT: draw_shirt,
    }[design.family]
    return draw(design, form, shape, instance)


def photograph(design: Design, shot: str, seed: int) -> bytes:
    """A JPEG. `shot` is ``main``, ``alternative`` or ``own``: a shop takes care, a person at home less so."""
    stream = np.random.default_rng(seed)
    own = shot == "own"
    frames = [frame for frame in _FRAMES if _suits(design.family, frame)]
    frame = frames[int(stream.integers(len(frames)))]
    makers = OWN_SCENES if own else CATALOG_SCENES
    if design.family in _ALWAYS_LYING:
        makers = tuple(maker for maker in makers if maker not in STANDING_SCENES)
    scene = makers[int(stream.integers(len(makers)))](stream, frame)
    lying = scene.lying or design.family in _ALWAYS_LYING
    relief = draw_product(design, stream)
    tilt = {"main": 0.12, "alternative": 0.55, "own": 0.75}[shot]
    yaw = float(stream.uniform(0.5, 1.0) * tilt * stream.choice([-1, 1]))
    colors, alpha = _turned(relief, shade(relief, scene.light), design, yaw, stream, loose=own)
    colors, alpha, foot = _placed(colors, alpha, frame, scene, yaw, stream, lying=lying, own=own)
    picture = _composed(colors, alpha, scene, foot, lying=lying)
    return _developed(picture, stream, own=own)


def _suits(family: Family, frame: tuple[int, int]) -> bool:
    """Nobody photographs a bottle lengthwise or a shoe upright."""
    height, width = frame
    return height >= width if family is Family.BOTTLE else height <= width if family is Family.SHOE else True


def draw_logo_file(design: Design) -> bytes:
    """The brand's logo as a PNG on white."""
    assert design.mark is not None
    mask = lockup(design.mark)
    padded = np.pad(mask, 60)[..., None]
    board = 1 - padded * (1 - np.asarray(design.mark.ink, np.float32))
    file = io.BytesIO()
    Image.fromarray((board * 255).round().astype(np.uint8)).save(file, "PNG", optimize=False)
    return file.getvalue()


def _turned(
    relief: Relief, colors: Field, design: Design, yaw: float, stream: np.random.Generator, *, loose: bool
) -> tuple[Field, Field]:
    """Seen from the side by `yaw` (-1 to 1): what is higher moves further, and soft goods take another shape."""
    rows, columns = grid((SIZE, SIZE))
    depth = blur(relief.height, 4) - 12
    shift_x, shift_y = depth * yaw * 0.55, depth * float(stream.uniform(-0.15, 0.2)) * abs(yaw)
    give = _SOFT.get(design.family, 0.0) * (1.0 if loose else 0.35)
    if give:
        shift_x = shift_x + smooth_noise(stream, (SIZE, SIZE), (2, 2)) * give
        shift_y = shift_y + smooth_noise(stream, (SIZE, SIZE), (2, 2)) * give
    layers = np.dstack([colors * relief.alpha[..., None], relief.alpha])
    moved = cv2.remap(layers, columns + shift_x, rows + shift_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(moved[..., :3], np.float32), np.asarray(moved[..., 3], np.float32)


def _placed(
    colors: Field,
    alpha: Field,
    frame: tuple[int, int],
    scene: Scene,
    yaw: float,
    stream: np.random.Generator,
    *,
    lying: bool,
    own: bool,
) -> tuple[Field, Field, float]:
    """Warp the product into the frame; also returns the row of its foot."""
    x, y, wide, tall = cv2.boundingRect((alpha > 0.3).astype(np.uint8))
    height, width = frame
    fill = float(stream.uniform(0.62, 0.84) if own else stream.uniform(0.74, 0.86))
    room_y = scene.floor * 1.02 if not lying else 1.0
    scale = min(fill * width / wide, fill * room_y * height / tall)
    turn = np.radians(
        stream.uniform(-28, 28) if lying and own else stream.uniform(-7, 7) if lying else stream.uniform(-1, 1)
    )
    half_w, half_h = wide * scale / 2, tall * scale / 2
    cx = width * (0.5 + float(stream.uniform(-0.05, 0.05)) * (1.5 if own else 0.5))
    cy = height * (0.5 + float(stream.uniform(-0.03, 0.03))) if lying else height * scene.floor - half_h
    near, squeeze = 0.10 * yaw, 1 - 0.10 * abs(yaw)
    lean = float(stream.uniform(-0.05, 0.05)) * (1.6 if own else 0.6) if lying else 0.0
    quad = np.array(
        [
            [-half_w * squeeze * (1 - lean), -half_h * (1 + near)],
            [half_w * squeeze * (1 - lean), -half_h * (1 - near)],
            [half_w * squeeze * (1 + lean), half_h * (1 - near)],
            [-half_w * squeeze * (1 + lean), half_h * (1 + near)],
        ]
    )
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    target = (quad @ rotation.T + [cx, cy]).astype(np.float32)
    source = np.array([[x, y], [x + wide, y], [x + wide, y + tall], [x, y + tall]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    layers = np.dstack([colors, alpha])
    flags = cv2.INTER_AREA if scale < 0.8 else cv2.INTER_LINEAR
    placed = cv2.warpPerspective(layers, matrix, (width, height), flags=flags)
    return np.asarray(placed[..., :3], np.float32), np.asarray(placed[..., 3], np.float32), float(target[:, 1].max())


def _composed(colors: Field, alpha: Field, scene: Scene, foot: float, *, lying: bool) -> Field:
    light = scene.light.direction
    reach = 16.0 / max(0.35, float(light[2]))
    offset = np.array([[1, 0, -light[0] * reach], [0, 1, -light[1] * reach]], np.float32)
    size = alpha.shape[::-1]
    if lying:
        cast = blur(np.asarray(cv2.warpAffine(alpha, offset, size), np.float32), 8)
        near = blur(alpha, 4)
        darkness = np.clip(cast * 0.75 + near * 0.35, 0, 1)
    else:
        darkness = _standing_shadow(alpha, foot, float(light[0]))
    seen = (1 - np.float32(scene.shadow) * darkness) * (1 - alpha)
    picture = scene.ground * seen[..., None]
    picture *= np.asarray(scene.light.color, np.float32)
    picture += colors
    if scene.beams is not None:
        picture *= scene.beams[..., None]
    return picture


def _standing_shadow(alpha: Field, foot: float, across: float) -> Field:
    """The silhouette laid flat behind the foot, and a dark line of contact."""
    height, width = alpha.shape
    flat = np.array([[1, across * 0.9, -across * 0.9 * foot], [0, 0.16, foot * 0.84 - 2]], np.float32)
    cast = blur(np.asarray(cv2.warpAffine(alpha, flat, (width, height)), np.float32), 7)
    rows, _ = grid(alpha.shape)
    strip = alpha * np.clip(1 - np.abs(rows - foot + 5) / 9, 0, 1)
    contact = blur(strip, 5) * 1.6
    return np.asarray(np.clip(cast * 0.7 + contact, 0, 1), np.float32)


@lru_cache(maxsize=1)
def _film() -> NDArray[np.uint8]:
    """Tone curve: linear 0 to 2 in 2,048 steps to 8 bits, with a soft shoulder."""
    toned = (np.arange(2048) / 1023) ** (1 / 1.15)
    toned = np.where(toned > 0.8, 0.8 + 0.2 * np.tanh((toned - 0.8) / 0.2), toned)
    return (np.clip(toned, 0, 1) * 255).round().astype(np.uint8)


def _developed(picture: Field, stream: np.random.Generator, *, own: bool) -> bytes:
    """Lens, sensor and file: vignette, blur, white balance, tone, noise, JPEG."""
    height, width = picture.shape[:2]
    rows, columns = grid((height, width))
    far = (columns / width - 0.5) ** 2 + (rows / height - 0.5) ** 2
    fall = float(stream.uniform(0.2, 0.84) if own else stream.uniform(0.0, 0.36))
    picture = picture * (1 - far * np.float32(fall))[..., None]
    if own:
        picture *= (stream.uniform(0.82, 1.14) * (1 + stream.uniform(-0.06, 0.06, 3))).astype(np.float32)
        cv2.GaussianBlur(picture, (0, 0), float(stream.uniform(0.3, 0.8)), dst=picture)
    grain = float(stream.uniform(0.006, 0.02) if own else stream.uniform(0.002, 0.006))
    picture += (cut(stream, (height, width), "grains", 0) * np.float32(grain))[..., None]
    picture *= np.float32(1023)
    pixels = np.take(_film(), np.clip(picture, 0, 2047, out=picture).astype(np.uint16))
    file = io.BytesIO()
    quality = int(stream.integers(80, 92)) if own else int(stream.integers(88, 94))
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()
