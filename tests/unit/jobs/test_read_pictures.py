from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL.PngImagePlugin import PngImageFile

from domain.errors import StoreUnavailable
from domain.listing import Listing, ListingImage, Unreadable
from domain.settings import Settings
from jobs.read_pictures import read_pictures
from store.evidence import MemoryEvidence
from store.images import RGB


@pytest.fixture
def listing(shop_in: Callable[..., Any], evidence: MemoryEvidence) -> Listing:
    made: Listing = shop_in(evidence).listing("1", None)
    return made


def showing(listing: Listing, *digests: str) -> Listing:
    images = tuple(ListingImage(source=f"{n}.jpg", sha256=digest) for n, digest in enumerate(digests))
    return replace(listing, images=images)


def test_pictures_are_read_in_their_order(
    listing: Listing, evidence: MemoryEvidence, settings: Settings, draw: Callable[..., RGB], jpeg: Callable[..., bytes]
) -> None:
    digests = [evidence.write(jpeg(draw(seed, 40 + seed, 30))) for seed in (1, 2, 3)]
    pictures, unreadable = read_pictures(showing(listing, *digests), evidence, settings)
    assert [digest for digest, _ in pictures] == digests
    assert [rgb.shape for _, rgb in pictures] == [(30, 41, 3), (30, 42, 3), (30, 43, 3)]
    assert unreadable == ()


def test_a_listing_without_pictures_says_so(listing: Listing, evidence: MemoryEvidence, settings: Settings) -> None:
    pictures, (unreadable,) = read_pictures(listing, evidence, settings)
    assert pictures == []
    assert unreadable == Unreadable(what="image", source="", reason="The listing has no picture.")


def test_what_the_crawl_could_not_read_keeps_its_reason(
    listing: Listing, evidence: MemoryEvidence, settings: Settings
) -> None:
    reason = Unreadable(what="image", source="https://m/1.jpg", reason="404 Not Found")
    image = ListingImage(source="https://m/1.jpg", unreadable=reason)
    assert read_pictures(replace(listing, images=(image,)), evidence, settings) == ([], (reason,))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a JPEG"),
        (b"<html>", "not a JPEG"),
        ("cut", "truncated"),
        ("lost", "no evidence"),
        ("rotten", "hashes to"),
        ("large", "at most 1000 pixels"),
        ("heavy", "at most 100 are read"),
    ],
)
def test_one_bad_picture_does_not_hide_a_good_one(
    listing: Listing,
    evidence: MemoryEvidence,
    draw: Callable[..., RGB],
    jpeg: Callable[..., bytes],
    content: bytes | str,
    says: str,
) -> None:
    whole = jpeg(draw(1, 40, 40))
    settings = Settings(
        max_image_pixels=1000 if content == "large" else 5000, max_image_bytes=100 if content == "heavy" else 100_000
    )
    bad = "0" * 64
    if content == "cut":
        bad = evidence.write(whole[:-200])
    elif content == "rotten":
        bad = evidence.write(whole)
        evidence._contents[bad] = whole + b"!"
    elif content in ("large", "heavy"):
        bad = evidence.write(whole)
    elif isinstance(content, bytes):
        bad = evidence.write(content)
    good = evidence.write(tiny_png())
    pictures, (unreadable,) = read_pictures(showing(listing, bad, good), evidence, settings)
    assert [digest for digest, _ in pictures] == [good]
    assert (unreadable.what, unreadable.source) == ("image", "0.jpg")
    assert says in unreadable.reason


def tiny_png() -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_picture_shown_twice_is_read_once(
    listing: Listing, settings: Settings, evidence: MemoryEvidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = evidence.write(tiny_png())
    asked: list[str] = []
    read = evidence.read
    monkeypatch.setattr(evidence, "read", lambda sha256: asked.append(sha256) or read(sha256))
    pictures, unreadable = read_pictures(showing(listing, digest, digest), evidence, settings)
    assert (len(pictures), unreadable, asked) == (1, (), [digest])


def test_pictures_over_the_limit_are_named_and_not_touched(listing: Listing, evidence: MemoryEvidence) -> None:
    many = [evidence.write(tiny_png()), *("0" * 64,) * 3]
    pictures, unreadable = read_pictures(showing(listing, *many), evidence, Settings(max_listing_images=1))
    assert len(pictures) == 1
    assert [part.source for part in unreadable] == ["1.jpg", "2.jpg", "3.jpg"]
    assert all("more than 1 pictures" in part.reason for part in unreadable)


def solid_png(width: int, height: int, shade: int) -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("L", (width, height), shade).save(buffer, "PNG")
    return buffer.getvalue()


def test_pictures_of_too_many_pixels_together_are_named_and_not_decoded(
    listing: Listing, evidence: MemoryEvidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[tuple[int, int]] = []
    load = PngImageFile.load
    monkeypatch.setattr(PngImageFile, "load", lambda self: decoded.append(self.size) or load(self))
    sizes = [(30, 20), (20, 21), (20, 20), (1, 1)]
    digests = [evidence.write(solid_png(*size, shade)) for shade, size in enumerate(sizes)]
    shown = showing(listing, *digests[:3], digests[0], digests[3])
    pictures, unreadable = read_pictures(shown, evidence, Settings(max_listing_pixels=1000))
    assert [digest for digest, _ in pictures] == [digests[0], digests[2]]
    assert [(part.source, part.reason) for part in unreadable] == [
        ("1.jpg", "20 x 21 px; the pictures before it leave 400 pixels"),
        ("4.jpg", "1 x 1 px; the pictures before it leave 0 pixels"),
    ]
    assert set(decoded) == {(30, 20), (20, 20)}


def test_evidence_out_of_reach_is_no_finding_about_the_listing(listing: Listing, settings: Settings) -> None:
    class Gone(MemoryEvidence):
        def read(self, sha256: str) -> bytes:
            raise StoreUnavailable("evidence cannot be reached")

    with pytest.raises(StoreUnavailable):
        read_pictures(showing(listing, "0" * 64), Gone(), settings)
