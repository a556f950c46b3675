from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.errors import BadInput
from jobs.truth import TruthRow, read_truth

GOOD = {"listing_id": "A1", "kind": "copied_photo", "label": "infringing"}


def written(tmp_path: Path, *lines: bytes | dict[str, object]) -> Path:
    path = tmp_path / "truth.jsonl"
    path.write_bytes(b"".join((json.dumps(o).encode() if isinstance(o, dict) else o) + b"\n" for o in lines))
    return path


def refusal(path: Path, **bounds: int) -> BadInput:
    with pytest.raises(BadInput) as caught:
        list(read_truth(path, **bounds))
    assert caught.value.file == path.name
    return caught.value


def test_rows_come_with_their_defaults(tmp_path: Path) -> None:
    full = GOOD | {
        "listing_id": "A2",
        "violations": ["copied_photo"],
        "reference_id": "R1",
        "edits": ["crop", "flip"],
        "marketplace": "m",
        "unknown": 1,
    }
    plain, rich = read_truth(written(tmp_path, GOOD, b"  ", full))
    assert plain == TruthRow(listing_id="A1", kind="copied_photo", label="infringing")
    assert plain.infringing
    assert (rich.violations, rich.edits, rich.marketplace) == (("copied_photo",), ("crop", "flip"), "m")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"listing_id": 7}, "listing_id"),
        ({"label": "maybe"}, "label"),
        ({"kind": ""}, "kind"),
        ({"edits": "crop"}, "edits"),
        ({"violations": [1]}, "violations.0"),
        ({"reference_id": "x" * 401}, "reference_id"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(tmp_path: Path, wrong: dict[str, object], field: str) -> None:
    error = refusal(written(tmp_path, GOOD, b"", GOOD | {"listing_id": "A2"} | wrong))
    assert (error.line, error.field) == (3, field)


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    error = refusal(written(tmp_path, {"listing_id": "A1", "kind": "x"}))
    assert (error.line, error.field) == (1, "label")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"listing_id": "\xff"}', "not UTF-8"),
        (b"x" * 70_000, "more than 65536 bytes"),
    ],
)
def test_what_is_no_row_is_refused_with_its_line(tmp_path: Path, line: bytes, reason: str) -> None:
    error = refusal(written(tmp_path, GOOD, line))
    assert error.line == 2
    assert reason in error.reason


def test_the_same_listing_twice_is_refused_but_not_on_two_marketplaces(tmp_path: Path) -> None:
    elsewhere = GOOD | {"marketplace": "b"}
    assert len(list(read_truth(written(tmp_path, GOOD, elsewhere)))) == 2
    assert refusal(written(tmp_path, GOOD, elsewhere, GOOD)).line == 3


def test_rows_are_bounded(tmp_path: Path) -> None:
    path = written(tmp_path, *(GOOD | {"listing_id": str(n)} for n in range(4)))
    assert refusal(path, max_rows=3).line == 4


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.jsonl").advice
