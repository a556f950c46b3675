"""The training run of the embedder: from nothing, on photographs and marks of a local folder."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch

from domain.progress import Progress, silent
from training.background import write_background
from training.curves import plot_curves
from training.datasets import manifest_data
from training.export import export_embedder
from training.judged import JudgedPictures
from training.recipe import EmbedderRecipe
from training.revision import source_commit
from training.run import EmbedderRun
from training.sources import Sources, load_sources
from training.validation import Validation

_FEWEST = 2
"""Photographs that can be told apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingReport:
    """Where the results lie and how the run went."""

    model: Path
    curves: Path
    steps: int
    pictures: int
    minutes: float
    validation: dict[str, float]
    """Of the weights that are exported, on pictures and brands that trained nothing, where the folder has them."""


def train_embedder(
    data_dir: Path,
    out_dir: Path,
    *,
    recipe: EmbedderRecipe | None = None,
    start: Path | None = None,
    judged: JudgedPictures | None = None,
    seed: int = 0,
    device: str = "",
    threads: int = 2,
    workers: int = 1,
    progress: Progress = silent,
) -> TrainingReport:
    """Train on `data_dir`; ``embedder.onnx``, ``text.onnx``, ``embedder.json``, ``background.npz``, curves and
    checkpoint go to `out_dir`.

    `start` is another run's checkpoint, whose best weights are learned on from; `judged` is what people said of
    pictures, of the recipe's size. `device` is torch's name; empty: ``cuda`` where there is one. A ``checkpoint.pt``
    of the same recipe, seed, start and judgments that lies in `out_dir` is resumed. Raises BadInput for a folder
    without enough photographs, a device or trunk that is not there, and another run's checkpoint in `out_dir`.
    """
    recipe = recipe or EmbedderRecipe()
    commit = source_commit()  # now: by the end, hours later, another one may lie there
    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    keep_freed_memory()
    out_dir.mkdir(parents=True, exist_ok=True)
    sources = load_sources(data_dir)
    run = EmbedderRun(recipe, seed, out_dir, device=device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if start:
        run.start_from(start)
    run.judged = judged
    run.resume()
    held_out = _held_out(data_dir, sources)
    run.train(sources, Validation(held_out, recipe), workers=workers, progress=progress)
    plot_curves(out_dir / "curves.csv", out_dir / "curves.png")
    model = export_embedder(run.best_network, out_dir, details=_details(run, sources, held_out, commit))
    write_background(model, sources)
    return TrainingReport(
        model=model,
        curves=out_dir / "curves.csv",
        steps=run.step,
        pictures=run.pictures,
        minutes=run.seconds / 60,
        validation=_best_point(run),
    )


def keep_freed_memory() -> None:
    """Tell glibc to keep what is freed: giving pages back and forth doubled the time of a step on a processor."""
    trim_threshold, mmap_max = -1, -4  # M_TRIM_THRESHOLD and M_MMAP_MAX of <malloc.h>
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:  # another libc has no such habit
        return
    libc.mallopt(trim_threshold, 2**31 - 1)
    libc.mallopt(mmap_max, 0)


def _held_out(data_dir: Path, sources: Sources) -> Sources:
    """The validation split; one's own folder of pictures has none, and then the training pictures say how it goes."""
    found = load_sources(data_dir, "validation", fewest=0)
    return found if len(found.photos) >= _FEWEST else sources


def _best_point(run: EmbedderRun) -> dict[str, float]:
    best = max(run.curve, key=lambda point: point["score"])
    return {name: value for name, value in best.items() if "recall" in name} | {"step": best["step"]}


def _details(run: EmbedderRun, sources: Sources, held_out: Sources, commit: str | None) -> dict[str, Any]:
    return {
        "license": "Apache-2.0",
        "data": manifest_data(sources.datasets),
        "splits": "marks and products by hash of their brand or name; see training/splits.py",
        "command": "assayer train embedder --data DIR "
        f"--steps {run.recipe.steps} --trunk {run.recipe.trunk} --seed {run.seed}"
        + (" --from CHECKPOINT" if run.started_from else "")
        + (" --reviews" if run.judged else ""),
        "commit": commit,
        "training": {
            "recipe": run.identity,
            "steps": run.step,
            "pictures": run.pictures,
            "minutes": round(run.seconds / 60, 1),
            "photographs": len(sources.photos),
            "cutouts": len(sources.cutouts),
            "marks": len(sources.marks),
            "typefaces": len(sources.fonts),
            "left_out": sources.skipped,
            "validation": _best_point(run),
            "validated_on": "what trained, for want of more" if held_out is sources else "the validation split",
        },
    }
