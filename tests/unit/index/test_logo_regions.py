"""Places and crops: never outside the picture, never empty."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.logo_regions import (
    Region,
    area,
    cut,
    distinct,
    grid,
    intersection_over_union,
    overlap_of_smaller,
    region_views,
    within,
)

sides = st.integers(1, 40)
places = st.floats(-60, 100, allow_nan=False)
boxes = st.tuples(places, places, places, places).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)


@given(width=sides, height=sides, box=boxes)
def test_any_box_gives_crops_and_views(width: int, height: int, box: tuple[float, float, float, float]) -> None:
    rgb = np.arange(width * height * 3, dtype=np.uint32).astype(np.uint8).reshape(height, width, 3)

    assert cut(rgb, box).size > 0
    views = region_views(rgb, box, 16)
    assert views.shape[1:] == (3, 16, 16)
    assert len(views) in (1, 2)
    left, top, right, bottom = within(box, rgb)
    assert 0 <= left <= right <= width
    assert 0 <= top <= bottom <= height


@given(one=boxes, other=boxes)
def test_overlaps_are_shares(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> None:
    assert 0 <= intersection_over_union(one, other) <= overlap_of_smaller(one, other) + 1e-9 <= 1 + 2e-9
    if area(one):
        assert intersection_over_union(one, one) == pytest.approx(1)


def test_a_crop_holds_the_pixels_of_its_box() -> None:
    rgb = np.arange(75, dtype=np.uint8).reshape(5, 5, 3)

    assert np.array_equal(cut(rgb, (1, 2, 4, 5)), rgb[2:5, 1:4])
    assert np.array_equal(cut(rgb, (-1, 0, 2, 1))[0, 0], rgb[0, 0])


def test_an_elongated_place_is_seen_in_its_shape_and_squashed() -> None:
    rgb = np.zeros((100, 100, 3), np.uint8)

    assert len(region_views(rgb, (10, 10, 60, 60), 16)) == 1
    assert len(region_views(rgb, (10, 10, 90, 40), 16)) == 2


def test_of_places_that_coincide_the_first_stays_with_the_best_detection() -> None:
    first, same, other = Region(box=(0, 0, 10, 10)), Region(box=(0, 0, 10, 9.5), detected=0.7), Region(box=(0, 0, 4, 4))

    assert distinct([first, same, other], most=5) == [Region(box=(0, 0, 10, 10), detected=0.7), other]
    assert distinct([first, other], most=1) == [first]


def test_the_grid_covers_the_picture() -> None:
    boxes = [region.box for region in grid(np.zeros((50, 100, 3), np.uint8))]

    assert boxes[0] == (0, 0, 100, 50)
    assert all(0 <= left < right <= 100 and 0 <= top < bottom <= 50 for left, top, right, bottom in boxes)
