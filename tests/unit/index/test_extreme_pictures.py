"""Strips, dots and large pictures: every eye looks at them, and none asks for memory that they do not have."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from domain.match import Box
from index.hidden_logos import _has_pixels, find_hidden_logos
from index.homography import Matrix
from index.logo_alterations import SeenLogo, find_alterations
from index.logo_detector import letterbox
from index.logo_features import LOOKING_SIDE, look_at
from index.logo_regions import cut, grid, region_views
from index.logo_registration import warp
from index.mark_text import MOST_SIDE, TextReader, _at_reading_size
from index.preprocessing import network_input
from store.images import RGB

EXTREME = [(200, 40_000), (40_000, 200), (1, 1), (9_000, 3), (3, 9_000), (1, 40_000)]
"""(height, width)."""
SIZE = 128


def texture(height: int, width: int, seed: int = 0) -> RGB:
    """As a photograph: coarse shapes, some finer ones."""
    generator = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for cells, strength in ((4, 90), (16, 50), (64, 25)):
        noise = generator.uniform(-strength, strength, (cells, cells, 3)).astype(np.float32)
        picture += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(picture + 128, 0, 255), np.uint8)


def former_views(rgb: RGB, box: Box) -> list[NDArray[np.float32]]:
    """The square at full size, and the place."""
    left, top, right, bottom = box
    half = 0.6 * max(right - left, bottom - top)
    x, y = (left + right) / 2, (top + bottom) / 2
    return [network_input(cut(rgb, place), SIZE) for place in ((x - half, y - half, x + half, y + half), box)]


def former_warp(picture: RGB, matrix: Matrix, size: tuple[int, int]) -> RGB:
    """All of the picture blurred, then laid."""
    factor = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    source = cv2.GaussianBlur(picture, (0, 0), min(0.5 / factor, 20.0)) if factor < 0.7 else picture
    return np.asarray(cv2.warpPerspective(source, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def peak_bytes_of_views(rgb: RGB) -> int:
    tracemalloc.start()
    for region in grid(rgb):
        assert region_views(rgb, region.box, SIZE).shape[1:] == (3, SIZE, SIZE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize(("height", "width"), EXTREME)
def test_views_of_a_strip_take_no_more_than_a_few_network_inputs(height: int, width: int) -> None:
    rgb = np.full((height, width, 3), 90, np.uint8)
    # the square around 40,000 px has 6.9 GB
    assert peak_bytes_of_views(rgb) < 40_000_000


@pytest.mark.parametrize(("height", "width"), [(800, 1000), (600, 400), (3000, 4000), (2000, 900)])
def test_views_of_ordinary_pictures_are_as_the_full_square(height: int, width: int) -> None:
    rgb = texture(height, width)
    for region in grid(rgb):
        for view, former in zip(region_views(rgb, region.box, SIZE), former_views(rgb, region.box), strict=False):
            difference = np.abs(view - former)
            assert float(difference.mean()) < 0.004
            assert float(np.percentile(difference, 99)) < 0.03
            if max(height, width) <= 1000:
                assert not difference.any()


@pytest.mark.parametrize(("height", "width"), EXTREME)
def test_what_looks_at_a_whole_picture_takes_every_shape(height: int, width: int) -> None:
    rgb = np.full((height, width, 3), 90, np.uint8)
    looked = look_at(rgb)
    assert max(looked.rgb.shape[:2]) <= LOOKING_SIDE
    square, placing = letterbox(rgb, 320)
    assert square.shape == (320, 320, 3)
    assert np.isfinite(placing.undone(np.array([[0, 0, 320, 320]], np.float32))).all()
    shown, scale = _at_reading_size(rgb)
    assert max(shown.shape[:2]) <= MOST_SIDE
    assert scale > 0


def test_a_strip_and_a_dot_are_read() -> None:
    reader = TextReader(threads=1)
    for height, width in EXTREME:
        assert reader.read(np.full((height, width, 3), 90, np.uint8)) == ()


@pytest.mark.parametrize(("height", "width"), EXTREME)
def test_a_logo_is_laid_over_any_place_of_any_picture(height: int, width: int) -> None:
    picture, logo = texture(height, width), texture(96, 128, 1)
    box = (0.0, 0.0, float(width), float(height))
    assert find_alterations(SeenLogo(picture=picture, box=box, logo=logo, content=(8, 8, 120, 88))) == ()


@settings(max_examples=40, deadline=None)
@given(
    left=st.floats(-100, 900),
    top=st.floats(-100, 600),
    side=st.floats(80, 700),
    turn=st.floats(-0.5, 0.5),
    tilt=st.floats(-2e-4, 2e-4),
)
def test_a_place_is_shown_as_if_all_of_the_picture_were_blurred(
    left: float, top: float, side: float, turn: float, tilt: float
) -> None:
    zoom = 256 / side
    turned = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [tilt, tilt, 1.0]])
    matrix = turned @ np.array([[zoom, 0, -left * zoom], [0, zoom, -top * zoom], [0, 0, 1.0]])
    picture = texture(700, 1000)
    here, former = (shown(picture, matrix, (256, 200)).astype(float) for shown in (warp, former_warp))
    assert float(np.abs(here - former).mean()) < 0.5
    assert float(np.percentile(np.abs(here - former), 99)) <= 3


@pytest.mark.parametrize("zoom", [0.24, 0.15, 0.08])
def test_what_is_shrunk_a_lot_looks_as_if_it_were_blurred(zoom: float) -> None:
    picture = texture(1500, 2000, 3)
    cv2.putText(picture, "VELMORA", (200, 800), cv2.FONT_HERSHEY_DUPLEX, 9, (250, 250, 250), 22)
    matrix = np.array([[zoom, 0, 3.0], [0, zoom, -2.0], [0, 0, 1.0]])
    size = (round(2000 * zoom), round(1500 * zoom))
    here, former = (shown(picture, matrix, size).astype(float) for shown in (warp, former_warp))
    assert float(np.abs(here - former).mean()) < 1.0
    # no shift of the edges: half a pixel differs by more
    moved = warp(picture, np.array([[1, 0, 0.5], [0, 1, 0], [0, 0, 1]]) @ matrix, size).astype(float)
    assert np.abs(here - former).mean() < 0.4 * np.abs(moved - former).mean()


@pytest.mark.parametrize(
    "matrix",
    [np.zeros((3, 3)), np.diag([0.001, 0.001, 0.0]), np.array([[1.0, 0, 0], [0, 1, 0], [-0.02, 0, 1]]), np.eye(3)],
    ids=["nothing", "no depth", "a horizon", "as it is"],
)
@pytest.mark.parametrize(("height", "width"), EXTREME)
def test_any_map_of_any_picture_is_drawn(matrix: Matrix, height: int, width: int) -> None:
    assert warp(np.full((height, width, 3), 90, np.uint8), matrix, (64, 48)).shape == (48, 64, 3)


@settings(max_examples=40, deadline=None)
@given(left=st.floats(-200, 300), top=st.floats(-200, 300), zoom=st.floats(0.1, 3), tilt=st.floats(-3e-4, 3e-4))
def test_where_a_picture_has_pixels_is_where_it_is_drawn(left: float, top: float, zoom: float, tilt: float) -> None:
    picture = np.zeros((240, 320, 3), np.uint8)
    matrix = np.array([[zoom, 0.1, left], [-0.1, zoom, top], [tilt, 0, 1.0]])
    drawn = cv2.warpPerspective(np.full(picture.shape[:2], 255, np.uint8), matrix, (200, 150)) > 250
    assert (_has_pixels(picture, matrix, (200, 150)) != drawn).mean() < 0.01


def test_a_logo_in_a_long_strip_is_looked_for() -> None:
    strip = texture(200, 40_000)
    strip[60:120, 160:280] = texture(60, 120, 2)[:, :, ::-1]
    strip[20:180, 100:400] ^= np.random.default_rng(0).integers(0, 64, (160, 300, 1)).astype(np.uint8)
    hidden = strip.copy()
    hidden[50:130, 150:290] = 0
    box = (160.0, 60.0, 280.0, 120.0)
    assert find_hidden_logos(strip, strip, np.eye(3), [box]) == ()
    assert [one.number for one in find_hidden_logos(hidden, strip, np.eye(3), [box])] == [0]
