"""Brand marks composed on photographs, in batches of tensors: the same code on a processor and on a GPU.

A mark is a mask. It is turned, stretched, seen in perspective and around a bend, put on the ground in one of six
manners, lit, partly covered, and then goes through a poor camera and a JPEG. `strength` grows from 0 to 1 with the
training's curriculum; a batch is a function of its inputs and the generator's seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Manner = Literal["print", "outline", "embroidery", "emboss", "label", "chrome", "screen"]
MANNERS: tuple[Manner, ...] = ("print", "outline", "embroidery", "emboss", "label", "chrome", "screen")
_SHARES = (0.34, 0.1, 0.1, 0.1, 0.14, 0.14, 0.08)
_INKED = 3
"""The first of MANNERS put ink straight on the ground, and need a contrast to it."""
Blur = Callable[[Tensor, float], Tensor]
"""Pictures (n, c, h, w) and a deviation in pixels to pictures."""
_SMALLEST = 0.35
"""Of the picture's side, a mark's longer side at full strength; the probe's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkScenes:
    """n composed pictures."""

    pictures: Tensor
    """(n, 3, s, s) float32, 0 to 1."""
    boxes: Tensor
    """(n, 4) float32: left, top, right, bottom of what is to be seen of the mark, in shares of the side."""
    manners: Tensor
    """(n,) positions in MANNERS."""
    inks: Tensor
    """(n, 3) color of a mark that is printed, sewn, glued or lit, 0 to 1. Pressed marks and most of metal show none."""
    plain: Tensor
    """(n,) bool: whether the photograph was replaced by a flat ground."""


def compose_marks(masks: Tensor, grounds: Tensor, generator: torch.Generator, *, strength: float) -> MarkScenes:
    """Masks (n, m, m) and photographs (n, 3, s, s), both 0 to 1, to pictures of the photographs' size."""
    draw = Draw(generator, masks.device, len(masks))
    side = grounds.shape[-1]
    grid = place_marks(draw, side, strength)
    alpha = functional.grid_sample(masks[:, None], grid, align_corners=False)
    # a young network learns nothing from hard scenes: as long as the strength is low, most are ink on a flat ground
    easy = draw.chance(1 - strength)
    grounds = torch.where(easy[:, None, None, None], _flat(draw_inks(draw)), grounds)
    manners = torch.where(easy, 0, draw.choice(_SHARES))
    inks = draw_inks(draw)
    pictures = paint_marks(draw, alpha, grounds, _flat(inks), manners)
    pictures = light_unevenly(draw, pictures, strength)
    pictures = _cover(draw, pictures, strength)
    return MarkScenes(
        pictures=photograph_scene(draw, pictures, strength),
        boxes=boxes_of(alpha[:, 0] > 0.25),
        manners=manners,
        inks=torch.where((manners < _INKED)[:, None], _legible(alpha, grounds, _flat(inks))[:, :, 0, 0], inks),
        plain=easy,
    )


def clean_marks(masks: Tensor, generator: torch.Generator, *, size: int) -> Tensor:
    """Masks (n, m, m) as a brand's own file shows them: flat color on a flat ground, hardly turned."""
    draw = Draw(generator, masks.device, len(masks))
    grid = place_marks(draw, size, 0.0)
    alpha = functional.grid_sample(masks[:, None], grid, align_corners=False)
    ink, ground = draw_inks(draw), draw_inks(draw)
    close = (_luminance(ink) - _luminance(ground)).abs() < 0.35
    ground = torch.where(close[:, None], (_luminance(ink) < 0.5).float()[:, None].expand(-1, 3), ground)
    plain = draw.uniform(0, 1) < 0.5
    light = (draw.uniform(0, 1) < 0.5).float()[:, None].expand(-1, 3)
    ink, ground = torch.where(plain[:, None], light, ink), torch.where(plain[:, None], 1 - light, ground)
    return _mix(_flat(ground), _flat(ink), alpha)


def reference_marks(masks: Tensor, *, size: int) -> tuple[Tensor, Tensor]:
    """Masks (n, m, m) in black on white and in white on black, each (n, 3, size, size) with a margin of a twelfth."""
    alpha = functional.interpolate(masks[:, None], size=round(size * 10 / 12), mode="bilinear", antialias=True)
    before = (size - alpha.shape[-1]) // 2
    after = size - alpha.shape[-1] - before
    alpha = functional.pad(alpha, (before, after, before, after)).expand(-1, 3, -1, -1)
    return 1 - alpha, alpha


class Draw:
    """Random numbers for n samples, always drawn on the processor so that every device sees the same."""

    def __init__(self, generator: torch.Generator, device: torch.device, count: int) -> None:
        self.generator, self.device, self.count = generator, device, count

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """(n, *shape), evenly from `low` to `high`."""
        numbers = torch.rand(self.count, *shape, generator=self.generator)
        return (numbers * (high - low) + low).to(self.device)

    def normal(self, deviation: float, *shape: int) -> Tensor:
        """(n, *shape), around 0."""
        return (torch.randn(self.count, *shape, generator=self.generator) * deviation).to(self.device)

    def chance(self, share: float) -> Tensor:
        """(n,) bool, of which `share` is true."""
        return self.uniform(0, 1) < share

    def choice(self, shares: tuple[float, ...]) -> Tensor:
        """(n,) positions in `shares`, each as often as it says."""
        weights = torch.tensor(shares)
        return torch.multinomial(weights, self.count, replacement=True, generator=self.generator).to(self.device)


def place_marks(draw: Draw, side: int, strength: float, *, smallest: float = _SMALLEST) -> Tensor:
    """Where each output pixel looks in the mask: (n, s, s, 2), from -1 to 1 within it.

    At full strength a mark's longer side is `smallest` to 0.95 of the side.
    """
    size = draw.uniform(smallest + (0.85 - smallest) * (1 - strength), 0.95)
    turn = draw.normal(0.04 + 0.21 * strength)
    aspect = torch.exp(draw.normal(0.03 + 0.09 * strength))
    tilt = draw.normal(0.12 * strength, 2)
    bend = draw.uniform(0, 0.9 * strength) * draw.chance(0.4)
    shift = draw.uniform(-1, 1, 2) * (1 - size)[:, None].clamp(min=0.02)
    axis = (torch.arange(side, device=draw.device) + 0.5) / side * 2 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    x, y = x[None] - shift[:, 0, None, None], y[None] - shift[:, 1, None, None]
    cosine, sine = (f(turn)[:, None, None] for f in (torch.cos, torch.sin))
    x, y = x * cosine + y * sine, y * cosine - x * sine
    depth = (1 + tilt[:, 0, None, None] * x + tilt[:, 1, None, None] * y).clamp(min=0.2)
    wide, high = (size * aspect.sqrt())[:, None, None], (size / aspect.sqrt())[:, None, None]
    u, v = x / depth / wide, y / depth / high
    return torch.stack([_bend(u, bend[:, None, None]), v], dim=-1)


def _bend(u: Tensor, bend: Tensor) -> Tensor:
    """Around a cylinder: what the eye sees at u stands at arcsin(u) on the label."""
    bent = torch.asin((u * bend).clamp(-0.99, 0.99)) / torch.asin(bend.clamp(min=1e-3))
    return torch.where(bend > 0.05, bent, u)


def boxes_of(inside: Tensor) -> Tensor:
    """(n, s, s) bool to (n, 4); all of the picture where nothing is inside."""
    side = inside.shape[-1]
    columns, rows = inside.any(dim=1).float(), inside.any(dim=2).float()
    left, top = columns.argmax(dim=1), rows.argmax(dim=1)
    right, bottom = side - columns.flip(1).argmax(dim=1), side - rows.flip(1).argmax(dim=1)
    return torch.stack([left, top, right, bottom], dim=1).float() / side


def draw_inks(draw: Draw) -> Tensor:
    """(n, 3): half of them black or white, the rest any color."""
    gray = draw.chance(0.5).float()[:, None].expand(-1, 3) * 0.94 + 0.03
    return torch.where(draw.chance(0.5)[:, None], gray, draw.uniform(0, 1, 3))


def _luminance(color: Tensor) -> Tensor:
    return color @ torch.tensor([0.299, 0.587, 0.114], device=color.device)


def _flat(color: Tensor) -> Tensor:
    return color[:, :, None, None]


def _mix(below: Tensor, above: Tensor, alpha: Tensor) -> Tensor:
    return below + (above - below) * alpha


def paint_marks(draw: Draw, alpha: Tensor, grounds: Tensor, inks: Tensor, manners: Tensor) -> Tensor:
    """The marks `alpha` (n, 1, s, s) on `grounds` (n, 3, s, s), each in its manner (n,).

    `inks` are (n, 3, 1, 1), or (n, 3, s, s) where a mark has several colors.
    """
    pictures = grounds.clone()
    opacity = draw.uniform(0.75, 1, 1, 1, 1)
    for number, manner in enumerate(MANNERS):
        rows = _rows(manners == number)
        if len(rows):
            part = Draw(draw.generator, draw.device, len(rows))
            paint = _PAINTERS[manner](part, alpha[rows], pictures[rows], inks[rows])
            pictures[rows] = _mix(grounds[rows], paint, opacity[rows])
    return pictures


def _print(draw: Draw, alpha: Tensor, ground: Tensor, ink: Tensor) -> Tensor:
    """Ink that keeps a contrast to what lies under it, and lets some of its shading through."""
    ink, mean = _legible(alpha, ground, ink), _mean_under(alpha, ground)
    folds = ground.mean(dim=1, keepdim=True) / mean.mean(dim=1, keepdim=True).clamp(min=0.05)
    through = draw.uniform(0, 0.6, 1, 1, 1)
    return _mix(ground, (ink * (1 + through * (folds.clamp(0.3, 1.8) - 1))).clamp(0, 1), alpha)


def _mean_under(alpha: Tensor, ground: Tensor) -> Tensor:
    return (ground * alpha).sum(dim=(2, 3), keepdim=True) / alpha.sum(dim=(2, 3), keepdim=True).clamp(min=1)


def _legible(alpha: Tensor, ground: Tensor, ink: Tensor) -> Tensor:
    """The ink, or black or white where it would hardly be seen on what lies under it."""
    mean = _mean_under(alpha, ground)
    weak = (mean - ink).abs().mean(dim=1, keepdim=True) < 0.25
    return torch.where(weak, (mean.mean(dim=1, keepdim=True) < 0.5).float().expand_as(ink), ink)


def _outline(draw: Draw, alpha: Tensor, ground: Tensor, ink: Tensor) -> Tensor:
    """Only the rim is inked; or a rim in another color around the printed mark."""
    rim = (spread(alpha, 2) - _shrunk(alpha, 1)).clamp(0, 1)
    other = _flat(draw_inks(draw))
    filled = _mix(_print(draw, alpha, ground, ink), other, (spread(alpha, 3) - alpha).clamp(0, 1))
    hollow = _print(draw, rim, ground, ink)
    return torch.where(draw.chance(0.5)[:, None, None, None], hollow, filled)


def _embroidery(draw: Draw, alpha: Tensor, ground: Tensor, ink: Tensor) -> Tensor:
    """Threads that catch the light, raised over the cloth."""
    side = alpha.shape[-1]
    axis = torch.arange(side, device=draw.device, dtype=torch.float32)
    angle, period = draw.uniform(0, math.pi, 1, 1, 1), draw.uniform(2.2, 5, 1, 1, 1)
    phase = (axis[None, :] * torch.cos(angle) + axis[:, None] * torch.sin(angle)) * (2 * math.pi / period)
    threads = 1 + 0.22 * torch.sin(phase)
    shade = _relief(draw, alpha) * 0.5
    return _mix(_print(draw, alpha, ground, ink), (ink * threads + shade).clamp(0, 1), alpha * 0.85)


def _emboss(draw: Draw, alpha: Tensor, ground: Tensor, ink: Tensor) -> Tensor:
    """Pressed into or out of the ground: no ink, only light and shade, and at times a slight tint."""
    tint = draw.uniform(-0.25, 0.25, 1, 1, 1) * alpha
    return (ground * 0.9 + 0.05 + tint + _relief(draw, alpha) * draw.uniform(0.7, 1.6, 1, 1, 1)).clamp(0, 1)


def _label(draw: Draw, alpha: Tensor, ground: Tensor, ink: Tensor) -> Tensor:
    """On a plain patch, as a sewn or glued label, a badge or a sign."""
    patch = spread(alpha, 7 if alpha.shape[-1] >= 96 else 3)
    box = functional.max_pool2d(alpha.amax(dim=2, keepdim=True), (1, 9), 1, (0, 4)) * functional.max_pool2d(
        alpha.amax(dim=3, keepdim=True), (9, 1), 1, (4, 0)
    )
    patch = torch.where(draw.chance(0.6)[:, None, None, None], (box > 0.3).float(), patch)
    paper = _flat(draw_inks(draw))
    paper = torch.where((paper - ink).abs().mean(dim=1, keepdim=True) < 0.3, 1 - ink.round(), paper)
    return _mix(_mix(ground, paper, patch), ink, alpha)


def _chrome(draw: Draw, alpha: Tensor, ground: Tensor, ink: Tensor) -> Tensor:
    """Polished metal, as a car's badge: bright and dark bands that follow the slope."""
    height = blurred(alpha, 2.0)
    slope_x, slope_y = _slopes(height)
    bands = draw.uniform(2, 9, 1, 1, 1) * slope_y + draw.uniform(-5, 5, 1, 1, 1) * slope_x + draw.uniform(0, 6, 1, 1, 1)
    side = alpha.shape[-1]
    sky = torch.linspace(1, -1, side, device=draw.device)[None, None, :, None] * draw.uniform(-0.3, 0.5, 1, 1, 1)
    metal = (draw.uniform(0.45, 0.8, 1, 1, 1) + 0.35 * torch.sin(bands) + sky).clamp(0, 1)
    tint = torch.where(draw.chance(0.2)[:, None, None, None], ink * 0.5 + 0.5, torch.ones_like(ink))
    shadow = torch.roll(spread(alpha, 1), (2, 1), (2, 3)) * 0.6
    return _mix(ground * (1 - shadow), metal * tint, alpha)


def _screen(draw: Draw, alpha: Tensor, ground: Tensor, ink: Tensor) -> Tensor:
    """On a lit display: flat color, scan lines, a glow around it."""
    lines = 1 + 0.1 * torch.sin(torch.arange(alpha.shape[-1], device=draw.device) * draw.uniform(0.8, 3, 1, 1, 1))
    dark = ground * draw.uniform(0.1, 1, 1, 1, 1)
    glow = blurred(alpha, 4.0) * 0.3
    bright = torch.where(draw.chance(0.7)[:, None, None, None], ink.clamp(min=0.35), ink)
    return _mix((dark + glow * bright).clamp(0, 1), (bright * lines.mT).clamp(0, 1), alpha)


_PAINTERS = {
    "print": _print,
    "outline": _outline,
    "embroidery": _embroidery,
    "emboss": _emboss,
    "label": _label,
    "chrome": _chrome,
    "screen": _screen,
}


def spread(alpha: Tensor, radius: int) -> Tensor:
    """Each pixel the largest within a square of `radius` px around it."""
    side = 2 * radius + 1
    across = functional.max_pool2d(alpha, (1, side), 1, (0, radius))
    return functional.max_pool2d(across, (side, 1), 1, (radius, 0))


def _shrunk(alpha: Tensor, radius: int) -> Tensor:
    return 1 - spread(1 - alpha, radius)


def _slopes(height: Tensor) -> tuple[Tensor, Tensor]:
    """Horizontal and vertical slope, central differences times 4."""
    padded = functional.pad(height, (1, 1, 1, 1), mode="replicate")
    return (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) * 2, (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) * 2


def _relief(draw: Draw, alpha: Tensor) -> Tensor:
    """Light from a random side on the mark as a low relief."""
    slope_x, slope_y = _slopes(blurred(alpha, 1.0))
    angle = draw.uniform(0, 2 * math.pi, 1, 1, 1)
    return slope_x * torch.cos(angle) * 0.5 + slope_y * torch.sin(angle) * 0.5


def blurred(pictures: Tensor, deviation: float) -> Tensor:
    """Gaussian, by two passes."""
    radius = max(1, math.ceil(2.5 * deviation))
    axis = torch.arange(-radius, radius + 1, device=pictures.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (axis / deviation) ** 2)
    kernel = (kernel / kernel.sum()).expand(pictures.shape[1], 1, -1)
    padded = functional.pad(pictures, (radius, radius, radius, radius), mode="replicate")
    rows = functional.conv2d(padded, kernel[:, :, None, :], groups=pictures.shape[1])
    return functional.conv2d(rows, kernel[:, :, :, None], groups=pictures.shape[1])


def blurred_by_shifts(pictures: Tensor, deviation: float) -> Tensor:
    """As `blurred`, twenty times faster on large pictures, with sums in another order: rounding apart, the same.

    What trained the embedder keeps the other one, so that its training repeats to the bit.
    """
    radius = max(1, math.ceil(2.5 * deviation))
    kernel = [math.exp(-0.5 * (place / deviation) ** 2) for place in range(-radius, radius + 1)]
    height, width = pictures.shape[2:]
    padded = functional.pad(pictures, (radius, radius, radius, radius), mode="replicate")
    rows, result = torch.zeros_like(padded[..., :width]), torch.zeros_like(pictures)
    for place, weight in enumerate(kernel):
        rows.add_(padded[..., place : place + width], alpha=weight / sum(kernel))
    for place, weight in enumerate(kernel):
        result.add_(rows[:, :, place : place + height], alpha=weight / sum(kernel))
    return result


def light_unevenly(draw: Draw, pictures: Tensor, strength: float) -> Tensor:
    """Uneven light everywhere, and at times a glare."""
    side = pictures.shape[-1]
    coarse = draw.uniform(1 - 0.45 * strength, 1 + 0.25 * strength, 1, 3, 3)
    pictures = pictures * functional.interpolate(coarse, size=side, mode="bilinear", align_corners=True)
    axis = torch.linspace(-1, 1, side, device=pictures.device)
    center, width = draw.uniform(-0.9, 0.9, 2), draw.uniform(0.05, 0.4)
    distance = (axis[None, None, :] - center[:, 0, None, None]) ** 2 + (
        axis[None, :, None] - center[:, 1, None, None]
    ) ** 2
    glare = torch.exp(-distance / (2 * width[:, None, None] ** 2)) * (draw.chance(0.2 * strength) * 0.8)[:, None, None]
    return (pictures + glare[:, None]).clamp(0, 1)


def _cover(draw: Draw, pictures: Tensor, strength: float) -> Tensor:
    """A quarter have something in front: a piece of a neighbor's picture."""
    side = pictures.shape[-1]
    axis = torch.linspace(0, 1, side, device=pictures.device)
    size, corner = draw.uniform(0.1, 0.1 + 0.35 * strength, 2), draw.uniform(0, 0.8, 2)
    across = (axis[None] >= corner[:, :1]) & (axis[None] < (corner + size)[:, :1])
    down = (axis[None] >= corner[:, 1:]) & (axis[None] < (corner + size)[:, 1:])
    rows = _rows(draw.chance(0.25 * strength))
    covered = (across[:, None, :] & down[:, :, None])[rows, None]
    pictures[rows] = torch.where(covered, pictures.roll(1, 0)[rows].flip(3), pictures[rows])
    return pictures


def photograph_scene(draw: Draw, pictures: Tensor, strength: float, *, blur: Blur = blurred) -> Tensor:
    """What a camera does: blur, low resolution, gain, tint, noise, JPEG. Overwrites `pictures`."""
    side = pictures.shape[-1]
    rows = _rows(draw.chance(0.5 * strength))
    pictures[rows] = _mix(pictures[rows], blur(pictures[rows], 1.2), draw.uniform(0, 1, 1, 1, 1)[rows])
    for factor, share in ((2, 0.25), (3, 0.12)):
        rows = _rows(draw.chance(share * strength))
        low = functional.avg_pool2d(pictures[rows], factor, ceil_mode=True)
        pictures[rows] = functional.interpolate(low, size=side, mode="bilinear")
    gain = draw.uniform(1 - 0.3 * strength, 1 + 0.25 * strength, 1, 1, 1) * (1 + draw.normal(0.06 * strength, 3, 1, 1))
    gamma = torch.exp(draw.normal(0.2 * strength, 1, 1, 1))
    pictures = pictures.clamp_(1e-4, 1).pow_(gamma).mul_(gain)
    rows = _rows(draw.chance(0.4))
    noise = torch.randn(len(rows), 1, side, side, generator=draw.generator).to(pictures.device)
    pictures[rows] += noise * draw.uniform(0, 0.08 * strength, 1, 1, 1)[rows]
    rows = _rows(draw.chance(0.6))
    pictures[rows] = jpeg(pictures[rows].clamp(0, 1), draw.uniform(0.02, 0.02 + 0.13 * strength)[rows])
    return pictures.clamp_(0, 1)


def _rows(chosen: Tensor) -> Tensor:
    return torch.nonzero(chosen)[:, 0]


def jpeg(pictures: Tensor, step: Tensor) -> Tensor:
    """JPEG's loss on (n, 3, s, s), s a multiple of 8: 8x8 cosine coefficients, rounded coarser the higher they are.

    `step` (n,) is the coarseness at the lowest frequency, 0.02 hardly seen to 0.15 blocky. Chroma keeps its size.
    """
    n, channels, height, width = pictures.shape
    k = torch.arange(8, device=pictures.device, dtype=torch.float32)
    cosines = torch.cos(math.pi * (2 * k[None, :] + 1) * k[:, None] / 16) * math.sqrt(2 / 8)
    cosines[0] /= math.sqrt(2)
    basis = torch.kron(cosines, cosines)  # one 64x64 product is several times faster than two of 8x8
    blocks = (
        pictures.reshape(n, channels, height // 8, 8, width // 8, 8)
        .transpose(3, 4)
        .reshape(n, channels * height * width // 64, 64)
    )
    steps = (1 + 0.7 * (k[:, None] + k[None, :])).reshape(64) * step[:, None, None]
    coefficients = (blocks @ basis.T).div_(steps).round_().mul_(steps)
    restored = (coefficients @ basis).reshape(n, channels, height // 8, width // 8, 8, 8)
    return restored.transpose(3, 4).reshape(n, channels, height, width)
