"""Scenes, edits, marks on grounds, captions, batches."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.batches import MarkMaterial, TrainingSteps, compose_pairs, stream_batches
from training.captions import color_name, mark_caption, say, with_article
from training.edits import edit_copy
from training.mark_scenes import MANNERS, clean_marks, compose_marks, jpeg, reference_marks
from training.recipe import EmbedderRecipe
from training.scenes import compose_scene
from training.sources import Sources


def disks(count: int) -> torch.Tensor:
    masks = np.zeros((count, 96, 96), np.uint8)
    for number, mask in enumerate(masks):
        cv2.circle(mask, (48, 48), 20 + 5 * (number % 5), 255, -1)
    return torch.from_numpy(masks).float() / 255


def test_scenes_of_one_shape_differ_by_look_and_repeat_by_seed(training_sources: Sources) -> None:
    for shape in range(12):
        first, again = (compose_scene(training_sources, shape=shape, look=1) for _ in range(2))
        assert np.array_equal(first.picture, again.picture)
        assert first.caption == again.caption
        other = compose_scene(training_sources, shape=shape, look=2)
        assert first.picture.shape != other.picture.shape or not np.array_equal(first.picture, other.picture)


def test_edits_leave_a_picture_and_grow_with_strength(training_sources: Sources) -> None:
    light, harsh = [], []
    for seed in range(40):
        scene = compose_scene(training_sources, shape=seed, look=seed).picture
        for strength, changes in ((0.0, light), (1.0, harsh)):
            edited = edit_copy(scene, training_sources, np.random.default_rng(seed), strength=strength)
            assert edited.dtype == np.uint8
            assert min(edited.shape[:2]) >= 8
            small = cv2.resize(edited, (32, 32)).astype(float)
            changes.append(np.abs(small - cv2.resize(scene, (32, 32))).mean())
    assert np.mean(harsh) > 2 * np.mean(light)


@pytest.mark.parametrize("shape", [(11, 224, 3), (224, 9, 3), (1, 1, 3)])
def test_a_banner_can_be_edited_like_any_picture(training_sources: Sources, shape: tuple[int, ...]) -> None:
    banner = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for seed in range(60):
        assert edit_copy(banner, training_sources, np.random.default_rng(seed), strength=1.0).size


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_marks_change_their_grounds_inside_their_boxes(strength: float) -> None:
    grounds = torch.full((60, 3, 64, 64), 0.5)
    found = compose_marks(disks(60), grounds, torch.Generator().manual_seed(0), strength=strength)
    assert found.pictures.shape == grounds.shape
    assert float(found.pictures.min()) >= 0
    assert float(found.pictures.max()) <= 1
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
    inside = torch.stack(
        [
            picture[:, int(64 * top) : int(64 * bottom), int(64 * left) : int(64 * right)].std()
            for picture, (left, top, right, bottom) in zip(found.pictures, found.boxes.tolist(), strict=True)
        ]
    )
    assert float((inside > 0.02).float().mean()) > 0.9
    assert set(found.manners.tolist()) <= set(range(len(MANNERS)))


def test_the_box_of_a_wide_mark_is_wide() -> None:
    masks = torch.zeros(30, 96, 96)
    masks[:, 40:56, 2:94] = 1
    boxes = compose_marks(masks, torch.rand(30, 3, 64, 64), torch.Generator().manual_seed(0), strength=0.0).boxes
    wide, high = (boxes[:, 2:] - boxes[:, :2]).unbind(dim=1)
    assert float((wide / high).min()) > 2.5


def test_composing_repeats_by_seed_and_differs_by_seed() -> None:
    grounds = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    first, again, other = (
        compose_marks(disks(8), grounds, torch.Generator().manual_seed(seed), strength=1.0).pictures
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(grounds, torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(3))), "input is kept"


def test_clean_marks_stand_out_from_their_ground() -> None:
    pictures = clean_marks(disks(40), torch.Generator().manual_seed(0), size=64)
    gray = pictures.mean(dim=1)
    assert float((gray.amax(dim=(1, 2)) - gray.amin(dim=(1, 2))).min()) > 0.15


def test_reference_marks_are_black_on_white_and_white_on_black() -> None:
    black, white = reference_marks(disks(2), size=128)
    assert black.shape == (2, 3, 128, 128)
    assert torch.allclose(black, 1 - white)
    assert float(black[0, 0, 64, 64]) == 0
    assert float(black[0, 0, 0, 0]) == 1


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.floats(0.02, 0.15))
def test_jpeg_keeps_means_and_loses_more_with_coarser_steps(seed: int, step: float) -> None:
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    fine, coarse = (jpeg(picture, torch.tensor([size])) for size in (step / 4, step * 2))
    assert float((fine - picture).pow(2).mean()) < float((coarse - picture).pow(2).mean())
    block_means = (coarse - picture).reshape(3, 4, 8, 4, 8).mean(dim=(2, 4)).abs()
    assert float(block_means.max()) <= step * 2 / 8 / 2 + 1e-5


def test_jpeg_with_vanishing_steps_is_the_picture() -> None:
    picture = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(jpeg(picture, torch.full((2,), 1e-6)), picture, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("color", "name"),
    [
        ((0, 0, 0), "black"),
        ((255, 255, 255), "white"),
        ((200, 20, 20), "red"),
        ((20, 30, 160), "blue"),
        ((30, 140, 50), "green"),
        ((128, 128, 128), "gray"),
        ((250, 230, 40), "yellow"),
    ],
)
def test_colors_have_their_common_names(color: tuple[int, int, int], name: str) -> None:
    assert color_name(np.array(color)) == name


def test_captions_read_like_words() -> None:
    assert say("God-Morgon-Apple-Juice") == "god morgon apple juice"
    assert with_article("orange shirt") == "an orange shirt"
    assert with_article("blue shoes") == "blue shoes"
    assert with_article("red dress") == "a red dress"
    assert mark_caption(np.array((250, 250, 250)), "emboss", "shoes") == "a logo pressed into shoes"
    assert mark_caption(np.array((0, 0, 0)), "label", "") == "a black logo on a label on plain ground"


def test_a_step_is_a_function_of_its_number(training_sources: Sources, tiny_recipe: EmbedderRecipe) -> None:
    steps = TrainingSteps(training_sources, tiny_recipe, seed=1)
    (*_, last) = stream_batches(steps, first_step=0, workers=0)
    (again,) = stream_batches(steps, first_step=len(steps) - 1, workers=0)
    assert torch.equal(last.references, again.references)
    assert torch.equal(last.copies, again.copies)
    assert torch.equal(last.marks.scenes, again.marks.scenes)
    assert last.captions == again.captions
    assert not torch.equal(steps[0].references, again.references)


def test_marks_left_to_the_device_compose_to_the_same(training_sources: Sources, tiny_recipe: EmbedderRecipe) -> None:
    here = TrainingSteps(training_sources, tiny_recipe, seed=1)[2]
    left = TrainingSteps(training_sources, tiny_recipe, seed=1, compose=False)[2]
    assert isinstance(left.marks, MarkMaterial)
    composed = compose_pairs(left.marks, strength=left.strength)
    assert torch.equal(composed.scenes, here.marks.scenes)
    assert torch.equal(composed.partners, here.marks.partners)
    assert composed.captions == here.marks.captions


def test_distortion_grows_to_full_and_stays(tiny_recipe: EmbedderRecipe) -> None:
    recipe = replace(tiny_recipe, steps=100, full_strength_at=0.5)
    strengths = [recipe.strength(step) for step in range(100)]
    assert strengths == sorted(strengths)
    assert strengths[0] == pytest.approx(0.15)
    assert strengths[50:] == [1.0] * 50


def test_a_marks_origin_does_not_tell_how_its_partner_looks(
    training_sources: Sources, tiny_recipe: EmbedderRecipe
) -> None:
    real = {mask.tobytes() for mask in training_sources.marks}
    places = {
        place
        for step in range(12)
        for place, mask in enumerate(
            TrainingSteps(training_sources, tiny_recipe, seed=step, compose=False)[0].marks.masks
        )
        if mask.numpy().tobytes() in real
    }
    assert places == set(range(tiny_recipe.mark_pairs))


def test_captions_tell_no_ground_that_was_taken_away_and_the_ink_that_is_seen() -> None:
    grounds = torch.zeros(40, 3, 64, 64)
    easy = compose_marks(disks(40), grounds, torch.Generator().manual_seed(0), strength=0.0)
    assert easy.plain.all()
    hard = compose_marks(disks(40), grounds, torch.Generator().manual_seed(0), strength=1.0)
    assert not hard.plain.any()
    printed = hard.inks[hard.manners == MANNERS.index("print")]
    assert float(printed.mean(dim=1).min()) > 0.2, "black on black was replaced"
