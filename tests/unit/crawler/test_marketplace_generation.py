"""The bundled marketplace comes out of its seed: the same again, or wholly another."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.marketplace import Marketplace, generate_marketplace
from crawler.marketplace.pictures import Shot
from store.images import decode_image


@pytest.fixture(scope="module")
def marketplace() -> Marketplace:
    return generate_marketplace(11)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        small = generate_marketplace(3, listings=20, sellers=12, brands=2)
        small.write_catalog(tmp_path / name / "catalog")
        small.write_listings(tmp_path / name)
    assert _files(tmp_path / "first") == _files(tmp_path / "second")


def test_pictures_do_not_depend_on_the_order_in_which_they_are_asked_for(marketplace: Marketplace) -> None:
    names = [marketplace.listings[number].images[0] for number in (0, 5, 9)]
    again = generate_marketplace(11)
    forwards = {name: marketplace.picture(name) for name in names}
    assert {name: again.picture(name) for name in reversed(names)} == forwards


def test_other_seeds_share_nothing() -> None:
    markets = [generate_marketplace(seed) for seed in range(40, 52)]
    references = Counter(p.reference_id for m in markets for p in m.products)
    listings = Counter(x.listing_id for m in markets for x in m.listings)
    assert max(references.values()) == 1
    assert max(listings.values()) == 1
    for number, market in enumerate(markets):
        for other in markets[number + 1 :]:
            # the last brand is a common word from a short list, as real ones are
            assert not {b.name for b in market.brands[:-1]} & {b.name for b in other.brands[:-1]}
    logos = {m.picture(m.brands[0].logo) for m in markets[:4]}
    assert len(logos) == 4


def test_the_demo_has_the_promised_size(marketplace: Marketplace) -> None:
    assert (len(marketplace.listings), len(marketplace.sellers), len(marketplace.brands)) == (300, 40, 6)
    assert 30 <= len(marketplace.products) <= 60
    assert {p.design.family for p in marketplace.products} == {x.family for x in marketplace.listings}


@given(seed=st.integers(0, 2**63), brands=st.integers(2, 8))
@settings(max_examples=25, deadline=None)
def test_every_seed_gives_a_sound_marketplace(seed: int, brands: int) -> None:
    market = generate_marketplace(seed, listings=150, brands=brands)
    assert len({x.listing_id for x in market.listings}) == 150
    assert [t.listing_id for t in market.truths] == [x.listing_id for x in market.listings]
    share = sum(t.label == "infringing" for t in market.truths) / 150
    assert 0.40 <= share <= 0.50
    references = {p.reference_id for p in market.products}
    assert len(references) == len(market.products)
    assert all(t.reference_id in references for t in market.truths if t.reference_id)
    assert {x.seller for x in market.listings} <= set(market.sellers)
    used = {name for x in market.listings for name in x.images} | {name for p in market.products for name in p.pictures}
    assert used <= set(market.recipes)
    faults = {
        market.private_listing,
        market.broken_image_listing,
        market.missing_image_listing,
        market.slow_listing,
    }
    assert len(faults) == 4
    assert market.reachable == {x.listing_id for x in market.listings} - {market.private_listing}


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [({"listings": 3}, "at least 20 listings"), ({"brands": 1}, "2 to 8 brands"), ({"sellers": 9}, "too few")],
)
def test_impossible_sizes_are_refused(sizes: dict[str, int], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        generate_marketplace(1, **sizes)


def test_the_smallest_marketplace_works() -> None:
    for seed in range(30):
        assert len(generate_marketplace(seed, listings=20, sellers=12, brands=2).listings) == 20


def test_color_variants_share_everything_but_color(marketplace: Marketplace) -> None:
    by_line: dict[tuple[str, str], list[str]] = {}
    for product in marketplace.products:
        by_line.setdefault((product.brand, product.line), []).append(product.color)
    assert any(len(colors) > 1 for colors in by_line.values())
    for colors in by_line.values():
        assert len(set(colors)) == len(colors)
    assert len({p.design.shape_seed for p in marketplace.products}) == len(by_line)


def test_gtins_have_right_check_digits(marketplace: Marketplace) -> None:
    for product in marketplace.products:
        digits = [int(digit) for digit in product.gtin]
        assert len(digits) == 13
        assert sum(d * (3 if i % 2 else 1) for i, d in enumerate(digits)) % 10 == 0


def test_the_catalog_is_written_as_rights_holders_hand_it_in(tmp_path: Path) -> None:
    market = generate_marketplace(8, listings=20, sellers=12, brands=2)
    market.write_catalog(tmp_path)
    header, *rows = (tmp_path / "products.tsv").read_text(encoding="utf-8").splitlines()
    names = header.split("\t")
    assert len(rows) == len(market.products)
    for row in rows:
        cells = dict(zip(names, row.split("\t"), strict=True))
        for link in filter(None, (cells["image_link"], *cells["additional_image_link"].split(","))):
            assert max(decode_image((tmp_path / link).read_bytes(), name=link).shape) >= 480
    holders = json.loads((tmp_path / "rights_holders.json").read_text(encoding="utf-8"))["rights_holders"]
    assert [b["name"] for h in holders for b in h["brands"]] == [b.name for b in market.brands]
    for holder in holders:
        assert holder["contact_email"].endswith(".example")
        assert holder["authorized_sellers"]
        assert all((tmp_path / logo).exists() for brand in holder["brands"] for logo in brand["logos"])
    floors = {k: v for h in holders for k, v in h["minimum_advertised_price"].items()}
    assert set(floors) <= {p.reference_id for p in market.products}


def test_listings_are_written_with_their_truth_and_pictures(tmp_path: Path) -> None:
    market = generate_marketplace(9, listings=20, sellers=12, brands=2)
    market.write_listings(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "listings.jsonl").read_text(encoding="utf-8").splitlines()]
    truth = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["listing_id"] for row in rows] == [row["listing_id"] for row in truth]
    assert list(truth[0]) == ["listing_id", "kind", "label", "violations", "reference_id", "edits"]
    for row in rows:
        assert row["images"]
        for link in row["images"]:
            decode_image((tmp_path / link).read_bytes(), name=link)


def test_copies_are_made_from_the_catalog_and_own_photos_are_not(marketplace: Marketplace) -> None:
    photos = {p.reference_id: set(p.pictures) for p in marketplace.products}
    catalog = set().union(*photos.values())
    for listing, truth in zip(marketplace.listings, marketplace.truths, strict=True):
        recipes = [marketplace.recipes[name] for name in listing.images]
        if truth.kind in ("copied_photo", "authorised"):
            assert truth.reference_id is not None
            assert truth.edits == recipes[0].edits
            # a collage never shows a second product of the catalog: the truth names one
            for recipe in recipes:
                assert recipe.sources[0] in photos[truth.reference_id]
                assert set(recipe.sources) & catalog <= photos[truth.reference_id]
        else:
            assert all(recipe.shot is Shot.OWN and not recipe.sources for recipe in recipes)
            assert truth.edits == ()


def test_unknown_names_are_refused(marketplace: Marketplace) -> None:
    with pytest.raises(KeyError):
        marketplace.picture("nobody")
    with pytest.raises(KeyError):
        marketplace.listing("0")
