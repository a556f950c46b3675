"""The embedded models are what their manifests say, and learned from nothing that measures them."""

import json
from pathlib import Path

from crawler.marketplace import generate_marketplace
from index.embedder import Embedder
from index.verification import load_verifier
from jobs.learning_sets import DEMO_SEED, MARKETPLACE_SEEDS
from scoring.combiner import Combiner
from scoring.features import GUARD_NAMES, SIGNAL_NAMES
from scoring.lexicon import lexicon_version

MODELS = Path(__file__).resolve().parents[2] / "models"
ALLOWED = {f"marketplace-{seed}" for seed in MARKETPLACE_SEEDS} | {"realshop"}


def manifest(name: str) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((MODELS / name).read_text(encoding="utf-8"))
    return loaded


def test_every_model_loads() -> None:
    Combiner(MODELS).ready()
    load_verifier(MODELS / "verifier.json")
    assert Embedder(MODELS / "embedder.onnx").dimensions() > 0


def test_the_combiner_learned_from_the_sets_that_are_meant_for_it() -> None:
    assert set(manifest("combiner.json")["training_data"]) == ALLOWED  # type: ignore[call-overload]


def test_the_verifier_learned_from_sets_that_measure_nothing() -> None:
    learned = set(manifest("verifier.json")["trained_on"])  # type: ignore[call-overload]
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
