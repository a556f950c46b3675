"""The embedded models are what their manifests say, and learned from nothing that measures them."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from crawler.marketplace import generate_marketplace
from index.embedder import Embedder
from index.logo_detector import LogoDetector
from index.verification import load_verifier
from jobs.learning_sets import DEMO_SEED, MARKETPLACE_SEEDS
from jobs.model_cards.render import render_cards
from scoring.combiner import Combiner
from scoring.features import GUARD_NAMES, SIGNAL_NAMES
from scoring.lexicon import lexicon_version

MODELS = Path(__file__).resolve().parents[2] / "models"
ALLOWED = {f"marketplace-{seed}" for seed in MARKETPLACE_SEEDS} | {"realshop"}


MANIFESTS = ("embedder.json", "detector.json", "verifier.json", "logo-verifier.json", "combiner.json")
LARGEST_TOWERS = 14_000_000
"""Bytes of image and text tower together."""
LARGEST_DETECTOR = 6_000_000
"""Bytes."""


def manifest(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((MODELS / name).read_text(encoding="utf-8"))
    return loaded


def named_files(told: object) -> dict[str, dict[str, Any]]:
    """Whatever a manifest says of files, at any depth: by the file's name."""
    if not isinstance(told, dict):
        return {}
    inner = [named_files(value) for value in told.values()]
    found = {name: facts for one in inner for name, facts in one.items()}
    return found | ({str(told["file"]): told} if {"file", "sha256"} <= told.keys() else {})


def test_every_weight_file_is_named_by_a_manifest_with_its_digest_and_size() -> None:
    named = {name: facts for one in MANIFESTS for name, facts in named_files(manifest(one)).items()}
    weights = {path.name for path in MODELS.iterdir() if path.suffix in {".onnx", ".npz"}}
    assert set(named) == weights
    for name, facts in named.items():
        content = (MODELS / name).read_bytes()
        assert (facts["sha256"], facts["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content)), name


def test_every_file_is_on_a_card_with_its_digest_and_size() -> None:
    cards = "\n".join(path.read_text(encoding="utf-8") for path in MODELS.glob("*.md"))
    for path in MODELS.iterdir():
        if path.is_file() and path.suffix not in {".md", ".py"}:
            content = path.read_bytes()
            row = (
                rf"\| `{re.escape(path.name)}` \| .* \| {len(content):,} \| `{hashlib.sha256(content).hexdigest()}` \|"
            )
            assert re.search(row, cards), path.name


@pytest.mark.parametrize("name", MANIFESTS)
def test_every_manifest_says_how_its_model_was_made(name: str) -> None:
    told = manifest(name)
    assert told["license"] == "Apache-2.0"
    assert told["data"]
    assert all(one["license"] and one["title"] for one in told["data"].values())
    assert told["splits"]
    assert told["command"].startswith("assayer train ")
    assert re.fullmatch("[0-9a-f]{40}(-dirty)?", told["commit"]), "promoted models are trained in a checkout"


def test_every_card_is_what_assayer_models_card_writes() -> None:
    """After a change of manifests, measurements or templates: ``assayer models card --models models``."""
    rendered = render_cards(MODELS)
    assert {path.name: path.read_text(encoding="utf-8") for path in MODELS.glob("*.md")} == rendered


def test_both_towers_are_small() -> None:
    told = manifest("embedder.json")
    assert told["bytes"] + told.get("text", {}).get("bytes", 0) <= LARGEST_TOWERS


def test_the_logo_detector_is_small_and_finds_a_printed_mark() -> None:
    assert manifest("detector.json")["bytes"] <= LARGEST_DETECTOR
    picture = np.full((300, 400, 3), (90, 110, 130), np.uint8)
    cv2.circle(picture, (210, 140), 34, (240, 240, 240), 9, cv2.LINE_AA)
    cv2.putText(picture, "R", (192, 160), cv2.FONT_HERSHEY_DUPLEX, 1.7, (240, 240, 240), 4, cv2.LINE_AA)
    found, empty = LogoDetector(MODELS / "detector.json", threads=1).detect([picture, picture[:80, :120]])
    left, top, right, bottom = found.boxes[0]
    assert np.abs(np.array([left - 172, top - 102, right - 248, bottom - 178])).max() < 15
    assert found.scores[0] > 2 * max(empty.scores, default=0.0)


def test_every_model_loads() -> None:
    Combiner(MODELS).ready()
    load_verifier(MODELS / "verifier.json")
    assert Embedder(MODELS / "embedder.onnx").dimensions() > 0


def test_the_combiner_learned_from_the_sets_that_are_meant_for_it() -> None:
    assert set(manifest("combiner.json")["training_data"]) == ALLOWED


def test_the_verifier_learned_from_sets_that_measure_nothing() -> None:
    learned = set(manifest("verifier.json")["trained_on"])
    assert learned <= ALLOWED | {"composed-rooms-train", "composed-white-train"}


def test_no_brand_of_the_demo_trains() -> None:
    demo = {brand.name.casefold() for brand in generate_marketplace(DEMO_SEED).brands}
    trained = {brand.name.casefold() for seed in MARKETPLACE_SEEDS for brand in generate_marketplace(seed).brands}
    assert not demo & trained


def test_signals_never_speak_for_a_seller_nor_guards_against() -> None:
    weights = Combiner(MODELS).manifest.weights
    assert all(weights[name] >= 0 for name in SIGNAL_NAMES)
    assert all(weights[name] <= 0 for name in GUARD_NAMES)


def test_the_combiner_learned_with_the_lexicon_in_use() -> None:
    assert Combiner(MODELS).manifest.lexicon_version == lexicon_version()
