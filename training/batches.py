"""What one training step sees: copies with their captions, marks on photographs, composed anew from the step's number.

A step depends on the sources, the recipe, the seed and its number alone, so a run that resumes sees what it would have
seen. (With another number of composing threads, sums round otherwise, and a few values in a million by one of 255.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from index.preprocessing import content_box, network_input
from index.tokenizer import byte_ids
from store.images import RGB
from training.bare_pictures import draw_windows, photograph_windows
from training.captions import mark_caption
from training.edits import edit_copy
from training.mark_scenes import MANNERS, MarkScenes, clean_marks, compose_marks
from training.painting import Generator
from training.recipe import EmbedderRecipe
from training.scenes import compose_scene
from training.sources import Sources
from training.synthetic_marks import synthetic_mark

T = TypeVar("T")

_SIBLINGS = 3
_CLEAN_SHARE = 0.5
_PLAIN_SHARE = 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkMaterial:
    """Marks and the photographs they are to be put on: what is composed on the device where there is one."""

    masks: Tensor
    """(n, m, m) uint8."""
    grounds: Tensor
    """(2 n, 3, s, s) uint8."""
    ground_classes: tuple[str, ...]
    """Class of each of the first n grounds; empty for plain ones."""
    bare: Tensor
    """(b, 3, s, s) uint8: windows of photographs."""
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkPairs:
    """Row i of both shows the same mark; (n, 3, s, s) uint8 each. `captions` says what the first ones show.

    `bare` (b, 3, s, s) uint8 show no mark.
    """

    scenes: Tensor
    partners: Tensor
    captions: tuple[str, ...]
    bare: Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """One step. Row i of `references` and of `copies` shows the same photo; (n, 3, s, s) uint8 each."""

    references: Tensor
    copies: Tensor
    captions: tuple[str, ...]
    """Of the references."""
    marks: MarkPairs | MarkMaterial
    strength: float


class TrainingSteps(Dataset[Batch]):
    """Batches by step number. With `compose` the marks are composed here, else on the trainer's device."""

    def __init__(self, sources: Sources, recipe: EmbedderRecipe, *, seed: int, compose: bool = True) -> None:
        self.sources, self.recipe, self.seed, self.compose = sources, recipe, seed, compose

    def __len__(self) -> int:
        return self.recipe.steps

    def __getitem__(self, step: int) -> Batch:
        strength = self.recipe.strength(step)
        generator = np.random.default_rng((self.seed, step))
        references, copies, captions = zip(*self._pairs(generator, strength), strict=True)
        material = draw_marks(self.sources, self.recipe, generator)
        return Batch(
            references=_stack(references),
            copies=_stack(copies),
            captions=captions,
            marks=compose_pairs(material, strength=strength) if self.compose else material,
            strength=strength,
        )

    def _pairs(
        self, generator: Generator, strength: float
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8], str]]:
        """Half of a batch comes in groups of siblings that share pose and outline: a catalog's hard negatives."""
        count, shape = self.recipe.copy_pairs, 0
        for number in range(count):
            if number >= count // 2 or number % _SIBLINGS == 0:
                shape = int(generator.integers(2**62))
            scene = compose_scene(self.sources, shape=shape, look=int(generator.integers(2**62)))
            mirrored = generator.random() < 0.5
            reference = np.ascontiguousarray(scene.picture[:, ::-1]) if mirrored else scene.picture
            copy = edit_copy(reference, self.sources, generator, strength=strength)
            size = self.recipe.size
            yield _view(reference, generator, size), _view(copy, generator, size), scene.caption


def stream_batches(steps: Dataset[T], *, first_step: int, workers: int) -> Iterator[T]:
    """The batches from `first_step` on, composed ahead in `workers` processes (0: in this one).

    `steps` has a length, and a batch for each number below it.
    """
    loader = DataLoader(
        steps,
        batch_size=None,
        sampler=range(first_step, len(steps)),  # type: ignore[arg-type]
        num_workers=workers,
        prefetch_factor=2 if workers else None,
        worker_init_fn=_one_thread if workers else None,
        # a forked child inherits thread pools that no longer run, and waits for them forever
        multiprocessing_context="spawn" if workers else None,
    )
    return iter(loader)


def _one_thread(_worker: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def _view(rgb: RGB, generator: Generator, size: int) -> NDArray[np.uint8]:
    """Seen whole or by its content, as in the index."""
    if generator.random() < 0.5:
        left, top, right, bottom = content_box(rgb)
        rgb = np.ascontiguousarray(rgb[top:bottom, left:right])
    return np.asarray(np.round(network_input(rgb, size) * 255), dtype=np.uint8)


def _stack(pictures: tuple[NDArray[np.uint8], ...]) -> Tensor:
    return torch.from_numpy(np.stack(pictures))


def draw_marks(sources: Sources, recipe: EmbedderRecipe, generator: Generator) -> MarkMaterial:
    """Real marks and invented ones, each other than the rest, with two grounds for each."""
    count = recipe.mark_pairs
    real = min(len(sources.marks), round(count * recipe.real_marks))
    chosen: list[int] = generator.choice(len(sources.marks), real, replace=False).tolist() if real else []
    masks = [sources.marks[number] for number in chosen]
    masks += [synthetic_mark(generator, sources.fonts, sources.marks) for _ in range(count - real)]
    # mixed, for the first ones are shown clean: a mark's origin must not say how its partner looks
    order = generator.permutation(count)
    grounds, classes = zip(*(_ground(sources, generator, recipe.size) for _ in range(2 * count)), strict=True)
    return MarkMaterial(
        masks=torch.from_numpy(np.stack([masks[number] for number in order])),
        grounds=torch.from_numpy(np.stack(grounds)),
        ground_classes=classes[:count],
        bare=draw_windows(sources, generator, recipe.size, recipe.bare),
        seed=int(generator.integers(2**62)),
    )


def _ground(sources: Sources, generator: Generator, size: int) -> tuple[NDArray[np.uint8], str]:
    """A square of a photograph, or a plain ground with a soft texture; (3, size, size)."""
    if generator.random() < _PLAIN_SHARE:
        coarse = generator.normal(0, generator.uniform(0, 25), (5, 5, 1)) + generator.uniform(0, 255, 3)
        plain = cv2.resize(np.clip(coarse, 0, 255).astype(np.uint8), (size, size), interpolation=cv2.INTER_CUBIC)
        return np.ascontiguousarray(plain.transpose(2, 0, 1)), ""
    return _photo_ground(sources, generator, size)


def photo_grounds(sources: Sources, generator: Generator, size: int, count: int) -> Tensor:
    """(count, 3, size, size) uint8, squares of photographs."""
    return torch.from_numpy(np.stack([_photo_ground(sources, generator, size)[0] for _ in range(count)]))


def _photo_ground(sources: Sources, generator: Generator, size: int) -> tuple[NDArray[np.uint8], str]:
    number = int(generator.integers(len(sources.photos)))
    photo = sources.photos[number]
    side = max(24, int(min(photo.shape[:2]) * generator.uniform(0.4, 1)))
    left, top = (int(generator.integers(0, max(1, length - side + 1))) for length in (photo.shape[1], photo.shape[0]))
    square = cv2.resize(photo[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(square.transpose(2, 0, 1)), sources.classes[number]


def compose_pairs(material: MarkMaterial, *, strength: float, device: str = "cpu") -> MarkPairs:
    """Each mark in a scene, and again: in another scene, or clean as its owner's file shows it."""
    generator = torch.Generator().manual_seed(material.seed)
    masks = material.masks.to(device).float() / 255
    grounds = material.grounds.to(device).float() / 255
    count, size = len(masks), grounds.shape[-1]
    first = compose_marks(masks, grounds[:count], generator, strength=strength)
    clean = round(count * _CLEAN_SHARE)
    partners = [
        clean_marks(masks[:clean], generator, size=size),
        compose_marks(masks[clean:], grounds[count + clean :], generator, strength=strength).pictures,
    ]
    return MarkPairs(
        scenes=_bytes(first.pictures),
        partners=_bytes(torch.cat(partners)),
        captions=_captions(first, material.ground_classes),
        bare=_bytes(photograph_windows(material.bare.to(device).float() / 255, generator, strength=strength)),
    )


def _captions(scenes: MarkScenes, classes: tuple[str, ...]) -> tuple[str, ...]:
    inks = (scenes.inks * 255).cpu().numpy()
    manners = [MANNERS[number] for number in scenes.manners.tolist()]
    seen = ["" if plain else name for plain, name in zip(scenes.plain.tolist(), classes, strict=True)]
    return tuple(mark_caption(ink, manner, name) for ink, manner, name in zip(inks, manners, seen, strict=True))


def _bytes(pictures: Tensor) -> Tensor:
    return (pictures * 255).round().to(torch.uint8)


def tokens_of(captions: tuple[str, ...], context_length: int) -> Tensor:
    """(n, context length) int64."""
    return torch.from_numpy(byte_ids(captions, context_length))
