"""The training run of the image embedder: from nothing, on photographs of a local folder."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch

from domain.progress import Progress, silent
from training.data import PairBatch, stream_pairs
from training.export import export_embedder
from training.recipe import EmbedderRecipe
from training.run import EmbedderRun
from training.sources import Sources, load_sources

_VALIDATION_SEED = 2**40
_DATA = {
    "clothing": "alexeygrigorev/clothing-dataset-small, CC0",
    "grocery": "marcusklasson/GroceryStoreDataset, MIT",
    "car_logos": "GeneralBlockchain/vehicle-logos-dataset, CC BY 4.0, and filippofilip95/car-logos-dataset, MIT",
    "marks": "simple-icons/simple-icons, CC0",
}
"""What lies in the folders that `load_sources` knows, and its license."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingReport:
    """Where the results lie and how the run went."""

    model: Path
    curves: Path
    steps: int
    pictures: int
    minutes: float
    first_loss: float
    """Mean of the steps before the first point of the curve."""
    last_loss: float
    """Mean of the steps before the last point."""
    validation_recall_at_1: float
    """Of composed, fully edited copies of pictures that trained nothing, among as many references as pairs."""


def train_embedder(
    data_dir: Path,
    out_dir: Path,
    *,
    recipe: EmbedderRecipe | None = None,
    seed: int = 0,
    threads: int = 2,
    progress: Progress = silent,
) -> TrainingReport:
    """Train on `data_dir`, write ``embedder.onnx``, ``embedder.json``, ``curves.csv``, ``checkpoint.pt`` to `out_dir`.

    A ``checkpoint.pt`` of the same recipe and seed that lies there is resumed. Raises BadInput for a folder without
    enough photographs.
    """
    recipe = recipe or EmbedderRecipe()
    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    out_dir.mkdir(parents=True, exist_ok=True)
    sources = load_sources(data_dir, max_photos=recipe.max_photos, max_marks=recipe.max_marks)
    run = EmbedderRun(recipe, seed, out_dir)
    run.resume()
    run.train(sources, _validation_pairs(data_dir, sources, recipe), progress)
    return _report(run, _export(run, sources, data_dir))


def _validation_pairs(data_dir: Path, sources: Sources, recipe: EmbedderRecipe) -> PairBatch:
    """Pairs at full strength from the validation folders; from the training photos where there are none."""
    unseen = sources
    if (data_dir / "clothing" / "validation").is_dir():
        unseen = load_sources(data_dir, split="validation", max_marks=recipe.max_marks)
    pairs = stream_pairs(
        unseen, seed=_VALIDATION_SEED, batch_size=recipe.validation_pairs, strengths=itertools.repeat(1.0)
    )
    return next(pairs)


def _export(run: EmbedderRun, sources: Sources, data_dir: Path) -> Path:
    details = {
        "license": "Apache-2.0",
        "data": {name: origin for name, origin in _DATA.items() if (data_dir / name).is_dir()} or {"own folder": ""},
        "splits": "train folders; marks split by name; nothing that resembles a realshop picture or names its product",
        "command": "assayer train embedder --data DIR",
        "training": {
            "recipe": run.identity,
            "steps": run.step,
            "pictures": run.pictures,
            "minutes": round(run.seconds / 60, 1),
            "photographs": len(sources.photos),
            "cutouts": len(sources.cutouts),
            "marks": len(sources.marks),
            "left_out": sources.skipped,
            "composed_validation": {
                "recall_at_1": run.curve[-1]["validation_recall_at_1"],
                "among": run.recipe.validation_pairs,
            },
        },
    }
    return export_embedder(run.network, run.out_dir, details=details)


def _report(run: EmbedderRun, model: Path) -> TrainingReport:
    return TrainingReport(
        model=model,
        curves=run.out_dir / "curves.csv",
        steps=run.step,
        pictures=run.pictures,
        minutes=run.seconds / 60,
        first_loss=run.curve[0]["loss"],
        last_loss=run.curve[-1]["loss"],
        validation_recall_at_1=run.curve[-1]["validation_recall_at_1"],
    )
