"""The eye for texture: where a logo lies, and that nothing lies where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from index.embedder import Embedder
from index.logo_features import align_logos, look_at
from index.logo_index import LogoIndex, build_logo_index
from index.logo_regions import bounding_box, intersection_over_union


@pytest.fixture(scope="module")
def logos(shipped_embedder: Embedder, drawings: Any) -> LogoIndex:
    return build_logo_index(drawings.pictures(6), shipped_embedder)


@pytest.mark.parametrize("brand", range(4))
def test_a_logo_is_laid_over_its_place(logos: LogoIndex, brand: int, drawings: Any) -> None:
    picture, box = drawings.photograph_of(drawings.logo(brand), brand)

    best = align_logos(look_at(picture), logos)[0]

    assert logos.references[best.number].brand == f"Brand {brand}"
    assert intersection_over_union(bounding_box(best.outline), box) > 0.7
    assert best.inliers >= 10
    assert best.correlation > 0.6


def test_what_agrees_by_chance_is_far_weaker_than_a_logo(logos: LogoIndex, drawings: Any) -> None:
    found = align_logos(look_at(drawings.photograph_of(drawings.logo(1), 1)[0]), logos)
    by_chance = [one.strength for seed in range(4) for one in align_logos(look_at(drawings.photograph(seed)), logos)]
    strange = [
        one.strength
        for seed in range(4)
        for one in align_logos(look_at(drawings.photograph_of(drawings.logo(70), seed)[0]), logos)
    ]

    assert found[0].strength > max([*by_chance, *strange], default=0.0) + 1


def test_a_picture_without_features_shows_nothing(logos: LogoIndex, drawings: Any) -> None:
    assert align_logos(look_at(np.full((30, 40, 3), 200, np.uint8)), logos) == ()


def test_an_index_without_logos_finds_nothing(shipped_embedder: Embedder, drawings: Any) -> None:
    assert align_logos(look_at(drawings.photograph(1)), build_logo_index([], shipped_embedder)) == ()


def test_a_box_is_told_in_pixels_of_the_picture_whatever_its_size(logos: LogoIndex, drawings: Any) -> None:
    picture, box = drawings.photograph_of(drawings.logo(2), 2)
    twice = picture.repeat(2, axis=0).repeat(2, axis=1)

    best = align_logos(look_at(twice), logos)[0]

    assert intersection_over_union(bounding_box(best.outline), tuple(2 * side for side in box)) > 0.7  # type: ignore[arg-type]
