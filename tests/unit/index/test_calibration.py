from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.codec import dump
from domain.errors import BadInput, NotReady
from index.calibration import (
    LIKELY_COPY,
    Calibration,
    Thresholds,
    conformal_threshold,
    distractors_needed,
    read_calibration,
    write_calibration,
)

INDEX = "0123456789ab"
CALIBRATION = Calibration(
    format=1,
    embedder="net@1",
    verifier="verifier@1",
    index=INDEX,
    false_match_rate=0.01,
    distractors=300,
    background=40,
    thresholds=Thresholds(copy=0.625, copy_similarity=0.125, mark_similarity=None),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / INDEX).mkdir()
    return tmp_path


def read(folder: Path, *, index: str = INDEX, embedder: str = "net@1", verifier: str = "verifier@1") -> Calibration:
    return read_calibration(folder, index=index, embedder=embedder, verifier=verifier)


def test_what_is_written_is_read(folder: Path) -> None:
    write_calibration(folder, CALIBRATION)
    assert read(folder) == CALIBRATION
    assert len(CALIBRATION.version) == 12
    other = replace(CALIBRATION, thresholds=Thresholds(copy=0.7, copy_similarity=None, mark_similarity=0.5))
    assert other.version != CALIBRATION.version
    write_calibration(folder, other)
    assert read(folder) == other
    assert [path.name for path in (folder / INDEX).iterdir()] == ["calibration.json"]


def test_none_is_not_ready(folder: Path) -> None:
    with pytest.raises(NotReady, match="no thresholds are set") as refusal:
        read(folder)
    assert "assayer models calibrate" in refusal.value.advice


@pytest.mark.parametrize(
    ("used", "word"),
    [({"embedder": "net@2"}, "embedder net@1"), ({"verifier": "verifier@2"}, "verifier verifier@1")],
)
def test_thresholds_of_another_model_are_refused(folder: Path, used: dict[str, str], word: str) -> None:
    write_calibration(folder, CALIBRATION)
    with pytest.raises(NotReady, match=word) as refusal:
        read(folder, **used)
    assert "assayer models calibrate" in refusal.value.advice


def test_thresholds_of_another_index_are_refused(folder: Path) -> None:
    write_calibration(folder, CALIBRATION)
    (folder / INDEX).rename(folder / "ba9876543210")
    with pytest.raises(NotReady, match=f"index {INDEX}"):
        read(folder, index="ba9876543210")


def test_an_index_that_is_gone_gets_none(folder: Path) -> None:
    (folder / INDEX).rmdir()
    with pytest.raises(NotReady, match="replaced"):
        write_calibration(folder, CALIBRATION)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"thresholds": {"copy": 0.49, "copy_similarity": None, "mark_similarity": None}},
        {"thresholds": {"copy": math.nan, "copy_similarity": None, "mark_similarity": None}},
        {"thresholds": {"copy": "high", "copy_similarity": None, "mark_similarity": None}},
        {"embedder": 7},
    ],
)
def test_a_broken_one_is_not_ready(folder: Path, change: dict[str, object]) -> None:
    (folder / INDEX / "calibration.json").write_text(json.dumps(dump(CALIBRATION) | change))
    with pytest.raises(NotReady, match=r"calibration\.json"):
        read(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format": 1', b"\xff", b"{}", b"1" * 200_000])
def test_what_is_no_calibration_is_not_ready(folder: Path, content: bytes) -> None:
    (folder / INDEX / "calibration.json").write_bytes(content)
    with pytest.raises(NotReady, match=r"calibration\.json is broken"):
        read(folder)


@pytest.mark.parametrize(
    ("rate", "needed"), [(0.01, 99), (0.1, 9), (0.5, 1), (0.001, 999), (0.03, 33), (0.99, 1), (6.4e-05, 15_624)]
)
def test_how_many_distractors_a_rate_needs(rate: float, needed: int) -> None:
    assert distractors_needed(rate) == needed
    conformal_threshold([0.0] * needed, rate)
    with pytest.raises(BadInput, match=f"at least {needed} distractors; there are {needed - 1}"):
        conformal_threshold([0.0] * (needed - 1), rate)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 2.0, math.nan])
def test_what_is_no_rate_is_refused(rate: float) -> None:
    with pytest.raises(BadInput, match="no rate"):
        conformal_threshold([0.5] * 10, rate)


def test_the_threshold_is_just_over_the_score_of_its_rank() -> None:
    scores = [number / 1000 for number in range(199)]
    assert conformal_threshold(list(reversed(scores)), 0.01) == 0.197001  # 198th of 199
    assert conformal_threshold(scores, 0.5) == 0.099001  # 100th
    assert conformal_threshold([0.0] * 99, 0.01) == 0.000001


@settings(deadline=None)
@given(
    scores=st.lists(st.floats(-2, 2), min_size=1, max_size=200),
    rate=st.floats(0.01, 0.99).map(lambda rate: round(rate, 3)),
)
def test_no_more_of_the_distractors_reach_it_than_the_rate_allows(scores: list[float], rate: float) -> None:
    if len(scores) < distractors_needed(rate):
        return
    threshold = conformal_threshold(scores, rate)
    reached = sum(score >= threshold for score in scores)
    # of n + 1 exchangeable ones so many may reach it, and the one to come may be one of them
    assert reached + 1 <= Fraction(str(rate)) * (len(scores) + 1)
    assert any(threshold - 2.1e-6 <= score < threshold for score in scores)


def test_further_pictures_keep_to_the_rate() -> None:
    """Over many draws of distractors, of an odd distribution, the mean share of false matches is at most the rate."""
    generator = np.random.default_rng(11)
    drawn = np.where(generator.random((2_000, 120)) < 0.9, 0.0, generator.beta(0.5, 0.5, (2_000, 120)))
    reached = [row[-1] >= conformal_threshold(row[:-1].tolist(), 0.05) for row in drawn]
    assert np.mean(reached) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2_000)
    assert np.mean(reached) > 0.03


def test_the_floor_is_even_odds() -> None:
    assert LIKELY_COPY == 0.5
