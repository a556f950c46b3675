"""The training run of the logo detector, on photographs and marks of a local folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch

from domain.progress import Progress, silent
from training.datasets import manifest_data
from training.detector_export import export_detector
from training.detector_recipe import DetectorRecipe
from training.detector_run import DetectorRun
from training.detector_validation import DetectorValidation
from training.embedder import keep_freed_memory
from training.revision import source_commit
from training.sources import Sources, load_sources

DETECTOR_PHOTO_SIDE = 256
"""Longer side of the photographs that scenes are composed on, in pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorReport:
    """Where the results lie and how the run went."""

    manifest: Path
    steps: int
    pictures: int
    minutes: float
    recall: float
    """Of the weights that are exported, at one false box a picture, on brands and photographs that trained nothing,
    where the folder has them."""


def train_detector(
    data_dir: Path,
    out_dir: Path,
    *,
    recipe: DetectorRecipe | None = None,
    seed: int = 0,
    start: Path | None = None,
    threads: int = 2,
    workers: int = 1,
    progress: Progress = silent,
) -> DetectorReport:
    """Train on `data_dir`; ``detector.onnx``, ``detector.json``, the curve and the checkpoint go to `out_dir`.

    `start` is a checkpoint of an embedder, whose trunk is taken over, or of a detector. A ``checkpoint.pt`` of the same
    recipe, seed and start that lies in `out_dir` is resumed. Raises BadInput for a folder without photographs, a start
    that is none, and another run's checkpoint in `out_dir`.
    """
    recipe = recipe or DetectorRecipe()
    commit = source_commit()  # now: by the end another one may lie there
    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    keep_freed_memory()
    out_dir.mkdir(parents=True, exist_ok=True)
    sources = load_sources(data_dir, photo_side=DETECTOR_PHOTO_SIDE)
    run = DetectorRun(recipe, seed, out_dir, start=start)
    run.resume()
    held_out = load_sources(data_dir, "validation", photo_side=DETECTOR_PHOTO_SIDE, cut_out=False, fewest=0)
    held_out = held_out if held_out.photos and len(held_out.marks) else sources
    run.train(sources, DetectorValidation(held_out, recipe), workers=workers, progress=progress)
    details = _details(run, sources, commit, validated="the training" if held_out is sources else "the validation")
    manifest = export_detector(run.best_network, out_dir, size=recipe.size, details=details)
    return DetectorReport(
        manifest=manifest,
        steps=run.step,
        pictures=run.step * recipe.pictures,
        minutes=run.seconds / 60,
        recall=run.best_score,
    )


def _details(run: DetectorRun, sources: Sources, commit: str | None, *, validated: str) -> dict[str, Any]:
    best = max(run.curve, key=lambda point: point["recall"])
    return {
        "license": "Apache-2.0",
        "data": manifest_data(sources.datasets),
        "splits": "marks and products by hash of their brand or name; see training/splits.py",
        "command": f"assayer train detector --data DIR --steps {run.recipe.steps} --seed {run.seed}"
        + (" --from CHECKPOINT" if run.start else ""),
        "commit": commit,
        "training": {
            "recipe": run.identity,
            "steps": run.step,
            "pictures": run.step * run.recipe.pictures,
            "minutes": round(run.seconds / 60, 1),
            "photographs": len(sources.photos),
            "cutouts": len(sources.cutouts),
            "marks": len(sources.marks),
            "typefaces": len(sources.fonts),
            "left_out": sources.skipped,
            "validation": {name: value for name, value in best.items() if name.startswith("recall")}
            | {"step": best["step"]},
            "validated_on": f"composed scenes of {validated} split, intersection over union 0.5",
        },
    }
