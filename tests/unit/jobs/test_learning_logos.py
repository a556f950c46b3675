"""What the combiner learns from says what a logo finder found, and nothing of logos without one."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from crawler.marketplace import generate_marketplace
from domain.match import Alteration, LogoAlteration, LogoMatch
from domain.settings import Settings
from index.embedder import Embedder
from jobs import learning_sets
from jobs.learning_sets import LearningSet, marketplace_set
from jobs.train_classifier import ASSUMED_WEIGHTS, gather_examples
from scoring.altered_logo import SEEN_OTHERWISE
from scoring.features import FEATURE_NAMES, SIGNAL_NAMES
from store.images import RGB

BLURRED = LogoAlteration(kind=Alteration.BLURRED, confidence=0.5, difference="is blurred")


class OneBrandEverywhere:
    """Finds the first brand's mark in the first picture of every listing."""

    def __init__(self, learning: LearningSet) -> None:
        self._holder = next(iter(learning.records.rights_holders()))

    def find(self, pictures: Sequence[tuple[str, RGB]]) -> tuple[LogoMatch, ...]:
        return tuple(
            LogoMatch(
                image_sha256=sha256,
                rights_holder=self._holder.name,
                brand=self._holder.brands[0].name,
                logo_sha256="c" * 64,
                box=(0.0, 0.0, 9.0, 9.0),
                outline=(),
                probability=0.8,
                similarity=0.7,
                inliers=0,
                alterations=(BLURRED,),
            )
            for sha256, _ in pictures[:1]
        )


def test_examples_carry_logos_where_a_finder_is_given(monkeypatch: pytest.MonkeyPatch, models_dir: Path) -> None:
    small = functools.partial(generate_marketplace, listings=20, sellers=8, brands=2)
    monkeypatch.setattr(learning_sets, "generate_marketplace", small)
    learning, committed = marketplace_set(101, Settings()), Path(__file__).parents[3] / "models"
    embedder = Embedder(models_dir / "embedder.onnx", threads=1)
    without = gather_examples(learning, embedder, committed, Settings())
    shown = gather_examples(learning, embedder, committed, Settings(), logos=OneBrandEverywhere(learning))
    column = {name: FEATURE_NAMES.index(name) for name in ("logo_misuse", "altered_logo", "authorized_seller")}
    assert not without.features[:, column["logo_misuse"]].any()
    raised = shown.features[:, column["logo_misuse"]]
    assert set(np.round(raised.astype(float), 6)) == {0.0, 0.8}
    assert np.allclose(shown.features[:, column["altered_logo"]], raised * 0.5 * SEEN_OTHERWISE)
    silent = raised == 0  # without a readable picture, or listed by the mark's owner
    assert 0 < silent.sum() < len(raised) / 2


def test_what_is_assumed_is_of_signals_and_below_a_copied_photo() -> None:
    assert set(ASSUMED_WEIGHTS) <= set(SIGNAL_NAMES)
    assert all(0 < weight < 7 for weight in ASSUMED_WEIGHTS.values())
