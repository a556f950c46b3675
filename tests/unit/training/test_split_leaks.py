"""Nothing of the real data stands in two splits, and nothing that is evaluated on trains or validates."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pdqhash
import pytest
from numpy.typing import NDArray

from store.images import decode_image
from training.marks import Marks, read_marks
from training.photographs import LeftOut, Photograph, read_photographs
from training.preparation import PREPARED_PHOTO_SIDE
from training.prepared import marks_bytes
from training.splits import SPLITS, Split, brand_key, normalized_name

REPOSITORY = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("ASSAYER_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
SAME_PHOTO_BITS = 31
"""PDQ's own recommendation for one and the same photograph; what keeps splits apart is stricter."""

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not (DATA / "realshop").is_dir(), reason="needs the photographs of ASSAYER_TEST_DATA"),
]


def pdq(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(pdqhash.compute(np.ascontiguousarray(rgb))[0], dtype=np.uint8)


def nearest(some: NDArray[np.uint8], others: NDArray[np.uint8]) -> int:
    return min(int((bits != others).sum(axis=1).min()) for bits in some)


@pytest.fixture(scope="module")
def photographs() -> dict[Split, list[Photograph]]:
    found: dict[Split, list[Photograph]] = {split: [] for split in SPLITS}
    for split, photograph in read_photographs(DATA, side=PREPARED_PHOTO_SIDE, left_out=LeftOut()):
        found[split].append(photograph)
    return found


@pytest.fixture(scope="module")
def hashes(photographs: dict[Split, list[Photograph]]) -> dict[Split, NDArray[np.uint8]]:
    return {split: np.stack([pdq(one.rgb) for one in found]) for split, found in photographs.items()}


@pytest.fixture(scope="module")
def marks() -> dict[Split, Marks]:
    left_out = LeftOut()
    found = read_marks(DATA, left_out=left_out)
    assert not left_out.counts
    return found


def test_no_photograph_is_in_two_splits(hashes: dict[Split, NDArray[np.uint8]]) -> None:
    for one, other in itertools.combinations(SPLITS, 2):
        assert nearest(hashes[one], hashes[other]) > SAME_PHOTO_BITS, (one, other)


def test_no_picture_of_the_test_catalog_trains(hashes: dict[Split, NDArray[np.uint8]]) -> None:
    catalog = np.stack([pdq(decode_image(path.read_bytes())) for path in (DATA / "realshop/catalog/images").iterdir()])
    assert nearest(np.concatenate([hashes["train"], hashes["validation"]]), catalog) > SAME_PHOTO_BITS


def test_no_product_or_badge_of_the_test_sets_trains(photographs: dict[Split, list[Photograph]]) -> None:
    rows = (DATA / "realshop/catalog/products.tsv").read_text(encoding="utf-8").splitlines()[1:]
    tested = {normalized_name(row.split("\t")[1]) for row in rows}
    for split in SPLITS:
        assert len(photographs[split]) > 100
        shown = {normalized_name(name) for one in photographs[split] for name in (one.product, one.shows) if name}
        assert not shown & tested
        assert {one.dataset for one in photographs[split]} <= {"clothing", "grocery"}
    products = [{one.product for one in photographs[split]} - {""} for split in SPLITS]
    assert not any(one & other for one, other in itertools.combinations(products, 2))


def test_the_clothes_keep_to_their_own_folders(photographs: dict[Split, list[Photograph]]) -> None:
    for split, found in photographs.items():
        assert {one.name.split("/")[1] for one in found if one.dataset == "clothing"} == {split}


def test_no_brand_is_in_two_splits_and_no_car_make_trains(marks: dict[Split, Marks]) -> None:
    brands = {split: {brand_key(name) for name in found.names} for split, found in marks.items()}
    assert not any(brands[one] & brands[other] for one, other in itertools.combinations(SPLITS, 2))
    makes = {normalized_name(path.stem) for path in (DATA / "car_logos/logos").iterdir()}
    for split in ("train", "validation"):
        assert not {normalized_name(name) for name in marks[split].names} & makes


def test_every_mark_renders_and_enough_of_them_test(marks: dict[Split, Marks]) -> None:
    assert sum(len(found.names) for found in marks.values()) == len(list((DATA / "marks/svg").glob("*.svg")))
    assert len(marks["test"].names) >= 540
    assert len(marks["validation"].names) >= 100
    assert marks["test"].masks.shape == (len(marks["test"].names), 96, 96)


def test_the_whole_stays_small(marks: dict[Split, Marks]) -> None:
    assert sum(len(marks_bytes(found)) for found in marks.values()) < 5_000_000
