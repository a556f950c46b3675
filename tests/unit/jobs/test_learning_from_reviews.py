from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from domain.errors import BadInput
from domain.promotion import ModelKind
from domain.review import Decision, RejectionReason, Review, SeenAs, SeenRegion
from domain.settings import Settings
from index.embedder import Embedder
from jobs import train_classifier as classifier
from jobs.held_out import PAIRS, told_apart
from jobs.promoted_models import folder_of
from jobs.promotions import promote
from jobs.review_examples import grouped_reviews, review_examples
from jobs.reviewed_pairs import ReviewedPair, judged_pictures, read_pairs
from jobs.train_adapters import train_adapters
from jobs.workspace import Workspace
from scoring.combiner import Combiner
from store.content import content_digest

AT = datetime(2026, 5, 1, tzinfo=UTC)
CASES = 24


@pytest.fixture
def work(
    tmp_path: Path,
    models_dir: Path,
    shop_in: Callable[..., Any],
    draw: Callable[..., Any],
    jpeg: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Workspace]:
    """Cases of one confirmed copy, cut out of its reference, and one other picture that is not theirs."""
    monkeypatch.setattr("jobs.promoted_models.embedded_models", lambda: models_dir)
    with Workspace(Settings(home=tmp_path / "home")) as opened:
        shop = shop_in(opened.evidence)
        opened.records.save_catalog(shop.catalog(products=1))
        for number in range(CASES):
            reference = draw(100 + number)
            digest = opened.evidence.write(jpeg(reference))
            cut = np.ascontiguousarray(reference[60:420, 40:320])
            for picture, reason in ((cut, None), (draw(500 + number), RejectionReason.NOT_OURS)):
                listing = shop.listing(f"{number}-{reason or 'yes'}", picture)
                opened.records.save_listings([listing])
                region = SeenRegion(
                    seen_as=SeenAs.COPY, image_sha256=str(listing.images[0].sha256), reference_sha256=digest
                )
                opened.records.save_reviews([review_of(listing, f"case{number}", reason, region)])
        yield opened


def review_of(listing: Any, case_id: str, reason: RejectionReason | None, *regions: SeenRegion) -> Review:
    return Review(
        marketplace=listing.marketplace,
        listing_id=listing.listing_id,
        rights_holder="Velmora Ltd",
        case_id=case_id,
        decision=Decision.REJECTED if reason else Decision.CONFIRMED,
        reason=reason,
        decided_at=AT,
        reviewer="ann",
        content_digest=content_digest(listing),
        versions_digest="0" * 64,
        probability=0.9,
        strengths={"copied_photo": 0.9} if reason is None else {"suspicious_price": 0.6},
        regions=regions,
    )


def test_the_combiner_learns_from_reviews_and_says_so(
    work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "classifier_sets", lambda *_: iter(()))  # the reviews alone
    reviews = review_examples(grouped_reviews(work.records))
    path = classifier.train_combiner(
        None, tmp_path / "out", work.models_dir, work.embedder, work.settings, reviews=reviews
    )
    manifest = json.loads(path.read_text())
    assert manifest["training_data"] == {"reviews": {"listings": 2 * CASES, "infringing": CASES}}
    assert manifest["command"] == "assayer train classifier --reviews"
    said = Combiner(tmp_path / "out").probabilities(reviews.features)
    assert ((said > 0.5) == reviews.infringing).all()


def test_pairs_are_what_was_seen_and_other_reasons_say_nothing_of_pictures(
    work: Workspace, shop_in: Callable[..., Any]
) -> None:
    listing = shop_in(work.evidence).listing("more", None)
    lost = SeenRegion(seen_as=SeenAs.COPY, image_sha256="0" * 64, reference_sha256="1" * 64)
    region = grouped_reviews(work.records)[0].review.regions[0]
    boxed = SeenRegion(
        seen_as=SeenAs.MARK,
        image_sha256=region.image_sha256,
        reference_sha256=region.reference_sha256,
        box=(10.0, 20.0, 110.0, 70.0),
    )
    work.records.save_listings([listing])
    work.records.save_reviews([review_of(listing, "more", None, lost, boxed)])
    resale = shop_in(work.evidence).listing("resale", None)
    work.records.save_listings([resale])
    work.records.save_reviews([review_of(resale, "more", RejectionReason.GENUINE_RESALE, region)])
    pairs, unreadable = read_pairs(grouped_reviews(work.records), work.evidence, work.settings, size=64)
    assert (len(pairs), unreadable) == (2 * CASES + 1, 1)
    (mark,) = (pair for pair in pairs if pair.space == "mark")
    assert mark.seen.shape == (50, 100, 3)
    assert [pair.same for pair in pairs].count(True) == CASES + 1
    judged = judged_pictures(pairs, 64)
    assert judged.seen.shape == judged.references.shape == (len(pairs), 3, 64, 64)
    assert judged.spaces.count("mark") == 1
    with pytest.raises(BadInput):
        judged_pictures([], 64)


def test_pairs_are_no_larger_than_the_network_needs(work: Workspace) -> None:
    """Each side by itself, as the network squashes them; a part is cut out of the whole before."""
    (one, *_) = grouped_reviews(work.records)
    (whole,) = one.review.regions
    high = replace(whole, seen_as=SeenAs.MARK, box=(10.0, 20.0, 30.0, 420.0))
    judged = replace(one, review=replace(one.review, regions=(whole, high)))
    pairs, unreadable = read_pairs([judged], work.evidence, work.settings, size=16)
    assert unreadable == 0
    assert [pair.seen.shape for pair in pairs] == [(64, 64, 3), (64, 20, 3)]
    assert {pair.reference.shape for pair in pairs} == {(64, 64, 3)}
    assert all(pair.seen.base is None for pair in pairs)


def test_a_logo_is_read_as_people_are_shown_it(work: Workspace) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10"><path d="M0 0h20L10 10z" fill="#c00"/></svg>'
    white = np.zeros((40, 40, 4), np.uint8)
    white[10:30, 10:30] = 255
    drawn = io.BytesIO()
    Image.fromarray(white).save(drawn, "PNG")
    (one, *_) = grouped_reviews(work.records)
    (whole,) = one.review.regions
    logos = [work.evidence.write(content) for content in (svg, drawn.getvalue())]
    marks = [
        replace(whole, seen_as=SeenAs.MARK, reference_sha256=sha256, box=(10.0, 20.0, 30.0, 40.0)) for sha256 in logos
    ]
    judged = replace(one, review=replace(one.review, regions=tuple(marks)))
    (red, pale), unreadable = read_pairs([judged], work.evidence, work.settings, size=64)
    assert unreadable == 0
    assert red.reference[20, 128].tolist() == [204, 0, 0]
    assert red.reference.shape == (256, 256, 3)
    assert pale.reference[0, 0].max() < 255 == pale.reference[20, 20].min()


def test_adapters_are_trained_promoted_on_pairs_kept_back_and_served(work: Workspace, tmp_path: Path) -> None:
    base = work.models_dir / "embedder.onnx"
    report = train_adapters(work.records, work.evidence, work.settings, base, tmp_path / "adapted")
    kept_back = {one.group for one in grouped_reviews(work.records) if one.held_out}
    assert report.confirmed == report.rejected == {"copy": CASES - len(kept_back)}
    assert report.base == Embedder(base).version != report.version
    manifest = json.loads(report.model.with_suffix(".json").read_text())
    assert manifest["adapters"]["of"] == report.base
    with Workspace(work.settings) as fresh:
        record = promote(tmp_path / "adapted", fresh, data=None, by="ann", at=AT)
    assert record is not None
    assert record.models == {ModelKind.EMBEDDER: report.version}
    (figure,) = record.comparisons
    assert (figure.figure, figure.examples, figure.groups) == (PAIRS.name, 2 * len(kept_back), len(kept_back))
    assert figure.candidate >= figure.in_use
    assert (folder_of(work.settings.home, record.version) / "combiner.json").is_file()
    with Workspace(work.settings) as fresh:
        assert fresh.embedder.version == report.version


def test_adapters_need_something_that_people_said_of_pictures(
    tmp_path: Path, models_dir: Path, few_distractors: dict[str, Any]
) -> None:
    with Workspace(Settings(home=tmp_path / "home")) as empty, pytest.raises(BadInput) as refusal:
        train_adapters(empty.records, empty.evidence, empty.settings, models_dir / "embedder.onnx", tmp_path / "out")
    assert refusal.value.field == "--reviews"
    assert not (tmp_path / "out").exists()


def test_pairs_are_told_apart_as_often_as_a_ranking_of_them_would() -> None:
    nothing = np.zeros((1, 1, 3), np.uint8)

    def pair(same: bool) -> ReviewedPair:
        return ReviewedPair(space="copy", seen=nothing, reference=nothing, same=same, group="g")

    pairs = [pair(True), pair(False), pair(True), pair(False), pair(False)]
    told = told_apart(np.array([0.9, 0.5, 0.5, 0.1, 0.95], np.float32), pairs)
    assert told == pytest.approx([2 / 3, 0.75, 0.5, 1.0, 0.0])
