"""Copies of a drawn product photo, some with the logo taken out: by whom, where, and how it is said."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from domain.match import Alteration
from index.hidden_logos import find_hidden_logos
from store.images import RGB
from training.altered_marks import Manner, hide

BOX = (150.0, 130.0, 250.0, 190.0)


def product_photo(seed: int = 0) -> RGB:
    """A dark garment with seams and folds on a light ground, and a logo on its chest."""
    generator = np.random.default_rng(seed)
    photo = np.full((480, 400, 3), 235, np.uint8)
    cv2.fillPoly(photo, [np.array([[90, 60], [310, 60], [370, 200], [330, 440], [70, 440], [30, 200]])], (60, 80, 110))
    for _ in range(14):
        start, end = generator.integers(60, 400, 2), generator.integers(60, 400, 2)
        cv2.line(photo, start.tolist(), end.tolist(), tuple(generator.integers(30, 140, 3).tolist()), 2)
    left, top, right, bottom = (int(edge) for edge in BOX)
    cv2.rectangle(photo, (left, top), (right, bottom), (60, 80, 110), -1)
    cv2.circle(photo, (left + 28, top + 30), 24, (240, 240, 240), 6)
    cv2.putText(photo, "VQ", (left + 58, top + 44), cv2.FONT_HERSHEY_DUPLEX, 1.1, (230, 190, 60), 3)
    return photo


def copied(
    photo: RGB, *, scale: float = 0.8, quality: int = 70, blur: float = 0.0, mirror: bool = False
) -> tuple[RGB, NDArray[np.float64]]:
    """A thief's copy: resized, a little askew, brighter, compressed; and where its pixels came from."""
    height, width = photo.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners * scale + np.array([[4, 2], [-3, 6], [2, -4], [0, 3]], np.float32) + 8
    matrix = np.asarray(cv2.getPerspectiveTransform(corners, moved.astype(np.float32)), np.float64)
    size = round(width * scale) + 16, round(height * scale) + 16
    if mirror:
        matrix = np.array([[-1, 0, size[0] - 1], [0, 1, 0], [0, 0, 1.0]]) @ matrix
    copy = cv2.warpPerspective(photo, matrix, size, borderValue=(255, 255, 255)).astype(np.float32)
    copy = np.clip((copy - 128) * 0.9 + 140, 0, 255).astype(np.uint8)
    copy = cv2.GaussianBlur(copy, (0, 0), blur) if blur else copy
    _, packed = cv2.imencode(".jpg", copy, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8), matrix


@pytest.mark.parametrize(
    "edit",
    [{}, {"scale": 0.4}, {"scale": 1.3}, {"quality": 20}, {"blur": 2.0}, {"mirror": True}],
    ids=["plain", "small", "enlarged", "compressed", "blurred all over", "mirrored"],
)
def test_a_copy_that_shows_the_logo_hides_nothing(edit: dict[str, float]) -> None:
    copy, matrix = copied(product_photo(), **edit)  # type: ignore[arg-type]
    assert find_hidden_logos(copy, product_photo(), matrix, [BOX]) == ()


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize(
    ("manner", "kind", "words"),
    [
        ("blurred", Alteration.BLURRED, "is blurred"),
        ("pixelated", Alteration.BLURRED, "is blurred"),
        ("blacked_out", Alteration.COVERED, "is blacked out"),
        ("painted_over", Alteration.COVERED, "is painted over"),
    ],
)
def test_a_copy_that_hides_the_logo_is_told_how(manner: Manner, kind: Alteration, words: str, mirror: bool) -> None:
    photo = product_photo()
    copy, matrix = copied(hide(photo, BOX, manner, np.random.default_rng(1)), mirror=mirror)
    (hidden,) = find_hidden_logos(copy, photo, matrix, [BOX])
    assert hidden.number == 0
    assert hidden.alteration.kind is kind
    assert hidden.alteration.difference.startswith(words)
    assert 0.4 < hidden.alteration.confidence < 1
    xs, ys = zip(*hidden.outline, strict=True)
    place = cv2.perspectiveTransform(np.array([[[200.0, 160.0]]]), matrix)[0, 0]
    assert min(xs) < place[0] < max(xs)
    assert min(ys) < place[1] < max(ys)


def test_a_patch_with_the_outline_of_the_logo_hides_it_too() -> None:
    photo = product_photo()
    cv2.rectangle(photo, (150, 130), (249, 189), (25, 25, 28), -1)
    cv2.putText(photo, "WM", (156, 180), cv2.FONT_HERSHEY_DUPLEX, 1.7, (90, 95, 110), 5)
    copy, matrix = copied(hide(photo, BOX, "blacked_out", np.random.default_rng(1)))
    (hidden,) = find_hidden_logos(copy, photo, matrix, [BOX])
    assert hidden.alteration.kind is Alteration.COVERED


def test_of_two_logos_the_hidden_one_is_named() -> None:
    photo = product_photo()
    second = (150.0, 330.0, 250.0, 390.0)
    photo[330:390, 150:250] = photo[130:190, 150:250]
    copy, matrix = copied(hide(photo, second, "blacked_out", np.random.default_rng(1)))
    assert [one.number for one in find_hidden_logos(copy, photo, matrix, [BOX, second])] == [1]


def test_a_logo_that_was_cropped_off_is_not_hidden() -> None:
    photo = product_photo()
    copy, matrix = copied(hide(photo, BOX, "blacked_out", np.random.default_rng(1)))
    down = np.array([[1, 0, 0], [0, 1, -150.0], [0, 0, 1]])
    assert find_hidden_logos(np.ascontiguousarray(copy[150:]), photo, down @ matrix, [BOX]) == ()


def test_a_logo_too_small_to_be_seen_is_not_hidden() -> None:
    photo = product_photo()
    copy, matrix = copied(hide(photo, BOX, "blurred", np.random.default_rng(1)), scale=0.12)
    assert find_hidden_logos(copy, photo, matrix, [BOX]) == ()


def test_another_photo_hides_nothing() -> None:
    """What does not agree around the logo says nothing of it."""
    copy, matrix = copied(np.ascontiguousarray(product_photo(9)[::-1]))
    assert find_hidden_logos(copy, product_photo(), matrix, [BOX]) == ()


@pytest.mark.parametrize("box", [(0.0, 0.0, 400.0, 480.0), (-30.0, -30.0, 40.0, 40.0), (10.0, 10.0, 10.0, 10.0)])
def test_boxes_of_any_kind_are_looked_at(box: tuple[float, float, float, float]) -> None:
    copy, matrix = copied(product_photo())
    assert find_hidden_logos(copy, product_photo(), matrix, [box]) == ()
