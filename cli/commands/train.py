"""``assayer train``: models from data; needs the ``train`` extra."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import JsonOption
from cli.output import progress_bars, say_facts, say_json, say_line, say_note, say_rows
from domain.codec import dump
from domain.errors import BadInput, NotReady
from domain.settings import load_settings
from index.threads import one_thread_each
from jobs.embedders import MODEL_FILE, embedder_path
from jobs.promotions import CHECKPOINT
from jobs.quantize_embedder import quantize_from_data
from jobs.review_examples import GroupedReview, review_examples, training_reviews
from jobs.reviewed_pairs import judged_pictures, read_pairs
from jobs.train_adapters import train_adapters
from jobs.train_classifier import train_combiner
from jobs.train_logo_verifier import train_logo_verifier
from jobs.train_verifier import train_verifier
from jobs.workspace import Workspace
from store.interfaces import Records

if TYPE_CHECKING:
    from training.judged import JudgedPictures

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Train models (pip install 'assayer[train]').")

DataOption = Annotated[Path, typer.Option(help="Folder with clothing/, marks/, realshop/, … (each optional).")]
ReviewsOption = Annotated[
    bool,
    typer.Option("--reviews", help="Learn from your own reviews too; a quarter of them is kept back to measure on."),
]
OutOption = Annotated[Path, typer.Option(help="Folder the model is written to.")]


@app.command()
def data(
    source: Annotated[
        Path, typer.Option("--from", help="Folder with clothing/, marks/, realshop/, … (each optional).")
    ],
    out: Annotated[Path, typer.Option(help="Folder the prepared data is written to.")],
    as_json: JsonOption = False,
) -> None:
    """Read raw folders once: small pictures, marks as masks, split by name, without what tests."""
    _needs("resvg_py")
    from training.preparation import prepare_data

    with progress_bars() as progress:
        report = prepare_data(source, out, progress)
    manifest = report.manifest
    if as_json:
        say_json({"folder": str(report.folder), "bytes": report.bytes} | manifest.model_dump(mode="json"))
        return
    columns = ("photographs", "classes", "products", "objects", "marks", "brands")
    say_rows(("split", *columns), ((split, *(getattr(n, c) for c in columns)) for split, n in manifest.splits.items()))
    for reason, found in manifest.left_out.items():
        say_note(
            "yellow", "left out", f"{found.count} × {reason}: {', '.join(found.first[:3])}{', …' * (found.count > 3)}"
        )
    say_line(f"wrote {report.folder} ({report.bytes / 1e6:.1f} MB)")


@app.command()
def embedder(
    data: Annotated[
        Path | None, typer.Option(help="Folder with clothing/, marks/, … (each optional); not needed with --adapters.")
    ] = None,
    out: OutOption = Path("models"),
    steps: Annotated[int, typer.Option(min=1, help="Optimizer steps; equal seed and steps give equal weights.")] = 3000,
    trunk: Annotated[str, typer.Option(help="Image trunk, by its name with timm.")] = "assayer_residual",
    start: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Where to learn on from: another run or its checkpoint.pt, or a promoted set; with --adapters any "
            "folder with an embedder.onnx, by default the one in use.",
        ),
    ] = None,
    reviews: ReviewsOption = False,
    adapters: Annotated[
        bool, typer.Option("--adapters", help="Leave the network as it is; train small matrices behind it, by reviews.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    device: Annotated[str, typer.Option(help="Torch's name of it; empty: a GPU where there is one.")] = "",
    threads: Annotated[int, typer.Option(min=1, help="Threads of the trainer.")] = 2,
    workers: Annotated[int, typer.Option(min=0, help="Processes that compose pictures ahead; 0: none.")] = 1,
) -> None:
    """Pictures and words to vectors: what is a copy, whose mark it is, what it shows."""
    _needs("torch")
    if adapters:
        _adapters(start, out, reviews, seed)
        return
    if data is None:
        raise BadInput("is needed", field="--data", advice="Add --data DIR, or train --adapters alone.")
    from training.embedder import train_embedder
    from training.recipe import EmbedderRecipe

    recipe = EmbedderRecipe(steps=steps, trunk=trunk)
    checkpoint = start / CHECKPOINT if start and start.is_dir() else start
    if checkpoint:
        recipe = recipe.continued()
    settings = load_settings()
    with Workspace(settings) as work, progress_bars() as progress:
        judged = _judged(work, recipe.size) if reviews else None
        report = train_embedder(
            data,
            out,
            recipe=recipe,
            start=checkpoint,
            judged=judged,
            seed=seed,
            device=device,
            threads=threads,
            workers=workers,
            progress=progress,
        )
    say_facts("Trained", {name: getattr(report, name) for name in report.__dataclass_fields__})


def _judged(work: Workspace, size: int) -> JudgedPictures:
    pairs, unreadable = read_pairs(_training_reviews(work.records), work.evidence, work.settings, size=size)
    if unreadable:
        say_note("yellow", "left out", f"{unreadable} pairs of which a picture cannot be read")
    return judged_pictures(pairs, size)


def _adapters(start: Path | None, out: Path, reviews: bool, seed: int) -> None:
    if not reviews:
        raise BadInput("adapters learn from reviews alone", field="--adapters", advice="Add --reviews.")
    one_thread_each()
    settings = load_settings()
    with Workspace(settings) as work, progress_bars() as progress:
        base = start or embedder_path(settings.home, work.models_dir)
        base = base / MODEL_FILE if base.is_dir() else base
        report = train_adapters(work.records, work.evidence, settings, base, out, seed=seed, progress=progress)
    say_facts("Trained", {name: getattr(report, name) for name in report.__dataclass_fields__})


@app.command()
def detector(
    data: DataOption,
    out: OutOption = Path("models"),
    steps: Annotated[int, typer.Option(min=1, help="Optimizer steps; equal seed and steps give equal weights.")] = 3000,
    start: Annotated[
        Path | None, typer.Option("--from", help="Checkpoint of an embedder (its trunk is taken) or of a detector.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the trainer.")] = 2,
    workers: Annotated[int, typer.Option(min=0, help="Processes that compose pictures ahead; 0: none.")] = 1,
) -> None:
    """Where any mark stands in a picture, whoever's it is."""
    _needs("torch")
    from training.detector_recipe import DetectorRecipe
    from training.detector_training import train_detector

    recipe = DetectorRecipe(steps=steps)
    with progress_bars() as progress:
        report = train_detector(
            data, out, recipe=recipe, seed=seed, start=start, threads=threads, workers=workers, progress=progress
        )
    say_facts("Trained", {name: getattr(report, name) for name in report.__dataclass_fields__})


@app.command()
def verifier(data: DataOption, out: OutOption = Path("models")) -> None:
    """Which aligned pictures are one photograph: weighs geometry and agreement."""
    _needs("scipy")
    one_thread_each()
    settings = load_settings()
    with Workspace(settings) as work, progress_bars() as progress:
        path = train_verifier(data, out, work.embedder, settings, progress=progress)
    say_line(f"wrote {path}")


@app.command("logo-verifier")
def logo_verifier(data: DataOption, out: OutOption = Path("models")) -> None:
    """Whose mark it is: weighs what the embedding, the local features and the reader saw; and from when it is named."""
    _needs("torch")
    one_thread_each()
    with Workspace(load_settings()) as work, progress_bars() as progress:
        path = train_logo_verifier(data, out, work.eyes, progress=progress)
    say_line(f"wrote {path}")


@app.command()
def classifier(
    data: Annotated[Path | None, typer.Option(help="Folder with realshop/; not needed with --reviews.")] = None,
    out: OutOption = Path("models"),
    reviews: ReviewsOption = False,
) -> None:
    """What signals and guards are worth together: the combiner, its calibration and thresholds."""
    if data is None and not reviews:
        raise BadInput("neither data nor reviews to learn from", field="--data", advice="Add --data DIR or --reviews.")
    _needs("skl2onnx")
    one_thread_each()
    settings = load_settings()
    with Workspace(settings) as work, progress_bars() as progress:
        own = review_examples(_training_reviews(work.records)) if reviews else None
        path = train_combiner(data, out, work.models_dir, work.embedder, settings, progress=progress, reviews=own)
    say_line(f"wrote {path}")


@app.command()
def quantize(
    data: Annotated[Path, typer.Option(help="Folder with photographs, prepared or raw.")],
    out: Annotated[Path, typer.Option(help="Folder the 8-bit model is written to, if it is kept.")],
    model: Annotated[Path, typer.Option(help="The exported embedder.")] = Path("models/embedder.onnx"),
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """The embedder in 8 bits, kept only where it finds copies as well and is faster; says what was measured."""
    _needs("onnx")
    one_thread_each()
    report = quantize_from_data(data, model, out, seed=seed)
    if as_json:
        say_json(dump(report))
        return
    facts: dict[str, object] = {"verdict": report.reason}
    for space, share in report.retrieval.items():
        facts[f"{space}: recall@1"] = f"{share:.4f}, in 8 bits {report.retrieval_int8[space]:.4f}"
    for size, seconds in report.seconds.items():
        facts[f"{size} in a call"] = f"{1000 * seconds:.2f} ms, in 8 bits {1000 * report.seconds_int8[size]:.2f} ms"
    facts["bytes"] = f"{report.bytes}, in 8 bits {report.bytes_int8}"
    facts["to be used"] = report.embedder
    say_facts("Kept" if report.kept else "Not kept", facts)


def _training_reviews(records: Records) -> list[GroupedReview]:
    """Those that may train. Raises BadInput where there are none."""
    found = training_reviews(records)
    if not found:
        raise BadInput(
            "there is no review that may train",
            field="--reviews",
            advice="Confirm and reject listings first: assayer cases list.",
        )
    return found


def _needs(package: str) -> None:
    if find_spec(package) is None:
        raise NotReady(f"training needs {package}", advice="Install it: pip install 'assayer[train]'.")
