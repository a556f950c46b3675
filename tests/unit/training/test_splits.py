from __future__ import annotations

import collections
import os
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.splits import SPLITS, Kind, brand_key, normalized_name, split_of

REPOSITORY = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("ASSAYER_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
NAMES = st.text(string.ascii_letters + string.digits + " -_.&", max_size=30)
KINDS: st.SearchStrategy[Kind] = st.sampled_from(("mark", "photo", "product", "scene"))

real_data = pytest.mark.skipif(not (DATA / "marks").is_dir(), reason="needs the marks of ASSAYER_TEST_DATA")


@given(KINDS, st.text(max_size=40))
def test_any_name_has_one_split(kind: Kind, name: str) -> None:
    assert split_of(kind, name) in SPLITS
    assert split_of(kind, name) == split_of(kind, name)


@given(KINDS, NAMES)
def test_spelling_does_not_move_a_name(kind: Kind, name: str) -> None:
    wanted = split_of(kind, name)
    if normalized_name(name) != name:
        assert split_of(kind, normalized_name(name)) == wanted
    if any(character.isalnum() for character in name):
        assert split_of(kind, f" {name.upper()}-") == wanted


@given(st.sampled_from(("github", "playstation", "apache", "scan")), NAMES)
def test_a_family_stays_together(family: str, rest: str) -> None:
    assert split_of("mark", family + rest) == split_of("mark", family)


@given(st.sampled_from(("audi", "Alfa Romeo", "ROLLS-ROYCE", "BMW", "Škoda")))
def test_car_makes_always_test(make: str) -> None:
    assert split_of("mark", make) == "test"


def test_the_split_of_known_names_never_changes() -> None:
    """A changed hash or normal form would let what has trained a published model test it."""
    known = {"github": "validation", "nike": "train", "adidas": "test", "visa": "train", "bosch": "train"}
    assert {name: split_of("mark", name) for name in known} == known


def test_kinds_split_apart() -> None:
    names = [f"name {number}" for number in range(300)]
    assert [split_of("photo", name) for name in names] != [split_of("scene", name) for name in names]


def test_shares_are_near_what_they_should_be() -> None:
    counts = collections.Counter(split_of("photo", f"photo {number}") for number in range(10_000))
    assert counts["train"] / 10_000 == pytest.approx(0.76, abs=0.02)
    assert counts["validation"] / 10_000 == pytest.approx(0.06, abs=0.01)


@pytest.mark.real_data
@real_data
def test_no_brand_of_the_real_marks_is_in_two_splits() -> None:
    names = [path.stem for path in (DATA / "marks" / "svg").glob("*.svg")]
    splits: dict[str, set[str]] = collections.defaultdict(set)
    for name in names:
        splits[brand_key(name)].add(split_of("mark", name))
    assert {brand for brand, found in splits.items() if len(found) > 1} == set()
    known = {normalized_name(name) for name in names}
    for name in names:
        key = normalized_name(name)
        parent = next((key[:end] for end in range(4, len(key)) if key[:end] in known), key)
        assert split_of("mark", name) == split_of("mark", parent), name
    assert collections.Counter(split_of("mark", name) for name in names)["test"] >= 540


@pytest.mark.real_data
@real_data
def test_what_is_evaluated_on_never_trains() -> None:
    makes = [path.stem for path in (DATA / "car_logos" / "logos").iterdir()]
    photographed = [line.split(",")[1].rstrip("0123456789 ") for line in _lines(DATA / "car_logos" / "photos.csv")]
    assert {split_of("mark", make) for make in makes + photographed} == {"test"}
    rows = [line.split("\t") for line in _lines(DATA / "realshop" / "catalog" / "products.tsv")]
    groceries = [row[0].partition("-")[2] for row in rows if row[0].startswith("GROC-")]
    assert {split_of("product", product) for product in groceries} == {"test"}
    assert len(makes) == 379
    assert groceries


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()[1:]
