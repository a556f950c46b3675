"""A listing in, its assessment out: the same as the jobs compute."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from domain.assessment import SignalName
from domain.codec import dump
from domain.listing import ListingImage
from jobs.intake.listing_row import draft_listing
from jobs.read_pictures import ListingDecoder
from serving.wire import assessment_body
from store.evidence import MemoryEvidence


def computed(service: Any, listing: dict[str, Any], contents: list[tuple[str, bytes]]) -> dict[str, Any]:
    draft, _ = draft_listing(listing)
    assert draft is not None
    evidence = MemoryEvidence()
    images = tuple(ListingImage(source=name, sha256=evidence.write(content)) for name, content in contents)
    fields = {name: getattr(draft.listing, name) for name in draft.listing.__slots__}
    whole = type(draft.listing)(**fields | {"images": images})
    return dump(service.scorer.get().score(whole, evidence).assessment)


def test_files_give_the_assessment_that_the_scorer_gives(
    service: Any, listing: dict[str, Any], draw: Callable[..., bytes]
) -> None:
    answer = service.send(listing, ("front.jpg", draw(1)), ("back.png", draw(2, format="PNG")))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == computed(service, listing, [("front.jpg", draw(1)), ("back.png", draw(2, format="PNG"))])
    copied = next(s for s in answer.json()["signals"] if s["name"] == SignalName.COPIED_PHOTO)
    assert copied["reference_id"] in ("P1", "P2")


def test_urls_and_files_give_the_same_verdict(
    service: Any, listing: dict[str, Any], draw: Callable[..., bytes], pictures: Any
) -> None:
    url = pictures.put("/one.jpg", draw(1))
    by_url = service.score(listing | {"images": [url, f" {url} "]})
    assert by_url.status_code == 200, by_url.text
    assert pictures.asked == ["/one.jpg"]
    assert by_url.json() == service.send(listing, ("one.jpg", draw(1))).json()
    assert by_url.json() == computed(service, listing, [(url, draw(1))])


def test_each_picture_is_decoded_once(
    service: Any, listing: dict[str, Any], draw: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    decode = ListingDecoder.decode
    monkeypatch.setattr(ListingDecoder, "decode", lambda self, content: read.append(1) or decode(self, content))
    twice = [("a.jpg", draw(1)), ("b.jpg", draw(1)), ("c.png", draw(2, format="PNG"))]
    assert service.send(listing, *twice).status_code == 200
    assert len(read) == 2
    monkeypatch.undo()
    assert service.send(listing, *twice).json() == computed(service, listing, twice)


def test_names_in_the_listing_are_labels_and_never_read(
    service: Any, listing: dict[str, Any], draw: Callable[..., bytes]
) -> None:
    named = listing | {"images": ["/etc/passwd"]}
    answer = service.send(named, ("../../etc/shadow", draw(1)))
    assert answer.status_code == 200
    assert answer.json() == service.send(listing, ("one.jpg", draw(1))).json()


def test_a_listing_may_come_as_a_file_too(service: Any, listing: dict[str, Any], draw: Callable[..., bytes]) -> None:
    files = [("listing", ("l.json", json.dumps(listing).encode())), ("images", ("one.jpg", draw(1)))]
    assert service.client.post("/v1/score", files=files).json() == service.send(listing, ("one.jpg", draw(1))).json()


def test_a_listing_without_pictures_is_scored_and_says_so(service: Any, listing: dict[str, Any]) -> None:
    for answer in (service.score(listing), service.send(listing)):
        assert answer.status_code == 200
        assert answer.json()["unreadable"] == [{"what": "image", "source": "", "reason": "The listing has no picture."}]
        assert SignalName.COPIED_PHOTO not in [signal["name"] for signal in answer.json()["signals"]]


def test_nothing_of_a_request_is_stored(service: Any, listing: dict[str, Any], draw: Callable[..., bytes]) -> None:
    before = sorted(path for path in service.settings.home.rglob("*") if path.is_file() and path.suffix != ".db-wal")
    assert service.send(listing, ("own.jpg", draw(77))).status_code == 200
    after = sorted(path for path in service.settings.home.rglob("*") if path.is_file() and path.suffix != ".db-wal")
    assert (after, service.work.records.count_listings()) == (before, 0)


def test_the_wire_says_what_the_domain_says(service: Any, listing: dict[str, Any], draw: Callable[..., bytes]) -> None:
    draft, _ = draft_listing(listing | {"price": "free"})
    assert draft is not None
    assessment = service.scorer.get().score(draft.listing, MemoryEvidence()).assessment
    assert assessment.unreadable
    assert assessment.signals
    assert assessment_body(assessment).model_dump(mode="json") == dump(assessment)
