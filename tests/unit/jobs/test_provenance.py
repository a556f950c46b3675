"""Verifier and combiner, trained on a small marketplace: their manifests say how, and a card can be made of them."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.marketplace import generate_marketplace
from domain.settings import Settings
from index.embedder import Embedder
from index.verification import load_verifier
from jobs import learning_sets, train_classifier, train_verifier
from jobs.model_cards.manifests import file_facts
from jobs.model_cards.render import render_cards
from jobs.provenance import out_of_fold_figures, provenance

SEED = 101


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Path:
    """A folder with a verifier and a combiner that were just trained with the committed embedder."""
    out, no_data = tmp_path_factory.mktemp("trained"), tmp_path_factory.mktemp("none")
    embedder = Embedder(models_dir / "embedder.onnx", threads=1)
    with pytest.MonkeyPatch.context() as patch:
        small = functools.partial(generate_marketplace, listings=24, sellers=8, brands=2)
        patch.setattr(learning_sets, "generate_marketplace", small)
        patch.setattr(train_verifier, "MARKETPLACE_SEEDS", (SEED,))
        patch.setattr(train_classifier, "MARKETPLACE_SEEDS", (SEED,))
        train_verifier.train_verifier(no_data, out, embedder, Settings())
        train_classifier.train_combiner(no_data, out, out, embedder, Settings())
    return out


def manifest(folder: Path, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("name", ["verifier", "combiner"])
def test_a_trained_model_says_how_it_was_made(trained: Path, models_dir: Path, name: str) -> None:
    said = manifest(trained, name)
    assert said["license"] == "Apache-2.0"
    assert set(said["data"]) == {"marketplaces"}
    assert "realshop the training half" in said["splits"]
    assert said["command"] == f"assayer train {'classifier' if name == 'combiner' else name} --data DIR"
    assert said["commit"] is None or re.fullmatch("[0-9a-f]{40,64}(-dirty)?", said["commit"])
    assert said["learned_with"]["embedder"] == Embedder(models_dir / "embedder.onnx").version


def test_the_combiner_names_the_verifier_that_it_learned_with(trained: Path) -> None:
    assert manifest(trained, "combiner")["learned_with"]["verifier"] == (
        load_verifier(trained / "verifier.json").version
    )


def test_the_combiner_names_its_file(trained: Path) -> None:
    said = manifest(trained, "combiner")
    assert {key: said[key] for key in ("file", "sha256", "bytes")} == file_facts(trained / "combiner.onnx").model_dump()


def test_every_figure_has_its_interval(trained: Path) -> None:
    pairs = manifest(trained, "verifier")
    listings = manifest(trained, "combiner")
    assert set(pairs["measured_out_of_fold"]) == {"log_loss", "match_precision", "match_recall"}
    assert set(listings["measured"]) == {
        *("log_loss", "review_precision", "review_recall", "enforce_precision", "enforce_recall")
    }
    for figures in (pairs["measured_out_of_fold"], listings["measured"]):
        for figure in figures.values():
            assert figure["value"] is None or figure["low"] <= figure["value"] <= figure["high"]
    copied = pairs["trained_on"][f"marketplace-{SEED}"]["copied"]
    assert pairs["measured_out_of_fold"]["match_recall"]["total"] == copied
    infringing = listings["training_data"][f"marketplace-{SEED}"]["infringing"]
    assert listings["measured"]["enforce_recall"]["total"] == infringing


def test_cards_can_be_made_of_what_was_trained(trained: Path) -> None:
    cards = render_cards(trained)
    assert set(cards) == {"verifier.md", "combiner.md"}
    assert file_facts(trained / "verifier.json").sha256 in cards["verifier.md"]
    assert file_facts(trained / "combiner.onnx").sha256 in cards["combiner.md"]
    assert manifest(trained, "combiner")["learned_with"]["verifier"] in cards["combiner.md"]


def test_data_are_told_with_their_licenses() -> None:
    said = provenance(("realshop", "clothing", "realshop"), command="c", learned_with={}, commit=None)["data"]
    assert set(said) == {"realshop", "clothing", "marketplaces"}
    assert said["clothing"]["license"] == "CC0-1.0"
    assert "magento/magento2-sample-data" in said["realshop"]["repositories"]


def test_figures_are_what_is_counted_by_hand() -> None:
    probabilities = np.array([0.9, 0.8, 0.6, 0.4, 0.2, 0.1])
    labels = np.array([True, True, False, True, False, False])
    figures = out_of_fold_figures(probabilities, labels, {"review": 0.3, "enforce": 0.7})
    counted = {name: (figure.get("hits"), figure.get("total")) for name, figure in figures.items()}
    assert counted == {
        "log_loss": (None, None),
        "review_precision": (3, 4),
        "review_recall": (3, 3),
        "enforce_precision": (2, 2),
        "enforce_recall": (2, 3),
    }
    by_hand = -np.log([0.9, 0.8, 0.4, 0.4, 0.8, 0.9]).mean()
    assert figures["log_loss"]["value"] == pytest.approx(by_hand, abs=1e-4)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=12))
def test_figures_are_finite_or_said_to_be_missing(rows: list[tuple[float, bool]]) -> None:
    probabilities, labels = (np.array(column) for column in zip(*rows, strict=True))
    figures = out_of_fold_figures(probabilities, labels, {"match": 0.5})
    json.dumps(figures, allow_nan=False)
    assert (figures["match_recall"]["value"] is None) == (not labels.any())
    assert (figures["match_precision"]["value"] is None) == bool((probabilities < 0.5).all())
