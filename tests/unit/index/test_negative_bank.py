from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from domain.errors import ImageRefused, NotFound
from domain.match import PhotoMatch
from domain.negative import NegativeRegion
from domain.review import SeenAs
from index.embedder import Space
from index.negative_bank import (
    LEAST_COSINE,
    NO_NEGATIVES,
    NegativeBank,
    bank_version,
    build_negative_bank,
    cut,
    read_negative_bank,
    without_negatives,
    write_negative_bank,
)
from index.preprocessing import network_input
from store.images import RGB


class Shrinking:
    """A stand-in for the image model: views shrunk to 8 x 8 and centered; marks upside down, to tell the spaces."""

    version = "shrinking@000000000000"
    size = 64

    def __init__(self, *spaces: Space) -> None:
        self.spaces: frozenset[Space] = frozenset(spaces or ("copy", "mark"))

    def embed(self, images: NDArray[np.float32], space: Space = "copy") -> NDArray[np.float32]:
        small = images.reshape(len(images), 3, 8, 8, 8, 8).mean(axis=(3, 5)).reshape(len(images), 192)
        small = small - small.mean(axis=1, keepdims=True) + 1e-4
        small = small if space == "copy" else small[:, ::-1]
        return np.asarray(small / np.linalg.norm(small, axis=1, keepdims=True), np.float32)


MODEL = Shrinking()
REGION = NegativeRegion(rights_holder="Luma", seen_as=SeenAs.COPY, sha256="a" * 64)
MARK = NegativeRegion(rights_holder="Luma", seen_as=SeenAs.MARK, sha256="a" * 64, box=(100.0, 100.0, 260.0, 240.0))


@pytest.fixture
def pictures(draw: Callable[..., RGB]) -> dict[str, RGB]:
    return {letter * 64: draw(seed) for seed, letter in enumerate("abc")}


def view(rgb: RGB, space: Space = "copy") -> NDArray[np.float32]:
    return MODEL.embed(network_input(rgb, MODEL.size)[np.newaxis], space)


def unit_rows(data: st.DataObject, rows: int, length: int = 3) -> NDArray[np.float32]:
    number = st.integers(-4, 4)
    row = st.lists(number, min_size=length, max_size=length).filter(any)
    found = np.array([data.draw(row) for _ in range(rows)], np.float32).reshape(rows, length)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


@given(st.data())
def test_it_blocks_what_looking_at_each_pair_would_block(data: st.DataObject) -> None:
    own = unit_rows(data, data.draw(st.integers(1, 5)))
    others = unit_rows(data, 2)
    vectors = unit_rows(data, data.draw(st.integers(0, 5)))
    references = np.array([data.draw(st.sampled_from([-1.0, 0.5, 0.9, 1.0])) for _ in vectors], np.float32)
    bank = NegativeBank(version="x", vectors={("Luma", SeenAs.MARK): own, ("Other", SeenAs.MARK): others})
    blocked = bank.blocks("Luma", vectors, references)
    alone = bank.blocks("Luma", vectors)
    assert blocked.dtype == alone.dtype == bool
    for row, vector in enumerate(vectors):
        nearest = max(float(np.dot(vector, negative)) for negative in own)
        near = nearest >= LEAST_COSINE - 1e-6
        assert alone[row] == near
        assert blocked[row] == (near and nearest >= references[row] - 1e-3)


def test_nobody_is_blocked_by_anothers_negatives_nor_by_those_of_another_space(pictures: dict[str, RGB]) -> None:
    bank = build_negative_bank([REGION], pictures.__getitem__, MODEL)
    vector = view(pictures["a" * 64])
    assert bank.blocks("Luma", vector, seen_as=SeenAs.COPY).tolist() == [True]
    assert bank.blocks("Other", vector, seen_as=SeenAs.COPY).tolist() == [False]
    assert bank.blocks("Luma", vector, seen_as=SeenAs.MARK).tolist() == [False]
    assert bank.nearest("Other", vector, SeenAs.COPY).tolist() == [-1.0]
    assert bank.holds("Luma", SeenAs.COPY)
    assert not bank.holds("Luma", SeenAs.MARK)
    assert NO_NEGATIVES.blocks("Luma", vector, seen_as=SeenAs.COPY).tolist() == [False]
    assert NO_NEGATIVES.version == ""


def test_a_photograph_is_known_again_mirrored_and_others_are_not(pictures: dict[str, RGB]) -> None:
    bank = build_negative_bank([REGION], pictures.__getitem__, MODEL)
    vectors = np.concatenate([view(np.ascontiguousarray(pictures["a" * 64][:, ::-1])), view(pictures["b" * 64])])
    assert bank.blocks("Luma", vectors, seen_as=SeenAs.COPY).tolist() == [True, False]


def test_a_mark_is_known_again_where_a_finder_cuts_it_otherwise_and_the_rest_of_its_picture_is_not(
    pictures: dict[str, RGB],
) -> None:
    bank = build_negative_bank([MARK], pictures.__getitem__, MODEL)
    rgb = pictures["a" * 64]
    boxes = [
        (100.0, 100.0, 260.0, 240.0),
        (92.0, 95.0, 270.0, 247.0),
        (76.0, 79.0, 284.0, 261.0),
        (0.0, 300.0, 160.0, 440.0),
    ]
    vectors = np.concatenate([view(cut(rgb, box), "mark") for box in boxes])
    assert bank.blocks("Luma", vectors).tolist() == [True, True, True, False]


def test_what_is_closer_to_the_own_reference_is_not_blocked(pictures: dict[str, RGB]) -> None:
    bank = build_negative_bank([REGION], pictures.__getitem__, MODEL)
    vectors = np.repeat(view(cut(pictures["a" * 64], (6.0, 6.0, 350.0, 470.0))), 3, axis=0)
    nearest = float(bank.nearest("Luma", vectors, SeenAs.COPY)[0])
    assert LEAST_COSINE < nearest < 0.995
    references = np.array([nearest - 0.01, nearest, nearest + 0.005], np.float32)
    assert bank.blocks("Luma", vectors, references, SeenAs.COPY).tolist() == [True, True, False]


def test_what_cannot_be_read_is_told_and_blocks_nothing_and_the_rest_does(pictures: dict[str, RGB]) -> None:
    def read(sha256: str) -> RGB:
        if sha256[0] == "b":
            raise NotFound("no evidence b")
        return pictures[sha256]

    regions = [REGION, replace(REGION, sha256="b" * 64), replace(MARK, box=(900.0, 900.0, 950.0, 950.0))]
    bank = build_negative_bank(regions, read, MODEL)
    assert sorted(told[:2] for told in bank.unreadable) == ["aa", "bb"]
    assert set(bank.vectors) == {("Luma", SeenAs.COPY)}
    assert len(bank.vectors["Luma", SeenAs.COPY]) == 2


def test_a_model_without_a_space_blocks_nothing_in_it(pictures: dict[str, RGB]) -> None:
    bank = build_negative_bank([REGION, MARK], pictures.__getitem__, Shrinking("copy"))
    assert set(bank.vectors) == {("Luma", SeenAs.COPY)}


def test_the_version_is_of_the_negatives_and_the_model_whatever_their_order(pictures: dict[str, RGB]) -> None:
    bank = build_negative_bank([MARK, REGION, MARK], pictures.__getitem__, MODEL)
    assert bank.version == bank_version([REGION, MARK], MODEL.version)
    assert len(bank.version) == 12
    others = {bank_version([REGION], MODEL.version), bank_version([REGION, MARK], "another@1"), bank_version([], "x")}
    assert bank.version not in others
    assert "" in others


def test_a_kept_bank_is_read_again_and_another_or_a_broken_one_is_not(pictures: dict[str, RGB], tmp_path: Path) -> None:
    bank = build_negative_bank([MARK, REGION], pictures.__getitem__, MODEL)
    assert read_negative_bank(tmp_path / "index", bank.version) is None
    write_negative_bank(tmp_path / "index", bank)
    kept = read_negative_bank(tmp_path / "index", bank.version)
    assert kept is not None
    assert kept.version == bank.version
    assert {owner: vectors.tolist() for owner, vectors in kept.vectors.items()} == {
        owner: vectors.tolist() for owner, vectors in bank.vectors.items()
    }
    assert read_negative_bank(tmp_path / "index", "0" * 12) is None
    (path,) = (tmp_path / "index").iterdir()
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b"", content[:200] + b"\xff" * 64 + content[264:]):
        path.write_bytes(damaged)
        assert read_negative_bank(tmp_path / "index", bank.version) is None


def test_a_bank_with_something_unreadable_is_made_anew_the_next_time(tmp_path: Path, pictures: dict[str, RGB]) -> None:
    def read(sha256: str) -> RGB:
        raise NotFound("not now")

    bank = build_negative_bank([REGION], read, MODEL)
    assert bank.unreadable
    write_negative_bank(tmp_path, bank)
    assert read_negative_bank(tmp_path, bank.version) is None


@given(st.tuples(*[st.floats(-50, 150)] * 4), st.floats(0, 1))
def test_a_cut_is_a_part_of_the_picture_or_refused(box: tuple[float, float, float, float], wider: float) -> None:
    rgb = np.arange(80 * 100 * 3, dtype=np.int64).reshape(80, 100, 3).astype(np.uint8)
    try:
        part = cut(rgb, box, wider=wider)
    except ImageRefused:
        assert box[2] <= box[0] or box[3] <= box[1] or min(box[2:]) <= 0 or box[0] >= 100 or box[1] >= 80
    else:
        assert 0 < part.shape[0] <= 80
        assert 0 < part.shape[1] <= 100


def photo(image: str, similarity: float, holder: str = "Luma") -> PhotoMatch:
    return PhotoMatch(
        image_sha256=image * 64,
        reference_id="R1",
        reference_sha256="f" * 64,
        rights_holder=holder,
        brand=holder,
        score=0.9,
        mirrored=False,
        outline=(),
        points=(),
        inliers=30,
        embedding_similarity=similarity,
        pdq_distance=10,
        color_distance=1.0,
    )


def test_matches_of_a_rejected_picture_go_and_all_others_stay_in_their_order(pictures: dict[str, RGB]) -> None:
    bank = build_negative_bank([REGION], pictures.__getitem__, MODEL)
    shown = [(sha256, pictures[sha256]) for sha256 in ("a" * 64, "b" * 64)]
    matches = [photo("b", 0.9), photo("a", 0.9), photo("a", 0.9, "Other"), photo("c", 0.9)]
    assert without_negatives(matches, shown, bank, MODEL) == (matches[0], matches[2], matches[3])
    assert without_negatives(matches, shown, NO_NEGATIVES, MODEL) == tuple(matches)
