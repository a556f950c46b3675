from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from index.preprocessing import (
    MAX_QUERY_VIEWS,
    REFERENCE_VIEWS,
    content_box,
    network_input,
    query_views,
    reference_views,
)
from store.images import RGB

SIZE = 128


def noise(height: int, width: int, seed: int = 0) -> RGB:
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def on_ground(picture: RGB, *, height: int, width: int, left: int, top: int, ground: int = 255) -> RGB:
    canvas = np.full((height, width, 3), ground, np.uint8)
    canvas[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return canvas


def assert_close(found: tuple[int, int, int, int], wanted: tuple[int, int, int, int], within: int) -> None:
    assert max(abs(a - b) for a, b in zip(found, wanted, strict=True)) <= within, (found, wanted)


def test_input_is_rgb_planes_from_0_to_1() -> None:
    picture = np.zeros((50, 400, 3), np.uint8)
    picture[..., 0] = 255
    prepared = network_input(picture, SIZE)
    assert prepared.shape == (3, SIZE, SIZE)
    assert prepared.dtype == np.float32
    assert prepared.flags["C_CONTIGUOUS"]
    assert (prepared[0] == 1).all()
    assert (prepared[1:] == 0).all()


def test_content_box_of_a_product_on_white() -> None:
    scene = on_ground(noise(240, 120), height=400, width=300, left=70, top=90)
    assert_close(content_box(scene), (70, 90, 190, 330), within=5)


def test_content_box_inside_a_frame_is_the_product_not_the_frame() -> None:
    product = on_ground(noise(200, 140), height=360, width=300, left=80, top=80)
    framed = cv2.copyMakeBorder(product, 30, 30, 30, 30, cv2.BORDER_CONSTANT, value=(20, 120, 40))
    _done, packed = cv2.imencode(".jpg", framed, [cv2.IMWRITE_JPEG_QUALITY, 70])
    assert_close(content_box(cv2.imdecode(packed, cv2.IMREAD_COLOR)), (110, 110, 250, 310), within=8)


def test_content_box_of_a_screenshot_is_the_photo_not_the_bars() -> None:
    screen = on_ground(noise(260, 200), height=560, width=310, left=55, top=120)
    screen[:40] = 30
    cv2.putText(screen, "12:41 Shop", (10, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1)
    cv2.putText(screen, "Free shipping 999+ sold", (10, 470), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (200, 0, 0), 1)
    assert_close(content_box(screen), (55, 120, 255, 380), within=6)


def test_content_box_of_a_full_picture_and_of_an_empty_one_is_the_whole() -> None:
    assert content_box(noise(200, 300)) == (0, 0, 300, 200)
    assert content_box(np.full((200, 300, 3), 255, np.uint8)) == (0, 0, 300, 200)


def test_a_speck_on_white_is_not_taken_for_the_content() -> None:
    assert content_box(on_ground(noise(12, 12), height=400, width=400, left=10, top=10)) == (0, 0, 400, 400)


def test_a_framed_copy_shares_a_view_with_its_reference() -> None:
    product = on_ground(noise(240, 150), height=400, width=320, left=85, top=80)
    framed = cv2.copyMakeBorder(product, 40, 40, 25, 25, cv2.BORDER_CONSTANT, value=(10, 160, 90))
    nearest = min(
        float(np.abs(view - reference).mean())
        for view in query_views(framed, SIZE)
        for reference in reference_views(product, SIZE)
    )
    unrelated = min(
        float(np.abs(view - reference).mean())
        for view in query_views(framed, SIZE)
        for reference in reference_views(noise(400, 320, seed=5), SIZE)
    )
    assert nearest < 0.05 < unrelated


def test_each_half_of_a_collage_is_a_view() -> None:
    left, right = noise(300, 240, seed=1), noise(300, 240, seed=2)
    views = query_views(np.hstack([left, right]), SIZE)
    for half in (left, right):
        assert min(float(np.abs(view - network_input(half, SIZE)).mean()) for view in views) < 0.02


def test_reference_views_hold_the_mirrored_picture() -> None:
    picture = noise(300, 240, seed=3)
    views = reference_views(picture, SIZE)
    assert len(views) == REFERENCE_VIEWS
    mirrored = network_input(np.ascontiguousarray(picture[:, ::-1]), SIZE)
    assert np.abs(views[REFERENCE_VIEWS // 2] - mirrored).max() < 1e-2


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 700), st.integers(1, 700), st.integers(0, 3), st.sampled_from((64, 128, 160, 224)))
def test_any_picture_has_a_bounded_number_of_finite_views(height: int, width: int, seed: int, size: int) -> None:
    picture = noise(height, width, seed) if seed else np.full((height, width, 3), 7, np.uint8)
    views = query_views(picture, size)
    assert 2 <= len(views) <= MAX_QUERY_VIEWS
    for batch in (views, reference_views(picture, size)):
        assert batch.shape[1:] == (3, size, size)
        assert batch.dtype == np.float32
        assert float(batch.min()) >= 0
        assert float(batch.max()) <= 1
