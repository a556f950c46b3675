from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from domain.catalog import ReferenceProduct
from domain.codec import dump
from domain.listing import Listing, Seller
from domain.match import Matches, PhotoMatch
from index.build import CopyEmbedder
from index.homography import corners_of, map_points
from index.matcher import Matcher
from store.images import RGB

Draw = Callable[..., RGB]
Product = Callable[..., ReferenceProduct]
MatcherOf = Callable[..., Matcher]
CATALOG = range(8)
COPIED = 3
GARMENT = (slice(160, 520), slice(90, 390))


def offer(title: str = "something") -> Listing:
    return Listing(marketplace="m", listing_id="1", url="https://m/1", title=title, seller=Seller(id="s", name="s"))


def look(matcher: Matcher, rgb: RGB, title: str = "something") -> Matches:
    return matcher.match(offer(title), [("f" * 64, np.ascontiguousarray(rgb))])


def best(matcher: Matcher, rgb: RGB, title: str = "something") -> PhotoMatch | None:
    photos = look(matcher, rgb, title).photos
    return photos[0] if photos else None


@pytest.fixture(scope="module")
def pictures(draw: Draw) -> dict[str, RGB]:
    return {f"p{n}": draw(n, 480, 640) for n in CATALOG}


@pytest.fixture(scope="module")
def matcher(pictures: dict[str, RGB], product: Product, matcher_of: MatcherOf) -> Matcher:
    return matcher_of([product(name, [name]) for name in pictures], pictures)


def squeezed(rgb: RGB, quality: int) -> RGB:
    _, content = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)


def framed(rgb: RGB) -> RGB:
    return cv2.copyMakeBorder(rgb, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(250, 200, 30)).astype(np.uint8)


def screenshot(rgb: RGB) -> RGB:
    page = np.full((1400, 800, 3), 248, np.uint8)
    for line in range(20):
        cv2.putText(page, f"Buy now, free shipping {line}", (40, 900 + 24 * line), 0, 0.7, (60, 60, 60), 1)
    page[120:760, 160:640] = rgb
    cv2.rectangle(page, (0, 0), (800, 80), (40, 90, 200), -1)
    return page


def stickered(rgb: RGB) -> RGB:
    done = rgb.copy()
    cv2.circle(done, (110, 120), 90, (230, 20, 20), -1)
    cv2.putText(done, "SALE", (50, 135), 0, 1.6, (255, 255, 255), 4)
    return done


def patched(rgb: RGB) -> RGB:
    done = rgb.copy()
    done[300:460, 100:300] = cv2.GaussianBlur(done[300:460, 100:300], (0, 0), 9)
    return done


def recolored(rgb: RGB) -> RGB:
    return np.clip(rgb.astype(np.float32) * [0.8, 1.1, 1.2] + 10, 0, 255).astype(np.uint8)


def collage(rgb: RGB, draw: Draw) -> RGB:
    return np.hstack([rgb, draw(101, 480, 640)])


EDITS: dict[str, Callable[[RGB], RGB]] = {
    "as it is": lambda rgb: rgb,
    "mirrored": lambda rgb: rgb[:, ::-1],
    "cropped": lambda rgb: rgb[110:540, 70:420],
    "framed": framed,
    "screenshot": screenshot,
    "stickered": stickered,
    "partly blurred": patched,
    "recolored": recolored,
    "gray": lambda rgb: cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB).astype(np.uint8),
    "badly compressed": lambda rgb: squeezed(rgb, 20),
    "small": lambda rgb: cv2.resize(rgb, (150, 200), interpolation=cv2.INTER_AREA).astype(np.uint8),
    "large": lambda rgb: cv2.resize(rgb, (1440, 1920)).astype(np.uint8),
    "turned": lambda rgb: cv2.rotate(rgb, cv2.ROTATE_90_CLOCKWISE).astype(np.uint8),
    "mirrored, cropped, framed, compressed": lambda rgb: squeezed(framed(rgb[60:600, 40:440])[:, ::-1].copy(), 35),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_copy_is_matched(matcher: Matcher, pictures: dict[str, RGB], edit: str) -> None:
    found = look(matcher, EDITS[edit](pictures[f"p{COPIED}"]))
    assert [photo.reference_id for photo in found.photos if photo.score >= 0.5] == [f"p{COPIED}"]
    photo = found.photos[0]
    assert photo.mirrored == edit.startswith("mirrored")
    assert photo.inliers >= 20
    assert photo.reference_sha256 == f"p{COPIED}"
    assert found.images_read == 1


def test_a_collage_is_matched(matcher: Matcher, pictures: dict[str, RGB], draw: Draw) -> None:
    found = best(matcher, collage(pictures[f"p{COPIED}"], draw))
    assert found
    assert found.reference_id == f"p{COPIED}"
    assert found.score > 0.5
    assert max(x for x, _ in found.outline) < 500  # the left half


def test_a_collage_of_two_copies_names_both(matcher: Matcher, pictures: dict[str, RGB]) -> None:
    found = look(matcher, np.hstack([pictures["p1"], pictures["p6"]]))
    assert {photo.reference_id for photo in found.photos if photo.score > 0.5} == {"p1", "p6"}


@pytest.mark.parametrize("seed", range(200, 212))
def test_an_unrelated_picture_of_like_texture_is_not_matched(matcher: Matcher, draw: Draw, seed: int) -> None:
    found = best(matcher, draw(seed, 480, 640))
    assert found is None or found.score < 0.1


def seen_aslant(turn: float, scale: float, size: tuple[int, int]) -> NDArray[np.float64]:
    matrix = np.vstack([cv2.getRotationMatrix2D((240, 320), turn, scale), [0, 0, 1]])
    moved = np.array([[1, 0, size[0] / 2 - 240], [0, 1, size[1] / 2 - 320], [0, 0, 1]])
    aslant = np.array([[1, 0.03, 0], [-0.02, 1, 0], [4e-5, -3e-5, 1]])
    return np.asarray(aslant @ moved @ matrix, np.float64)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize(
    ("turn", "scale", "size"), [(0, 1.0, (500, 660)), (9, 0.7, (640, 480)), (-6, 1.8, (1100, 1300))]
)
def test_outline_and_points_lie_where_the_warp_put_them(
    matcher: Matcher,
    pictures: dict[str, RGB],
    turn: float,
    scale: float,
    size: tuple[int, int],
    mirror: bool,
) -> None:
    """In pixels of the pictures as they are stored, whatever size matching worked at."""
    matrix = seen_aslant(turn, scale, size)
    if mirror:
        matrix = matrix @ np.array([[-1.0, 0, 479], [0, 1, 0], [0, 0, 1]])
    seen = cv2.warpPerspective(pictures["p5"], matrix, size, flags=cv2.INTER_AREA, borderValue=(240, 240, 240))
    found = best(matcher, seen.astype(np.uint8))
    assert found
    assert found.reference_id == "p5"
    assert found.mirrored is mirror
    pixel = max(size) / 400  # stored pixels per working pixel
    expected = map_points(matrix, corners_of((480, 640)))
    assert np.linalg.norm(np.array(found.outline) - expected, axis=1).max() < 1.5 * pixel + 1.5
    here, there = np.array(found.points, np.float32).transpose(1, 0, 2)
    assert 20 <= len(here) <= 60
    off = np.linalg.norm(map_points(matrix, here) - there, axis=1)
    assert np.median(off) < 1.2 * pixel
    assert here.min() >= 0
    assert (here <= [480, 640]).all()
    assert (there >= 0).all()
    assert (there <= size).all()
    spread = here.max(axis=0) - here.min(axis=0)
    assert (spread > [160, 220]).all()


def test_the_same_thing_on_another_ground_is_less_of_a_copy(
    draw: Draw, product: Product, matcher_of: MatcherOf
) -> None:
    mask = np.zeros((640, 480, 1), np.float32)
    cv2.ellipse(mask, (240, 320), (110, 150), 0, 0, 360, 1.0, -1)
    catalog, own = ((draw(1, 480, 640) * mask + draw(n, 480, 640) * (1 - mask)).astype(np.uint8) for n in (2, 3))
    matcher = matcher_of([product("a", ["a"])], {"a": catalog})
    copy, photo = best(matcher, squeezed(catalog, 40)), best(matcher, own)
    assert copy
    assert copy.score > 0.9
    assert photo is None or photo.score < 0.2


def variant(rgb: RGB, gains: tuple[float, float, float]) -> RGB:
    changed = rgb.copy()
    gray = cv2.cvtColor(rgb[GARMENT], cv2.COLOR_RGB2GRAY)[..., None] / 255
    changed[GARMENT] = np.clip((0.35 + 0.65 * gray) * np.array(gains), 0, 255).astype(np.uint8)
    return changed


GAINS = {"red": (200, 45, 50), "blue": (50, 75, 190), "green": (45, 140, 75)}


@pytest.fixture(scope="module")
def wardrobe(draw: Draw, product: Product, matcher_of: MatcherOf) -> Matcher:
    pictures = {color: variant(draw(20, 480, 640), gains) for color, gains in GAINS.items()}
    pictures["other"] = draw(21, 480, 640)
    rows = [product(color, [color], title="Circe Hoodie", color=color) for color in GAINS]
    return matcher_of([*rows, product("other", ["other"])], pictures)


@pytest.mark.parametrize("color", GAINS)
@pytest.mark.parametrize(("contrast", "brightness"), [(1.0, 0), (0.8, 25), (1.2, -25)])
def test_color_names_the_variant(wardrobe: Matcher, draw: Draw, color: str, contrast: float, brightness: float) -> None:
    shown = variant(draw(20, 480, 640), GAINS[color]).astype(np.float32)
    edited = np.clip(128 + contrast * (shown - 128) + brightness, 0, 255).astype(np.uint8)
    found = look(wardrobe, squeezed(edited[30:600, 20:460], 60))
    assert [photo.reference_id for photo in found.photos] == [color]


@pytest.mark.parametrize("color", GAINS)
def test_a_title_decides_where_color_cannot(wardrobe: Matcher, draw: Draw, color: str) -> None:
    gray = cv2.cvtColor(cv2.cvtColor(draw(20, 480, 640), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    found = best(wardrobe, np.asarray(gray, np.uint8), f"Circe hoodie {color}")
    assert found
    assert found.reference_id == color


def test_a_title_does_not_overrule_what_is_seen(wardrobe: Matcher, draw: Draw) -> None:
    found = best(wardrobe, variant(draw(20, 480, 640), GAINS["red"]), "Circe hoodie blue")
    assert found
    assert found.reference_id == "red"


def test_equal_pictures_of_one_holder_give_one_match_and_the_title_names_it(
    draw: Draw, product: Product, matcher_of: MatcherOf
) -> None:
    rows = [product("a", ["x"], title="Circe Hoodie"), product("b", ["x"], title="Aether Shirt")]
    matcher = matcher_of(rows, {"x": draw(30)})
    assert [photo.reference_id for photo in look(matcher, draw(30)).photos] == ["a"]
    assert [photo.reference_id for photo in look(matcher, draw(30), "Aether shirt").photos] == ["b"]


def test_equal_pictures_of_two_holders_give_a_match_for_each(
    draw: Draw, product: Product, matcher_of: MatcherOf
) -> None:
    """Either may object, and either may have authorized the seller: none of them may be left out."""
    rows = [product("a", ["x"]), product("b", ["x"], holder="Brand owner"), product("c", ["y"], holder="Third")]
    matcher = matcher_of(rows, {"x": draw(30), "y": draw(31)})
    found = look(matcher, draw(30)).photos
    assert {(photo.rights_holder, photo.reference_id) for photo in found} == {("Acme", "a"), ("Brand owner", "b")}
    assert all(photo.score > 0.9 for photo in found)


def test_of_a_products_pictures_the_best_match_stands(
    draw: Draw, product: Product, matcher_of: MatcherOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another picture of it was the more promising candidate."""
    first = draw(40, 480, 640)
    second = draw(41, 480, 640)
    second[330:630, 10:300] = first[330:630, 10:300]
    matcher = matcher_of([product("a", ["one", "two"])], {"one": first, "two": second})
    for order in ([0, 1], [1, 0]):
        monkeypatch.setattr(matcher, "_promising", lambda *_, order=order: order)
        (found,) = look(matcher, second).photos
        assert found.reference_sha256 == "two"
        assert found.score > 0.9


HOSTILE = {
    "one pixel": (1, 1),
    "a line": (1, 5000),
    "a column": (5000, 1),
    "a strip": (12, 3000),
    "small": (9, 7),
    "square": (300, 300),
}


@pytest.mark.parametrize("fill", ["black", "white", "noise", "stripes"])
@pytest.mark.parametrize("size", HOSTILE)
def test_hostile_pictures_are_looked_at_and_match_nothing(matcher: Matcher, size: str, fill: str) -> None:
    shape = (*HOSTILE[size], 3)
    made = {
        "black": np.zeros(shape, np.uint8),
        "white": np.full(shape, 255, np.uint8),
        "noise": np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8),
        "stripes": np.broadcast_to(255 * (np.arange(shape[1]) // 3 % 2)[None, :, None], shape).astype(np.uint8),
    }[fill]
    found = look(matcher, made)
    assert found.images_read == 1
    assert [photo for photo in found.photos if photo.score > 0.2] == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (300, 300)])
@pytest.mark.parametrize("shade", [0, 255])
def test_a_catalog_of_one_plain_picture_matches_nothing(
    draw: Draw, product: Product, matcher_of: MatcherOf, shape: tuple[int, int], shade: int
) -> None:
    plain = np.full((*shape, 3), shade, np.uint8)
    matcher = matcher_of([product("a", ["x"])], {"x": plain})
    assert look(matcher, plain).photos == ()
    assert look(matcher, draw(1)).photos == ()


@settings(max_examples=20)
@given(width=st.integers(1, 700), height=st.integers(1, 700), seed=st.integers(0, 5))
def test_any_size_and_texture_is_borne(matcher: Matcher, width: int, height: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (rng.integers(1, 40), rng.integers(1, 40), 3)).astype(np.uint8)
    found = look(matcher, cv2.resize(coarse, (width, height)).astype(np.uint8))
    assert all(photo.score < 0.5 for photo in found.photos)


def test_without_pictures_only_words_are_matched(matcher: Matcher) -> None:
    found = matcher.match(offer("acme brand product p3"), [])
    assert (found.photos, found.images_read) == ((), 0)
    assert found.texts[0].reference_id == "p3"


def test_the_search_by_embedding_is_brute_force(matcher: Matcher, draw: Draw, stand_in: CopyEmbedder) -> None:
    from index.preprocessing import query_views

    drawn = draw(50, 480, 640)
    cosines = stand_in.embed(query_views(drawn, stand_in.size)) @ matcher.artifact.arrays.embeddings.T
    owners = matcher.artifact.arrays.view_owners
    expected = [cosines[:, owners == n].max() for n in CATALOG]
    np.testing.assert_allclose(matcher._similarities(drawn), expected, atol=1e-5)


def test_among_a_thousand_references_the_one_is_found(
    draw: Draw, stand_in: CopyEmbedder, product: Product, matcher_of: MatcherOf
) -> None:
    """The others are slivers without features, so that it stays quick; brute force over all views is the oracle."""
    rng = np.random.default_rng(0)
    pictures = {f"n{n}": rng.integers(0, 256, (1, 60, 3)).astype(np.uint8) for n in range(1100)}
    pictures["n700"] = draw(60, 200, 260)
    matcher = matcher_of([product(name, [name]) for name in pictures], pictures)
    found = best(matcher, squeezed(draw(60, 200, 260)[10:250, 10:190], 50))
    assert found
    assert found.reference_id == "n700"
    assert found.score > 0.5

    from index.preprocessing import query_views

    cosines = stand_in.embed(query_views(draw(60, 200, 260), stand_in.size)) @ matcher.artifact.arrays.embeddings.T
    best_view = np.full(len(pictures), -1.0)
    np.maximum.at(best_view, matcher.artifact.arrays.view_owners, cosines.max(axis=0))
    similarities = matcher._similarities(draw(60, 200, 260))
    assert np.argsort(-similarities, kind="stable")[:4].tolist() == np.argsort(-best_view, kind="stable")[:4].tolist()


def test_several_pictures_are_matched_each_and_the_best_comes_first(
    matcher: Matcher, pictures: dict[str, RGB], draw: Draw
) -> None:
    listed = [("1" * 64, draw(300, 480, 640)), ("2" * 64, squeezed(pictures["p2"], 10)), ("3" * 64, pictures["p4"])]
    found = matcher.match(offer(), listed)
    assert [(photo.image_sha256[0], photo.reference_id) for photo in found.photos] in (
        [("3", "p4"), ("2", "p2")],
        [("2", "p2"), ("3", "p4")],
    )
    assert found.images_read == 3
    assert [photo.score for photo in found.photos] == sorted((p.score for p in found.photos), reverse=True)


def test_threads_share_a_matcher_and_change_nothing(
    matcher: Matcher, pictures: dict[str, RGB], wardrobe: Matcher
) -> None:
    made = [edit(pictures[f"p{n}"]) for n, edit in enumerate(list(EDITS.values())[:6])]
    for shared in (matcher, wardrobe):
        alone = [dump(look(shared, rgb)) for rgb in made]
        for workers in (1, 2):
            with ThreadPoolExecutor(workers) as pool:
                assert [dump(one) for one in pool.map(lambda rgb, shared=shared: look(shared, rgb), made)] == alone
