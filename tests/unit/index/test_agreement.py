from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from index.agreement import NO_AGREEMENT, THUMBNAIL_SIDE, Agreement, compare, thumbnail, unwarp
from store.images import RGB

SIZE = (300, 400)


def on_ground(thing: RGB, ground: RGB) -> RGB:
    """A thing with an oval outline, in the middle of a ground."""
    mask = np.zeros(ground.shape[:2], np.uint8)
    cv2.ellipse(mask, (150, 200), (95, 130), 0, 0, 360, 255, -1, cv2.LINE_AA)
    share = mask[:, :, None] / 255
    return np.asarray(thing * share + ground * (1 - share), np.uint8)


def agreement(reference: RGB, listing: RGB, matrix: NDArray[np.float64] | None = None) -> Agreement:
    matrix = np.eye(3) if matrix is None else matrix
    thumb = thumbnail(reference)
    return compare(thumb, *unwarp(listing, matrix, (reference.shape[1], reference.shape[0]), thumb))


def test_a_picture_agrees_with_itself(draw: Callable[..., RGB]) -> None:
    found = agreement(draw(1, *SIZE), draw(1, *SIZE))
    assert found.agreeing > 0.98
    # drawn edges are sharper than any photo's: what shrinking leaves of them differs a little from what unwarping does
    assert found.correlation > 0.95
    assert found.visible == 1.0
    assert found.unexplained < 0.05
    assert found.colored_alike > 0.85


@pytest.mark.parametrize("turn", [0, 10, 180])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_a_warped_copy_agrees_in_the_frame_of_the_reference(
    draw: Callable[..., RGB], turn: float, scale: float
) -> None:
    drawn = draw(2, *SIZE)
    matrix = np.vstack([cv2.getRotationMatrix2D((150, 200), turn, scale), [0, 0, 1]])
    matrix[:2, 2] += (50, 40)
    found = agreement(drawn, cv2.warpPerspective(drawn, matrix, (400, 480)), matrix)
    assert found.agreeing > 0.8
    assert found.colored_alike > 0.85
    assert found.visible > (0.2 if scale > 1 else 0.75)


def test_an_edited_copy_agrees_and_the_thing_on_another_ground_clearly_less(
    draw: Callable[..., RGB], jpeg: Callable[..., bytes]
) -> None:
    catalog = on_ground(draw(3, *SIZE), draw(4, *SIZE))
    edited = np.clip(catalog.astype(np.float32) * [1.1, 1.0, 0.9] + 12, 0, 255).astype(np.uint8)
    squeezed = cv2.imdecode(np.frombuffer(jpeg(edited, 30), np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    copy = agreement(catalog, np.ascontiguousarray(squeezed))
    own = agreement(catalog, on_ground(draw(3, *SIZE), draw(5, *SIZE)))
    assert copy.agreeing > own.agreeing + 0.3
    assert copy.colored_alike > own.colored_alike + 0.2
    assert copy.agreeing > 0.9
    assert copy.colored_alike > 0.8


def test_a_large_sticker_does_not_spoil_the_fit_of_the_color_beside_it(draw: Callable[..., RGB]) -> None:
    drawn = draw(9, *SIZE)
    listing = np.clip(drawn * np.array([0.6, 0.9, 1.0]) + [0, 20, 40], 0, 255).astype(np.uint8)
    listing[:110] = (255, 255, 0)
    assert agreement(drawn, listing).colored_alike == pytest.approx(
        0.72 * agreement(drawn, drawn).colored_alike, abs=0.06
    )


def test_what_is_drawn_where_the_reference_is_flat_is_unexplained(draw: Callable[..., RGB]) -> None:
    white = np.full((400, 300, 3), 255, np.uint8)
    catalog = on_ground(draw(6, *SIZE), white)
    busy = agreement(catalog, on_ground(draw(6, *SIZE), draw(7, *SIZE)))
    assert agreement(catalog, catalog).unexplained < 0.05
    assert busy.unexplained > 0.3


def test_only_what_can_be_seen_counts(draw: Callable[..., RGB]) -> None:
    drawn = draw(8, *SIZE)
    half = agreement(drawn, np.ascontiguousarray(drawn[:200]))
    assert half.visible == pytest.approx(0.45, abs=0.1)
    assert half.agreeing > 0.95


@pytest.mark.parametrize("shade", [0, 127, 255])
def test_a_plain_picture_agrees_with_nothing(draw: Callable[..., RGB], shade: int) -> None:
    plain = np.full((400, 300, 3), shade, np.uint8)
    assert agreement(plain, draw(1, *SIZE)) == NO_AGREEMENT
    assert agreement(plain, plain) == NO_AGREEMENT
    assert agreement(draw(1, *SIZE), plain).agreeing == 0


def test_outside_the_listing_nothing_agrees(draw: Callable[..., RGB]) -> None:
    aside = np.array([[1.0, 0, 5000], [0, 1, 0], [0, 0, 1]])
    assert agreement(draw(1, *SIZE), draw(1, *SIZE), aside) == NO_AGREEMENT


@pytest.mark.parametrize(
    "matrix",
    [
        np.array([[30.0, 0, 0], [0, 30, 0], [0, 0, 1]]),
        np.array([[1.0, 0, -3e4], [0, 1, -3e4], [1e-3, 1e-3, 1]]),
        np.array([[1.0, 2, 200], [2, 4.0001, 100], [0, 0, 1]]),
        np.array([[0.0, 1, 3], [1, 0, 2], [1e-9, 0, 1e-9]]),
    ],
)
def test_extreme_matrices_are_borne(draw: Callable[..., RGB], matrix: NDArray[np.float64]) -> None:
    found = agreement(draw(1, *SIZE), draw(1, *SIZE), matrix)
    assert all(np.isfinite(getattr(found, name)) for name in Agreement.__slots__)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (30, 20)])
def test_thumbnails_have_their_side(size: tuple[int, int]) -> None:
    small = thumbnail(np.zeros((*size, 3), np.uint8))
    assert max(small.shape[:2]) == THUMBNAIL_SIDE
    assert min(small.shape[:2]) >= 8
