"""Which embedders there are, and which is in use: the embedded one, or one that was pulled into the home folder."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from domain.errors import BadInput, NotReady

EMBEDDED = "embedded"
"""Name of the embedder that needs no pulling: the one beside the verifier and the combiner."""

MODEL_FILE = "embedder.onnx"
_POINTER = "in-use"
_PART = r"[A-Za-z0-9](?:-?[A-Za-z0-9._])*"
_NAME = re.compile(rf"{_PART}/{_PART}")
_ADVICE = "See what there is: assayer models list. Go back to the embedded one: assayer models use embedded."


@dataclass(frozen=True, kw_only=True, slots=True)
class AvailableEmbedder:
    """An embedder that can be put to use."""

    name: str
    """`EMBEDDED`, or ``model/tag``."""
    version: str
    size: int
    """Side of its input, in pixels."""
    spaces: tuple[str, ...]
    reads_words: bool
    license: str
    in_use: bool


def checked_name(name: str) -> str:
    """`name` where it has the form ``model/tag``. Raises BadInput."""
    if not _NAME.fullmatch(name) or len(name) > 200:
        raise BadInput(
            f"{name!r} is no name of a model",
            advice="Write NAME/TAG, such as ViT-B-32/laion2b_s34b_b79k; letters, digits, '.', '_', '-' between them.",
        )
    return name


def model_folder(home: Path, name: str) -> Path:
    """Where the pulled model `name` lies, or would. Raises BadInput for what is no name."""
    return home / "models" / checked_name(name).replace("/", "--")


def embedder_in_use(home: Path) -> str:
    """Its name. Raises NotReady where the record of it is broken."""
    try:
        name = (home / "models" / _POINTER).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return EMBEDDED
    except (OSError, UnicodeDecodeError) as error:
        raise NotReady(f"the record of the embedder in use cannot be read ({error})", advice=_ADVICE) from error
    if name != EMBEDDED and not _NAME.fullmatch(name):
        raise NotReady("the record of the embedder in use is broken", advice=_ADVICE)
    return name


def embedder_path(home: Path, models_dir: Path) -> Path:
    """The image tower in use. Raises NotReady where it was taken away."""
    name = embedder_in_use(home)
    if name == EMBEDDED:
        return models_dir / MODEL_FILE
    path = model_folder(home, name) / MODEL_FILE
    if not path.is_file():
        raise NotReady(f"the embedder in use, {name}, is not there", advice=f"Pull it again. {_ADVICE}")
    return path


def available_embedders(home: Path, models_dir: Path) -> list[AvailableEmbedder]:
    """The embedded one and all that were pulled and are whole, by name."""
    in_use = embedder_in_use(home)
    found = [_described(EMBEDDED, models_dir, in_use)]
    for path in sorted((home / "models").glob(f"[!.]*--*/{MODEL_FILE}")):
        try:
            found.append(_described(path.parent.name.replace("--", "/"), path.parent, in_use))
        except NotReady:
            continue  # a manifest that cannot be used cannot be chosen; `use_embedder` says why
    return found


def use_embedder(home: Path, models_dir: Path, name: str) -> AvailableEmbedder:
    """Put `name` to use from now on. Raises BadInput where there is none of that name, NotReady where it is broken."""
    folder = models_dir if name == EMBEDDED else model_folder(home, name)
    if not (folder / MODEL_FILE).is_file():
        there = ", ".join(one.name for one in available_embedders(home, models_dir))
        advice = f"There are: {there}. Get another: assayer models pull {name}."
        raise BadInput(f"there is no embedder {name}", advice=advice)
    chosen = _described(name, folder, name)
    (home / "models").mkdir(parents=True, exist_ok=True)
    partial = home / "models" / f".{_POINTER}.{os.getpid()}"
    partial.write_text(name + "\n", encoding="utf-8")
    partial.replace(home / "models" / _POINTER)
    return chosen


def _described(name: str, folder: Path, in_use: str) -> AvailableEmbedder:
    from index.embedder import read_manifest  # with what prepares pictures, which a refusal of a name does not need

    manifest = read_manifest(folder / MODEL_FILE.replace(".onnx", ".json"))
    return AvailableEmbedder(
        name=name,
        version=f"{manifest.name}@{manifest.sha256[:12]}",
        size=manifest.input.size,
        spaces=tuple(sorted(manifest.outputs)),
        reads_words=manifest.text is not None,
        license=str((manifest.model_extra or {}).get("license", "")),
        in_use=name == in_use,
    )
