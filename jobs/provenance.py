"""What a trained model's manifest says of its making, and what it measured on folds that did not train it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from jobs.estimates import resampled, share
from jobs.evaluate_models.figures import estimate_dict
from scoring import metrics
from training.datasets import known_datasets

LICENSE = "Apache-2.0"
SPLITS = (
    "marketplaces of other seeds, and so of other brands, than the demo's; of realshop the training half, split by "
    "product, color variants together; composed pairs, where there are any, of the train split only; see "
    "jobs/learning_sets.py"
)
_RESAMPLES = 400
_SURE = 1e-9


def provenance(
    data: Iterable[str],
    *,
    command: str,
    learned_with: Mapping[str, str],
    commit: str | None,
    splits: str = SPLITS,
    drawn: bool = True,
) -> dict[str, Any]:
    """License, data, splits, command and commit of a model that was trained on learning sets.

    `data` are names of ``training/datasets.toml``; with `drawn`, marketplaces drawn by code are among the sets.
    `learned_with` gives the versions of the models that made the features, by kind.
    """
    names = set(data)
    sources = {
        one.name: one.model_dump(mode="json", include={"title", "repositories", "license"})
        for one in known_datasets()
        if one.name in names
    }
    marketplaces = {
        "title": "Marketplaces drawn and written by code, see crawler/marketplace",
        "repositories": [],
        "license": LICENSE,
    }
    return {
        "license": LICENSE,
        "data": sources | ({"marketplaces": marketplaces} if drawn else {}),
        "splits": splits,
        "command": command,
        "commit": commit,
        "learned_with": dict(learned_with),
    }


def out_of_fold_figures(
    probabilities: metrics.Floats, labels: metrics.Labels, thresholds: Mapping[str, float]
) -> dict[str, dict[str, float | int | None]]:
    """Log loss, and precision and recall from each of `thresholds` on, with 95 % intervals; all rows weigh the same.

    Both arrays are (n,): probabilities of models that saw nothing of a row's group, and the truth.
    """
    figures = {"log_loss": resampled(_log_loss, probabilities, labels, resamples=_RESAMPLES)}
    for name, least in thresholds.items():
        said = probabilities >= least
        right = int((said & labels).sum())
        figures[f"{name}_precision"] = share(right, int(said.sum()))
        figures[f"{name}_recall"] = share(right, int(labels.sum()))
    return {name: estimate_dict(figure) for name, figure in figures.items()}


def _log_loss(probabilities: metrics.Floats, labels: metrics.Labels) -> float:
    """Mean, in nats."""
    given = np.clip(np.where(labels, probabilities, 1 - probabilities), _SURE, 1)
    return float(-np.log(given).mean())
