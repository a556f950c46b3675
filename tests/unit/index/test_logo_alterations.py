"""Marks as they are and altered ones, laid on photographs that are drawn: what is said of each."""

from __future__ import annotations

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.match import Alteration, Box, LogoAlteration
from index.logo_alterations import SeenLogo, find_alterations
from index.logo_registration import register
from index.mark_text import ReadText, TextReader
from store.images import RGB, RGBA
from training.altered_marks import alter, set_word

TYPEFACE = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
KINDS = (Alteration.STRETCHED, Alteration.MIRRORED, Alteration.RECOLORED, Alteration.COVERED)


def emblem() -> RGBA:
    """A red shield with a white arm, a blue wedge and a yellow dot: left and right, above and below differ."""
    picture = np.zeros((200, 240, 4), np.uint8)
    cv2.rectangle(picture, (10, 10), (230, 190), (200, 30, 40, 255), -1)
    cv2.fillPoly(picture, [np.array([[10, 190], [120, 190], [10, 70]])], (30, 60, 190, 255))
    cv2.line(picture, (60, 30), (200, 120), (250, 250, 250, 255), 16)
    cv2.line(picture, (60, 30), (60, 90), (250, 250, 250, 255), 16)
    cv2.circle(picture, (180, 155), 20, (240, 200, 40, 255), -1)
    cv2.ellipse(picture, (150, 60), (60, 28), 20, 0, 200, (20, 20, 30, 255), 8)
    return picture


def laid_on(rgba: RGBA, ground: tuple[int, int, int]) -> RGB:
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return np.asarray(np.rint(rgba[..., :3] * alpha + np.array(ground, np.float32) * (1 - alpha)), np.uint8)


def logo_of(mark: RGBA) -> tuple[RGB, Box]:
    """The rights holder's file: on white, with a margin; and where the mark is in it."""
    framed = cv2.copyMakeBorder(mark, 20, 20, 20, 20, cv2.BORDER_CONSTANT, value=(255, 255, 255, 0))
    return laid_on(np.asarray(framed, np.uint8), (255, 255, 255)), (20, 20, 20 + mark.shape[1], 20 + mark.shape[0])


def photographed(mark: RGBA, seed: int = 0, *, width: float = 220.0) -> tuple[RGB, Box]:
    """On an uneven ground, turned, seen a little from the side, unevenly lit and noisy; and a box around it."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(90, 190, (5, 6, 3)).astype(np.uint8)
    ground = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    height, across = mark.shape[:2]
    scale = width / max(height, across)
    turn = generator.normal(0, 0.12)
    corners = np.array([[0, 0], [across, 0], [across, height], [0, height]], np.float32)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    placed = (corners * scale - np.array([across, height]) * scale / 2) @ rotation + np.array([320.0, 240.0])
    placed = (placed + generator.normal(0, 0.02 * width, (4, 2))).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, placed)
    layer = cv2.warpPerspective(mark.astype(np.float32), matrix, (640, 480))
    alpha = layer[..., 3:] / 255
    light = np.linspace(0.8, 1.1, 640, dtype=np.float32)[None, :, None]
    mixed = (ground * (1 - alpha) + layer[..., :3] * alpha) * light + generator.normal(0, 4, (480, 640, 3))
    (left, top), (right, bottom) = placed.min(axis=0), placed.max(axis=0)
    box = (float(left) - 4, float(top) + 3, float(right) + 5, float(bottom) - 2)
    return np.asarray(np.clip(mixed, 0, 255), np.uint8), box


def found_on(mark: RGBA, seed: int = 0) -> tuple[LogoAlteration, ...]:
    picture, box = photographed(mark, seed)
    logo, content = logo_of(emblem())
    return find_alterations(SeenLogo(picture=picture, box=box, logo=logo, content=content))


@pytest.mark.parametrize("seed", range(8))
def test_a_mark_as_it_is_is_not_altered(seed: int) -> None:
    assert found_on(emblem(), seed) == ()


@pytest.mark.parametrize("seed", [2, 3, 6])
@pytest.mark.parametrize("kind", KINDS)
def test_an_altered_mark_is_said_to_be_altered_so(kind: Alteration, seed: int) -> None:
    found = found_on(alter(emblem(), kind, np.random.default_rng(seed)), seed)
    assert kind in {one.kind for one in found}
    assert all(0.4 < one.confidence < 1 for one in found)


def test_what_differs_is_said() -> None:
    wide = np.asarray(cv2.resize(emblem(), (432, 200)), np.uint8)
    (stretched,) = found_on(wide, 6)
    assert stretched.difference.startswith(("is 1.7", "is 1.8", "is 1.9"))
    assert stretched.difference.endswith("times as wide for its height as the logo")
    (mirrored,) = found_on(np.ascontiguousarray(emblem()[:, ::-1]))
    assert mirrored.difference == "is the logo seen in a mirror"
    green = emblem()
    green[..., :3] = green[..., [2, 0, 1]]
    (recolored,) = found_on(green)
    assert recolored.difference == "is green where the logo is red"
    cut = emblem()
    cut[:, 150:, 3] = 0
    (covered,) = found_on(cut)
    assert covered.kind is Alteration.COVERED
    assert covered.difference.startswith("lacks the right part of the logo, about ")


def test_black_white_and_gray_marks_are_not_recolored() -> None:
    plain = emblem()
    plain[..., :3] = plain[..., :3].mean(axis=2, keepdims=True)
    assert Alteration.RECOLORED not in {one.kind for one in found_on(plain)}


def test_a_color_that_the_brand_uses_elsewhere_is_no_other_color() -> None:
    green = emblem()
    green[..., :3] = green[..., [2, 0, 1]]
    picture, box = photographed(green)
    logo, content = logo_of(emblem())
    own = laid_on(green, (255, 255, 255))
    assert find_alterations(SeenLogo(picture=picture, box=box, logo=logo, content=content, others=[own])) == ()


def test_a_symbol_without_its_word_is_not_covered() -> None:
    lockup = np.zeros((200, 480, 4), np.uint8)
    lockup[:, :240] = emblem()
    word = np.asarray(cv2.resize(set_word("VEL", TYPEFACE), (200, 180), interpolation=cv2.INTER_AREA), np.uint8)
    lockup[10:190, 265:465] = word
    picture, box = photographed(emblem(), 2)
    logo, content = logo_of(lockup)
    wider = (box[0], box[1], box[2] + 1.1 * (box[2] - box[0]), box[3])
    found = find_alterations(SeenLogo(picture=picture, box=wider, logo=logo, content=content))
    assert Alteration.COVERED not in {one.kind for one in found}


def test_of_another_mark_nothing_is_said() -> None:
    other = np.zeros((200, 240, 4), np.uint8)
    cv2.circle(other, (120, 100), 90, (40, 150, 60, 255), 24)
    cv2.putText(other, "zx", (60, 130), cv2.FONT_HERSHEY_DUPLEX, 3, (20, 20, 20, 255), 12)
    assert found_on(other) == ()


def test_a_known_fit_helps_where_the_box_is_far_off() -> None:
    picture, box = photographed(emblem(), 1, width=120)
    logo, content = logo_of(emblem())
    far = (box[0] - 90, box[1] - 90, box[2] + 10, box[3] + 10)
    scale = (box[2] - box[0]) / 240
    matrix = np.array([[scale, 0, box[0] - 20 * scale], [0, scale, box[1] - 20 * scale], [0, 0, 1]])
    upright, _ = register(picture, far, logo, content, matrix)
    assert upright is not None
    assert upright.correlation > 0.62
    assert upright.wider == pytest.approx(1.0, abs=0.2)


def test_a_mirrored_fit_is_shown_mirrored_back() -> None:
    mark = emblem()
    picture, box = photographed(np.ascontiguousarray(mark[:, ::-1]), 3)
    _, turned = register(picture, box, *logo_of(mark))
    assert turned is not None
    assert np.linalg.det(turned.linear) < 0
    left, top, right, bottom = turned.content
    logo, seen = (one[top:bottom, left:right].astype(float).ravel() for one in (turned.logo, turned.seen))
    assert np.corrcoef(logo, seen)[0, 1] > 0.8


def read(text: str, box: Box, confidence: float = 0.999) -> ReadText:
    left, top, right, bottom = box
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return ReadText(text=text, confidence=confidence, corners=corners, height_share=0.1)


def changed_letters(*texts: ReadText, mark: str = "Velmora") -> list[str]:
    logo, content = logo_of(emblem())
    picture = np.full((300, 400, 3), 128, np.uint8)
    seen = SeenLogo(picture=picture, box=(100, 100, 300, 200), logo=logo, content=content, marks=(mark,), texts=texts)
    return [one.difference for one in find_alterations(seen)]


PLACE = (120, 120, 280, 180)


def test_a_changed_letter_is_quoted() -> None:
    assert changed_letters(read("Velmara", PLACE)) == ["reads “Velmara”, not “Velmora”"]
    assert changed_letters(read("Vel", (120, 120, 200, 150)), read("mara", (120, 152, 200, 182))) != []


@pytest.mark.parametrize(
    "texts",
    [
        [read("Velmora", PLACE)],
        [read("Velmara", PLACE, 0.95)],
        [read("Ve1m0ra", PLACE)],
        [read("Velxxxa", PLACE)],
        [read("Velmara", (0, 0, 60, 20))],
        [read("Velmara", PLACE), read("VELMORA", (120, 160, 280, 190))],
        [read("Velmorasport", PLACE)],
    ],
    ids=["right", "not sure", "only confused", "another word", "elsewhere", "right beside", "right in a longer word"],
)
def test_what_may_be_the_brands_word_has_no_changed_letter(texts: list[ReadText]) -> None:
    assert changed_letters(*texts) == []


def test_short_marks_have_no_changed_letter() -> None:
    assert changed_letters(read("KIN", PLACE), mark="KIA") == []


@pytest.mark.parametrize(("shown", "altered"), [("Tarnwick", False), ("Tarnbick", True)])
def test_a_changed_letter_is_read_again_and_in_the_logo(shown: str, altered: bool) -> None:
    reader = TextReader(threads=1)
    picture, box = photographed(set_word(shown, TYPEFACE), 5)
    logo, content = logo_of(set_word("Tarnwick", TYPEFACE))
    seen = SeenLogo(
        picture=picture, box=box, logo=logo, content=content, marks=("Tarnwick",), texts=reader.read(picture)
    )
    found = {one.kind: one for one in find_alterations(seen, reader)}
    assert (Alteration.LETTER_CHANGED in found) == altered
    if altered:
        assert found[Alteration.LETTER_CHANGED].confidence > 0.9


def test_a_letter_that_the_logo_has_too_is_not_changed() -> None:
    reader = TextReader(threads=1)
    word = set_word("Tarnbick", TYPEFACE)
    picture, box = photographed(word, 5)
    logo, content = logo_of(word)
    seen = SeenLogo(
        picture=picture, box=box, logo=logo, content=content, marks=("Tarnwick",), texts=reader.read(picture)
    )
    assert find_alterations(seen, reader) == ()


@settings(max_examples=15)
@given(
    st.tuples(*(st.floats(-50, 150) for _ in range(4))),
    st.integers(1, 120),
    st.integers(1, 120),
    st.integers(0, 2**32 - 1),
)
def test_any_place_and_any_picture_are_looked_at(
    edges: tuple[float, float, float, float], width: int, height: int, seed: int
) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    box = (min(edges[0], edges[2]), min(edges[1], edges[3]), max(edges[0], edges[2]), max(edges[1], edges[3]))
    logo, content = logo_of(emblem())
    assert find_alterations(SeenLogo(picture=picture, box=box, logo=logo, content=content)) == ()
    flat = np.full((20, 20, 3), 255, np.uint8)
    assert find_alterations(SeenLogo(picture=picture, box=box, logo=flat, content=(0, 0, 20, 20))) == ()
