"""A card for each model, ``embedder.md`` to ``combiner.md``: nothing on them is typed by hand.

A card says the same as long as what lies in the folder is the same: no date, no machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from domain.errors import NotReady
from index.logo_detector import MAX_BOXES, SAME_MARK
from index.logo_verifier import load_logo_verifier
from index.preprocessing import MAX_QUERY_VIEWS, REFERENCE_VIEWS
from index.verification import SPEAKS_AGAINST, load_verifier
from jobs.model_cards.manifests import (
    CombinerFacts,
    DetectorFacts,
    EmbedderFacts,
    EvaluationFacts,
    FileFacts,
    LogoVerifierFacts,
    VerifierFacts,
    checked_file,
    file_facts,
    read_evaluation,
    read_facts,
)
from jobs.model_cards.tables import figures_table, measurement_table, weaknesses, words
from scoring.combiner import Combiner

EVALUATION_FILE = "evaluation.json"
CURVES_FILE = "embedder-curves.csv"
_OF_THE_VERIFIER = ("copies_held_out", "copies_by_edit", "copied_photo_path")
"""Measurements that its card repeats: the others are about the embedder alone."""
_OF_THE_LOGO_LINE = ("logo_naming", "logo_rejection", "altered_marks", "logo_catalog", "logo_cost")
"""What the names of measurements begin with that the logo verifier's card repeats."""


def render_cards(folder: Path) -> dict[str, str]:
    """Markdown by file name, for each model whose manifest lies in `folder`.

    Raises NotReady where there is none, or a file is missing or not the one that its manifest names; BadInput where a
    manifest does not say what a card must, or ``evaluation.json`` measures other models than lie here.
    """
    there = {name: render for name, render in _CARDS.items() if (folder / f"{name}.json").is_file()}
    if not there:
        raise NotReady("no model lies there", advice="Name the folder of embedder.json, verifier.json, combiner.json.")
    evaluation = read_evaluation(folder / EVALUATION_FILE, _measured_versions(folder))
    return {f"{name}.md": render(folder, evaluation) for name, render in there.items()}


def write_cards(folder: Path) -> list[Path]:
    """Render all, then write each in one step; their paths. Raises as `render_cards`."""
    written = []
    for name, text in render_cards(folder).items():
        partial = folder / f".{name}.partial"
        partial.write_text(text, encoding="utf-8", newline="\n")
        written.append(partial.replace(folder / name))
    return written


def _measured_versions(folder: Path) -> dict[str, str]:
    versions = {}
    if (folder / "embedder.json").is_file():
        versions["embedder"] = _version(read_facts(folder / "embedder.json", EmbedderFacts))
    if (folder / "verifier.json").is_file():
        versions["verifier"] = load_verifier(folder / "verifier.json").version
    return versions


def _version(facts: EmbedderFacts | DetectorFacts) -> str:
    return f"{facts.name}@{facts.sha256[:12]}"


def _embedder(folder: Path, evaluation: EvaluationFacts | None) -> str:
    facts = read_facts(folder / "embedder.json", EmbedderFacts)
    files = {"the image tower": checked_file(folder, facts)}
    if facts.text:
        files["the text tower"] = checked_file(folder, facts.text)
    if facts.background:
        files["vectors of training photographs, to normalize similarities by"] = checked_file(folder, facts.background)
    files["the manifest"] = file_facts(folder / "embedder.json")
    files |= _records(folder, {"the curves of the training": CURVES_FILE, "the figures below": EVALUATION_FILE})
    return _render(
        "embedder.md.j2",
        facts=facts,
        version=_version(facts),
        files=files,
        evaluation=evaluation,
        weaknesses=weaknesses(evaluation.measurements) if evaluation else (),
        query_views=MAX_QUERY_VIEWS,
        reference_views=REFERENCE_VIEWS,
    )


def _detector(folder: Path, evaluation: EvaluationFacts | None) -> str:
    facts = read_facts(folder / "detector.json", DetectorFacts)
    version = _version(facts)
    # figures of another detector are no reason to refuse the other models' cards
    measured = evaluation.measurements if evaluation and evaluation.models.get("detector") == version else {}
    return _render(
        "detector.md.j2",
        facts=facts,
        version=version,
        files={"the model": checked_file(folder, facts), "the manifest": file_facts(folder / "detector.json")},
        measurements={name: one for name, one in measured.items() if "boxes" in name},
        same_mark=SAME_MARK,
        most=MAX_BOXES,
    )


def _verifier(folder: Path, evaluation: EvaluationFacts | None) -> str:
    facts = read_facts(folder / "verifier.json", VerifierFacts)
    measured = evaluation.measurements if evaluation else {}
    return _render(
        "verifier.md.j2",
        facts=facts,
        version=load_verifier(folder / "verifier.json").version,
        files={"weights and manifest in one": file_facts(folder / "verifier.json")},
        speaks_against=SPEAKS_AGAINST,
        measurements={name: measured[name] for name in _OF_THE_VERIFIER if name in measured},
    )


def _logo_verifier(folder: Path, evaluation: EvaluationFacts | None) -> str:
    file = folder / "logo-verifier.json"
    facts, version = read_facts(file, LogoVerifierFacts), load_logo_verifier(file).version
    # figures of another one are no reason to refuse the other models' cards
    measured = evaluation.measurements if evaluation and evaluation.models.get("logo_verifier") == version else {}
    return _render(
        "logo-verifier.md.j2",
        facts=facts,
        version=version,
        files={"weights and manifest in one": file_facts(file)},
        measurements={name: one for name, one in measured.items() if name.startswith(_OF_THE_LOGO_LINE)},
    )


def _combiner(folder: Path, _: EvaluationFacts | None) -> str:
    facts = read_facts(folder / "combiner.json", CombinerFacts)
    files = {"the model": checked_file(folder, facts), "the manifest": file_facts(folder / "combiner.json")}
    return _render("combiner.md.j2", facts=facts, version=Combiner(folder).version, files=files)


_CARDS: Mapping[str, Callable[[Path, EvaluationFacts | None], str]] = {
    "embedder": _embedder,
    "detector": _detector,
    "verifier": _verifier,
    "logo-verifier": _logo_verifier,
    "combiner": _combiner,
}


def _records(folder: Path, names: Mapping[str, str]) -> dict[str, FileFacts]:
    """Those that are there."""
    return {about: file_facts(folder / name) for about, name in names.items() if (folder / name).is_file()}


def _render(template: str, **context: Any) -> str:
    text = _environment().get_template(template).render(**context)
    return re.sub(r"\n{3,}", "\n\n", text)


@cache
def _environment() -> Environment:
    # Markdown, not HTML: what is escaped is what would break a table
    environment = Environment(
        loader=PackageLoader("jobs.model_cards"),
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"words": words, "cell": _cell, "thousands": "{:,}".format}
    environment.globals |= {"figures_table": figures_table, "measurement_table": measurement_table}
    return environment


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
