"""Copies of a drawn catalog photo whose logo was taken out; what is said of them, and what is remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import pytest

from domain.errors import NotFound
from domain.match import Alteration, PhotoMatch
from index.logo_matcher import LogoMatcher
from index.logo_regions import intersection_over_union
from jobs.hidden_logo_search import HiddenLogoSearch
from scoring.examples import HOLDER, OTHER_HOLDER, copied
from store.images import RGB, RGBA

WIDTH, HEIGHT = 600, 800
BOX = (200, 400, 400, 550)
PICTURE = "d" * 64
SHOWS, SHOWS_TOO, SHOWS_NOTHING, LOST = "1" * 64, "2" * 64, "3" * 64, "4" * 64


class Shelf:
    """Catalog photos by digest, and what was read of them."""

    def __init__(self, photos: dict[str, RGB]) -> None:
        self.photos, self.read = photos, list[str]()

    def __call__(self, sha256: str) -> RGB:
        self.read.append(sha256)
        if sha256 not in self.photos:
            raise NotFound(sha256)
        return self.photos[sha256]


def with_logo(photo: RGB, logo: RGBA) -> RGB:
    left, top, right, bottom = BOX
    shown = photo.copy()
    shown[top:bottom, left:right] = logo[:, :, :3]
    return shown


def without_logo(photo: RGB, *, black: bool) -> RGB:
    left, top, right, bottom = BOX
    taken_out = photo.copy()
    part = taken_out[top:bottom, left:right]
    taken_out[top:bottom, left:right] = 0 if black else cv2.GaussianBlur(part, (0, 0), 25)
    return taken_out


def copy_of(sha256: str, holder: str = HOLDER) -> PhotoMatch:
    """The whole of a picture is a copy of the whole catalog photo."""
    corners = ((0.0, 0.0), (WIDTH, 0.0), (WIDTH, HEIGHT), (0.0, HEIGHT))
    (photo,) = copied().photos
    return replace(photo, image_sha256=PICTURE, reference_sha256=sha256, rights_holder=holder, outline=corners)


@pytest.fixture
def shelf(draw: Callable[..., RGB], drawn_logos: dict[str, RGBA]) -> Shelf:
    own = drawn_logos[HOLDER]
    return Shelf(
        {
            SHOWS: with_logo(draw(1, WIDTH, HEIGHT), own),
            SHOWS_TOO: with_logo(draw(2, WIDTH, HEIGHT), own),
            SHOWS_NOTHING: draw(3, WIDTH, HEIGHT),
        }
    )


@pytest.fixture
def search(logo_matcher: LogoMatcher, shelf: Shelf) -> HiddenLogoSearch:
    return HiddenLogoSearch(matcher=logo_matcher, read_image=shelf)


@pytest.mark.parametrize(("black", "kind"), [(True, Alteration.COVERED), (False, Alteration.BLURRED)])
def test_a_hidden_logo_is_said_to_be_hidden_and_nothing_of_it_was_seen(
    search: HiddenLogoSearch, shelf: Shelf, black: bool, kind: Alteration
) -> None:
    copy = without_logo(shelf.photos[SHOWS], black=black)
    (found,) = search.search([(PICTURE, copy)], [copy_of(SHOWS)])
    assert found.hidden
    assert (found.similarity, found.inliers, found.text, found.text_score) == (0.0, 0, "", 0.0)
    assert (found.image_sha256, found.rights_holder) == (PICTURE, HOLDER)
    assert [alteration.kind for alteration in found.alterations] == [kind]
    assert found.probability >= 0.5
    assert intersection_over_union(found.box, tuple(map(float, BOX))) > 0.5  # type: ignore[arg-type]


def test_a_copy_that_shows_the_logo_or_of_anothers_photo_or_of_a_lost_one_hides_nothing(
    search: HiddenLogoSearch, shelf: Shelf
) -> None:
    hides = without_logo(shelf.photos[SHOWS], black=True)
    assert search.search([(PICTURE, shelf.photos[SHOWS])], [copy_of(SHOWS)]) == ()
    assert search.search([(PICTURE, hides)], [copy_of(SHOWS, OTHER_HOLDER)]) == ()
    assert search.search([(PICTURE, hides)], [copy_of(LOST)]) == ()
    assert search.search([(PICTURE, hides)], []) == ()
    assert search.search([], [copy_of(SHOWS)]) == ()


def test_a_photo_is_looked_at_once_also_by_threads_that_want_it_at_once(search: HiddenLogoSearch, shelf: Shelf) -> None:
    copy, start = without_logo(shelf.photos[SHOWS], black=True), threading.Barrier(4)

    def found(_: int) -> int:
        start.wait()
        return len(search.search([(PICTURE, copy)], [copy_of(SHOWS)]))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(found, range(4))) == [1] * 4
    assert shelf.read == [SHOWS]


def test_a_look_that_failed_is_taken_again(logo_matcher: LogoMatcher, shelf: Shelf) -> None:
    down = [True]

    def read(sha256: str) -> RGB:
        if down.pop() if down else False:
            raise OSError("the store is away")
        return shelf(sha256)

    search = HiddenLogoSearch(matcher=logo_matcher, read_image=read)
    pictures = [(PICTURE, without_logo(shelf.photos[SHOWS], black=True))]
    with pytest.raises(OSError, match="away"):
        search.search(pictures, [copy_of(SHOWS)])
    assert len(search.search(pictures, [copy_of(SHOWS)])) == 1


def test_pixels_are_kept_only_of_photos_that_show_a_logo_and_of_no_more_than_fit(
    logo_matcher: LogoMatcher, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = [(PICTURE, np.zeros((HEIGHT, WIDTH, 3), np.uint8))]
    room_for_one = shelf.photos[SHOWS].nbytes * 3 // 2
    monkeypatch.setattr("jobs.hidden_logo_search.REMEMBERED_BYTES", room_for_one)
    search = HiddenLogoSearch(matcher=logo_matcher, read_image=shelf)
    for sha256 in (SHOWS, SHOWS_NOTHING, LOST, SHOWS, SHOWS_NOTHING, LOST):
        search.search(picture, [copy_of(sha256)])
    assert shelf.read == [SHOWS, SHOWS_NOTHING, LOST]
    for sha256 in (SHOWS_TOO, SHOWS_NOTHING, LOST, SHOWS_TOO, SHOWS):
        search.search(picture, [copy_of(sha256)])
    assert shelf.read[3:] == [SHOWS_TOO, SHOWS]
