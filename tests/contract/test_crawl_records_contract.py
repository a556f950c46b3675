"""What every implementation of `store.interfaces` promises about captures, visits and sites that said stop."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.capture import Capture, CaptureKind
from domain.errors import BadInput
from domain.visit import SiteStop, Visit
from store.interfaces import Records, SaveCount

NOW = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
LONG = "https://shop.example/?" + "q=1&" * 2000


def capture(url: str = "https://shop.example/1", body: str = "a" * 64, hours: float = 0, **changed: object) -> Capture:
    one = Capture(
        kind=CaptureKind.PAGE,
        url=url,
        final_url=url,
        captured_at=NOW + timedelta(hours=hours),
        body_sha256=body,
        size=17,
        status=200,
        warc="w.warc.gz",
        warc_offset=0,
    )
    return replace(one, **changed)  # type: ignore[arg-type]


def visit(url: str = "https://shop.example/1", **changed: object) -> Visit:
    return replace(Visit(url=url, visited_at=NOW, status=200, etag='"1"'), **changed)  # type: ignore[arg-type]


# Captures


def test_captures_come_back_oldest_first_by_their_bytes_and_by_their_address(records: Records) -> None:
    saved = [
        capture(hours=3),
        capture(hours=1),
        capture("https://shop.example/2", hours=2),
        capture(body="b" * 64, hours=4),
        capture(LONG, kind=CaptureKind.SCREENSHOT, status=None),
    ]
    assert records.save_captures(saved) == SaveCount(added=5)
    assert records.captures("a" * 64) == [saved[4], saved[1], saved[2], saved[0]]
    assert records.captures_of("https://shop.example/1") == [saved[1], saved[0], saved[3]]
    assert records.captures_of(LONG) == [saved[4]]


def test_a_capture_stands_as_it_was_first_saved(records: Records) -> None:
    first, other = capture(), capture(body="b" * 64, status=500)
    assert first.key == other.key
    assert records.save_captures([first, other]) == SaveCount(added=1, unchanged=1)
    assert records.save_captures([other]) == SaveCount(unchanged=1)
    assert records.captures_of(first.url) == [first]
    assert records.recorded_capture("b" * 64) is None
    assert records.captures("b" * 64) == []


def test_the_page_its_screenshot_and_another_time_are_captures_of_their_own(records: Records) -> None:
    saved = [capture(), capture(kind=CaptureKind.SCREENSHOT), capture(hours=1e-8), capture(hours=1)]
    assert records.save_captures(saved) == SaveCount(added=4)
    assert records.captures_of(capture().url) == saved


@pytest.mark.parametrize("without", [{"warc": "", "warc_offset": None}, {"warc_revisit": True}])
def test_bytes_are_recorded_once_a_warc_record_holds_them(records: Records, without: dict[str, object]) -> None:
    records.save_captures([replace(capture(), **without)])  # type: ignore[arg-type]
    assert records.recorded_capture("a" * 64) is None
    holding = capture(hours=1)
    records.save_captures([holding, capture(hours=2, warc_revisit=True)])
    assert records.recorded_capture("a" * 64) == holding
    assert records.recorded_capture("b" * 64) is None


@pytest.mark.parametrize("size", [0, 1, 3, 4, 7])
def test_all_captures_are_streamed_page_by_page(records: Records, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.rows.PAGE_ROWS", 3)
    saved = [capture(hours=number) for number in range(size)]
    records.save_captures(saved)
    assert sorted(records.all_captures(), key=lambda each: each.captured_at) == saved


# Visits


def test_a_visit_is_replaced_by_the_next(records: Records) -> None:
    assert records.visit("https://shop.example/1") is None
    assert records.save_visits([visit(), visit(LONG)]) == SaveCount(added=2)
    assert records.save_visits([visit()]) == SaveCount(unchanged=1)
    later = visit(status=404, visited_at=NOW + timedelta(days=1), etag="")
    assert records.save_visits([later]) == SaveCount(updated=1)
    assert records.visit("https://shop.example/1") == later
    assert later.gone
    assert records.visit(LONG) == visit(LONG)


def test_many_visits_are_found_at_once(records: Records) -> None:
    saved = [visit(f"https://shop.example/{number}") for number in range(1203)]
    assert records.save_visits(saved) == SaveCount(added=1203)
    urls = [each.url for each in saved]
    found = records.visits([*urls, "https://shop.example/none", urls[0]])
    assert found == {each.url: each for each in saved}
    assert records.visits([]) == {}


def test_the_pages_of_a_listing_are_those_that_last_offered_it(records: Records) -> None:
    mine = ("shop", "1")
    pages = [visit(f"https://shop.example/{name}", listing=mine) for name in "ba"]
    others = [visit("https://shop.example/c", listing=("other", "1")), visit("https://shop.example/d")]
    records.save_visits([*pages, *others])
    assert records.visits_of_listing("shop", "1") == [pages[1], pages[0]]
    assert records.visits_of_listing("", "") == []
    records.save_visits([replace(pages[0], listing=None)])
    assert records.visits_of_listing("shop", "1") == [pages[1]]


# Sites


def test_a_stop_stands_until_it_is_lifted(records: Records) -> None:
    first = SiteStop(host="shop.example", reason="It said 403.", stopped_at=NOW)
    records.save_site_stop(SiteStop(host="b.example:8080", reason="Asked by mail.", stopped_at=NOW, until=NOW))
    records.save_site_stop(first)
    records.save_site_stop(replace(first, reason="It said 429."))
    assert [(stop.host, stop.reason) for stop in records.site_stops()] == [
        ("b.example:8080", "Asked by mail."),
        ("shop.example", "It said 429."),
    ]
    assert records.lift_site_stop("shop.example")
    assert not records.lift_site_stop("shop.example")
    assert not records.lift_site_stop("shop\0example")
    assert [stop.host for stop in records.site_stops()] == ["b.example:8080"]


# Hostile values


@pytest.mark.parametrize("part", ["", "\0", "\ud800"])
def test_what_cannot_be_kept_is_refused_and_all_beside_it(records: Records, part: str) -> None:
    for bad in (capture(part), capture(body=part)):
        with pytest.raises(BadInput):
            records.save_captures([capture(), bad])
    with pytest.raises(BadInput):
        records.save_captures([capture(warc=f"{part}\0")])
    for unreadable in (visit(part), visit(listing=("shop", part)), visit(listing=(part, "1"))):
        with pytest.raises(BadInput):
            records.save_visits([visit(), unreadable])
    with pytest.raises(BadInput):
        records.save_site_stop(SiteStop(host=part, reason="", stopped_at=NOW))
    assert records.captures("a" * 64) == []
    assert records.visit(visit().url) is None


@pytest.mark.parametrize("part", ["", "\0", "\ud800", "x" * 9000])
def test_what_is_not_there_is_not_found_however_it_is_spelled(records: Records, part: str) -> None:
    records.save_captures([capture()])
    records.save_visits([visit(listing=("shop", "1"))])
    assert list(records.captures(part)) + list(records.captures_of(part)) == []
    assert records.recorded_capture(part) is None
    assert records.visit(part) is None
    assert records.visits([part]) == {}
    assert list(records.visits_of_listing(part, "1")) + list(records.visits_of_listing("shop", part)) == []
    assert not records.lift_site_stop(part)


texts = st.text(max_size=40)
urls = texts.filter(lambda text: text != "" and "\0" not in text)
times = st.datetimes(timezones=st.just(UTC))
digests = st.sampled_from(["a" * 64, "b" * 64])
captures = st.builds(
    Capture, kind=st.sampled_from(CaptureKind), url=urls, captured_at=times, body_sha256=digests, warc=st.just("")
)
visits = st.builds(
    Visit, url=urls, visited_at=times, etag=texts, last_modified=texts, listing=st.none() | st.tuples(urls, urls)
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(saved=st.lists(captures, max_size=5), seen=st.lists(visits, max_size=5))
def test_whatever_captures_and_visits_come_they_come_back(
    records: Records, saved: list[Capture], seen: list[Visit]
) -> None:
    known = {each.key for each in (*records.captures("a" * 64), *records.captures("b" * 64))}
    count = records.save_captures(saved)
    new = {each.key: each for each in reversed(saved) if each.key not in known}
    assert count == SaveCount(added=len(new), unchanged=len(saved) - len(new))
    for each in new.values():
        assert each in records.captures(each.body_sha256)
        assert each in records.captures_of(each.url)
    records.save_visits(seen)
    last = {each.url: each for each in seen}
    assert records.visits(last) == last
    for each in last.values():
        if each.listing is not None:
            assert each in records.visits_of_listing(*each.listing)


def test_threads_that_save_at_the_same_time_lose_nothing(records: Records) -> None:
    def crawl(name: int) -> None:
        for number in range(20):
            records.save_captures([capture(f"https://shop.example/{name}/{number}")])
            records.save_visits([visit(f"https://shop.example/{name}/{number}"), visit()])

    threads = [threading.Thread(target=crawl, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(records.captures("a" * 64)) == 80
    pages = [f"https://shop.example/{name}/{number}" for name in range(4) for number in range(20)]
    assert len(records.visits(pages)) == 80
