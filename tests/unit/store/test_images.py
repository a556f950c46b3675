"""Whatever bytes come, they are refused with a reason or become (height, width, 3) uint8."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from domain.errors import ImageRefused
from store.images import decode_image

WIDTH, HEIGHT = 24, 16


def encoded(picture: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def quadrants() -> Image.Image:
    """Red, green over blue, white: no two turns or flips of it look alike."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    for corner, color in (((0, 0), "red"), ((WIDTH // 2, 0), "lime"), ((0, HEIGHT // 2), "blue")):
        picture.paste(color, (*corner, corner[0] + WIDTH // 2, corner[1] + HEIGHT // 2))
    return picture


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, pixels: bytes, *chunks: bytes, depth: int = 8, color: int = 2) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    body = b"".join(chunks) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + body


def assert_close(found: NDArray[np.uint8], expected: Image.Image, tolerance: int) -> None:
    assert found.shape == (expected.height, expected.width, 3)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - np.asarray(expected).astype(int)).max() <= tolerance


# What is read


@pytest.mark.parametrize(
    ("form", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}, 12),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}, 12),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("GIF", {}, 0),
    ],
)
def test_each_format_is_read(form: str, options: dict[str, object], tolerance: int) -> None:
    assert_close(decode_image(encoded(quadrants(), form, **options)), quadrants(), tolerance)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_comes_upright(form: str, orientation: int) -> None:
    stored_by = {  # how a camera turns what it sees before it stores it
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = quadrants() if orientation == 1 else quadrants().transpose(stored_by[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    faithful: dict[str, dict[str, object]] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}
    assert_close(decode_image(encoded(stored, form, exif=exif, **faithful.get(form, {}))), quadrants(), 12)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert_close(decode_image(encoded(quadrants(), "PNG", exif=exif)), quadrants(), 0)


@given(
    exif=st.binary(max_size=60),
    order=st.sampled_from([b"", b"II*\0\x08\0\0\0\x01\0", b"MM\0*\0\0\0\x08\0\x01", b"II+\0"]),
)
@settings(deadline=None)
def test_broken_exif_is_no_reason_to_refuse_a_picture(exif: bytes, order: bytes) -> None:
    plain = encoded(quadrants(), "JPEG")
    segment = b"Exif\0\0" + order + exif
    tagged = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]
    assert sorted(decode_image(tagged).shape) == [3, HEIGHT, WIDTH]


def test_what_is_transparent_is_white() -> None:
    picture = Image.new("RGBA", (3, 1))
    for x, color in enumerate([(255, 0, 0, 255), (255, 0, 0, 0), (0, 0, 0, 128)]):
        picture.putpixel((x, 0), color)
    for form in ("PNG", "WEBP"):
        found = decode_image(encoded(picture, form, **({"lossless": True} if form == "WEBP" else {})))
        assert found.tolist() == [[[255, 0, 0], [255, 255, 255], [127, 127, 127]]]


def test_gray_with_alpha_is_put_on_white() -> None:
    picture = Image.new("LA", (2, 1))
    picture.putpixel((0, 0), (10, 255))
    picture.putpixel((1, 0), (10, 0))
    assert decode_image(encoded(picture, "PNG")).tolist() == [[[10] * 3, [255] * 3]]


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_palettes_are_looked_up_and_their_clear_color_is_white(form: str) -> None:
    picture = Image.new("P", (3, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    for x in range(3):
        picture.putpixel((x, 0), x)
    assert decode_image(encoded(picture, form)).tolist() == [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]
    found = decode_image(encoded(picture, form, transparency=1))
    assert found.tolist() == [[[255, 0, 0], [255, 255, 255], [0, 0, 255]]]


def test_a_palette_with_degrees_of_transparency_is_put_on_white() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([0, 0, 0, 0, 0, 0])
    picture.putpixel((1, 0), 1)
    assert decode_image(encoded(picture, "PNG", transparency=b"\x80\xff")).tolist() == [[[127] * 3, [0] * 3]]


def test_16_bit_gray_keeps_its_levels() -> None:
    levels = Image.fromarray(np.array([[0, 128, 16_384, 32_768, 65_535]], np.uint16))
    assert decode_image(encoded(levels, "PNG"))[0, :, 1].tolist() == [0, 0, 64, 128, 255]
    clear = chunk(b"tRNS", struct.pack(">H", 16_384))
    found = decode_image(png(2, 1, struct.pack(">xHH", 16_384, 0), clear, depth=16, color=0))
    assert found.tolist() == [[[255] * 3, [0] * 3]]


def test_16_bit_color_keeps_its_levels() -> None:
    found = decode_image(png(1, 1, struct.pack(">xHHH", 65_535, 32_768, 0), depth=16))
    assert found.tolist() == [[[255, 128, 0]]]


def test_one_bit_is_black_and_white() -> None:
    picture = Image.new("1", (2, 1))
    picture.putpixel((0, 0), 1)
    assert decode_image(encoded(picture, "PNG")).tolist() == [[[255] * 3, [0] * 3]]


def test_printers_colors_become_screen_colors() -> None:
    found = decode_image(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95))
    assert np.abs(found.astype(int) - [255, 0, 0]).max() < 10


def test_of_an_animation_the_first_frame_is_read() -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "lime", "blue")]
    for form in ("GIF", "WEBP", "PNG"):
        content = encoded(frames[0], form, save_all=True, append_images=frames[1:])
        assert np.abs(decode_image(content).astype(int) - [255, 0, 0]).max() < 10, form


# What is refused


def refusal(content: bytes, **options: object) -> ImageRefused:
    with pytest.raises(ImageRefused) as caught:
        decode_image(content, **options)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBP"])
def test_what_is_no_picture_is_refused_by_name(content: bytes) -> None:
    error = refusal(content, name="images/1.jpg")
    assert error.file == "images/1.jpg"
    assert error.reason
    assert (error.exit_code, error.http_status) == (2, 422)


@pytest.mark.parametrize("form", ["TIFF", "BMP", "PPM"])
def test_formats_that_shops_do_not_show_are_refused(form: str) -> None:
    assert "not a JPEG, PNG, WebP or GIF" in refusal(encoded(quadrants(), form)).reason


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_picture_is_refused_not_gray_below(form: str, share: float) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(noise), form)
    assert "truncated" in refusal(content[: int(len(content) * share)]).reason


def test_a_30000_by_30000_png_is_refused_before_it_is_unpacked() -> None:
    content = png(30_000, 30_000, b"\0" * 100_000)
    assert len(content) < 1_000
    assert "50000000 pixels" in refusal(content).reason


def test_a_bomb_below_pillows_own_limit_is_refused_by_ours() -> None:
    assert "at most 50000000 pixels" in refusal(png(8_000, 8_000, b"")).reason


def test_more_pixels_than_allowed_are_refused_and_as_many_are_read() -> None:
    content = encoded(quadrants(), "PNG")
    assert decode_image(content, max_pixels=WIDTH * HEIGHT).shape == (HEIGHT, WIDTH, 3)
    assert "at most" in refusal(content, max_pixels=WIDTH * HEIGHT - 1).reason


def test_more_bytes_than_allowed_are_refused_and_as_many_are_read() -> None:
    content = encoded(quadrants(), "PNG")
    assert decode_image(content, max_bytes=len(content)).shape == (HEIGHT, WIDTH, 3)
    assert str(len(content) - 1) in refusal(content, max_bytes=len(content) - 1).reason


@pytest.mark.parametrize(
    ("form", "name"),
    [("GIF", "1.jpg"), ("PNG", "a/b/1.JPEG"), ("JPEG", "1.png"), ("JPEG", "1.webp"), ("WEBP", "1.gif")],
)
def test_another_type_than_its_name_says_is_refused(form: str, name: str) -> None:
    content = encoded(quadrants(), form)
    error = refusal(content, name=name)
    assert form in error.reason
    assert error.file == name
    assert decode_image(content).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("name", ["1.jpg", "1.JPEG", "1", "1.php", ".jpg", "https://shop.example/1.jpg?size=2"])
def test_a_name_that_says_nothing_else_is_fine(name: str) -> None:
    assert decode_image(encoded(quadrants(), "JPEG"), name=name).shape == (HEIGHT, WIDTH, 3)


def test_a_jpeg_with_endless_scans_is_refused_before_it_is_decoded() -> None:
    content = encoded(quadrants(), "JPEG", progressive=True)
    last_scan = content[content.rindex(b"\xff\xda") : content.rindex(b"\xff\xd9")]
    endless = content[: content.rindex(b"\xff\xd9")] + last_scan * 1_000 + b"\xff\xd9"
    assert "scans" in refusal(endless).reason


def several_in_one() -> bytes:
    """A JPEG that says another one follows it, as telephones write them."""
    content = encoded(quadrants(), "MPO", save_all=True, append_images=[quadrants()], quality=95, subsampling=0)
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.format == "MPO"
    return content


def test_of_several_jpegs_in_one_file_the_first_is_read_under_the_name_of_a_jpeg() -> None:
    assert_close(decode_image(several_in_one(), name="1.jpg"), quadrants(), 12)
    assert "is a JPEG picture" in refusal(several_in_one(), name="1.png").reason


def test_several_jpegs_in_one_file_are_allowed_no_more_scans() -> None:
    endless = several_in_one() + b"\xff\xda" * 201
    with Image.open(io.BytesIO(endless)) as picture:
        assert picture.format == "MPO"
    assert "scans" in refusal(endless).reason


def test_a_text_chunk_that_unpacks_to_much_is_refused_or_ignored() -> None:
    bomb = chunk(b"zTXt", b"key\0\0" + zlib.compress(b"\0" * 50_000_000))
    pixels = b"".join(b"\0" + b"\xff" * 9 for _ in range(2))
    result = outcome(png(3, 2, pixels, bomb))
    assert result is None or result.shape == (2, 3, 3)


# Whatever comes


def outcome(content: bytes) -> NDArray[np.uint8] | None:
    """None when refused; anything else than a refusal or a picture fails the test."""
    try:
        found = decode_image(content, max_pixels=1_000_000)
    except ImageRefused:
        return None
    assert found.dtype == np.uint8
    assert found.ndim == 3
    assert found.shape[2] == 3
    assert found.size > 0
    return found


MAGIC = [
    b"",
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"RIFF\x20\0\0\0WEBPVP8 ",
    b"RIFF\x20\0\0\0WEBPVP8X",
]


@given(magic=st.sampled_from(MAGIC), content=st.binary(max_size=500))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_refused_or_read(magic: bytes, content: bytes) -> None:
    outcome(magic + content)


def seeds() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = quadrants()
    return [
        encoded(picture, "JPEG", exif=exif),
        encoded(picture, "JPEG", progressive=True),
        encoded(picture.convert("CMYK"), "JPEG"),
        encoded(picture, "PNG", exif=exif),
        encoded(picture.convert("P"), "PNG", transparency=1),
        encoded(picture.convert("RGBA"), "WEBP", lossless=True, exif=exif),
        encoded(picture, "GIF", save_all=True, append_images=[picture.rotate(90)]),
    ]


@given(
    seed=st.sampled_from(seeds()),
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from(["set", "cut", "insert"]), st.binary(min_size=1, max_size=4))
    ),
)
@settings(max_examples=500, deadline=None)
def test_any_damage_to_a_picture_is_refused_or_read(seed: bytes, edits: list[tuple[float, str, bytes]]) -> None:
    content = bytearray(seed)
    for where, what, data in edits:
        start = int(where * len(content))
        end = start if what == "insert" else start + len(data)
        content[start:end] = b"" if what == "cut" else data
    outcome(bytes(content))


KINDS = [
    b"tRNS",
    b"PLTE",
    b"iCCP",
    b"zTXt",
    b"iTXt",
    b"tEXt",
    b"acTL",
    b"fcTL",
    b"fdAT",
    b"gAMA",
    b"pHYs",
    b"eXIf",
    b"IDAT",
]


@given(
    depth=st.sampled_from([1, 2, 4, 8, 16]),
    color=st.sampled_from([0, 2, 3, 4, 6]),
    chunks=st.lists(st.tuples(st.sampled_from(KINDS), st.binary(max_size=40))),
    pixels=st.binary(max_size=60),
)
@settings(max_examples=300, deadline=None)
def test_any_chunks_with_right_checksums_are_refused_or_read(
    depth: int, color: int, chunks: list[tuple[bytes, bytes]], pixels: bytes
) -> None:
    outcome(png(3, 2, pixels, *(chunk(*each) for each in chunks), depth=depth, color=color))


# Warnings belong to the process


def test_threads_leave_the_warning_filters_as_they_were() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("key", "value")
    content = encoded(quadrants().resize((400, 400)), "PNG", pnginfo=info)
    before = list(warnings.filters)
    threads = [threading.Thread(target=lambda: [decode_image(content) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before
