"""What commands say: bounded, one line each, and harmless whatever stands in a listing."""

from __future__ import annotations

import json

import pytest

from cli.output import say_error, say_facts, say_findings, say_json, say_line, say_note, say_rows
from domain.errors import AssayerError, BadInput, ImageRefused, NotReady

HOSTILE = "[/red] [bold]x[/bold] \x1b[31mred\x1b[0m \x9b2J \x07 \\"
HARMLESS = "[/red] [bold]x[/bold] [31mred[0m 2J  \\"


def findings(count: int) -> list[BadInput]:
    return [BadInput("empty", file="products.tsv", line=line, field="title") for line in range(1, count + 1)]


def test_findings_are_cut_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    say_findings(findings(53), findings(1))
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0] == "refused products.tsv:1: title: empty"
    assert lines[49] == "refused products.tsv:50: title: empty"
    assert lines[50] == "refused and 3 more; --json lists all"
    assert lines[51] == "warning products.tsv:1: title: empty"
    assert len(lines) == 52


def test_as_many_findings_as_are_shown_are_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    say_findings(findings(50))
    assert "more" not in capsys.readouterr().err


def test_a_finding_is_one_line_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    say_findings([BadInput("word " * 100, file="a/" * 60 + "products.tsv", line=3)])
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            ImageRefused("truncated", file="a.jsonl", line=3, field="images[0]", advice="Save it again."),
            {
                "code": "image-refused",
                "file": "a.jsonl",
                "line": 3,
                "field": "images[0]",
                "reason": "truncated",
                "message": "a.jsonl:3: images[0]: truncated",
                "advice": "Save it again.",
            },
        ),
        (
            NotReady("there is no index", advice="Build it."),
            {"code": "not-ready", "message": "there is no index", "advice": "Build it."},
        ),
    ],
)
def test_an_error_for_machines(
    error: AssayerError, expected: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    say_error(error, as_json=True)
    out, err = capsys.readouterr()
    assert json.loads(out) == {"error": expected}
    assert err == ""


def test_an_error_for_people_says_what_to_do_next(capsys: pytest.CaptureFixture[str]) -> None:
    say_error(BadInput("no such file", file="a.jsonl", advice="Give another."), as_json=False)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["error a.jsonl: no such file", "      Give another."]


def test_json_keeps_every_character(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"title": f"Nike\u200b 高仿 {HOSTILE}"}
    say_json(data)
    assert json.loads(capsys.readouterr().out) == data


def test_text_from_outside_neither_colors_nor_moves_anything(capsys: pytest.CaptureFixture[str]) -> None:
    say_line(HOSTILE)
    say_facts("Title", {HOSTILE: HOSTILE})
    say_rows(("one", "two"), [(HOSTILE, HOSTILE)])
    say_note("yellow", "failed", HOSTILE)
    say_error(AssayerError(HOSTILE, advice=HOSTILE), as_json=False)
    shown = "".join(capsys.readouterr())
    assert shown.count(HARMLESS) == 8
    assert not any(ord(character) < 32 and character != "\n" for character in shown)


def test_an_id_in_a_table_stays_in_one_piece(capsys: pytest.CaptureFixture[str]) -> None:
    say_rows(("case", "seller"), [("c" * 300, "s" * 300)])
    assert f"{'c' * 300}  {'s' * 300}" in capsys.readouterr().out
