import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from domain.assessment import Finding, SignalName
from domain.errors import BadInput
from takedown.photo_proof import MAX_POINTS, photo_proof
from takedown.proof import match_picture, png_bytes, small_jpeg

GRAY = np.full((300, 400, 3), 128, np.uint8)
OUTLINE = [(40.0, 30.0), (360.0, 30.0), (360.0, 270.0), (40.0, 270.0)]
MAGENTA = (255, 45, 120)


def drawn(**changes) -> np.ndarray:
    arguments = {"outline": OUTLINE, "points": [], "mirrored": False} | changes
    drawing = match_picture(arguments.pop("listing", GRAY), arguments.pop("reference", GRAY), **arguments)
    picture = Image.open(io.BytesIO(png_bytes(drawing)))
    assert picture.format == "PNG"
    return np.asarray(picture.convert("RGB")).astype(int)


def magenta(pixels: np.ndarray) -> np.ndarray:
    """(row, column) of the outline's pixels."""
    return np.argwhere(np.abs(pixels - MAGENTA).sum(axis=2) < 40)


def panels(pixels: np.ndarray) -> tuple[int, int]:
    """First column of the left and of the right picture: the gray ones."""
    columns = np.flatnonzero((np.abs(pixels - 128).sum(axis=2) < 6).sum(axis=0) > 100)
    return int(columns[0]), int(columns[np.flatnonzero(np.diff(columns) > 20)[0] + 1])


def test_the_outline_lies_where_it_was_mapped_in_the_listing_picture_only():
    pixels = drawn()
    left, right = panels(pixels)
    zoom = 560 / 400
    marked = magenta(pixels)
    assert left == pytest.approx(24, abs=2)
    assert marked[:, 1].min() == pytest.approx(right + 40 * zoom, abs=4)
    assert marked[:, 1].max() == pytest.approx(right + 360 * zoom, abs=4)
    assert marked[:, 0].max() - marked[:, 0].min() == pytest.approx(240 * zoom, abs=6)


def test_an_outline_that_leaves_the_picture_is_cut_at_its_border():
    pixels = drawn(outline=[(-5000.0, 100.0), (9e30, 100.0), (9e30, 9e30), (-5000.0, 200.0)])
    _, right = panels(pixels)
    marked = magenta(pixels)
    assert len(marked)
    assert marked[:, 1].min() >= right - 1
    assert marked[:, 1].max() <= right + 561


def test_matched_points_are_joined_across_both_pictures():
    without, joined = drawn(), drawn(points=[((200.0, 150.0), (200.0, 150.0))])
    _, right = panels(without)
    changed = np.flatnonzero((np.abs(joined - without).sum(axis=2) > 30).any(axis=0))
    assert changed.min() == pytest.approx(24 + 280, abs=6)
    assert changed.max() == pytest.approx(right + 280, abs=6)
    assert len(changed) == changed.max() - changed.min() + 1


def test_neighboring_lines_have_different_colors():
    points = [((200.0, y), (200.0, y)) for y in (60.0, 120.0, 180.0, 240.0)]
    pixels, without = drawn(points=points), drawn()
    between = panels(without)[1] - 28
    rows = np.flatnonzero(np.abs(pixels[:, between] - without[:, between]).sum(axis=1) > 150)
    colors = {tuple(np.round(pixels[row, between] / 32)) for row in rows}
    assert len(colors) >= 4


def test_points_outside_their_picture_or_not_numbers_are_not_drawn():
    points = [((500.0, 10.0), (10.0, 10.0)), ((10.0, 10.0), (-1.0, 5.0)), ((float("nan"), 1.0), (1.0, 1.0))]
    assert (drawn(points=points) == drawn()).all()


def test_the_same_match_gives_the_same_bytes():
    arguments = {"outline": OUTLINE, "points": [((1.0, 2.0), (3.0, 4.0))], "mirrored": True, "caption": "高仿"}
    first, second = (png_bytes(match_picture(GRAY, GRAY, **arguments)) for _ in range(2))
    assert first == second


def test_mirroring_and_caption_are_written():
    assert (drawn(mirrored=True)[:54] != drawn()[:54]).any()
    assert drawn(caption="64 matched points").shape[0] > drawn().shape[0]
    assert drawn(caption="word " * 500).shape[1] == drawn().shape[1]


@settings(max_examples=25, deadline=None)
@given(
    size=st.tuples(*[st.integers(1, 900)] * 4),
    numbers=st.lists(st.floats(allow_nan=True), min_size=8, max_size=8),
    caption=st.text(max_size=400),
)
def test_any_sizes_and_numbers_give_a_bounded_picture(size, numbers, caption):
    listing, reference = np.zeros((size[0], size[1], 3), np.uint8), np.zeros((size[2], size[3], 3), np.uint8)
    outline = list(zip(numbers[::2], numbers[1::2], strict=True))
    picture = match_picture(
        listing, reference, outline=outline, points=[(outline[0], outline[1])], mirrored=True, caption=caption
    )
    assert picture.width <= 24 + 560 + 56 + 560 + 24
    assert picture.height <= 700


def test_a_letters_picture_is_bounded_both_ways():
    tall = Image.new("RGB", (50, 5000), "red")
    assert max(Image.open(io.BytesIO(small_jpeg(tall, max_side=300))).size) == 300


def finding(**changes) -> Finding:
    evidence = {
        "image_sha256": "a" * 64,
        "reference_sha256": "b" * 64,
        "outline": [[0, 0], [9, 0], [9, 9], [0, 9]],
        "points": [[[1, 2], [3, 4]]],
        "mirrored": True,
        "inliers": 30,
        "more": "is ignored",
    } | changes
    kept = {key: value for key, value in evidence.items() if value is not None}
    return Finding(name=SignalName.COPIED_PHOTO, strength=1, sentence="s", reference_id="R", evidence=kept)


def test_proof_is_read_from_the_findings_evidence():
    proof = photo_proof(finding())
    assert proof.reference_id == "R"
    assert proof.points == (((1.0, 2.0), (3.0, 4.0)),)
    assert (proof.mirrored, proof.inliers, proof.pdq_distance) == (True, 30, None)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"outline": None}, "outline"),
        ({"outline": [[0, 0], [1, 1], [2, 2]]}, "outline"),
        ({"points": [[[1, 2]]]}, "points"),
        ({"points": "all"}, "points"),
        ({"mirrored": None}, "mirrored"),
        ({"image_sha256": None}, "image_sha256"),
        ({"image_sha256": "../../etc/passwd"}, "SHA-256"),
        ({"outline": [[0, float("nan")], [9, 0], [9, 9], [0, 9]]}, "number"),
        ({"points": [[[1, 2], [3, 4]]] * (MAX_POINTS + 1)}, "points"),
    ],
)
def test_evidence_that_proves_nothing_is_refused(changes, key):
    with pytest.raises(BadInput, match=key):
        photo_proof(finding(**changes))
