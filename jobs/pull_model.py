"""An open_clip model, by name and tag or from a checkpoint, becomes an embedder that can be put to use."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from domain.errors import BadInput, NotReady
from domain.progress import Progress, silent
from jobs.embedders import checked_name, model_folder
from training import open_clip_list

UNKNOWN_LICENSE = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class PullReport:
    """What was pulled."""

    name: str
    """``model/tag``: what `assayer models use` takes."""
    version: str
    folder: Path
    license: str
    reads_words: bool
    """Whether the text tower came along."""
    parity: Mapping[str, float]
    """Largest differences between vectors of the files and of PyTorch, and what was tolerated."""


def pull_pretrained(
    name: str, home: Path, *, download: bool = False, license_name: str = "", progress: Progress = silent
) -> PullReport:
    """Weights that open_clip knows as `name`, from the hub's cache on this machine, or fetched where `download`.

    Raises BadInput for a name that open_clip does not know, NotReady where the weights are not in the cache or the
    ``train`` extra is missing, FetchRefused where they cannot be fetched, and as `export_open_clip` does.
    """
    model, _, tag = checked_name(name).partition("/")
    known = open_clip_list.find_pretrained(model, tag)
    config = open_clip_list.model_config(model)
    if known.quick_gelu:
        config["quick_gelu"] = True  # else open_clip warns, and computes something else
    path = open_clip_list.download_weights(known) if download else open_clip_list.cached_weights(known)
    stated = license_name or open_clip_list.stated_license(known) or UNKNOWN_LICENSE
    source = {"model": known.model, "tag": known.tag, "repository": known.repository}
    return _export(
        known.name, model, config, path, known.preprocess, home, license_name=stated, source=source, progress=progress
    )


def pull_checkpoint(
    checkpoint: Path,
    model: str,
    home: Path,
    *,
    name: str = "",
    license_name: str = "",
    progress: Progress = silent,
) -> PullReport:
    """Weights in a local file of an architecture: open_clip's `model`, or the JSON configuration at that path.

    `name` is what the result is called; the architecture and the file's name where it is empty. Raises BadInput for
    files that are not what they should be, NotReady where the ``train`` extra is missing.
    """
    if not checkpoint.is_file():
        raise BadInput("there is no such file", file=str(checkpoint), field="--checkpoint")
    preprocess: Mapping[str, Any] = {}
    source = {"model": Path(model).name, "checkpoint": checkpoint.name}
    if model.endswith(".json"):
        config, preprocess = open_clip_list.read_config(Path(model))
        architecture = Path(model).stem
    else:
        config, architecture = open_clip_list.model_config(model), model
    name = checked_name(name or f"{architecture}/{checkpoint.stem}")
    return _export(
        name,
        architecture,
        config,
        checkpoint,
        preprocess,
        home,
        license_name=license_name or UNKNOWN_LICENSE,
        source=source,
        progress=progress,
    )


def _export(
    name: str,
    architecture: str,
    config: Mapping[str, Any],
    path: Path,
    preprocess: Mapping[str, Any],
    home: Path,
    *,
    license_name: str,
    source: Mapping[str, str],
    progress: Progress,
) -> PullReport:
    """Into a folder of its own, which appears whole or not at all."""
    if find_spec("torch") is None:
        raise NotReady("pulling a model needs torch", advice="Install it: pip install 'assayer[train]'.")
    folder = model_folder(home, name)
    building = folder.with_name(f".{folder.name}.building")
    shutil.rmtree(building, ignore_errors=True)  # what a killed run left behind
    building.mkdir(parents=True)
    try:
        from training.open_clip_export import Checkpoint, export_open_clip

        checkpoint = Checkpoint(architecture=architecture, config=config, path=path, preprocess=preprocess)
        details = {
            "license": license_name,
            "source": {**source, "sha256": _sha256(path)},
            "command": _command(name, source),
        }
        exported = export_open_clip(checkpoint, building, name=name, details=details, progress=progress)
        manifest: dict[str, Any] = json.loads(exported.with_suffix(".json").read_text(encoding="utf-8"))
        licenses = _license_text(name, license_name, source)
        if (building / "vocabulary.txt.gz").exists():
            licenses += "vocabulary.txt.gz is from OpenAI's CLIP, copyright (c) 2021 OpenAI, MIT License.\n"
        (building / "LICENSE.txt").write_text(licenses, encoding="utf-8")
        (building / "embedder.md").write_text(_card(manifest), encoding="utf-8")
        _publish(building, folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return PullReport(
        name=name,
        version=f"{name}@{manifest['sha256'][:12]}",
        folder=folder,
        license=license_name,
        reads_words="text" in manifest,
        parity=manifest["parity"],
    )


def _publish(building: Path, folder: Path) -> None:
    """A folder cannot replace another in one step: the old one steps aside first."""
    aside = folder.with_name(f".{folder.name}.replaced")
    shutil.rmtree(aside, ignore_errors=True)
    if folder.exists():
        folder.rename(aside)
    building.rename(folder)
    shutil.rmtree(aside, ignore_errors=True)


def _command(name: str, source: Mapping[str, str]) -> str:
    if "checkpoint" in source:
        return f"assayer models pull {name} --checkpoint {source['checkpoint']} --model {source['model']}"
    return f"assayer models pull {name}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _license_text(name: str, license_name: str, source: Mapping[str, str]) -> str:
    origin = source.get("repository") or source.get("checkpoint", "")
    if license_name == UNKNOWN_LICENSE:
        return (
            f"The license of the weights {name} ({origin}) is not known: neither their page nor --license named it.\n"
            "Find it before you use them.\n"
        )
    return f"The weights {name} ({origin}) are under this license, by where they come from: {license_name}.\n"


def _card(manifest: Mapping[str, Any]) -> str:
    text = manifest.get("text")
    words = (
        f"{text['tokenizer']}, {text['context_length']} ids, {text['dimensions']} numbers"
        if text
        else f"left out: {manifest['text_left_out']}"
    )
    output = manifest["outputs"]["copy"]
    size = manifest["input"]["size"]
    rows = {
        "Version": f"{manifest['name']}@{manifest['sha256'][:12]}",
        "Weights": ", ".join(f"{key} {value}" for key, value in manifest["source"].items()),
        "License": manifest["license"],
        "Input": f"RGB, 0 to 1, squashed to {size} x {size} px ({manifest['input']['preprocessing']}); the model's own "
        "means and deviations are in the file",
        "Output": f"{output['dimensions']} numbers, the same for all three spaces",
        "Text tower": words,
        "Parity": ", ".join(f"{key} {value:.1e}" for key, value in manifest["parity"].items()),
        "Made by": f"`{manifest['command']}`",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return (
        f"# {manifest['name']}\n\nAn open_clip model, exported to ONNX. Assayer has not measured it: "
        "run `assayer evaluate models` with it in use.\n\n| | |\n| --- | --- |\n" + table + "\n\n"
        "It learned from pictures cropped to a square; here they are squashed.\n"
    )
