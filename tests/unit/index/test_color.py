from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.color import UNLIKE, color_distances
from store.images import RGB

COLORS = {"red": (190, 40, 45), "blue": (45, 70, 180), "green": (40, 130, 70), "gray": (128, 128, 128)}
EVERYWHERE = np.ones((128, 96), bool)


def garment(color: tuple[int, int, int], seed: int = 0) -> RGB:
    """One cut and one fall of folds, in a color, on white, worn by somebody who looks the same each time."""
    rng = np.random.default_rng(seed)
    folds = cv2.GaussianBlur(rng.uniform(0.4, 1.2, (128, 96)).astype(np.float32), (0, 0), 5)
    folds = 0.75 + (folds - folds.mean()) * 5
    picture = np.full((128, 96, 3), 255, np.float32)
    picture[30:110, 20:76] = np.asarray(color) * folds[30:110, 20:76, None]
    picture[8:30, 36:60] = (220, 180, 150)
    picture[110:124, 30:66] = (60, 60, 80)
    return np.clip(picture, 0, 255).astype(np.uint8)


VARIANTS = np.stack([garment(color) for color in COLORS.values()])


def edited(rgb: RGB, *, brightness: float = 0, contrast: float = 1, saturation: float = 1) -> RGB:
    luma = (rgb @ np.array([0.299, 0.587, 0.114]))[..., None]
    changed = luma + saturation * (rgb - luma)
    return np.clip(128 + contrast * (changed - 128) + brightness, 0, 255).astype(np.uint8)


EDITS = {
    "as it is": {},
    "brighter": {"brightness": 35},
    "darker": {"brightness": -35},
    "more contrast": {"contrast": 1.3},
    "less contrast": {"contrast": 0.7},
    "more saturated": {"saturation": 1.4},
    "paler": {"saturation": 0.6},
    "all at once": {"brightness": 15, "contrast": 0.85, "saturation": 0.8},
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("number", range(len(COLORS)))
def test_the_variant_is_told_after_an_edit(number: int, edit: str) -> None:
    distances = color_distances(VARIANTS, edited(VARIANTS[number], **EDITS[edit]), EVERYWHERE)
    others = [distance for other, distance in enumerate(distances) if other != number]
    assert int(np.argmin(distances)) == number
    assert distances[number] < 8
    assert min(others) > distances[number] + 10


@given(
    number=st.integers(0, 3),
    brightness=st.floats(-40, 40),
    contrast=st.floats(0.7, 1.3),
    saturation=st.floats(0.6, 1.4),
)
def test_the_variant_is_told_after_any_moderate_edit(
    number: int, brightness: float, contrast: float, saturation: float
) -> None:
    listing = edited(VARIANTS[number], brightness=brightness, contrast=contrast, saturation=saturation)
    assert int(np.argmin(color_distances(VARIANTS, listing, EVERYWHERE))) == number


def test_a_sticker_does_not_decide() -> None:
    listing = VARIANTS[0].copy()
    listing[60:80, 40:60] = COLORS["blue"]
    assert int(np.argmin(color_distances(VARIANTS, listing, EVERYWHERE))) == 0


@pytest.mark.parametrize("number", range(3))
def test_variants_that_differ_in_little_are_told_by_that_little(draw: Callable[..., RGB], number: int) -> None:
    """A colored sole on an otherwise equal shoe."""
    variants = np.stack([draw(1, 96, 128)] * 3)
    for one, color in zip(variants, COLORS.values(), strict=False):
        one[110:122, 10:86] = color
    distances = color_distances(variants, edited(variants[number], brightness=15, contrast=0.9), EVERYWHERE)
    assert int(np.argmin(distances)) == number
    assert sorted(distances)[1] > distances[number] + 20


def test_half_of_the_picture_is_enough() -> None:
    inside = EVERYWHERE.copy()
    inside[64:] = False
    assert int(np.argmin(color_distances(VARIANTS, VARIANTS[2], inside))) == 2


def test_one_reference_alone_has_a_distance_too() -> None:
    (same,) = color_distances(VARIANTS[:1], VARIANTS[0], EVERYWHERE)
    (other,) = color_distances(VARIANTS[:1], VARIANTS[1], EVERYWHERE)
    assert same < 1 < other


@pytest.mark.parametrize("shade", [0, 255])
def test_what_shows_nothing_is_unlike_everything(shade: int) -> None:
    plain = np.full((128, 96, 3), shade, np.uint8)
    assert color_distances(VARIANTS, VARIANTS[0], ~EVERYWHERE) == [UNLIKE] * 4
    assert color_distances(np.full_like(VARIANTS, 255), plain, EVERYWHERE) == [UNLIKE] * 4
    assert color_distances(VARIANTS, plain, EVERYWHERE)[0] == UNLIKE


def test_equal_references_are_equally_far(draw: Callable[..., RGB]) -> None:
    drawn = draw(1, 96, 128)
    one, other = color_distances(np.stack([drawn, drawn]), draw(2, 96, 128), EVERYWHERE)
    assert one == other


def test_the_fit_is_least_squares_over_the_best_pixels() -> None:
    """Held to the plain way of doing it: one tall matrix, solved anew in each round."""
    reference, listing = VARIANTS[0], edited(VARIANTS[0], brightness=10, saturation=0.7)
    listing[60:90, 40:60] = COLORS["blue"]
    luma = reference.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    ink = reference.min(axis=-1) < 245
    fitted = ink
    for _ in range(4):
        chosen = reference[fitted].astype(np.float64)
        terms = np.stack([chosen.ravel(), np.repeat(luma[fitted], 3), np.ones(chosen.size)], axis=1)
        (gain, gray, offset), *_ = np.linalg.lstsq(terms, listing[fitted].astype(np.float64).ravel(), rcond=None)
        fit = np.clip(gain * reference + gray * luma[..., None] + offset, 0, 255)
        distance = np.linalg.norm(fit - listing, axis=-1)
        fitted = ink & (distance <= np.quantile(distance[ink], 0.8))
    expected = np.sort(distance[ink])[: int(0.8 * ink.sum())].mean()
    (found,) = color_distances(reference[None], listing, EVERYWHERE)
    assert found == pytest.approx(expected, rel=1e-3)
