from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.catalog import Brand, Catalog, ReferenceImage, RightsHolder
from domain.errors import EmptyCatalog, NotReady, StoreUnavailable
from domain.settings import Settings
from index.artifact import read_artifact, read_checkpoint, write_artifact
from index.embedder import Embedder
from index.local_features import FEATURES_VERSION
from jobs.build_index import build_index
from store.evidence import MemoryEvidence
from store.memory import MemoryRecords


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture(scope="module")
def embedder(models_dir: Path) -> Embedder:
    return Embedder(models_dir / "embedder.onnx", threads=1)


@pytest.fixture
def shop(shop_in: Callable[..., Any], evidence: MemoryEvidence, records: MemoryRecords) -> Any:
    made = shop_in(evidence)
    made.stock(records)
    return made


def test_an_index_is_built_once(
    shop: Any, records: MemoryRecords, evidence: MemoryEvidence, embedder: Embedder, settings: Settings
) -> None:
    told: list[str] = []
    report = build_index(records, evidence, embedder, settings, progress=lambda stage, *_: told.append(stage))
    assert report.built
    assert report.checkpoint == read_checkpoint(settings.index_dir)
    assert [one.reference_id for one in report.checkpoint.references] == ["p0", "p1", "p2"]
    assert report.checkpoint.catalog_digest == records.catalog_digest()
    assert report.checkpoint.embedder == embedder.version
    assert set(told) == {"index", "twins"}
    again = build_index(records, evidence, embedder, settings)
    assert not again.built
    assert again.checkpoint == report.checkpoint


def test_two_builds_of_the_same_are_the_same(
    shop: Any, records: MemoryRecords, evidence: MemoryEvidence, embedder: Embedder, tmp_path: Path
) -> None:
    one = build_index(records, evidence, embedder, Settings(home=tmp_path / "one")).checkpoint
    other = build_index(records, evidence, embedder, Settings(home=tmp_path / "other")).checkpoint
    assert one.version == other.version


def test_a_changed_catalog_is_built_anew(
    shop: Any, records: MemoryRecords, evidence: MemoryEvidence, embedder: Embedder, settings: Settings
) -> None:
    before = build_index(records, evidence, embedder, settings).checkpoint
    records.save_catalog(shop.catalog(products=2))
    after = build_index(records, evidence, embedder, settings)
    assert after.built
    assert after.checkpoint.version != before.version
    assert len(after.checkpoint.references) == 2


def test_an_index_of_another_model_is_replaced(
    shop: Any, records: MemoryRecords, evidence: MemoryEvidence, embedder: Embedder, settings: Settings
) -> None:
    checkpoint = build_index(records, evidence, embedder, settings).checkpoint
    artifact = read_artifact(settings.index_dir, embedder=embedder.version, features=FEATURES_VERSION)
    write_artifact(settings.index_dir, replace(checkpoint, embedder="other@1"), artifact.arrays, artifact.votes)
    report = build_index(records, evidence, embedder, settings)
    assert report.built
    assert report.checkpoint == checkpoint


def test_a_damaged_index_is_replaced(
    shop: Any, records: MemoryRecords, evidence: MemoryEvidence, embedder: Embedder, settings: Settings
) -> None:
    checkpoint = build_index(records, evidence, embedder, settings).checkpoint
    (settings.index_dir / checkpoint.version / "votes.faiss").write_bytes(b"")
    with pytest.raises(NotReady, match=r"votes\.faiss"):
        read_artifact(settings.index_dir, embedder=embedder.version, features=FEATURES_VERSION)
    assert build_index(records, evidence, embedder, settings).built
    read_artifact(settings.index_dir, embedder=embedder.version, features=FEATURES_VERSION)


def test_an_unreadable_picture_is_named_and_tried_again(
    shop: Any,
    records: MemoryRecords,
    evidence: MemoryEvidence,
    embedder: Embedder,
    settings: Settings,
) -> None:
    (lost,) = records.products()[1].images
    content = evidence._contents.pop(lost.sha256)
    report = build_index(records, evidence, embedder, settings)
    assert [one.reference_id for one in report.checkpoint.references] == ["p0", "p2"]
    assert report.checkpoint.unreadable == (f"p1: no evidence {lost.sha256}",)
    evidence.write(content)
    mended = build_index(records, evidence, embedder, settings)
    assert mended.built
    assert mended.checkpoint.unreadable == ()
    assert len(mended.checkpoint.references) == 3


def test_a_store_that_is_down_leaves_the_old_index(
    shop: Any,
    records: MemoryRecords,
    evidence: MemoryEvidence,
    embedder: Embedder,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = build_index(records, evidence, embedder, settings).checkpoint
    records.save_catalog(shop.catalog(products=2))

    def fail(_: str) -> bytes:
        raise StoreUnavailable("evidence cannot be reached")

    monkeypatch.setattr(evidence, "read", fail)
    with pytest.raises(StoreUnavailable):
        build_index(records, evidence, embedder, settings)
    assert read_checkpoint(settings.index_dir) == before


def test_an_empty_catalog_is_refused(
    records: MemoryRecords, evidence: MemoryEvidence, embedder: Embedder, settings: Settings
) -> None:
    with pytest.raises(EmptyCatalog, match="no catalog") as refusal:
        build_index(records, evidence, embedder, settings)
    assert refusal.value.exit_code == 2
    assert "assayer catalog import" in refusal.value.advice
    assert not settings.index_dir.exists()


def test_a_catalog_whose_pictures_are_all_unreadable_is_refused(
    shop: Any, records: MemoryRecords, embedder: Embedder, settings: Settings
) -> None:
    with pytest.raises(EmptyCatalog, match="no reference picture"):
        build_index(records, MemoryEvidence(), embedder, settings)


def test_limits_of_pictures_hold_for_catalogs_too(
    shop: Any, records: MemoryRecords, evidence: MemoryEvidence, embedder: Embedder, tmp_path: Path
) -> None:
    catalog = shop.catalog()
    small = ReferenceImage(sha256=evidence.write(_jpeg_of(20)), source="small.jpg")
    records.save_catalog(
        replace(catalog, products=(catalog.products[0], replace(catalog.products[1], images=(small,))))
    )
    report = build_index(records, evidence, embedder, Settings(home=tmp_path, max_image_pixels=1000))
    assert [one.reference_id for one in report.checkpoint.references] == ["p1"]
    (reason,) = report.checkpoint.unreadable
    assert "at most 1000 pixels" in reason


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M2 2h20L12 22z" fill="#c00"/></svg>'


def stock_logos(records: MemoryRecords, evidence: MemoryEvidence, *contents: bytes) -> tuple[str, ...]:
    """A rights holder of logos alone; their digests."""
    digests = tuple(evidence.write(content) for content in contents)
    holder = RightsHolder(name="Acme Ltd", brands=(Brand(name="Acme", logos=digests), Brand(name="Wordy")))
    records.save_catalog(Catalog(rights_holder=holder))
    return digests


def test_logos_alone_make_an_index(
    records: MemoryRecords, evidence: MemoryEvidence, embedder: Embedder, settings: Settings
) -> None:
    svg, jpeg = stock_logos(records, evidence, SVG, _jpeg_of(40))
    told: list[tuple[str, int, int | None]] = []
    report = build_index(records, evidence, embedder, settings, progress=lambda *step: told.append(step))
    assert report.checkpoint.references == ()
    assert {(one.rights_holder, one.brand, one.sha256) for one in report.checkpoint.logos} == {
        ("Acme Ltd", "Acme", svg),
        ("Acme Ltd", "Acme", jpeg),
    }
    assert told == [("logos", 1, 2), ("logos", 2, 2)]
    logos = read_artifact(settings.index_dir, embedder=embedder.version, features=FEATURES_VERSION).logos
    assert logos.references == report.checkpoint.logos
    assert logos.search(logos.vectors[:1], 1)[1].tolist() == [[0]]
    assert not build_index(records, evidence, embedder, settings).built


def test_unreadable_logos_are_named_and_tried_again(
    records: MemoryRecords, evidence: MemoryEvidence, embedder: Embedder, settings: Settings
) -> None:
    svg, _broken = stock_logos(records, evidence, SVG, b"<svg/>")
    content = evidence._contents.pop(svg)
    lost, refused = build_index(records, evidence, embedder, settings).checkpoint.unreadable
    assert lost == f"logo of Acme: no evidence {svg}"
    assert refused.startswith("logo of Acme: not an SVG")
    evidence.write(content)
    mended = build_index(records, evidence, embedder, settings)
    assert {one.sha256 for one in mended.checkpoint.logos} == {svg}
    assert mended.checkpoint.unreadable == (refused,)


def test_logos_beside_products_leave_the_products_as_they_were(
    shop: Any, records: MemoryRecords, evidence: MemoryEvidence, embedder: Embedder, settings: Settings
) -> None:
    before = build_index(records, evidence, embedder, settings).checkpoint
    assert before.logos == ()
    stock_logos(records, evidence, SVG)
    after = build_index(records, evidence, embedder, settings)
    assert after.built
    assert after.checkpoint.references == before.references
    assert {one.brand for one in after.checkpoint.logos} == {"Acme"}


def _jpeg_of(side: int) -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.full((side, side, 3), 9, np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()
