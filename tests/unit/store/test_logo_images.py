"""A logo's file becomes (height, width, 4) uint8, or is refused with a reason; no SVG reaches beyond its limits."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import store.logo_images
from domain.errors import ImageRefused
from store.logo_images import MAX_SVG_BYTES, SVG_SIDE, decode_logo, shown_logo

REPOSITORY = Path(__file__).resolve().parents[3]
NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
SHAPE = '<rect width="12" height="12" fill="#ff0000"/>'


def svg(body: str = SHAPE, *, box: str = 'viewBox="0 0 24 12"', before: str = "") -> bytes:
    return f"{before}<svg {NAMESPACES} {box}>{body}</svg>".encode()


def encoded(picture: Image.Image, form: str) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form)
    return buffer.getvalue()


def test_an_svg_is_drawn_with_its_transparency() -> None:
    rgba = decode_logo(svg(), name="logo.svg")
    assert rgba.shape == (SVG_SIDE // 2, SVG_SIDE, 4)
    assert rgba.dtype == np.uint8
    assert rgba[100, 100].tolist() == [255, 0, 0, 255]
    assert rgba[100, 400, 3] == 0


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_a_pictures_transparency_is_kept(form: str) -> None:
    picture = Image.new("RGBA", (30, 20), (0, 0, 255, 0))
    picture.paste((0, 200, 0, 255), (0, 0, 15, 20))
    rgba = decode_logo(encoded(picture, form), name=f"logo.{form.lower()}")
    assert rgba.shape == (20, 30, 4)
    assert (rgba[:, :14, 3].min(), rgba[:, 16:, 3].max()) == (255, 0)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "1"])
def test_what_has_no_transparency_is_opaque(mode: str) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    rgba = decode_logo(encoded(Image.new(mode, (9, 7), 0 if mode in ("L", "1") else "black"), form))
    assert rgba.shape == (7, 9, 4)
    assert (rgba[..., 3] == 255).all()


def test_sixteen_bits_become_eight() -> None:
    gray = Image.fromarray(np.full((4, 5), 40_000, np.uint16))
    assert decode_logo(encoded(gray, "PNG"))[0, 0].tolist() == [156, 156, 156, 255]


@pytest.mark.parametrize(
    "content",
    [
        svg(before="<?xml version='1.0' encoding='UTF-8'?><!-- by hand -->\n"),
        b"\xef\xbb\xbf" + svg(),
        svg(before='<?xml version="1.0" encoding="utf-16"?>').decode().encode("utf-16"),
        svg(
            before='<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
        ),
        svg(f'<style>.a{{fill:url(#b)}}</style><defs><g id="s">{SHAPE}</g></defs><use xlink:href="#s"/>'),
    ],
)
def test_forms_in_which_svgs_come(content: bytes) -> None:
    assert decode_logo(content, name="logo.svg")[100, 100].tolist() == [255, 0, 0, 255]


def test_a_picture_inside_the_svg_is_drawn() -> None:
    import base64

    inside = base64.b64encode(encoded(Image.new("RGB", (8, 8), "lime"), "PNG")).decode()
    rgba = decode_logo(svg(f'<image width="24" height="12" xlink:href="data:image/png;base64,{inside}"/>'))
    assert rgba[128, 256].tolist() == [0, 255, 0, 255]


ENTITIES = "".join(f'<!ENTITY e{n} "{repeated}">' for n, repeated in enumerate(f"&e{n};" * 10 for n in range(9)))
FILE_ENTITY = '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (svg("<text>&e8;</text>", before=f"<!DOCTYPE svg [{ENTITIES}]>"), "declares entities"),
        (svg("<desc>&x;</desc>" + SHAPE, before=FILE_ENTITY), "declares entities"),
        (svg('<image width="9" height="9" href="/etc/hostname"/>'), "another file"),
        (svg('<image width="9" height="9" xlink:href="http://127.0.0.1/a.png"/>'), "another file"),
        (svg('<image width="9" height="9" href="data:image/svg+xml;base64,PHN2Zy8+"/>'), "another file"),
        (svg('<filter id="f"><feImage href="a.png"/></filter>'), "another file"),
        (svg('<use href="other.svg#a"/>'), "another file"),
        (svg('<style>@import "a.css";</style>' + SHAPE), "another file"),
        (svg('<rect width="9" height="9" style="fill: url( \'http://127.0.0.1/a#b\')"/>'), "another file"),
        (svg('<rect width="9" height="9" fill="url(a.svg#b)"/>'), "another file"),
        (svg("<script>alert(1)</script>" + SHAPE), "active content"),
        (svg('<rect width="9" height="9" onload="alert(1)"/>'), "active content"),
        (svg("<foreignObject><b/></foreignObject>"), "active content"),
        (svg("<text y='9'>Acme</text>"), "needs a font"),
        (svg("<g>" * 5_000 + "</g>" * 5_000), "deeper than"),
        (svg("<g/>" * 30_000), "more than 20000 elements"),
        (svg('<path d="M0 0' + "L1 1" * (MAX_SVG_BYTES // 4) + '"/>'), "at most 1000000 are read"),
        (svg(""), "everything in it is transparent"),
        (svg('<g id="a"><use href="#a"/></g>'), "everything in it is transparent"),
        (svg(box='viewBox="nan 0 inf 1"', body='<rect width="inf" height="nan"/>'), "transparent"),
        (svg() + b"<", "not well-formed"),
        (svg(before='<?xml version="1.0" encoding="no-such"?>'), "not well-formed"),
        (b'<svg viewBox="0 0 2 2"><rect width="1" height="1"/></svg>', "not an SVG: its outermost element is svg"),
        (b"<html><body/></html>", "outermost element is html"),
        (b"<", "not well-formed"),
        (b"hello", "not an SVG, as its name says"),
        (b"", "not an SVG, as its name says"),
    ],
)
def test_hostile_and_broken_svgs_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ImageRefused) as refusal:
        decode_logo(content, name="logo.svg")
    assert reason in refusal.value.reason
    assert refusal.value.file == "logo.svg"


@pytest.mark.parametrize(
    ("box", "shape"),
    [
        ('viewBox="0 0 1e9 1e9" width="1e9" height="1e9"', (SVG_SIDE, SVG_SIDE)),
        ('viewBox="0 0 1 1000000"', (SVG_SIDE, 1)),
    ],
)
def test_no_viewbox_makes_a_picture_large(box: str, shape: tuple[int, int]) -> None:
    assert decode_logo(svg('<rect width="1e9" height="1e9"/>', box=box)).shape[:2] == shape


def test_many_nodes_in_one_path_are_drawn_within_the_limits() -> None:
    assert decode_logo(svg('<path d="M0 0' + "L24 12 9 0" * 90_000 + '"/>'))[..., 3].any()


def judging_s(spaces: int) -> float:
    """The least of five times in which a style of that many spaces was found to refer to nothing."""
    style = f".a{{fill:url({' ' * spaces})}}"
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        assert not store.logo_images._ELSEWHERE.search(style)
        taken.append(time.perf_counter() - start)
    return min(taken)


def test_a_style_of_spaces_costs_no_more_than_its_length() -> None:
    # sixteen times as long takes sixteen times as long; 256 times where every space is looked at for every space
    assert judging_s(32_000) < 64 * judging_s(2_000)
    assert decode_logo(svg(f"<style>.a{{fill:url({' ' * 500_000}#b)}}</style>{SHAPE}")).shape[2] == 4


def nested(group: str, element: str) -> str:
    """Eight groups of ten, each of the one before: a hundred million elements in a few lines."""
    return "".join(group.format(n=n, inside=element.format(before=n - 1) * 10) for n in range(1, 9))


USES = nested('<g id="a{n}">{inside}</g>', '<use xlink:href="#a{before}"/>')
MASKS = nested('<mask id="m{n}">{inside}</mask>', '<rect width="24" height="24" fill="#fff" mask="url(#m{before})"/>')


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f'<defs><rect id="a0" width="1" height="1"/>{USES}</defs><use xlink:href="#a8"/>', "broken SVG"),
        (f'{MASKS}<rect width="24" height="24" mask="url(#m8)"/>', "does not draw within"),
    ],
)
def test_what_multiplies_ends_at_the_limits(body: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.logo_images, "_CPU_S", 1)
    with pytest.raises(ImageRefused, match=reason):
        decode_logo(svg(body), name="logo.svg")


def test_the_drawing_process_opens_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where a reference to a file gets through the check, there is nothing that could follow it."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(encoded(Image.new("RGB", (8, 8), "lime"), "PNG"))
    monkeypatch.setattr(store.logo_images, "_check", lambda element, name: None)
    rgba = decode_logo(svg(f'{SHAPE}<image width="24" height="12" href="{secret}"/>'))
    assert rgba[128, 100].tolist() == [255, 0, 0, 255]
    assert rgba[128, 300, 3] == 0


@pytest.mark.parametrize(("fill", "ground"), [("#ff0000", 255), ("#000", 255), ("#fff", 90), ("#fffbe0", 90)])
def test_a_logo_is_shown_on_a_ground_on_which_it_is_seen(fill: str, ground: int) -> None:
    rgb = shown_logo(svg(SHAPE.replace("#ff0000", fill)))
    assert rgb.shape == (SVG_SIDE // 2, SVG_SIDE, 3)
    assert rgb[100, 400].tolist() == [ground] * 3
    assert np.abs(rgb[100, 100].astype(int) - ground).max() > 100


@settings(max_examples=20)
@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 40))
def test_damaged_svgs_are_refused_or_drawn(junk: bytes, at: int, removed: int) -> None:
    whole = svg()
    try:
        rgba = decode_logo(whole[:at] + junk + whole[at + removed :])
    except ImageRefused:
        return
    assert rgba.shape[2] == 4
    assert max(rgba.shape[:2]) <= SVG_SIDE


@pytest.mark.real_data
def test_real_marks_are_drawn() -> None:
    base = Path(os.environ.get("ASSAYER_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
    paths = sorted((base / "marks" / "svg").glob("*.svg"))[::300]
    if not paths:
        pytest.skip(f"no marks in {base}")
    for path in paths:
        rgba = decode_logo(path.read_bytes(), name=path.name)
        assert 0.01 < float(rgba[..., 3].mean()) / 255 < 1
