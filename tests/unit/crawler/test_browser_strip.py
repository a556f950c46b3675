from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from crawler.browser.strip import strip_height, with_strip


def picture(width: int, height: int, seed: int = 1) -> tuple[bytes, Image.Image]:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    out = BytesIO()
    image = Image.fromarray(pixels)
    image.save(out, "PNG")
    return out.getvalue(), image


def opened(png: bytes) -> tuple[Image.Image, dict[str, str]]:
    image = Image.open(BytesIO(png))
    image.load()
    return image, dict(image.text)  # type: ignore[attr-defined]


def test_the_pages_pixels_are_untouched_below_the_strip() -> None:
    png, page = picture(640, 480)
    framed, told = opened(with_strip(png, [("URL", "https://shop.example/p/1"), ("HTML SHA-256", "ab" * 16)]))
    top = strip_height(2)
    assert framed.size == (640, 480 + top)
    assert told == {"URL": "https://shop.example/p/1", "HTML SHA-256": "ab" * 16, "Strip height": f"{top} px"}
    assert framed.crop((0, top, 640, top + 480)).tobytes() == page.tobytes()


def test_the_strip_is_written_on() -> None:
    png, _ = picture(640, 10)
    strips = []
    for url in ("https://shop.example/a", "https://shop.example/b"):
        framed, _ = opened(with_strip(png, [("URL", url)]))
        strips.append(np.asarray(framed)[: strip_height(1)])
    assert (strips[0] == 0).all(axis=2).sum() > 50, "black letters"
    assert (strips[0] != strips[1]).any(), "that differ where the address does"


def test_long_addresses_go_on_in_the_next_line_and_cannot_pose_as_statements() -> None:
    png, _ = picture(640, 10)
    framed, told = opened(with_strip(png, [("URL", "https://shop.example/" + "a" * 600)]))
    assert framed.height > 10 + strip_height(5)
    assert told["URL"].endswith("a" * 600)
    letters = np.asarray(framed)[strip_height(1) : framed.height - 13, :, 0] < 100
    assert not letters[:, :40].any(), "lines that go on are indented"


def test_letters_that_could_deceive_are_escaped() -> None:
    png, _ = picture(320, 10)
    _, told = opened(with_strip(png, [("URL", "https://sh\u043ep.example/\u202e\n\x00moc")]))
    assert told["URL"] == "https://sh\\u043ep.example/\\u202e\\x0a\\x00moc"


@pytest.mark.parametrize("width", [1, 40, 5_000])
def test_any_width(width: int) -> None:
    png, page = picture(width, 3)
    framed, _ = opened(with_strip(png, [("URL", "https://shop.example/" + "x" * 10_000)]))
    assert framed.width == width
    assert framed.crop((0, framed.height - 3, width, framed.height)).tobytes() == page.tobytes()


@settings(max_examples=25)
@given(st.text(max_size=200))
def test_any_text(value: str) -> None:
    png, page = picture(200, 4)
    framed, _ = opened(with_strip(png, [("URL", value)]))
    assert framed.crop((0, framed.height - 4, 200, framed.height)).tobytes() == page.tobytes()
