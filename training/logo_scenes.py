"""Whole photographs with no to several marks in natural sizes, and where each stands: a logo detector learns from them.

Each mark is put on the ground under it as `training.mark_scenes` does on its squares, and what that changed is laid
over the picture. Light and camera come last and go over the whole picture: a mark that had its own would be found by
the seam.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from index.logo_detector import BAR
from store.images import RGB
from training.logo_grounds import draw_panel, photo_ground
from training.mark_masks import Mask
from training.mark_scenes import (
    MANNERS,
    Draw,
    blurred_by_shifts,
    boxes_of,
    draw_inks,
    light_unevenly,
    paint_marks,
    photograph_scene,
    place_marks,
    spread,
)
from training.painting import Generator

SHARES = (0.06, 0.8)
"""Smallest and largest length of a mark's longer side, in shares of the picture's width; each octave as often."""
COUNTS = (0.15, 0.4, 0.25, 0.12, 0.08)
"""How often a picture has none, one, two, three, four marks."""

_MANNER_SHARES = (0.38, 0.08, 0.08, 0.06, 0.22, 0.1, 0.08)
_PATCHES = (64, 128, 256, 512)
"""Sides of the squares that marks are painted in."""
_ATTEMPTS = 40
_Picture = NDArray[np.float32]
_Box = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LogoScene:
    """One composed photograph."""

    picture: RGB
    boxes: NDArray[np.float32]
    """(k, 4): left, top, right, bottom of each mark, in pixels."""
    names: tuple[str, ...]
    """Of the k marks, in the order of the boxes."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LogoBatch:
    """n composed photographs of one size."""

    pictures: NDArray[np.uint8]
    """(n, s, s, 3) RGB."""
    boxes: tuple[NDArray[np.float32], ...]
    """For each picture (k, 4) in pixels."""
    numbers: tuple[NDArray[np.int64], ...]
    """For each picture (k,): which of the marks handed in for it a box is of. What found no room is missing."""


def held_out_scenes(
    masks: NDArray[np.uint8],
    names: Sequence[str],
    photos: Sequence[RGB],
    *,
    seed: int,
    count: int,
    size: int = 384,
    shown: Sequence[Sequence[int]] | None = None,
    strength: float = 1.0,
) -> list[LogoScene]:
    """`count` photographs of `size` px (a multiple of 8) with marks on them; equal arguments, equal scenes.

    `masks` are (m, 96, 96) uint8 with their m `names`. `shown` says for each scene the numbers of the masks that it
    shows (none: a photograph without a mark); left out, zero to four are drawn by chance. A mark that finds no room
    beside the others is missing in its scene's boxes and names. `photos` of any size, at least one.
    """
    generator = np.random.default_rng((seed, 0x5CE7E))
    shown = draw_counts(generator, count, len(masks)) if shown is None else shown
    scenes: list[LogoScene] = []
    for wanted in shown[:count]:
        ground = photo_ground(photos, generator, width=size, height=size)
        batch = compose_logo_scenes([[masks[number] for number in wanted]], [ground], generator, strength=strength)
        found = tuple(names[wanted[place]] for place in batch.numbers[0])
        scenes.append(LogoScene(picture=batch.pictures[0], boxes=batch.boxes[0], names=found))
    return scenes


def draw_counts(generator: Generator, count: int, masks: int) -> list[list[int]]:
    """For each of `count` scenes the numbers of its marks, as many as COUNTS says, none of them twice."""
    sizes = generator.choice(len(COUNTS), count, p=COUNTS)
    return [generator.choice(masks, min(size, masks), replace=False).tolist() for size in sizes]


@dataclass(slots=True, eq=False)
class _Patch:
    """A mark in the square it is painted in."""

    scene: int
    number: int
    alpha: Tensor
    """(r, r)"""
    share: _Box
    """Of the mark within the square."""
    target: float
    """Length of the mark's longer side in the picture, in pixels."""
    corner: tuple[int, int] = (0, 0)
    """Of the square, in the picture."""
    side: int = 0
    """Of the square in the picture, in pixels; 0: not placed."""


def compose_logo_scenes(
    marks: Sequence[Sequence[Mask]],
    grounds: Sequence[RGB],
    generator: Generator,
    *,
    insets: Sequence[tuple[int, int]] | None = None,
    strength: float = 1.0,
    shares: tuple[float, float] = SHARES,
) -> LogoBatch:
    """n square grounds of one size (a multiple of 8) with the masks of each row of `marks` on them.

    `insets` (x, y) of each picture is the width of gray bars at its sides, and top and bottom: nothing stands there.
    """
    insets = insets or [(0, 0)] * len(grounds)
    tensors = torch.Generator().manual_seed(int(generator.integers(2**62)))
    canvases = [ground.copy() for ground in grounds]
    patches = _cut_patches(marks, canvases, insets, generator, tensors, strength, shares)
    taken: list[list[_Box]] = [[] for _ in grounds]
    for patch in patches:  # the largest first, while there is room
        _find_room(patch, canvases[patch.scene], insets[patch.scene], taken[patch.scene], generator)
    pictures = [canvas.astype(np.float32) / np.float32(255) for canvas in canvases]
    placed = [patch for patch in patches if patch.side]
    _paint(placed, pictures, tensors)
    for patch in placed:
        if generator.random() < 0.12 * strength:
            _cover(pictures[patch.scene], _box_of(patch), generator)
    boxes = [_gathered(placed, scene, grounds[0].shape[0], insets[scene]) for scene in range(len(grounds))]
    return LogoBatch(
        pictures=_seen(pictures, insets, tensors, strength),
        boxes=tuple(found for found, _ in boxes),
        numbers=tuple(numbers for _, numbers in boxes),
    )


def _cut_patches(
    marks: Sequence[Sequence[Mask]],
    canvases: Sequence[RGB],
    insets: Sequence[tuple[int, int]],
    generator: Generator,
    tensors: torch.Generator,
    strength: float,
    shares: tuple[float, float],
) -> list[_Patch]:
    """All marks with a length, turned and bent, the longest first."""
    side, wanted = canvases[0].shape[0], []
    for scene, row in enumerate(marks):
        low, high = np.log(shares[0]), np.log(shares[1] / max(1, len(row)) ** 0.5)
        for number, mask in enumerate(row):
            length = float(np.exp(generator.uniform(low, high))) * (side - 2 * insets[scene][0])
            wanted.append((next((p for p in _PATCHES if p >= 1.3 * length), _PATCHES[-1]), scene, number, mask, length))
    patches: list[_Patch] = []
    for resolution in _PATCHES:
        group = [one for one in wanted if one[0] == resolution]
        if group:
            alphas = _placed_masks([mask for _, _, _, mask, _ in group], resolution, tensors, strength)
            boxes = boxes_of(alphas > 0.25).numpy()
            for (_, scene, number, _, length), alpha, box in zip(group, alphas, boxes, strict=True):
                patches.append(_Patch(scene, number, alpha, box, length))
    return sorted(patches, key=lambda patch: (-patch.target, patch.scene, patch.number))


def _placed_masks(masks: Sequence[Mask], resolution: int, tensors: torch.Generator, strength: float) -> Tensor:
    """(n, r, r): small squares take no more of a mask than they can show, large ones keep its edges sharp."""
    side = min(256, resolution)
    sized = [cv2.resize(m, (side, side), interpolation=_method(side, m.shape[0])) for m in masks]
    tensor = torch.from_numpy(np.stack(sized)).float()[:, None] / 255
    grid = place_marks(Draw(tensors, tensor.device, len(masks)), resolution, strength, smallest=0.6)
    alpha = functional.grid_sample(tensor, grid, align_corners=False)[:, 0]
    steep = max(1.0, 0.75 * resolution / min(mask.shape[0] for mask in masks))
    sharpened: Tensor = ((alpha - 0.5) * steep + 0.5).clamp(0, 1)
    return sharpened


def _method(wanted: int, given: int) -> int:
    return cv2.INTER_AREA if wanted < given else cv2.INTER_CUBIC


def _find_room(patch: _Patch, canvas: RGB, inset: tuple[int, int], taken: list[_Box], generator: Generator) -> None:
    """Place the mark beside the others, smaller where there is little room; some on a sign, some cut by the edge."""
    length = float((patch.share[2:] - patch.share[:2]).max())
    overhang = 0.25 if generator.random() < 0.12 else 0.0
    for _ in range(_ATTEMPTS):
        side = max(8, round(patch.target / length))
        low = np.array(inset) - overhang * patch.target
        size = (patch.share[2:] - patch.share[:2]) * side
        room = canvas.shape[0] - np.array(inset) + overhang * patch.target - size - low
        if (room >= 0).all():
            corner = np.round(low + generator.uniform(0, 1, 2) * room - patch.share[:2] * side)
            patch.corner, patch.side = (int(corner[0]), int(corner[1])), side
            box = _box_of(patch)
            if not any(_overlap(box, other) for other in taken):
                taken.append(box)
                if generator.random() < 0.25:
                    _hang_sign(canvas, box, generator)
                return
        patch.target *= 0.97
        patch.side = 0


def _box_of(patch: _Patch) -> _Box:
    return np.asarray(np.tile(patch.corner, 2) + patch.share * patch.side, dtype=np.float32)


def _overlap(box: _Box, other: _Box) -> bool:
    """With a gap of 4 px, so that no two marks read as one."""
    return bool((box[:2] < other[2:] + 4).all() and (other[:2] < box[2:] + 4).all())


def _hang_sign(canvas: RGB, box: _Box, generator: Generator) -> None:
    """A plain panel under the mark."""
    size, longer = box[2:] - box[:2], float((box[2:] - box[:2]).max())
    panel = size + longer * generator.uniform(0.1, 0.8, 2)
    center = (box[:2] + box[2:]) / 2 + generator.uniform(-0.3, 0.3, 2) * (panel - size)
    draw_panel(canvas, generator, (float(center[0]), float(center[1])), (float(panel[0]), float(panel[1])))


def _paint(patches: Sequence[_Patch], pictures: Sequence[_Picture], tensors: torch.Generator) -> None:
    """Each mark on what lies under it, in place."""
    for resolution in sorted({patch.alpha.shape[-1] for patch in patches}):
        group = [patch for patch in patches if patch.alpha.shape[-1] == resolution]
        grounds = torch.stack([_under(patch, pictures[patch.scene], resolution) for patch in group])
        alphas = torch.stack([patch.alpha for patch in group])[:, None]
        draw = Draw(tensors, grounds.device, len(group))
        manners = draw.choice(_MANNER_SHARES)
        painted = paint_marks(draw, alphas, grounds, _inks(draw, resolution), manners)
        changes = (painted - grounds) * _reach(alphas, manners)
        for patch, change in zip(group, changes, strict=True):
            _lay_over(pictures[patch.scene], change.permute(1, 2, 0).numpy(), patch)


def _inks(draw: Draw, resolution: int) -> Tensor:
    """(n, 3, r, r): one color, or in two of five marks another one beyond a line."""
    axis = torch.linspace(-1, 1, resolution)
    turn, cut = draw.uniform(0, 2 * np.pi, 1, 1), draw.uniform(-0.5, 0.5, 1, 1)
    beyond = axis[None, None, :] * torch.cos(turn) + axis[None, :, None] * torch.sin(turn) > cut
    beyond &= draw.chance(0.4)[:, None, None]
    first, second = (draw_inks(draw)[:, :, None, None] for _ in range(2))
    return torch.where(beyond[:, None], second, first)


def _reach(alphas: Tensor, manners: Tensor) -> Tensor:
    """(n, 1, r, r): what changes the whole square, as a press or a display's dark does, ends softly around the mark."""
    reach = torch.ones_like(alphas)
    whole = (manners == MANNERS.index("emboss")) | (manners == MANNERS.index("screen"))
    coarse = functional.interpolate(alphas[whole], size=_PATCHES[0], mode="area")  # it is soft anyhow
    soft = (blurred_by_shifts(spread(coarse, 6), 2.5) * 1.6).clamp(0, 1)
    reach[whole] = functional.interpolate(soft, size=alphas.shape[-1], mode="bilinear")
    return reach


def _under(patch: _Patch, picture: _Picture, resolution: int) -> Tensor:
    """The part of the picture that the square covers, its edge repeated beyond it: (3, r, r)."""
    last = picture.shape[0] - 1
    columns, rows = (np.clip(np.arange(start, start + patch.side), 0, last) for start in patch.corner)
    part = np.ascontiguousarray(picture[rows[:, None], columns[None, :]])
    sized = cv2.resize(part, (resolution, resolution), interpolation=_method(resolution, patch.side))
    return torch.from_numpy(np.ascontiguousarray(np.clip(sized, 0, 1).transpose(2, 0, 1)))


def _lay_over(picture: _Picture, change: _Picture, patch: _Patch) -> None:
    sized = cv2.resize(change, (patch.side, patch.side), interpolation=_method(patch.side, change.shape[0]))
    left, top = patch.corner
    x, y = max(0, left), max(0, top)
    part = picture[y : max(y, top + patch.side), x : max(x, left + patch.side)]
    part += sized[y - top :, x - left :][: part.shape[0], : part.shape[1]]
    np.clip(part, 0, 1, out=part)


def _cover(picture: _Picture, box: _Box, generator: Generator) -> None:
    """Something stands before up to a third of the mark, from one side: another piece of the picture."""
    side = picture.shape[0]
    left, top, right, bottom = np.clip(box, 0, side).astype(int)
    across, down = right - left, bottom - top
    if generator.random() < 0.5:
        across = max(1, int(across * generator.uniform(0.1, 0.33)))
        left = left if generator.random() < 0.5 else right - across
    else:
        down = max(1, int(down * generator.uniform(0.1, 0.33)))
        top = top if generator.random() < 0.5 else bottom - down
    x, y = (int(generator.integers(0, max(1, side - length + 1))) for length in (across, down))
    picture[top : top + down, left : left + across] = picture[y : y + down, x : x + across].copy()


def _gathered(
    patches: Iterable[_Patch], scene: int, side: int, inset: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Boxes of a scene, cut to what is seen of it, in the order their marks were handed in."""
    own = sorted((patch for patch in patches if patch.scene == scene), key=lambda patch: patch.number)
    boxes = np.array([_box_of(patch) for patch in own], dtype=np.float32).reshape(-1, 4)
    low = np.tile(np.array(inset, dtype=np.float32), 2)
    numbers = np.array([patch.number for patch in own], dtype=np.int64)
    return np.clip(boxes, low, side - low), numbers


def _seen(
    pictures: Sequence[_Picture], insets: Sequence[tuple[int, int]], tensors: torch.Generator, strength: float
) -> NDArray[np.uint8]:
    """Lit and photographed; the bars beside them are no part of the photograph."""
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
    draw = Draw(tensors, stacked.device, len(stacked))
    seen = photograph_scene(draw, light_unevenly(draw, stacked, strength), strength, blur=blurred_by_shifts)
    batch = (seen * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy().copy()
    for picture, (x, y) in zip(batch, insets, strict=True):
        side = picture.shape[0]
        for bar in (np.s_[:y], np.s_[side - y :], np.s_[:, :x], np.s_[:, side - x :]):
            picture[bar] = BAR
    return batch
