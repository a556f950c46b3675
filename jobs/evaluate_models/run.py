"""One run of ``assayer evaluate models``: the measurements that were asked for, in their order."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from domain.errors import BadInput
from domain.progress import Progress, silent
from domain.settings import Settings
from index.embedder import Embedder
from index.verification import Verifier
from jobs.evaluate_models.altered_logos import measure_altered_logos
from jobs.evaluate_models.bench import Bench
from jobs.evaluate_models.captions import measure_captions
from jobs.evaluate_models.copied_photo_path import measure_copied_photo_path
from jobs.evaluate_models.copies import measure_copies
from jobs.evaluate_models.figures import Measurement, ModelReport
from jobs.evaluate_models.logo_boxes import measure_logo_boxes
from jobs.evaluate_models.logo_catalog import measure_logo_catalog
from jobs.evaluate_models.logo_cost import measure_logo_cost
from jobs.evaluate_models.logo_eyes import logo_versions
from jobs.evaluate_models.logo_naming import measure_logo_naming
from jobs.evaluate_models.marks import measure_marks
from jobs.evaluate_models.products import measure_products
from jobs.evaluate_models.speed import measure_speed

Subject = Literal["copies", "marks", "products", "captions", "speed", "logos", "logo_catalog"]
SUBJECTS: tuple[Subject, ...] = get_args(Subject)
_MEASURES: Mapping[Subject, tuple[Callable[[Bench], list[Measurement]], ...]] = {
    "copies": (measure_copies, measure_copied_photo_path),
    "marks": (measure_marks,),
    "products": (measure_products,),
    "captions": (measure_captions,),
    "speed": (measure_speed,),
    "logos": (measure_logo_boxes, measure_logo_naming, measure_altered_logos, measure_logo_cost),
    "logo_catalog": (measure_logo_catalog,),
}
_OF_LOGOS: frozenset[Subject] = frozenset({"logos", "logo_catalog"})


def evaluate_models(
    data: Path,
    embedder_path: Path,
    verifier: Verifier,
    settings: Settings,
    *,
    only: Sequence[Subject] = SUBJECTS,
    models_dir: Path | None = None,
    progress: Progress = silent,
) -> ModelReport:
    """Measure the embedder at `embedder_path`, and what is built on it, on the pictures below `data`.

    What looks for logos beside it is taken from its folder, or else from `models_dir`.
    Raises BadInput where pictures that are asked for are missing, NotReady where the embedder is.
    """
    if not data.is_dir():
        raise BadInput("no such folder", file=str(data), advice="Name the folder with realshop, marks, …: --data DIR.")
    # one thread: what is measured is the network, and one thread's speed is what a busy machine gives
    embedder = Embedder(embedder_path, threads=1)
    bench = Bench(
        data=data,
        embedder=embedder,
        embedder_path=embedder_path,
        verifier=verifier,
        settings=settings,
        progress=progress,
        models_dir=models_dir,
    )
    measurements: list[Measurement] = []
    seconds: dict[str, float] = {}
    for subject in SUBJECTS:
        if subject in only:
            began = time.perf_counter()
            for measure in _MEASURES[subject]:
                measurements.extend(measure(bench))
            seconds[subject] = time.perf_counter() - began
    return ModelReport(
        models={"embedder": embedder.version, "verifier": verifier.version}
        | (logo_versions(bench) if _OF_LOGOS & set(only) else {}),
        measurements=tuple(measurements),
        left_out=tuple(dict.fromkeys(bench.left_out)),
        seconds=seconds,
    )


def subjects(text: str) -> tuple[Subject, ...]:
    """Subjects from ``copies,marks``, in the order of a run. Raises BadInput for one that there is not."""
    named = {part.strip() for part in text.split(",") if part.strip()}
    if unknown := sorted(named - set(SUBJECTS)) or ([] if named else [text]):
        raise BadInput(f"{unknown[0]!r} is not measured", field="only", advice=f"Choose of {', '.join(SUBJECTS)}.")
    return tuple(subject for subject in SUBJECTS if subject in named)
