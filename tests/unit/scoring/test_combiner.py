from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.assessment import Assessment, Band, Finding, GuardName, SignalName, Versions
from domain.errors import NotReady
from domain.listing import Listing, ListingImage, Seller, Unreadable
from domain.match import Alteration, Matches
from scoring.combiner import MANIFEST_FILE, MODEL_FILE, Combiner
from scoring.examples import altered, copied, example_catalog, marked, offer
from scoring.features import FEATURE_NAMES, GUARD_NAMES, SIGNAL_NAMES, features
from scoring.signals import find_guards, find_signals
from training.classifier import export_classifier, train_classifier

ROOT = Path(__file__).parents[3]
VERSIONS = Versions(embedder="e@1", index="i", verifier="v@1", combiner="c@1", lexicon="l", code="0")


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generator = np.random.default_rng(7)
    x = generator.random((400, len(FEATURE_NAMES))).astype(np.float32)
    weights = {"copied_photo": 6.0, "coded_language": 2.0, "authorized_seller": -5.0}
    log_odds = x @ [weights.get(name, 0.0) for name in FEATURE_NAMES] - 2
    labels = generator.random(400) < 1 / (1 + np.exp(-log_odds))
    trained = train_classifier(
        x,
        labels,
        [f"g{i // 4}" for i in range(400)],
        feature_names=FEATURE_NAMES,
        signal_names=SIGNAL_NAMES,
        guard_names=GUARD_NAMES,
    )
    folder = tmp_path_factory.mktemp("models")
    export_classifier(trained, folder, version="t1", lexicon_version="x", training_data={"kind": "drawn"})
    return folder


def assess(models_dir: Path, listing: Listing, matches: Matches) -> Assessment:
    return Combiner(models_dir).assess(listing, matches, example_catalog(), versions=VERSIONS)


LISTINGS = [
    (offer(), Matches(images_read=1)),
    (offer("Vеlmora tote 1:1 mirror quality", price="18.00", seller="velmora_outlet"), copied()),
    (offer("Velmora tote", seller_id="velmora-direct"), copied()),
    (offer("Velmora tote, worn twice", condition="used"), Matches(images_read=1)),
    (offer("Velmora tote, worn twice", condition="used"), marked(altered(Alteration.BLURRED))),
    (offer("Lining for Velmora tote"), Matches(images_read=1, logos_sought=True)),
]


@pytest.mark.parametrize(("listing", "matches"), LISTINGS)
def test_contributions_and_intercept_give_the_probability(models_dir: Path, listing: Listing, matches: Matches) -> None:
    assessment = assess(models_dir, listing, matches)
    contributions = [finding.contribution for finding in (*assessment.signals, *assessment.guards)]
    log_odds = Combiner(models_dir).manifest.intercept + sum(c for c in contributions if c is not None)
    assert None not in contributions
    assert assessment.probability == pytest.approx(1 / (1 + math.exp(-log_odds)), abs=1e-6)


def test_findings_keep_the_detectors_words(models_dir: Path) -> None:
    listing, matches = LISTINGS[1]
    assessment = assess(models_dir, listing, matches)
    bare = [replace(finding, contribution=None) for finding in assessment.signals]
    assert tuple(bare) == find_signals(listing, matches, example_catalog())
    assert len(bare) == 5


ROW = st.lists(st.floats(0, 1, width=32), min_size=len(FEATURE_NAMES), max_size=len(FEATURE_NAMES))


@given(ROW, st.integers(0, len(FEATURE_NAMES) - 1), st.floats(0, 1, width=32))
@settings(deadline=None, max_examples=50)
def test_more_of_a_signal_never_lowers_and_more_of_a_guard_never_raises(
    models_dir: Path, row: Sequence[float], column: int, more: float
) -> None:
    combiner = _COMBINERS.setdefault(models_dir, Combiner(models_dir))
    low, high = list(row), list(row)
    low[column], high[column] = sorted((row[column], more))
    before, after = combiner.probabilities(np.array([low, high], dtype=np.float32))
    assert after >= before - 1e-7 if FEATURE_NAMES[column] in SIGNAL_NAMES else after <= before + 1e-7


_COMBINERS: dict[Path, Combiner] = {}


def test_bands(models_dir: Path) -> None:
    combiner = Combiner(models_dir)
    limits = combiner.manifest.thresholds
    photo = [Finding(name=SignalName.COPIED_PHOTO, strength=0.9, sentence="x.")]
    assert combiner.band(limits.enforce, photo) is Band.ENFORCE
    assert combiner.band(math.nextafter(limits.enforce, 0), photo) is Band.REVIEW
    assert combiner.band(limits.review, photo) is Band.REVIEW
    assert combiner.band(math.nextafter(limits.review, 0), photo) is Band.CLEAR


SHOWN_BY_THE_HONEST = (SignalName.CODED_LANGUAGE, SignalName.LOGO_MISUSE)


@pytest.mark.parametrize("beside", [name for name in SignalName if name not in SHOWN_BY_THE_HONEST])
def test_words_alone_are_reviewed_and_enforced_beside_a_strong_signal_that_honest_sellers_do_not_give(
    models_dir: Path, beside: SignalName
) -> None:
    combiner = Combiner(models_dir)
    words = Finding(name=SignalName.CODED_LANGUAGE, strength=0.98, sentence="x.")
    weak, strong = (Finding(name=beside, strength=strength, sentence="x.") for strength in (0.49, 0.5))
    assert combiner.band(1.0, [words]) is Band.REVIEW
    assert combiner.band(1.0, [words, weak]) is Band.REVIEW
    assert combiner.band(1.0, [words, strong]) is Band.ENFORCE


OWN_WORDS = "Velmora Harbor tote, authentic"


@pytest.mark.parametrize(
    ("title", "description"),
    [
        (OWN_WORDS, "WARNING: many AAA replicas and superfakes are sold here. This one comes with the receipt."),
        (OWN_WORDS, "Stay away from superfake and 1:1 clones sold elsewhere"),
        ("How to spot a fake Velmora super clone - book", ""),
        ("Velmora tote, mirror quality lock, replica-proof hologram", ""),
        ("Velmora tote, superfake, mirror quality, replica", ""),
    ],
)
def test_the_embedded_model_notifies_nobody_for_words(title: str, description: str) -> None:
    verdict = assess(ROOT / "models", offer(title, description=description, price="90.00"), Matches(images_read=1))
    assert verdict.signal(SignalName.BRAND_CLAIM)
    assert verdict.band is not Band.ENFORCE


def test_what_could_not_be_read_is_carried_through(models_dir: Path) -> None:
    reason = Unreadable(what="image", source="1.jpg", reason="The file is truncated.")
    listing = replace(offer(price=None), price_raw="free", images=(ListingImage(source="1.jpg", unreadable=reason),))
    assessment = assess(models_dir, listing, Matches())
    assert reason in assessment.unreadable
    assert [part.what for part in assessment.unreadable] == ["image", "price"]
    assert assessment.guard(GuardName.OWN_PHOTO) is None
    assert assessment.signal(SignalName.COPIED_PHOTO) is None


def test_a_listing_without_pictures_says_that_there_is_no_image_verdict(models_dir: Path) -> None:
    assessment = assess(models_dir, replace(offer(), images=()), Matches())
    assert [part.what for part in assessment.unreadable] == ["image"]


@pytest.mark.parametrize("missing", [MODEL_FILE, MANIFEST_FILE])
def test_a_missing_file_is_not_ready_with_advice(models_dir: Path, tmp_path: Path, missing: str) -> None:
    for name in {MODEL_FILE, MANIFEST_FILE} - {missing}:
        (tmp_path / name).write_bytes((models_dir / name).read_bytes())
    with pytest.raises(NotReady, match=missing) as caught:
        Combiner(tmp_path).ready()
    assert "assayer train classifier" in caught.value.advice


def tampered(models_dir: Path, tmp_path: Path, **changes: object) -> Combiner:
    manifest = json.loads((models_dir / MANIFEST_FILE).read_text()) | changes
    (tmp_path / MANIFEST_FILE).write_text(json.dumps(manifest))
    (tmp_path / MODEL_FILE).write_bytes((models_dir / MODEL_FILE).read_bytes())
    return Combiner(tmp_path)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"sha256": "0" * 64}, "hash"),
        ({"sha256": "zz"}, "sha256"),
        ({"intercept": 3.0}, "weights"),
        ({"feature_names": ["copied_photo"]}, "signals"),
        ({"thresholds": {"review": 2, "enforce": 1}}, "thresholds.review"),
    ],
)
def test_a_manifest_that_does_not_fit_is_not_ready(
    models_dir: Path, tmp_path: Path, changes: dict[str, object], complaint: str
) -> None:
    with pytest.raises(NotReady, match=complaint):
        tampered(models_dir, tmp_path, **changes).ready()


@pytest.mark.parametrize(
    "changes", [{"thresholds": {"review": 0.2, "enforce": 0.95}}, {"intercept": 3.0}, {"sha256": "0" * 64}]
)
def test_whatever_changes_a_verdict_changes_the_version(
    models_dir: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    assert tampered(models_dir, tmp_path, **changes).version != Combiner(models_dir).version


def test_what_changes_no_verdict_keeps_the_version(models_dir: Path, tmp_path: Path) -> None:
    assert tampered(models_dir, tmp_path, training_data="told otherwise").version == Combiner(models_dir).version


def test_a_model_that_is_no_onnx_is_not_ready(models_dir: Path, tmp_path: Path) -> None:
    import hashlib

    combiner = tampered(models_dir, tmp_path, sha256=hashlib.sha256(b"no model").hexdigest())
    (tmp_path / MODEL_FILE).write_bytes(b"no model")
    with pytest.raises(NotReady, match="cannot load"):
        combiner.ready()


def test_nothing_is_loaded_at_import() -> None:
    code = (
        "import builtins, sys, scoring.combiner; from pathlib import Path; c = scoring.combiner.Combiner(Path('no'));"
        "assert not {'torch', 'scipy', 'sklearn', 'skl2onnx'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


def test_features_are_the_strengths_of_signals_and_guards_only() -> None:
    assert (*(name.value for name in SignalName), *(name.value for name in GuardName)) == FEATURE_NAMES
    row = features([Finding(name=GuardName.OWN_PHOTO, strength=0.25, sentence="x.")])
    assert row.dtype == np.float32
    assert row.tolist() == [0.25 * (name == "own_photo") for name in FEATURE_NAMES]


def test_what_only_leaks_the_origin_of_a_listing_changes_nothing() -> None:
    """Ids, feedback, places, category and time give sample data away; none of them may reach the model."""

    def row(listing: Listing) -> list[float]:
        found = (
            *find_signals(listing, copied(), example_catalog()),
            *find_guards(listing, copied(), example_catalog()),
        )
        return list(features(found))

    plain = offer("Velmora tote", price="50.00")
    leaking = replace(
        plain,
        marketplace="another",
        listing_id="D99999",
        url="https://other.example/x?seller=s013x",
        category="Replicas",
        ships_from="CN",
        seller=Seller(id="s013x", name=plain.seller.name, feedback_score=3, feedback_percent=61.0, location="Putian"),
    )
    assert row(leaking) == row(plain)
