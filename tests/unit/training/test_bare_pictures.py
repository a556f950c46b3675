"""Windows without a mark: of the sources, bounded, and the same for equal seeds."""

from __future__ import annotations

import numpy as np
import torch

from training.bare_pictures import draw_windows, photograph_windows
from training.sources import Sources


def test_windows_are_drawn_by_the_generator_alone(training_sources: Sources) -> None:
    one, same, other = (draw_windows(training_sources, np.random.default_rng(seed), 32, 5) for seed in (1, 1, 2))

    assert one.shape == (5, 3, 32, 32)
    assert one.dtype == torch.uint8
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_no_windows_are_an_empty_batch(training_sources: Sources) -> None:
    assert draw_windows(training_sources, np.random.default_rng(1), 32, 0).shape == (0, 3, 32, 32)


def test_windows_go_through_the_camera_of_the_scenes(training_sources: Sources) -> None:
    windows = draw_windows(training_sources, np.random.default_rng(1), 32, 6).float() / 255
    seen = photograph_windows(windows.clone(), torch.Generator().manual_seed(1), strength=1.0)

    assert seen.shape == windows.shape
    assert float(seen.min()) >= 0
    assert float(seen.max()) <= 1
    assert not torch.equal(seen, windows)
