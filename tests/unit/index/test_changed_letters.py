"""Which words are a mark with a changed letter, and which are a mark that is half hidden, or words of their own."""

from __future__ import annotations

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest

from domain.match import LogoAlteration
from index.logo_alterations import SeenLogo, find_alterations
from index.mark_text import ReadText, TextReader
from store.images import RGB
from training.altered_marks import set_word

TYPEFACE = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
BLANK = np.full((300, 400, 3), 128, np.uint8)


def on_white(word: str) -> RGB:
    """Word on white, (h, w, 3), with a margin."""
    rgba = cv2.copyMakeBorder(set_word(word, TYPEFACE), 30, 30, 30, 30, cv2.BORDER_CONSTANT)
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return np.asarray(np.rint(rgba[..., :3] * alpha + 255 * (1 - alpha)), np.uint8)


def seen_as(text: str, mark: str, known: tuple[str, ...] = ()) -> tuple[LogoAlteration, ...]:
    """What is said where `text` was read for certain, and nobody read the logo."""
    corners = ((120.0, 120.0), (280.0, 120.0), (280.0, 180.0), (120.0, 180.0))
    texts = [ReadText(text=text, confidence=0.999, corners=corners, height_share=0.1)]
    box = (100.0, 100.0, 300.0, 200.0)
    return find_alterations(
        SeenLogo(picture=BLANK, box=box, logo=BLANK, content=box, marks=(mark,), known=known, texts=texts)
    )


@pytest.mark.parametrize(
    ("shown", "mark"),
    [("ADIBAS", "adidas"), ("addias", "adidas"), ("Coca Cula", "Coca-Cola"), ("PVMA", "Puma"), ("Velmara", "Velmora")],
)
def test_changed_and_swapped_letters_are_quoted_without_being_sure(shown: str, mark: str) -> None:
    (found,) = seen_as(shown, mark)
    assert found.difference == f"reads “{shown}”, not “{mark}”"
    assert 0.4 < found.confidence < 0.5


@pytest.mark.parametrize(
    ("shown", "mark"),
    [("COCACO", "Coca-Cola"), ("ELMORA", "Velmora"), ("TIMBERLA", "Timberland"), ("SAMSONIT", "Samsonite")],
)
def test_a_mark_of_which_a_part_is_hidden_has_no_changed_letter(shown: str, mark: str) -> None:
    assert seen_as(shown, mark) == ()


@pytest.mark.parametrize(
    ("shown", "mark"),
    [("COUCH", "Coach"), ("PIMA", "Puma"), ("GUEST", "Guess"), ("Nexus", "Lexus"), ("Red Ball", "Red Bull")],
)
def test_another_word_is_no_mark_with_a_changed_letter(shown: str, mark: str) -> None:
    assert seen_as(shown, mark) == ()


@pytest.mark.parametrize("other", ["VELMARA", "Vel-Mara"])
def test_another_brand_is_no_mark_with_a_changed_letter(other: str) -> None:
    assert seen_as("Velmara", "Velmora", known=("Tarnwick", other)) == ()


@pytest.mark.parametrize(("logo", "altered"), [("Tarnwick", True), ("Zq", False), ("Tarnbick", False)])
def test_a_letter_is_changed_only_where_the_logo_reads_as_the_mark(logo: str, altered: bool) -> None:
    reader = TextReader(threads=1)
    picture, own = on_white("Tarnbick"), on_white(logo)
    texts = reader.read(picture)
    assert [one.text for one in texts] == ["Tarnbick"]
    boxes = [(0.0, 0.0, float(one.shape[1]), float(one.shape[0])) for one in (picture, own)]
    seen = SeenLogo(picture=picture, box=boxes[0], logo=own, content=boxes[1], marks=("Tarnwick",), texts=texts)
    found = [one for one in find_alterations(seen, reader) if one.difference.startswith("reads")]
    assert bool(found) == altered
    assert all(one.confidence > 0.9 for one in found)
