"""Words are drawn in matplotlib's own typeface and read back by the models that are served."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from domain.errors import NotReady
from index.mark_text import ReadText, TextReader
from store.images import RGB

ROOT = Path(__file__).resolve().parents[3]
TYPEFACE = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"


def sign(words: str, *, size: tuple[int, int] = (400, 300), at: tuple[int, int] = (60, 120), height: int = 40) -> RGB:
    picture = Image.new("RGB", size, (205, 215, 225))
    ImageDraw.Draw(picture).text(at, words, font=ImageFont.truetype(str(TYPEFACE), height), fill=(30, 40, 90))
    return np.asarray(picture, np.uint8)


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return TextReader(threads=1)


def test_a_word_is_read_where_it_stands(reader: TextReader) -> None:
    (line,) = reader.read(sign("Velmora"))
    left, top, right, bottom = line.box
    assert line.text == "Velmora"
    assert line.confidence > 0.9
    assert left == pytest.approx(60, abs=12)
    assert right == pytest.approx(60 + ImageFont.truetype(str(TYPEFACE), 40).getlength("Velmora"), abs=12)
    assert top < 140 < bottom
    assert 0.05 < line.height_share < 0.2


def test_corners_are_in_pixels_of_the_picture_that_was_handed_over(reader: TextReader) -> None:
    large = np.asarray(cv2.resize(sign("Velmora"), (2400, 1800), interpolation=cv2.INTER_CUBIC), np.uint8)
    (small_line,), (large_line,) = reader.read(sign("Velmora")), reader.read(large)
    assert np.asarray(large_line.corners) == pytest.approx(6 * np.asarray(small_line.corners), abs=60)
    assert large_line.height_share == pytest.approx(small_line.height_share, abs=0.03)


@pytest.mark.parametrize("turn", [cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180])
def test_a_word_on_its_side_or_head_is_read(reader: TextReader, turn: int) -> None:
    turned = np.ascontiguousarray(cv2.rotate(sign("TARNWICK"), turn), np.uint8)
    assert [line.text for line in reader.read(turned)] == ["TARNWICK"]


def test_nothing_is_read_where_nothing_is_written(reader: TextReader) -> None:
    assert reader.read(np.full((240, 320, 3), 200, np.uint8)) == ()


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1), (3, 900), (31, 31)])
def test_pictures_of_any_shape_are_bounded(reader: TextReader, shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (*shape, 3)).astype(np.uint8)
    assert isinstance(reader.read(noise), tuple)


def test_a_page_of_print_costs_no_more_than_its_tallest_lines(reader: TextReader) -> None:
    page = Image.new("RGB", (900, 900), "white")
    draw, small = ImageDraw.Draw(page), ImageFont.truetype(str(TYPEFACE), 9)
    for row in range(70):
        draw.text((10, 60 + 12 * row), f"line {row} of the print", font=small, fill="black")
    draw.text((300, 8), "VELMORA", font=ImageFont.truetype(str(TYPEFACE), 34), fill="black")
    lines = reader.read(np.asarray(page, np.uint8))
    assert lines[0].text == "VELMORA"
    assert len(lines) <= 48


def test_many_threads_share_one_reader() -> None:
    shared, found = TextReader(threads=1), dict[int, tuple[ReadText, ...]]()
    words = ["Velmora", "Tarnwick", "Ostrel", "Quandry"]

    def read(number: int) -> None:
        found[number] = shared.read(sign(words[number]))

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number][0].text for number in range(4)] == words


def test_the_version_names_library_and_models(reader: TextReader) -> None:
    assert reader.version.startswith("rapidocr-")
    assert reader.version.endswith("/PP-OCRv6-small")


def test_a_model_that_is_missing_is_said_and_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import rapidocr
    import requests

    monkeypatch.setattr(rapidocr, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr(requests, "get", lambda *_args, **_named: pytest.fail("asked the network"))
    with pytest.raises(NotReady, match="PP-OCRv6_det_small"):
        TextReader().read(sign("Velmora"))


def test_a_model_that_is_broken_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import rapidocr

    (tmp_path / "models").mkdir()
    for name in ("det", "rec"):
        (tmp_path / "models" / f"PP-OCRv6_{name}_small.onnx").write_bytes(b"no model")
    monkeypatch.setattr(rapidocr, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(NotReady, match="cannot be loaded"):
        TextReader().read(sign("Velmora"))


def test_reading_is_silent_and_asks_no_network() -> None:
    code = """
import socket
def refuse(*_args, **_named): raise SystemExit("asked the network")
socket.socket.connect = socket.getaddrinfo = refuse
import domain, numpy
from index.mark_text import TextReader
reader = TextReader(threads=1)
reader.read(numpy.zeros((64, 64, 3), numpy.uint8))
reader.read(numpy.random.default_rng(1).integers(0, 256, (200, 300, 3)).astype(numpy.uint8))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
