"""A drawn data folder that trains in seconds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.recipe import EmbedderRecipe
from training.sources import Sources, load_sources
from training.splits import split_of

TINY = EmbedderRecipe(
    steps=6,
    copy_pairs=6,
    mark_pairs=6,
    bare=4,
    size=64,
    trunk="assayer_residual_small",
    warm_up=0.0,
    validate_every=3,
    validation_pairs=8,
)


def draw_training_data(folder: Path) -> Path:
    """Pictures of two classes in the training and validation splits, and a few marks of each split."""
    generator = np.random.default_rng(3)
    for split in ("train", "validation"):
        for number in range(12):
            coarse = generator.integers(0, 256, (6, 5, 3), dtype=np.uint8)
            picture = cv2.resize(coarse, (130, 160), interpolation=cv2.INTER_CUBIC)
            cv2.circle(picture, (65, 80), 40, tuple(int(c) for c in generator.integers(0, 256, 3)), -1)
            path = folder / "clothing" / split / f"class{number % 2}" / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), picture)
    marks = folder / "marks" / "svg"
    marks.mkdir(parents=True)
    for split in ("train", "validation"):
        names = (name for name in (f"firm{number}" for number in range(1000)) if split_of("mark", name) == split)
        for _, name in zip(range(5), names, strict=False):
            points = " ".join(f"{x},{y}" for x, y in generator.integers(0, 24, (5, 2)))
            svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><polygon points="{points}"/></svg>'
            (marks / f"{name}.svg").write_text(svg)
    return folder


@pytest.fixture(scope="session")
def training_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_training_data(tmp_path_factory.mktemp("training-data"))


@pytest.fixture(scope="session")
def training_sources(training_data: Path) -> Sources:
    return load_sources(training_data)


@pytest.fixture(scope="session")
def tiny_recipe() -> EmbedderRecipe:
    return TINY
