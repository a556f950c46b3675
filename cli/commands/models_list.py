"""``assayer models list``: which embedders there are, and what is in use."""

from __future__ import annotations

from cli.options import JsonOption
from cli.output import say_facts, say_json, say_rows
from domain.codec import dump
from domain.settings import load_settings
from index.verification import load_verifier
from jobs.embedders import AvailableEmbedder, available_embedders
from jobs.promoted_models import version_of
from jobs.workspace import Workspace
from scoring.combiner import Combiner


def list_(as_json: JsonOption = False) -> None:
    """The embedders that can be used, the models in use with their versions, and the combiner's weights."""
    settings = load_settings()
    with Workspace(settings) as work:
        embedders = available_embedders(settings.home, work.models_dir)
        combiner = Combiner(work.models_dir)
        facts: dict[str, object] = {
            "folder": str(work.models_dir),
            "promoted": version_of(settings.home, work.models_dir),
            "embedder": work.embedder.version,
            "verifier": load_verifier(work.models_dir / "verifier.json").version,
            "combiner": combiner.version,
            "review from": combiner.manifest.thresholds.review,
            "enforce from": combiner.manifest.thresholds.enforce,
        }
        weights = combiner.manifest.weights
    if as_json:
        listed = {"embedders": [dump(one) for one in embedders]}
        say_json(facts | listed | {"weights": weights, "intercept": combiner.manifest.intercept})
        return
    say_rows(("embedder", "", "version", "input", "spaces", "license"), (_row(one) for one in embedders))
    say_facts("In use", facts)
    say_facts("Weights, log-odds per unit of strength", {name: f"{weight:+.2f}" for name, weight in weights.items()})


def _row(one: AvailableEmbedder) -> tuple[str, ...]:
    spaces = ", ".join((*one.spaces, "words") if one.reads_words else one.spaces)
    return (one.name, "in use" if one.in_use else "", one.version, f"{one.size} px", spaces, one.license)
