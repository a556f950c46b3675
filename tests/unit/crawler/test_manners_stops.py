"""When a site says stop, and what does not say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.manners.robots import RobotsWish
from crawler.manners.stops import LONGEST_PAUSE, SiteWatch, is_in_force
from domain.visit import SiteStop

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> SiteWatch:
    return SiteWatch(clock)


def page(number: int, host: str = "shop.example") -> str:
    return f"https://{host}/item/{number}"


def refusals(watch: SiteWatch, status: int, count: int, first: int = 0, **headers: str) -> list[SiteStop | None]:
    return [watch.observe(page(first + number), status, headers) for number in range(count)]


def stopped(**changes: object) -> SiteStop:
    values = {"host": "shop.example", "reason": "said so", "stopped_at": START - HOUR, "until": START}
    return SiteStop(**values | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [401, 403])
def test_eight_pages_refused_in_a_row_are_a_stop(watch: SiteWatch, status: int) -> None:
    assert watch.observe(page(0), 200, {}) is None
    *before, stop = refusals(watch, status, 8)
    assert before == [None] * 7
    assert stop == SiteStop(
        host="shop.example",
        reason=f"refused 8 pages in a row ({status})",
        stopped_at=START,
        until=START + HOUR,
    )
    assert watch.stop_of("shop.example") == stop
    assert watch.stop_of("other.example") is None
    assert watch.observe(page(99), status, {}) is None, "told once"


def test_a_site_that_never_gave_a_page_stops_sooner(watch: SiteWatch) -> None:
    assert [bool(stop) for stop in refusals(watch, 403, 3)] == [False, False, True]


def test_what_a_site_said_to_others_holds_here(watch: SiteWatch, clock: Clock) -> None:
    watch.observe(page(0), 200, {})
    said = [
        stopped(until=START + HOUR),
        stopped(host="over.example"),
        stopped(host="never.example", until=None),
    ]
    assert watch.hear(said) == [said[0]], "told of sites that this crawl has asked"
    assert (watch.stop_of("shop.example"), watch.stop_of("never.example")) == (said[0], said[2])
    assert watch.stop_of("over.example") is None
    assert watch.hear(said) == [], "told once"
    assert watch.observe(page(1), 451, {}) is None
    clock.now += HOUR
    assert watch.stop_of("shop.example") is None
    last = [stop for stop in refusals(watch, 403, 8) if stop]
    assert [stop.until for stop in last] == [clock.now + 4 * 2 * HOUR], "longer than the one that others heard of"
    assert watch.hear([stopped(until=None)]) == []
    assert watch.stop_of("shop.example") == last[0], "what it said to us stands"


def test_a_robots_txt_is_no_page(watch: SiteWatch) -> None:
    assert watch.observe("https://shop.example/robots.txt", 200, {}) is None
    assert [bool(stop) for stop in refusals(watch, 403, 3)] == [False, False, True]


@pytest.mark.parametrize("good", [200, 204, 301, 304, 404, 410])
def test_any_answer_in_between_begins_anew(watch: SiteWatch, good: int) -> None:
    for round_ in range(5):
        assert refusals(watch, 403, 2 if round_ == 0 else 7) == [None] * (2 if round_ == 0 else 7)
        assert watch.observe(page(100), good, {}) is None


@pytest.mark.parametrize("status", [401, 403, 429, 451, 500, 502, 503, 504, 404])
def test_one_page_that_fails_is_no_stop(watch: SiteWatch, clock: Clock, status: int) -> None:
    for _ in range(50):
        assert watch.observe(page(1), status, {}) is None
        clock.now += timedelta(minutes=11)


def test_sites_do_not_answer_for_each_other(watch: SiteWatch) -> None:
    for number in range(20):
        assert watch.observe(page(number, f"{number}.example"), 403, {}) is None


def test_451_of_one_page_is_that_page(watch: SiteWatch) -> None:
    assert watch.observe(page(1), 451, {}) is None
    assert watch.observe(page(2), 200, {}) is None
    assert watch.observe(page(3), 451, {}) is None
    stop = watch.observe(page(4), 451, {})
    assert stop
    assert stop.until is None
    assert is_in_force(stop, START + timedelta(days=9999))


@pytest.mark.parametrize("path", ["", "/", "/robots.txt"])
def test_451_of_the_front_page_is_the_site(watch: SiteWatch, path: str) -> None:
    stop = watch.observe(f"https://shop.example{path}", 451, {})
    assert stop
    assert "451" in stop.reason


def test_a_challenge_is_a_stop_at_once_and_until_a_person_lifts_it(watch: SiteWatch) -> None:
    assert watch.observe(page(0), 200, {}) is None
    stop = watch.observe(page(1), 403, {"cf-mitigated": "challenge"})
    assert stop
    assert (stop.reason, stop.until) == ("asked whether a person is reading (Cloudflare)", None)


def test_what_only_looks_like_a_challenge_must_come_three_times(watch: SiteWatch) -> None:
    body = b'<form action="/errors/validateCaptcha">'
    for _ in range(5):
        assert watch.observe(page(1), 200, {}, body) is None, "one page, as often as it comes"
    assert watch.observe(page(2), 200, {}, b"<h1>an offer</h1>") is None
    assert [bool(watch.observe(page(n), 200, {}, body)) for n in (3, 4, 5)] == [False, False, True]


def test_429_pauses_longer_and_longer_and_then_stops(watch: SiteWatch, clock: Clock) -> None:
    waits = []
    for number in range(3):
        assert watch.observe(page(number), 429, {}) is None
        until = watch.paused_until("shop.example")
        assert until
        waits.append((until - clock.now).total_seconds())
        clock.now = until
        assert watch.paused_until("shop.example") is None
    assert waits == [30, 60, 120]
    stop = watch.observe(page(3), 429, {})
    assert stop
    assert stop.reason == "answered 429 again after 3 pauses"


def test_what_was_asked_before_a_pause_does_not_count(watch: SiteWatch) -> None:
    assert refusals(watch, 429, 16) == [None] * 16
    assert watch.paused_until("shop.example") == START + timedelta(seconds=30)
    assert watch.slowed_s("shop.example") == 1


def test_each_429_slows_the_site_down_for_good(watch: SiteWatch, clock: Clock) -> None:
    delays = []
    for number in range(9):
        watch.observe(page(number), 429, {})
        watch.observe(page(100 + number), 200, {})
        delays.append(watch.slowed_s("shop.example"))
        clock.now += HOUR
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert watch.slowed_s("other.example") == 0


def test_503_of_four_pages_in_a_row_is_the_site(watch: SiteWatch, clock: Clock) -> None:
    for _ in range(9):
        assert refusals(watch, 503, 3) == [None] * 3
        assert watch.observe(page(9), 200, {}) is None
    assert watch.paused_until("shop.example") is None
    assert refusals(watch, 503, 4) == [None] * 4
    assert watch.paused_until("shop.example") == START + timedelta(seconds=30)
    assert watch.slowed_s("shop.example") == 0
    said = []
    while not said or said[-1] is None:
        clock.now = watch.paused_until("shop.example") or clock.now
        said.append(watch.observe(page(5), 503, {}))
    assert len(said) == 3
    assert said[-1]


@pytest.mark.parametrize("text", ["120", "Mon, 02 Mar 2026 12:02:00 GMT"])
def test_retry_after_is_kept(watch: SiteWatch, text: str) -> None:
    assert watch.observe(page(0), 429, {"retry-after": text}) is None
    assert watch.paused_until("shop.example") == START + timedelta(minutes=2)
    assert watch.observe(page(1), 429, {"retry-after": "300"}) is None
    assert watch.paused_until("shop.example") == START + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("7200", START + 2 * HOUR),
        ("999999999", START + timedelta(days=30)),
        ("Mon, 02 Mar 2026 15:00:00 GMT", START + 3 * HOUR),
    ],
)
def test_a_long_retry_after_is_a_stop(watch: SiteWatch, text: str, until: datetime) -> None:
    stop = watch.observe(page(0), 429, {"retry-after": text})
    assert stop
    assert stop.until == until
    assert "asked to be left alone for" in stop.reason


def test_a_stop_that_follows_another_lasts_longer(clock: Clock) -> None:
    earlier, lasted = stopped(), []
    for _ in range(6):
        watch = SiteWatch(clock, [earlier])
        stop = refusals(watch, 403, 3)[-1]
        assert stop
        assert stop.until
        lasted.append(stop.until - stop.stopped_at)
        earlier, clock.now = stop, stop.until
    assert lasted == [4 * HOUR, 16 * HOUR, 64 * HOUR, *[timedelta(days=7)] * 3]


def test_a_stop_that_is_long_over_is_forgotten(clock: Clock) -> None:
    over = stopped(stopped_at=START - timedelta(days=9), until=START - timedelta(days=8))
    stop = refusals(SiteWatch(clock, [over]), 403, 3)[-1]
    assert stop
    assert stop.until == START + HOUR


def test_a_stop_of_an_earlier_crawl_holds_until_it_is_over(clock: Clock) -> None:
    watch = SiteWatch(clock, [stopped(until=START + HOUR)])
    assert watch.stop_of("shop.example")
    assert watch.observe("https://shop.example/", 451, {}) is None
    clock.now += HOUR
    assert watch.stop_of("shop.example") is None


def test_a_robots_txt_that_forbids_all_is_a_stop_for_a_day(watch: SiteWatch) -> None:
    stop = watch.heard_robots("https://shop.example/robots.txt", RobotsWish(forbids_all=True))
    assert stop
    assert stop.until == START + timedelta(days=1)
    assert watch.heard_robots("https://shop.example/robots.txt", RobotsWish(forbids_all=True)) is None


def test_a_crawl_delay_is_kept_or_is_a_stop(watch: SiteWatch) -> None:
    assert watch.heard_robots("https://shop.example/robots.txt", RobotsWish(delay_s=300)) is None
    assert watch.wished_delay_s("shop.example") == 300
    stop = watch.heard_robots("https://slow.example/robots.txt", RobotsWish(delay_s=86400))
    assert stop
    assert stop.reason == "its robots.txt asks for 86400 s between requests"


def test_a_reservation_is_no_stop_but_is_remembered(watch: SiteWatch) -> None:
    for number in range(20):
        assert watch.observe(page(number), 200, {"tdm-reservation": "1", "x-robots-tag": "noai"}) is None
    assert watch.reservations == {"shop.example": {"tdm-reservation", "noai"}}


answers = st.tuples(
    st.integers(0, 3), st.sampled_from([200, 302, 403, 404, 429, 451, 500, 503]), st.sampled_from(["", "5", "4000"])
)


@given(st.lists(answers, max_size=60))
def test_whatever_comes(sequence: list[tuple[int, int, str]]) -> None:
    clock = Clock()
    watch = SiteWatch(clock)
    for number, status, after in sequence:
        stop = watch.observe(page(number), status, {"retry-after": after})
        paused = watch.paused_until("shop.example")
        assert paused is None or clock.now < paused <= clock.now + LONGEST_PAUSE
        if stop:
            assert status not in (200, 302, 404, 500)
            assert stop == watch.stop_of("shop.example")
            assert stop.until is None or stop.until > clock.now
        clock.now += timedelta(seconds=20)
