"""What a logo detector's training run is made of, and the scenes of each of its steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from index.logo_detector import BAR
from store.images import RGB
from training.logo_grounds import draw_ground
from training.logo_scenes import COUNTS, compose_logo_scenes
from training.mark_masks import Mask
from training.painting import Generator
from training.sources import Sources
from training.synthetic_marks import synthetic_mark

_SYNTHETIC_SIDE = 192
"""Of invented masks: lettering on a large sign is finer than a mask of 96 px holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorRecipe:
    """What a run is made of. Equal recipes on equal data and threads give equal weights."""

    steps: int = 3000
    pictures: int = 12
    """Scenes a step."""
    size: int = 320
    """Side of a scene, in pixels; the exported detector brings pictures to it."""
    smallest: float = 0.05
    """Of the picture's width, a mark's longer side …"""
    largest: float = 0.95
    """… to this."""
    real_marks: float = 0.45
    """Share of the marks that are brands'; the rest is invented."""
    letterboxed: float = 0.4
    """Share of the scenes with bars."""
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warm_up: float = 0.03
    """Share of the steps in which the learning rate rises; after it falls by a cosine."""
    full_strength_at: float = 0.3
    """Share of the steps in which the distortions grow to full."""
    averaging: float = 0.998
    """Decay of the moving average of the weights, which is what is validated and shipped."""
    validate_every: int = 250
    validation_scenes: int = 150

    def strength(self, step: int) -> float:
        """How hard the pictures of a step are distorted, 0.4 to 1."""
        return min(1.0, 0.4 + 0.6 * step / self.steps / self.full_strength_at)


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorBatch:
    """One step."""

    pictures: Tensor
    """(n, 3, s, s) uint8."""
    boxes: tuple[Tensor, ...]
    """Of each picture (k, 4) float32, in pixels."""


class DetectorSteps(Dataset[DetectorBatch]):
    """Batches by step number: a step depends on sources, recipe, seed and its number alone."""

    def __init__(self, sources: Sources, recipe: DetectorRecipe, *, seed: int) -> None:
        self.sources, self.recipe, self.seed = sources, recipe, seed

    def __len__(self) -> int:
        return self.recipe.steps

    def __getitem__(self, step: int) -> DetectorBatch:
        generator = np.random.default_rng((self.seed, step, 0xB0C5))
        counts = generator.choice(len(COUNTS), self.recipe.pictures, p=COUNTS)
        marks = [[self._mark(generator) for _ in range(count)] for count in counts]
        grounds, insets = zip(*(self._ground(generator) for _ in counts), strict=True)
        strength = self.recipe.strength(step)
        shares = self.recipe.smallest, self.recipe.largest
        batch = compose_logo_scenes(marks, grounds, generator, insets=insets, strength=strength, shares=shares)
        return DetectorBatch(
            pictures=torch.from_numpy(np.ascontiguousarray(batch.pictures.transpose(0, 3, 1, 2))),
            boxes=tuple(torch.from_numpy(boxes) for boxes in batch.boxes),
        )

    def _mark(self, generator: Generator) -> Mask:
        sources = self.sources
        if len(sources.marks) and generator.random() < self.recipe.real_marks:
            return np.asarray(sources.marks[int(generator.integers(len(sources.marks)))])
        return synthetic_mark(generator, sources.fonts, sources.marks, side=_SYNTHETIC_SIDE)

    def _ground(self, generator: Generator) -> tuple[RGB, tuple[int, int]]:
        """A square, and the width of the bars at its sides and at its top and bottom."""
        size, inset = self.recipe.size, (0, 0)
        if generator.random() < self.recipe.letterboxed:
            bar = int(size * generator.uniform(0, 0.25))
            inset = (bar, 0) if generator.random() < 0.6 else (0, bar)
        x, y = inset
        square = np.full((size, size, 3), BAR, np.uint8)
        square[y : size - y, x : size - x] = draw_ground(
            self.sources.photos, self.sources.cutouts, generator, width=size - 2 * x, height=size - 2 * y
        )
        return square, inset
