"""Put a trained model to use, unless it is worse than the one in use on what trained neither."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from domain.errors import BadInput, NotReady, PromotionRefused, SettingRefused
from domain.progress import Progress, silent
from domain.promotion import Comparison, ModelKind, Promotion, PromotionAction
from domain.settings import Settings
from index.background import BACKGROUND_FILE
from index.embedder import Embedder, read_manifest
from jobs.embedders import EMBEDDED as EMBEDDED_EMBEDDER
from jobs.embedders import MODEL_FILE, embedder_in_use
from jobs.held_out import combiner_examples, compare_combiners, compare_embedders
from jobs.promoted_models import files_in, publish, set_version, staging, version_of
from jobs.train_classifier import LogoFinders
from jobs.workspace import Workspace
from scoring import combiner as combiners
from scoring.combiner import Combiner

CHECKPOINT = "checkpoint.pt"
"""Beside an embedder: what a later training starts from. Nothing that serves reads it."""
_NOT_OF_A_SET = frozenset((".md", ".py", ".csv"))
_FIGURES = "evaluation.json"


def promote(
    candidate: Path,
    work: Workspace,
    *,
    data: Path | None,
    by: str,
    at: datetime,
    logo_finders: LogoFinders = lambda learning: None,
    progress: Progress = silent,
) -> Promotion | None:
    """Put the combiner and the embedder in `candidate`, or one of them, to use; None where just those are in use.

    What is measured is a copy, and that copy is put to use. Raises PromotionRefused (worse, with both figures),
    BadInput (no model there, nothing to measure on), SettingRefused (the settings name a folder of models, which
    promotions do not touch), NotReady (a model that is broken or not of this version).
    """
    _check(candidate, work.settings, by)
    with staging(work.settings.home) as staged:
        in_use = work.models_dir
        former = version_of(work.settings.home, in_use)
        _copy_set(in_use, staged)
        kinds = _replace(candidate, staged)
        models = _versions(staged, kinds)
        files = files_in(staged)
        if files == _files_of_set(in_use):
            return None
        compared = tuple(_compared(kinds, staged, work, data, logo_finders, progress))
        _refuse_worse(kinds, compared)
        record = Promotion(
            action=PromotionAction.PROMOTED,
            at=at,
            by=by.strip(),
            former=former,
            version=set_version(files),
            former_models=_versions(in_use, kinds),
            models=models,
            comparisons=compared,
            files=files,
        )
        return publish(work.settings.home, staged, record)


def _check(candidate: Path, settings: Settings, by: str) -> None:
    if settings.models_dir is not None:
        raise SettingRefused(
            "names the folder of models that is in use, which no promotion changes",
            field="ASSAYER_MODELS_DIR",
            advice="Unset it to promote models, or put the files there yourself.",
        )
    if not by.strip():
        raise BadInput("needs a name", field="by", advice="Say who promotes: --by NAME.")
    if not candidate.is_dir():
        raise BadInput("no such folder", file=str(candidate), advice="Name the folder that training wrote to.")
    if (candidate / MODEL_FILE).is_file() and embedder_in_use(settings.home) != EMBEDDED_EMBEDDER:
        raise BadInput(
            f"holds an embedder, and {embedder_in_use(settings.home)}, which was pulled, is in use",
            file=str(candidate),
            advice="Leave that one first: assayer models use embedded.",
        )


def _copy_set(folder: Path, staged: Path) -> None:
    for path in _set_files(folder):
        shutil.copyfile(path, staged / path.name)


def _set_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        hidden = path.name.startswith(".")
        if path.is_file() and not hidden and path.suffix not in _NOT_OF_A_SET and path.name != _FIGURES:
            yield path


def _files_of_set(folder: Path) -> dict[str, str]:
    names = {path.name for path in _set_files(folder)}
    return {name: sha256 for name, sha256 in files_in(folder).items() if name in names}


def _replace(candidate: Path, staged: Path) -> tuple[ModelKind, ...]:
    """The candidate's models in the place of those in `staged`; which they are. Raises BadInput where there is none."""
    kinds: list[ModelKind] = []
    if (candidate / combiners.MANIFEST_FILE).is_file():
        kinds.append(ModelKind.COMBINER)
        _copy(candidate, staged, [combiners.MODEL_FILE, combiners.MANIFEST_FILE])
    if (candidate / MODEL_FILE).is_file():
        kinds.append(ModelKind.EMBEDDER)
        for name in _embedder_files(staged):
            (staged / name).unlink(missing_ok=True)
        _copy(candidate, staged, _embedder_files(candidate))
    if not kinds:
        raise BadInput(
            f"holds neither {combiners.MANIFEST_FILE} nor {MODEL_FILE}",
            file=str(candidate),
            advice="Name the folder that `assayer train classifier` or `assayer train embedder` wrote to.",
        )
    return tuple(kinds)


def _embedder_files(folder: Path) -> list[str]:
    """Its own, by what its manifest names, and what may lie beside it."""
    manifest = read_manifest(folder / MODEL_FILE.replace(".onnx", ".json"))
    names = [MODEL_FILE, MODEL_FILE.replace(".onnx", ".json")]
    if manifest.text:
        names.append(manifest.text.file)
        names += [manifest.text.vocabulary.file] if manifest.text.vocabulary else []
    return names + [name for name in (BACKGROUND_FILE, CHECKPOINT) if (folder / name).is_file()]


def _copy(candidate: Path, staged: Path, names: Sequence[str]) -> None:
    for name in names:
        try:
            shutil.copyfile(candidate / name, staged / name)
        except OSError as error:
            raise NotReady(f"{candidate / name} cannot be read ({error.strerror})") from error


def _versions(folder: Path, kinds: Sequence[ModelKind]) -> dict[str, str]:
    """Of models that were loaded and found whole. Raises NotReady."""
    versions: dict[str, str] = {}
    if ModelKind.COMBINER in kinds:
        combiner = Combiner(folder)
        combiner.ready()
        versions[ModelKind.COMBINER.value] = combiner.version
    if ModelKind.EMBEDDER in kinds:
        versions[ModelKind.EMBEDDER.value] = Embedder(folder / MODEL_FILE).version
    return versions


def _compared(
    kinds: Sequence[ModelKind],
    staged: Path,
    work: Workspace,
    data: Path | None,
    logo_finders: LogoFinders,
    progress: Progress,
) -> Iterator[Comparison]:
    """Raises BadInput where one of the models cannot be measured."""
    for kind in kinds:
        if kind == ModelKind.COMBINER:
            held_out = combiner_examples(work, data, logo_finders=logo_finders, progress=progress)
            found = compare_combiners(Combiner(work.models_dir), Combiner(staged), held_out) if held_out else ()
        else:
            found = compare_embedders(work.embedder, Embedder(staged / MODEL_FILE), work, data)
        if not found:
            raise BadInput(
                f"there is nothing to measure the {kind} on: no review is kept back, and no data is given",
                field="--data",
                advice="Name the folder of data: --data DIR.",
            )
        yield from found


def _refuse_worse(kinds: Sequence[ModelKind], compared: Sequence[Comparison]) -> None:
    worse = [comparison.sentence for comparison in compared if comparison.worse]
    if worse:
        raise PromotionRefused(
            f"worse than the {' and '.join(kinds)} in use: {'; '.join(worse)}",
            advice="What is in use stays. Train on more reviews, or look at those that it gets wrong.",
        )
