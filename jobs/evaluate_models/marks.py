"""Whose mark stands on it? Composed photographs of unseen brands, and real photographs of car badges."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from domain.errors import BadInput
from index.embedder import Space
from jobs.evaluate_models.bench import Bench
from jobs.evaluate_models.datasets import labeled_photos, photos_by_class, read_photo
from jobs.evaluate_models.figures import Measurement
from jobs.evaluate_models.methods import Method, ReadPicture, embedding, score_all
from jobs.evaluate_models.retrieval import best_of_label, recalls
from store.images import RGB

if TYPE_CHECKING:
    import torch

UNSEEN_MARKS = 500
DRAWS = 4
"""Photographs composed of each mark."""
COMPOSED_SIDE = 128
"""Pixels of a composed photograph, whatever the model's input is: the same pictures measure every model."""
GROUNDS = "clothing/test"
RANKS = (1, 5)
_SEED = 20_000
_AT_ONCE = 50

LOGO_OF_MAKE = {
    "Acura": "acura",
    "Alfa Romeo": "alfa-romeo",
    "Chevrolet 2": "chevrolet",
    "Dacia 1": "dacia",
    "Daewoo 1": "daewoo",
    "GMC": "gmc",
    "Honda 1": "honda",
    "Hyundai": "hyundai",
    "Jeep": "jeep",
    "Kia 1": "kia",
    "Lancia 1": "lancia",
    "Land Rover": "land-rover",
    "Lexus": "lexus",
    "Mazda": "mazda",
    "Mercedes 1": "mercedes-benz",
    "Mitsubishi": "mitsubishi",
    "Nissan": "nissan",
    "Opel": "opel",
    "Peugeot": "peugeot",
    "Renault": "renault",
    "Seat": "seat",
    "Skoda 1": "skoda",
    "Smart 2": "smart",
    "Subaru": "subaru",
    "Suzuki": "suzuki",
    "Tesla": "tesla",
    "Toyota": "toyota",
    "Volkswagen": "volkswagen",
    "Volvo 1": "volvo",
}
"""The photographs' names of makes, some of which number a badge's generation, to the one logo file of that make. The
logos of a make's models and tuners (``nissan-gt-r``, ``toyota-crown``, ``mercedes-amg``) show other marks."""


def measure_marks(bench: Bench) -> list[Measurement]:
    """Both sets; the composed one needs the ``train`` extra."""
    measured = []
    if find_spec("torch") is None or find_spec("resvg_py") is None:
        bench.leave_out("marks_composed", None, "composing needs torch and resvg-py: pip install 'assayer[train]'")
    else:
        measured.append(_composed(bench))
    measured.append(_car_logos(bench))
    return measured


def _composed(bench: Bench) -> Measurement:
    names, masks = unseen_marks(bench.data / "marks" / "svg", UNSEEN_MARKS)
    queries, labels = compose(masks, names, [photo.read() for photo in photos_by_class(bench.data, GROUNDS)])
    clean = [picture for mask in masks for picture in clean_pictures(mask)]
    space, notes = bench.space("mark")
    return _measured(
        bench,
        "marks_composed",
        "Marks of brands that trained nothing, composed on photographs that trained nothing, to the clean mark.",
        queries=[_known(rgb) for rgb in queries],
        wanted=labels,
        gallery=[_known(rgb) for rgb in clean],
        owners=[name for name in names for _ in range(2)],
        space=space,
        notes=notes,
    )


def _car_logos(bench: Bench) -> Measurement:
    photos = labeled_photos(bench.data / "car_logos" / "photos.csv")
    logos = dict(_logo_files(bench.data / "car_logos" / "logos"))
    mapped = [photo for photo in photos if LOGO_OF_MAKE.get(photo.label) in logos]
    unmapped = sorted({photo.label for photo in photos} - {photo.label for photo in mapped})
    space, notes = bench.space("mark")
    if unmapped:
        notes = (*notes, f"without a logo of their name and left out: {', '.join(unmapped)}")
    return _measured(
        bench,
        "marks_car_logos",
        "Real photographs of car badges to the clean logo of the make.",
        queries=[photo.read for photo in mapped],
        wanted=[LOGO_OF_MAKE[photo.label] for photo in mapped],
        gallery=[view for read in logos.values() for view in (read, _negative_of(read))],
        owners=[name for name in logos for _ in range(2)],
        space=space,
        notes=notes,
    )


def _measured(
    bench: Bench,
    name: str,
    about: str,
    *,
    queries: Sequence[ReadPicture],
    wanted: Sequence[str],
    gallery: Sequence[ReadPicture],
    owners: Sequence[str],
    space: Space,
    notes: tuple[str, ...],
) -> Measurement:
    """A mark does not hang mirrored on anything, so no method looks for its mirror image."""
    methods: list[Method] = [
        embedding("embedding", bench.embedder, space, flips=False),
        embedding("embedding_whole_picture", bench.embedder, space, whole=True),
        *bench.baselines(name, space, flips=False),
    ]
    scores = score_all(methods, queries, gallery, stage=name.replace("_", " "), progress=bench.progress)
    figures = {}
    for method, by_picture in scores.items():
        best, labels = best_of_label(by_picture, owners)
        figures[method] = recalls(best, np.array([[one == label for label in labels] for one in wanted]), RANKS)
    return Measurement(
        name=name,
        about=about,
        methods=figures,
        counts={"queries": len(queries), "brands": len(set(wanted)), "gallery": len(set(owners))},
        notes=(
            *notes,
            "each clean mark stands twice in the gallery, the second time as its negative; the better one counts",
        ),
    )


def unseen_marks(folder: Path, most: int) -> tuple[list[str], NDArray[np.uint8]]:
    """Names and masks (n, side, side) of `most` marks of the test split, drawn by seed. Raises BadInput for none."""
    from training.mark_masks import render_mark
    from training.splits import split_of

    paths = [path for path in sorted(folder.glob("*.svg")) if split_of("mark", path.stem) == "test"]
    names, masks = [], []
    for number in np.random.default_rng(_SEED).permutation(len(paths)):
        try:
            mask = render_mark(paths[number].read_bytes())
        except BadInput:  # an outline without a shape is nobody's mark
            continue
        names.append(paths[number].stem)
        masks.append(mask)
        if len(names) == most:
            break
    if not names:
        raise BadInput("no marks of the test split", file=str(folder), advice="Name the folder with marks/svg: --data.")
    return names, np.stack(masks)


def compose(
    masks: NDArray[np.uint8], names: Sequence[str], photos: Sequence[RGB], *, draws: int = DRAWS
) -> tuple[list[RGB], list[str]]:
    """Each mark on `draws` photographs at full strength, and whose mark stands on each. The same for equal input."""
    import torch

    from training.mark_scenes import compose_marks

    generator = torch.Generator().manual_seed(_SEED)
    grounds = np.stack([_ground(rgb) for rgb in photos])
    chosen = np.random.default_rng(_SEED).integers(len(grounds), size=(draws, len(masks)))
    pictures: list[RGB] = []
    for draw in range(draws):
        for start in range(0, len(masks), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            scenes = compose_marks(
                torch.from_numpy(masks[rows]).float() / 255,
                torch.from_numpy(grounds[chosen[draw, rows]]),
                generator,
                strength=1.0,
            )
            pictures.extend(_pixels(scenes.pictures))
    return pictures, list(names) * draws


def clean_pictures(mask: NDArray[np.uint8], *, side: int = COMPOSED_SIDE) -> tuple[RGB, RGB]:
    """A mask in black on white and in white on black, with a margin of a twelfth."""
    inner = round(side * 10 / 12)
    before = (side - inner) // 2
    alpha = np.zeros((side, side), np.uint8)
    alpha[before : before + inner, before : before + inner] = cv2.resize(mask, (inner, inner))
    white = np.repeat(alpha[:, :, None], 3, axis=2)
    return 255 - white, white


def _ground(rgb: RGB) -> NDArray[np.float32]:
    """The middle square, as composing takes it: (3, side, side) from 0 to 1."""
    height, width = rgb.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(rgb[top : top + side, left : left + side])
    small = cv2.resize(square, (COMPOSED_SIDE, COMPOSED_SIDE), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small.transpose(2, 0, 1), np.float32) / np.float32(255)


def _pixels(pictures: torch.Tensor) -> list[RGB]:
    levels = (pictures.permute(0, 2, 3, 1).numpy() * 255).round()
    return [np.ascontiguousarray(one) for one in levels.astype(np.uint8)]


def _known(rgb: RGB) -> ReadPicture:
    return lambda: rgb


def _negative_of(read: ReadPicture) -> ReadPicture:
    return lambda: np.asarray(255 - read(), np.uint8)


def _logo_files(folder: Path) -> list[tuple[str, ReadPicture]]:
    paths = [path for path in sorted(folder.glob("*")) if path.suffix.lower() in (".jpg", ".png")]
    if not paths:
        raise BadInput("no logos", file=str(folder))
    return [(path.stem, partial(read_photo, path)) for path in paths]
