from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crawler.marketplace import generate_marketplace
from domain.settings import Settings
from jobs import learning_sets
from jobs.learning_sets import (
    DEMO_SEED,
    MARKETPLACE_SEEDS,
    LearningSet,
    composed_set,
    folder_set,
    marketplace_set,
    product_titles,
    trains,
)
from jobs.truth import TruthRow
from store.images import RGB, decode_image


def row(listing_id: str, reference_id: str | None) -> TruthRow:
    return TruthRow(listing_id=listing_id, kind="copied_photo", label="infringing", reference_id=reference_id)


def test_variants_of_one_product_are_on_one_side() -> None:
    titles = {f"{product}-{color}": f"Product {product}" for product in range(60) for color in ("red", "blue")}
    sides = [
        {
            trains(row(f"{product}/{color}/{n}", f"{product}-{color}"), titles)
            for color in ("red", "blue")
            for n in (1, 2)
        }
        for product in range(60)
    ]
    assert all(len(side) == 1 for side in sides)
    assert 15 < sum(side == {True} for side in sides) < 45


def test_rows_without_a_product_are_split_by_listing() -> None:
    training = [trains(row(str(n), None), {}) for n in range(200)]
    assert 70 < sum(training) < 130
    assert training == [trains(row(str(n), None), {}) for n in range(200)]


def test_a_product_that_the_catalog_lacks_is_split_by_its_id() -> None:
    assert trains(row("1", "gone"), {}) == trains(row("2", "gone"), {})
    assert trains(row("1", "x"), {"x": "Tote"}) == trains(row("1", "y"), {"y": "TOTE"})


def test_the_demo_measures_what_never_trained() -> None:
    assert DEMO_SEED not in MARKETPLACE_SEEDS
    assert len(set(MARKETPLACE_SEEDS)) == len(MARKETPLACE_SEEDS)
    shown = {brand.name for brand in generate_marketplace(DEMO_SEED).brands}
    for seed in MARKETPLACE_SEEDS:
        assert not shown & {brand.name for brand in generate_marketplace(seed).brands}


@pytest.fixture
def small_marketplace(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], LearningSet]:
    small = functools.partial(generate_marketplace, listings=20, sellers=8, brands=2)
    monkeypatch.setattr(learning_sets, "generate_marketplace", small)
    return lambda seed: marketplace_set(seed, Settings())


def test_a_marketplace_comes_through_the_files_of_anybody(small_marketplace: Callable[[int], LearningSet]) -> None:
    learning = small_marketplace(101)
    assert learning.name == "marketplace-101"
    listings = {listing.listing_id: listing for listing in learning.records.listings()}
    assert len(learning.truth) == len(listings) == 20
    assert listings.keys() == learning.truth.keys()
    assert {one.infringing for one in learning.truth.values()} == {True, False}
    assert learning.records.products()
    for product in learning.records.products():
        for image in product.images:
            assert decode_image(learning.evidence.read(image.sha256)).ndim == 3
    titles = product_titles(learning.records)
    assert titles == {product.reference_id: product.title for product in learning.records.products()}


def test_of_a_folder_only_what_is_kept_is_learned_from(tmp_path: Path) -> None:
    made = generate_marketplace(102, listings=20, sellers=8, brands=2)
    made.write_catalog(tmp_path / "catalog")
    made.write_listings(tmp_path)
    seen: list[Mapping[str, str]] = []

    def infringing(one: TruthRow, titles: Mapping[str, str]) -> bool:
        seen.append(titles)
        return one.infringing

    learning = folder_set("half", tmp_path, Settings(), keep=infringing)
    rows = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    assert set(learning.truth) == {one["listing_id"] for one in rows if one["label"] == "infringing"}
    assert seen[0] == product_titles(learning.records)
    assert learning.records.count_listings() == 20


def darker(rgb: RGB, generator: np.random.Generator) -> RGB:
    return np.asarray(rgb * generator.uniform(0.5, 0.9), np.uint8)


@pytest.fixture(scope="module")
def photos(draw: Callable[..., RGB]) -> list[tuple[str, RGB]]:
    return [(f"class{n % 3}", draw(n, 60, 80)) for n in range(10)]


def test_half_of_the_photos_are_copied_and_the_others_are_strangers(photos: list[tuple[str, RGB]]) -> None:
    learning = composed_set("rooms", photos, darker, seed=5, copies=3)
    products = learning.records.products()
    assert len(products) == 5
    listings = list(learning.records.listings())
    copied = {one.listing_id for one in learning.truth.values() if one.reference_id}
    assert len(copied) == 15
    assert len(listings) == len(learning.truth) == 20
    assert {one.label for key, one in learning.truth.items() if key in copied} == {"infringing"}
    assert {one.label for key, one in learning.truth.items() if key not in copied} == {"legitimate"}
    assert {one.reference_id for one in learning.truth.values() if one.reference_id} == {
        product.reference_id for product in products
    }
    # a copy is darker than what it was made from, and no stranger was made from a catalog photo
    catalog = {
        product.reference_id: decode_image(learning.evidence.read(product.images[0].sha256)) for product in products
    }
    for listing in listings:
        reference_id = learning.truth[listing.listing_id].reference_id
        shown = decode_image(learning.evidence.read(str(listing.images[0].sha256))).astype(float)
        for own_id, picture in catalog.items():
            alike = np.corrcoef(shown.ravel(), picture.astype(float).ravel())[0, 1] > 0.95
            assert alike == (own_id == reference_id)
        if reference_id:
            assert shown.mean() < catalog[reference_id].mean()


def test_composing_twice_gives_the_same(photos: list[tuple[str, RGB]]) -> None:
    def content(seed: int) -> list[Any]:
        learning = composed_set("rooms", photos, darker, seed=seed)
        return [learning.records.catalog_digest(), list(learning.records.listings()), dict(learning.truth)]

    assert content(1) == content(1)
    assert content(1) != content(2)
