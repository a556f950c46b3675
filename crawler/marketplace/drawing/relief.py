"""A product as a relief: color, height, gloss and metal over a square, laid on part by part, then lit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from crawler.marketplace.drawing.noise import Field, blur
from crawler.marketplace.palette import RGB

SIZE = 512
"""Pixels along the side of a relief."""
Points = Sequence[tuple[float, float]] | NDArray[np.float64]
"""(x, y) pairs, 0 to 1 over the relief, y down."""
_SHIFT = 5


class Relief:
    """Parts are laid on one another in the order of the calls; lengths are fractions of the side, heights pixels."""

    def __init__(self) -> None:
        shape = (SIZE, SIZE)
        self.alpha: Field = np.zeros(shape, np.float32)
        self.height: Field = np.zeros(shape, np.float32)
        self.albedo: Field = np.zeros((*shape, 3), np.float32)
        self.gloss: Field = np.zeros(shape, np.float32)
        self.metal: Field = np.zeros(shape, np.float32)

    def lay(
        self,
        mask: Field,
        color: RGB | Field,
        *,
        lift: float | Field = 0.0,
        gloss: float = 0.15,
        metal: float = 0.0,
        replace_height: bool = False,
    ) -> None:
        """A part: where `mask` is 1 it hides what is below and raises the height by `lift`."""
        box = _bounds(mask)
        if box is None:
            return
        m = mask[box]
        paint = color[box] if isinstance(color, np.ndarray) else np.asarray(color, np.float32)
        rise = lift[box] if isinstance(lift, np.ndarray) else np.float32(lift)
        base = self.height[box] * (1 - m) if replace_height else self.height[box]
        self.height[box] = base + m * rise
        self.albedo[box] += m[..., None] * (paint - self.albedo[box])
        self.gloss[box] += m * (gloss - self.gloss[box])
        self.metal[box] += m * (metal - self.metal[box])
        self.alpha[box] = np.maximum(self.alpha[box], m)

    def tint(self, mask: Field, factor: float | Field) -> None:
        """Darken or lighten what lies there."""
        box = _bounds(mask)
        if box is not None:
            by = factor[box] if isinstance(factor, np.ndarray) else np.float32(factor)
            self.albedo[box] *= (1 + mask[box] * (by - 1))[..., None]

    def emboss(self, field: Field, mask: Field | None = None) -> None:
        """Add to the height, such as grain, wrinkles or a pressed line (negative)."""
        box = _bounds(np.abs(field) if mask is None else mask)
        if box is not None:
            self.height[box] += field[box] if mask is None else field[box] * mask[box]

    def stitch(self, points: Points, color: RGB, *, dash: float = 0.014, width: float = 0.005) -> None:
        """A seam: a pressed line with thread dashes on it."""
        self.emboss(-1.2 * blur(stroke(points, width * 2.2), 1.5), self.alpha)
        self.lay(dashes(points, dash, width) * self.alpha, color, lift=1.3, gloss=0.2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Light:
    """Where light comes from. Degrees: azimuth 0 = from the right, 90 = from above; elevation over the plane."""

    azimuth: float
    elevation: float
    color: RGB = (1.0, 1.0, 1.0)
    ambient: float = 0.42
    softness: float = 1.0

    @property
    def direction(self) -> Field:
        """Unit vector to the light, (x right, y down, z to the viewer)."""
        azimuth, elevation = np.radians(self.azimuth), np.radians(self.elevation)
        flat = np.cos(elevation)
        return np.array([flat * np.cos(azimuth), -flat * np.sin(azimuth), np.sin(elevation)], np.float32)


def shade(relief: Relief, light: Light) -> Field:
    """(SIZE, SIZE, 3) linear colors of the relief under `light`: diffuse, specular, occlusion, metal's reflections."""
    lit = np.zeros((SIZE, SIZE, 3), np.float32)
    box = _bounds(relief.alpha)
    if box is not None:
        lit[box] = _shade(relief, light, box)
    return lit


def _shade(relief: Relief, light: Light, box: tuple[slice, slice]) -> Field:
    height, gloss, albedo = relief.height[box], relief.gloss[box], relief.albedo[box]
    dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    nz = 1 / np.sqrt(dx * dx + dy * dy + 1)
    nx, ny = -dx * nz, -dy * nz
    to_light = light.direction
    facing = nx * to_light[0] + ny * to_light[1] + nz * to_light[2]
    diffuse = np.clip(facing * np.float32(0.85) + np.float32(0.15), 0, None)
    half = to_light + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    shine = np.clip(nx * half[0] + ny * half[1] + nz * half[2], 0, 1)
    # (1 - s) falls off like a power of the cosine, and an exponential is cheaper
    away = 1 - shine
    specular = gloss * (np.float32(0.55) * np.exp(-away * (8 + 90 * gloss)) + np.float32(0.12) * np.exp(-away * 6))
    hollow = np.clip((blur(height, 9) - height) * 0.045, 0, 0.55) + np.clip((blur(height, 4) - height) * 0.05, 0, 0.3)
    ambient = light.ambient * (np.float32(0.8) - np.float32(0.25) * ny) * (1 - hollow)
    factor = ambient + np.float32(1.12 - light.ambient) * diffuse * (1 - np.float32(0.6) * hollow)
    metal = relief.metal[box]
    if metal.any():
        factor += metal * (_surroundings(nx, ny, nz) * (1 - hollow) * np.float32(1.25) - factor)
    return np.asarray(
        (albedo * factor[..., None] + specular[..., None]) * np.asarray(light.color, np.float32), np.float32
    )


def _surroundings(nx: Field, ny: Field, nz: Field) -> Field:
    """What a mirror sees: a bright room with a window, dark below; by the direction of the reflection."""
    rx, ry = 2 * nz * nx, 2 * nz * ny
    sky = 0.62 - 0.42 * ry
    window = 0.75 * np.exp(-(((rx + 0.45) / 0.28) ** 2)) + 0.35 * np.exp(-(((rx - 0.62) / 0.16) ** 2))
    return np.asarray(np.clip(sky * 0.75 + window * 0.6, 0.05, 1.6), np.float32)


def _coverage(canvas: NDArray[np.uint8]) -> Field:
    """0 to 1 from 0 to 255; most parts are small, so only their box is converted."""
    mask = np.zeros(canvas.shape, np.float32)
    x, y, width, height = cv2.boundingRect(canvas)
    box = (slice(y, y + height), slice(x, x + width))
    np.multiply(canvas[box], np.float32(1 / 255), out=mask[box], casting="unsafe")
    return mask


def _bounds(mask: Field) -> tuple[slice, slice] | None:
    x, y, width, height = cv2.boundingRect((mask > 0.002).view(np.uint8))
    return (slice(y, y + height), slice(x, x + width)) if width else None


def fill(points: Points) -> Field:
    """The inside of a polygon, antialiased."""
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(canvas, [_fixed(points)], 255, cv2.LINE_AA, _SHIFT)
    return _coverage(canvas)


def stroke(points: Points, width: float, *, closed: bool = False) -> Field:
    """A line of that width, antialiased, with round joints."""
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    thickness = max(1, round(width * SIZE))
    cv2.polylines(canvas, [_fixed(points)], closed, 255, thickness, cv2.LINE_AA, _SHIFT)
    return _coverage(canvas)


def ellipse(center: tuple[float, float], radii: tuple[float, float], turn: float = 0.0) -> Field:
    """A filled ellipse; `turn` in degrees."""
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    scale = SIZE * 2**_SHIFT
    middle = (round(center[0] * scale), round(center[1] * scale))
    axes = (round(radii[0] * scale), round(radii[1] * scale))
    cv2.ellipse(canvas, middle, axes, turn, 0, 360, 255, -1, cv2.LINE_AA, _SHIFT)
    return _coverage(canvas)


def box(left: float, top: float, right: float, bottom: float, radius: float = 0.0) -> Field:
    """A rectangle with rounded corners."""
    return fill(rounded(left, top, right, bottom, radius))


def rounded(left: float, top: float, right: float, bottom: float, radius: float) -> NDArray[np.float64]:
    """Outline of a rectangle with rounded corners, clockwise from the right end of the top edge."""
    centers = [(right - radius, top + radius), (right - radius, bottom - radius)]
    centers += [(left + radius, bottom - radius), (left + radius, top + radius)]
    arcs = []
    for (x, y), start in zip(centers, (-90, 0, 90, 180), strict=True):
        angles = np.radians(np.linspace(start, start + 90, 10))
        arcs.append(np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1))
    return np.concatenate(arcs)


def curve(points: Points, *, closed: bool = False, steps: int = 14) -> NDArray[np.float64]:
    """A Catmull-Rom spline through the points."""
    p = np.asarray(points, np.float64)
    before, after, far = (np.roll(p, shift, axis=0) for shift in (1, -1, -2))
    if not closed:
        before[0], after[-1], far[-1], far[-2] = p[0], p[-1], p[-1], p[-1]
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a, b, c, d = (part[:, None, :] for part in (before, p, after, far))
    spline = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    if not closed:
        return np.concatenate([spline[:-1].reshape(-1, 2), p[-1:]])
    return np.asarray(spline.reshape(-1, 2), np.float64)


def dashes(points: Points, dash: float, width: float) -> Field:
    """A dashed line: thread."""
    path = np.asarray(points, np.float64)
    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    thickness = max(1, round(width * SIZE))
    starts = np.arange(0, lengths[-1] - dash * 0.6, dash)
    ends = starts + dash * 0.6
    a = np.stack([np.interp(starts, lengths, path[:, i]) for i in (0, 1)], axis=1)
    b = np.stack([np.interp(ends, lengths, path[:, i]) for i in (0, 1)], axis=1)
    segments = np.round(np.stack([a, b], axis=1) * SIZE * 2**_SHIFT).astype(np.int32)
    cv2.polylines(canvas, list(segments), False, 255, thickness, cv2.LINE_AA, _SHIFT)
    return _coverage(canvas)


def dome(mask: Field, radius: float, rise: float) -> Field:
    """Height of a soft edge: 0 at the outline, `rise` pixels from `radius` (fraction of the side) inwards."""
    height = np.zeros((SIZE, SIZE), np.float32)
    x, y, wide, tall = cv2.boundingRect((mask > 0.5).view(np.uint8))
    if not wide:
        return height
    # one pixel of outside all round, as the distance is to the nearest zero
    box = (slice(max(0, y - 3), y + tall + 3), slice(max(0, x - 3), x + wide + 3))
    distance = cv2.distanceTransform((mask[box] > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    t = 1 - np.clip(distance * np.float32(1 / (radius * SIZE)), 0, 1)
    height[box] = blur(np.sqrt(1 - t * t), 1.2) * np.float32(rise)
    return height


def tube(points: Points, width: float, rise: float) -> tuple[Field, Field]:
    """Mask and height of a round cord along the points."""
    mask = stroke(points, width)
    return mask, dome(mask, width / 2, rise)


def _fixed(points: Points) -> NDArray[np.int32]:
    return np.asarray(np.round(np.asarray(points, np.float64) * SIZE * 2**_SHIFT), np.int32)
