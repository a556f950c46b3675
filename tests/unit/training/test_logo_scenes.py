"""Composed photographs: what they show is where they say, and they say which mark it is."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from index.logo_detector import BAR
from training.logo_grounds import draw_ground
from training.logo_scenes import COUNTS, LogoScene, _reach, compose_logo_scenes, draw_counts, held_out_scenes
from training.mark_scenes import MANNERS, Draw, blurred, blurred_by_shifts, light_unevenly, photograph_scene
from training.sources import Sources


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Squares this small are composed no faster by two, which wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def masks(count: int) -> NDArray[np.uint8]:
    drawn = np.zeros((count, 96, 96), np.uint8)
    for number, mask in enumerate(drawn):
        cv2.circle(mask, (48, 48), 44, 255, 6 + 3 * (number % 4))
        cv2.rectangle(mask, (30, 20 + 4 * (number % 5)), (66, 76), 255, -1)
    return drawn


NAMES = tuple(f"firm {number}" for number in range(6))
GRAY = np.full((96, 96, 3), 128, np.uint8)


def scenes(seed: int, shown: list[list[int]], *, size: int = 96, strength: float = 0.0) -> list[LogoScene]:
    return held_out_scenes(
        masks(6), NAMES, [GRAY], seed=seed, count=len(shown), size=size, shown=shown, strength=strength
    )


def test_a_scene_shows_the_marks_that_were_asked_for_and_names_each_box() -> None:
    found = scenes(1, [[3], [], [5, 0], [2, 2]], size=192)
    assert found[0].names == ("firm 3",)
    assert (found[1].names, found[1].boxes.shape) == ((), (0, 4))
    assert found[2].names == ("firm 5", "firm 0")
    assert found[3].names == ("firm 2", "firm 2")
    assert all(scene.picture.shape == (192, 192, 3) for scene in found)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), strength=st.floats(0, 1), count=st.integers(0, 7), inset=st.integers(0, 20))
def test_boxes_lie_in_the_photograph_and_apart(seed: int, strength: float, count: int, inset: int) -> None:
    generator = np.random.default_rng(seed)
    batch = compose_logo_scenes(
        [list(masks(count))], [np.repeat(GRAY, 2, 1).repeat(2, 0)], generator, insets=[(inset, 0)], strength=strength
    )
    boxes, picture = batch.boxes[0], batch.pictures[0]
    assert len(boxes) == len(batch.numbers[0]) <= count
    assert (boxes[:, 2:] - boxes[:, :2] > 0).all()
    assert (boxes[:, [0, 2]] >= inset).all()
    assert (boxes[:, [0, 2]] <= 192 - inset).all()
    for one, box in enumerate(boxes):
        for other in boxes[:one]:
            assert (box[:2] >= other[2:]).any() or (other[:2] >= box[2:]).any()
    assert (picture[:, :inset] == BAR).all()
    assert (picture[:, 192 - inset :] == BAR).all()


def test_the_picture_changes_inside_the_box_and_not_far_from_it() -> None:
    """At strength 0 the ground stays as it was but for JPEG; signs and labels reach a little out."""
    inside, outside = [], []
    for seed in range(40):
        (scene,) = scenes(seed, [[seed % 6]], size=192)
        if not len(scene.boxes):
            continue
        change = np.abs(scene.picture.astype(int) - np.median(scene.picture, axis=(0, 1))).max(axis=2)
        left, top, right, bottom = scene.boxes[0].round().astype(int)
        far = np.ones((192, 192), bool)
        reach = int(0.75 * max(right - left, bottom - top)) + 8
        far[max(0, top - reach) : bottom + reach, max(0, left - reach) : right + reach] = False
        inside.append(float((change[top:bottom, left:right] > 15).mean()))
        outside.append(float((change[far] > 15).mean()) if far.any() else 0.0)
    assert np.mean([share > 0.1 for share in inside]) > 0.9
    assert np.median(outside) == 0
    assert np.mean(outside) < 0.02


def test_scenes_repeat_by_seed_and_differ_by_seed() -> None:
    first, again, other = (scenes(seed, [[0], [1, 2]], strength=1.0) for seed in (4, 4, 5))
    for one, same in zip(first, again, strict=True):
        assert np.array_equal(one.picture, same.picture)
        assert np.array_equal(one.boxes, same.boxes)
    assert not np.array_equal(first[0].picture, other[0].picture)


def test_a_wide_mark_has_a_wide_box() -> None:
    wide = np.zeros((1, 96, 96), np.uint8)
    wide[0, 40:56, 2:94] = 255
    found = held_out_scenes(wide, ("wide",), [GRAY], seed=0, count=15, size=128, shown=[[0]] * 15, strength=0.0)
    sides = np.concatenate([scene.boxes[:, 2:] - scene.boxes[:, :2] for scene in found])
    assert np.median(sides[:, 0] / sides[:, 1]) > 3


def test_sizes_reach_from_small_to_most_of_the_width() -> None:
    found = scenes(0, [[number % 6] for number in range(80)], size=128, strength=1.0)
    longer = np.array([(scene.boxes[0, 2:] - scene.boxes[0, :2]).max() / 128 for scene in found if len(scene.boxes)])
    assert longer.min() < 0.1
    assert longer.max() > 0.65
    assert 0.15 < np.median(longer) < 0.3  # as many in each octave: the geometric mean of 0.06 and 0.8 is 0.22


def test_scenes_have_as_many_marks_as_told() -> None:
    counts = [len(row) for row in draw_counts(np.random.default_rng(0), 4000, 50)]
    assert np.allclose(np.bincount(counts, minlength=5) / 4000, COUNTS, atol=0.03)
    assert all(len(set(row)) == len(row) for row in draw_counts(np.random.default_rng(1), 50, 6))


def test_the_blur_by_shifts_is_the_blur() -> None:
    pictures = torch.rand(2, 3, 24, 40, generator=torch.Generator().manual_seed(0))
    for deviation in (0.5, 1.2, 4.0):
        assert torch.allclose(blurred(pictures, deviation), blurred_by_shifts(pictures, deviation), atol=1e-5)


def test_light_and_camera_go_over_the_whole_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mark with light, noise or JPEG of its own would be found by the seam."""
    seen: list[tuple[int, ...]] = []

    def light(draw: Draw, pictures: torch.Tensor, strength: float) -> torch.Tensor:
        seen.append(tuple(pictures.shape))
        return light_unevenly(draw, pictures, strength)

    def photograph(draw: Draw, pictures: torch.Tensor, strength: float, **rest: object) -> torch.Tensor:
        seen.append(tuple(pictures.shape))
        return photograph_scene(draw, pictures, strength)

    monkeypatch.setattr("training.logo_scenes.light_unevenly", light)
    monkeypatch.setattr("training.logo_scenes.photograph_scene", photograph)
    compose_logo_scenes([list(masks(3))], [np.repeat(GRAY, 2, 1).repeat(2, 0)], np.random.default_rng(0))
    assert seen == [(1, 3, 192, 192)] * 2


def test_grounds_are_of_every_kind_and_repeat(training_sources: Sources) -> None:
    drawn = [
        draw_ground(training_sources.photos, (), np.random.default_rng(seed), width=80, height=56) for seed in range(40)
    ]
    again = draw_ground(training_sources.photos, (), np.random.default_rng(7), width=80, height=56)
    assert all(ground.shape == (56, 80, 3) and ground.dtype == np.uint8 for ground in drawn)
    assert np.array_equal(drawn[7], again)
    assert len({ground.tobytes() for ground in drawn}) == 40


def test_what_changes_the_ground_around_a_mark_ends_before_its_square_does() -> None:
    alphas = torch.zeros(len(MANNERS), 1, 128, 128)
    alphas[:, :, 40:88, 30:98] = 1
    reach = _reach(alphas, torch.arange(len(MANNERS)))
    for number, manner in enumerate(MANNERS):
        border = torch.cat([reach[number, 0, [0, -1]].flatten(), reach[number, 0, :, [0, -1]].flatten()])
        whole = manner in ("emboss", "screen")
        assert float(border.max()) == (0 if whole else 1), manner
        assert float(reach[number, 0, 45:83, 35:93].min()) > 0.99
