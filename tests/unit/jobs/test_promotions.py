from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.errors import BadInput, NotReady, PromotionRefused, SettingRefused
from domain.promotion import EMBEDDED, ModelKind
from domain.review import Decision, RejectionReason, Review
from domain.settings import Settings
from jobs.embedders import model_folder, use_embedder
from jobs.promoted_models import folder_of, history, undo, version_in_use
from jobs.promotions import promote
from jobs.review_examples import (
    HELD_OUT_SHARE,
    grouped_reviews,
    held_out_reviews,
    review_examples,
    reviews_digest,
    training_reviews,
)
from jobs.workspace import Workspace
from scoring.combiner import Combiner
from scoring.features import FEATURE_NAMES, GUARD_NAMES
from store.content import content_digest
from store.evidence import MemoryEvidence
from store.memory import MemoryRecords
from training.classifier import Measured, TrainedClassifier, export_classifier

AT = datetime(2026, 5, 1, tzinfo=UTC)
STRONG = {"copied_photo": 0.9, "suspicious_price": 0.8}
WEAK = {"copied_photo": 0.9, "suspicious_price": 0.8, "own_photo": 1.0}
"""What the models of these tests are asked about: the same findings, with and without a guard."""


def combiner(folder: Path, *, guard: float, signal: float = 6.0, enforce: float = 0.9) -> Path:
    """A combiner with these weights, and nothing else, in a folder."""
    trained = TrainedClassifier(
        feature_names=FEATURE_NAMES,
        weights=tuple(guard if name in GUARD_NAMES else signal for name in FEATURE_NAMES),
        intercept=-3.0,
        review=0.3,
        enforce=enforce,
        l2=0.0,
        calibration=(1.0, 0.0),
        measured=Measured(
            log_loss=0.0,
            listings=0,
            infringing=0,
            enforce_precision=0.0,
            enforce_precision_low=0.0,
            enforce_recall=0.0,
            review_recall=0.0,
        ),
        out_of_fold=np.zeros(0),
    )
    export_classifier(trained, folder, version="2", lexicon_version="drawn", training_data={})
    return folder


def reviewed(records: Any, shop: Any, *, cases: int = 40) -> None:
    """Confirmed without the guard, rejected with it; one of each in every case."""
    for number in range(cases):
        for strengths, reason in ((STRONG, None), (WEAK, RejectionReason.GENUINE_RESALE)):
            listing = shop.listing(f"{number}-{reason or 'yes'}", None)
            records.save_listings([listing])
            records.save_reviews([review_of(listing, f"case{number}", strengths, reason)])


def review_of(
    listing: Any,
    case_id: str,
    strengths: Mapping[str, float],
    reason: RejectionReason | None,
    *,
    product: str = "",
    at: datetime = AT,
) -> Review:
    return Review(
        marketplace=listing.marketplace,
        listing_id=listing.listing_id,
        rights_holder="Velmora Ltd",
        case_id=case_id,
        decision=Decision.REJECTED if reason else Decision.CONFIRMED,
        reason=reason,
        decided_at=at,
        reviewer="ann",
        content_digest=content_digest(listing),
        versions_digest="0" * 64,
        probability=0.9,
        strengths=strengths,
        product=product,
    )


@pytest.fixture
def work(
    tmp_path: Path, models_dir: Path, shop_in: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """A home with reviews; the models of these tests stand in for those of the release."""
    monkeypatch.setattr("jobs.promoted_models.embedded_models", lambda: models_dir)
    with Workspace(Settings(home=tmp_path / "home")) as opened:
        opened.records.save_catalog(shop_in(opened.evidence).catalog(products=1))
        reviewed(opened.records, shop_in(opened.evidence))
        yield opened


def put(work: Workspace, candidate: Path, **changed: Any) -> Any:
    given = {"data": None, "by": "ann", "at": AT} | changed
    with Workspace(work.settings) as fresh:
        return promote(candidate, fresh, **given)


def in_use(work: Workspace) -> str:
    with Workspace(work.settings) as fresh:
        return Combiner(fresh.models_dir).version


def test_a_better_combiner_takes_the_place_of_the_one_in_use_with_all_else_as_it_was(
    work: Workspace, tmp_path: Path, models_dir: Path
) -> None:
    candidate = combiner(tmp_path / "candidate", guard=-9.0)
    record = put(work, candidate)
    assert in_use(work) == Combiner(candidate).version == record.models[ModelKind.COMBINER]
    assert (record.former, record.by, record.at) == (EMBEDDED, "ann", AT)
    assert record.former_models == {"combiner": Combiner(models_dir).version}
    assert record.comparisons[0].figure == "log loss"
    assert record.comparisons[0].candidate < record.comparisons[0].in_use
    assert record.comparisons[0].examples == len(held_out_reviews(work.records))
    assert history(work.settings.home) == [record]
    folder = folder_of(work.settings.home, record.version)
    for name in ("embedder.onnx", "embedder.json", "text.onnx", "verifier.json"):
        assert (folder / name).read_bytes() == (models_dir / name).read_bytes()
    with Workspace(work.settings) as fresh:
        assert fresh.models_dir == folder
        assert fresh.embedder.version.startswith("assayer-clip@")


@pytest.mark.parametrize("worse", [{"guard": 0.0}, {"guard": -4.0, "signal": 0.0}, {"guard": -4.0, "enforce": 1.0}])
def test_a_worse_combiner_is_refused_with_both_figures_and_nothing_changes(
    work: Workspace, tmp_path: Path, worse: dict[str, float]
) -> None:
    before = in_use(work)
    with pytest.raises(PromotionRefused) as refusal:
        put(work, combiner(tmp_path / "candidate", **worse))
    assert refusal.value.exit_code == 1
    assert " of the one in use " in refusal.value.message
    assert in_use(work) == before
    assert (history(work.settings.home), version_in_use(work.settings.home)) == ([], EMBEDDED)
    assert [path.name for path in (work.settings.home / "models" / "promoted").iterdir()] == []


def test_what_is_in_use_is_not_promoted_again_and_each_step_can_be_undone(work: Workspace, tmp_path: Path) -> None:
    before = in_use(work)
    better = combiner(tmp_path / "better", guard=-6.0)
    best = combiner(tmp_path / "best", guard=-9.0)
    first = put(work, better)
    assert put(work, better) is None
    second = put(work, best)
    assert (second.former, len(history(work.settings.home))) == (first.version, 2)
    with pytest.raises(PromotionRefused):
        put(work, better)
    undo(work.settings.home, by="ann", at=AT)
    assert in_use(work) == Combiner(better).version
    undo(work.settings.home, by="ann", at=AT)
    assert in_use(work) == before


def test_without_anything_to_measure_on_nothing_is_promoted(work: Workspace, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "new")
    with Workspace(settings) as empty, pytest.raises(BadInput) as refusal:
        promote(combiner(tmp_path / "candidate", guard=-9.0), empty, data=None, by="ann", at=AT)
    assert refusal.value.field == "--data"


def test_what_is_no_candidate_is_refused(
    work: Workspace, tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(BadInput):
            put(work, folder)
    good = combiner(tmp_path / "candidate", guard=-9.0)
    with pytest.raises(BadInput) as refusal:
        put(work, good, by=" ")
    assert refusal.value.field == "by"
    named = Workspace(work.settings.model_copy(update={"models_dir": models_dir}))
    with pytest.raises(SettingRefused) as refused:
        promote(good, named, data=None, by="ann", at=AT)
    assert refused.value.field == "ASSAYER_MODELS_DIR"
    manifest = json.loads((good / "combiner.json").read_text())
    for damage in ({"sha256": "0" * 64}, {"feature_names": ["other"]}):
        (good / "combiner.json").write_text(json.dumps(manifest | damage))
        with pytest.raises(NotReady):
            put(work, good)
    (good / "combiner.onnx").unlink()
    with pytest.raises(NotReady):
        put(work, good)
    assert history(work.settings.home) == []


def test_an_embedder_does_not_take_the_place_of_one_that_was_pulled(
    work: Workspace, tmp_path: Path, models_dir: Path
) -> None:
    pulled = model_folder(work.settings.home, "ours/copy")
    pulled.mkdir(parents=True)
    for name in ("embedder.onnx", "embedder.json"):
        shutil.copy(models_dir / name, pulled / name)
    use_embedder(work.settings.home, models_dir, "ours/copy")
    with pytest.raises(BadInput, match="ours/copy"):
        put(work, models_dir)
    assert put(work, combiner(tmp_path / "candidate", guard=-9.0)).models.keys() == {"combiner"}


# Reviews as examples


def test_reviews_are_rows_of_what_was_seen_whatever_findings_there_are_now(
    shop_in: Callable[..., Any],
) -> None:
    records, shop = MemoryRecords(), shop_in(MemoryEvidence())
    records.save_catalog(shop.catalog())
    listings = [shop.listing(name, None) for name in "abc"]
    records.save_listings(listings)
    records.save_reviews(
        [
            review_of(listings[0], "c1", {"copied_photo": 0.5, "not_made_any_more": 1.0}, None, product="p0"),
            review_of(listings[1], "c1", {"brand_claim": 0.25}, RejectionReason.AUTHORIZED, product="gone"),
            review_of(listings[2], "c2", {}, RejectionReason.NOT_OURS),
        ]
    )
    examples = review_examples(grouped_reviews(records))
    rows = [dict(zip(FEATURE_NAMES, row.tolist(), strict=True)) for row in examples.features]
    assert [{name: value for name, value in row.items() if value} for row in rows] == [
        {"copied_photo": 0.5},
        {"brand_claim": 0.25, "authorized_seller": 1.0},
        {},
    ]
    assert examples.infringing.tolist() == [True, False, False]
    assert examples.groups == (
        "reviews/Velmora Ltd/Harbor Tote 0",
        "reviews/Velmora Ltd/gone",
        "reviews/case c2",
    )


def test_of_a_changed_mind_the_last_word_teaches(shop_in: Callable[..., Any]) -> None:
    records, listing = MemoryRecords(), shop_in(MemoryEvidence()).listing("a", None)
    records.save_listings([listing])
    records.save_reviews([review_of(listing, "c", STRONG, None)])
    first = reviews_digest(grouped_reviews(records))
    later = AT + timedelta(days=1)
    records.save_reviews([review_of(listing, "c", STRONG, RejectionReason.OTHER, at=later)])
    assert review_examples(grouped_reviews(records)).infringing.tolist() == [False]
    assert reviews_digest(grouped_reviews(records)) != first


def test_a_group_trains_or_measures_and_never_both(work: Workspace) -> None:
    training, held_out = training_reviews(work.records), held_out_reviews(work.records)
    assert not {one.group for one in training} & {one.group for one in held_out}
    assert len(training) + len(held_out) == len(work.records.reviews())
    assert 0 < len(held_out) < 2 * len(work.records.reviews()) / HELD_OUT_SHARE
