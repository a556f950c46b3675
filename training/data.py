"""A streaming, seeded source of training pairs: a catalog photo and an edited copy of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.preprocessing import content_box, network_input
from store.images import RGB
from training.edits import edit_copy
from training.painting import Generator
from training.scenes import compose_scene
from training.sources import Sources

INPUT_SIZE = 128
"""Side of the pictures that are composed, in pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairBatch:
    """Row i of `references` and row i of `copies` show the same catalog photo; (n, 3, s, s) float32 each."""

    references: NDArray[np.float32]
    copies: NDArray[np.float32]


def stream_pairs(
    sources: Sources, *, seed: int, batch_size: int, strengths: Iterator[float], siblings: int = 3, first_step: int = 0
) -> Iterator[PairBatch]:
    """One batch for each of `strengths` (0 light to 1 full). Equal arguments, equal pictures.

    Each batch depends on its step alone, so a run that resumes at `first_step` sees what it would have seen.
    Half of a batch comes in groups of `siblings` that share pose and outline.
    """
    for step, strength in enumerate(strengths, start=first_step):
        generator = np.random.default_rng((seed, step))
        pairs = [
            _pair(compose_scene(sources, shape=shape, look=look), sources, generator, strength)
            for shape, look in _scene_seeds(generator, batch_size, siblings)
        ]
        references, copies = zip(*pairs, strict=True)
        yield PairBatch(references=np.stack(references), copies=np.stack(copies))


def _scene_seeds(generator: Generator, batch_size: int, siblings: int) -> Iterator[tuple[int, int]]:
    shape = 0
    for number in range(batch_size):
        if number >= batch_size // 2 or number % siblings == 0:
            shape = int(generator.integers(2**62))
        yield shape, int(generator.integers(2**62))


def _pair(
    scene: RGB, sources: Sources, generator: Generator, strength: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both sides may be seen whole or by their content, as in the index."""
    mirrored = generator.random() < 0.5
    reference = np.ascontiguousarray(scene[:, ::-1]) if mirrored else scene
    copy = edit_copy(reference, sources, generator, strength=strength)
    return _view(reference, generator), _view(copy, generator)


def _view(rgb: RGB, generator: Generator) -> NDArray[np.float32]:
    if generator.random() < 0.5:
        left, top, right, bottom = content_box(rgb)
        rgb = np.ascontiguousarray(rgb[top:bottom, left:right])
    return network_input(rgb, INPUT_SIZE)
