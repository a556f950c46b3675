"""Pictures that bear no mark: what a mark's vector must not resemble.

Contrast among marks alone leaves open where everything else goes, and it went next to a few marks that are plain or
striped: of the windows of a photograph, some was always near them. So each step also shows windows of photographs and
soft plain grounds, through the same light and camera as the scenes, and no mark may be near any of them.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from index.preprocessing import network_input
from store.images import RGB
from training.mark_scenes import Draw, light_unevenly, photograph_scene
from training.painting import Generator
from training.sources import Sources

_SMALLEST, _LARGEST = 0.12, 1.0
"""Width of a window in shares of the photograph's."""
_ASPECT_DEVIATION = 0.4
_SMALLEST_SIDE = 12


def draw_windows(sources: Sources, generator: Generator, size: int, count: int) -> Tensor:
    """(count, 3, size, size) uint8: windows of photographs, of any place, width and aspect."""
    if not count:
        return torch.zeros((0, 3, size, size), dtype=torch.uint8)
    photos = generator.integers(len(sources.photos), size=count)
    return torch.from_numpy(np.stack([_window(sources.photos[number], generator, size) for number in photos]))


def photograph_windows(windows: Tensor, generator: torch.Generator, *, strength: float) -> Tensor:
    """(n, 3, s, s) from 0 to 1, lit and photographed as scenes with marks are."""
    draw = Draw(generator, windows.device, len(windows))
    return photograph_scene(draw, light_unevenly(draw, windows, strength), strength)


def _window(photo: RGB, generator: Generator, size: int) -> NDArray[np.uint8]:
    height, width = photo.shape[:2]
    wide = width * float(np.exp(generator.uniform(np.log(_SMALLEST), np.log(_LARGEST))))
    high = wide * float(np.exp(generator.normal(0, _ASPECT_DEVIATION)))
    across, down = (int(np.clip(side, _SMALLEST_SIDE, most)) for side, most in ((wide, width), (high, height)))
    left, top = int(generator.integers(width - across + 1)), int(generator.integers(height - down + 1))
    cut = np.ascontiguousarray(photo[top : top + down, left : left + across])
    if generator.random() < 0.5:
        cut = np.ascontiguousarray(cut[:, ::-1])
    return np.asarray(np.round(network_input(cut, size) * 255), np.uint8)
