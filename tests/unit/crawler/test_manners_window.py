"""When sites are crawled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.manners.window import ALWAYS, parse_window
from domain.errors import BadInput

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

moments = st.integers(0, 10**15).map(lambda number: MONDAY + timedelta(microseconds=number))
minutes = st.integers(0, 24 * 60 - 1)


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def at(day: int, time: str) -> datetime:
    return MONDAY + timedelta(days=day, hours=int(time[:2]), minutes=int(time[3:]))


@pytest.mark.parametrize(
    ("text", "opened", "closed"),
    [
        ("22:00-06:00", [(0, "22:00"), (1, "05:59"), (6, "23:59"), (0, "00:00")], [(0, "06:00"), (3, "21:59")]),
        ("Mon-Fri 20:00-23:59", [(0, "20:00"), (4, "23:58")], [(5, "20:00"), (0, "19:59"), (0, "23:59")]),
        ("Sun 22:00-06:00", [(6, "22:00"), (7, "05:59"), (0, "00:00")], [(0, "22:00"), (6, "05:00"), (0, "06:00")]),
        ("Sat-Mon 00:00-24:00", [(5, "00:00"), (6, "23:59"), (0, "12:00")], [(1, "00:00"), (4, "23:59")]),
        ("01:00-02:00, sat 10:00 - 11:00", [(2, "01:30"), (5, "10:30")], [(4, "10:30"), (5, "02:00")]),
        ("", [(0, "00:00"), (6, "23:59")], []),
    ],
)
def test_windows(text: str, opened: list[tuple[int, str]], closed: list[tuple[int, str]]) -> None:
    window = parse_window(text)
    assert [moment for moment in opened if not window.is_open(at(*moment))] == []
    assert [moment for moment in closed if window.is_open(at(*moment))] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("22-6", "'22-6' is no window"),
        ("25:00-26:00", "'25:00' is no time"),
        ("24:00-06:00", "'24:00' is no time"),
        ("10:00-10:61", "'10:61' is no time"),
        ("10:00-10:00", "ends when it begins"),
        ("00:00-00:00", "ends when it begins"),
        ("Mo 10:00-11:00", "is no window"),
        ("10:00-11:00,", "'' is no window"),
        ("10:00-11:00 UTC", "is no window"),
        ("Mon,Tue 10:00-11:00", "'Mon' is no window"),
        ("1٠:00-11:00", "is no window"),
        ("x" * 1001, "1001 characters"),
    ],
)
def test_what_is_no_window(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        parse_window(text)


@given(minutes, minutes, moments)
def test_a_window_of_every_day(start: int, end: int, moment: datetime) -> None:
    if start == end:
        return
    window = parse_window(f"{clock(start)}-{clock(end)}")
    minute = moment.hour * 60 + moment.minute
    assert window.is_open(moment) == (start <= minute < end if start < end else not end <= minute < start)


@given(st.integers(0, 6), minutes, minutes, moments)
def test_it_opens_when_it_says(day: int, start: int, end: int, moment: datetime) -> None:
    if start == end:
        return
    window = parse_window(f"{DAYS[day]} {clock(start)}-{clock(end)}")
    opens = window.opens_at(moment)
    assert window.is_open(opens)
    assert moment <= opens <= moment + timedelta(days=7)
    if not window.is_open(moment):
        assert (opens.weekday(), opens.hour * 60 + opens.minute, opens.second) == (day, start, 0)
        assert not window.is_open(opens - timedelta(microseconds=1))
    else:
        assert opens == moment


@given(moments)
def test_whole_days_are_always(moment: datetime) -> None:
    for text in ("00:00-24:00", "Mon-Sun 00:00-24:00", "00:00-12:00,12:00-24:00", "06:00-05:00,04:00-07:00"):
        assert parse_window(text).is_open(moment)
        assert parse_window(text) == ALWAYS


@given(moments, st.integers(-12, 12))
def test_time_zones_tell_the_same(moment: datetime, hours: int) -> None:
    window = parse_window("Tue 22:00-06:00")
    elsewhere = moment.astimezone(timezone(timedelta(hours=hours)))
    assert window.is_open(elsewhere) == window.is_open(moment)
    assert window.opens_at(elsewhere) == window.opens_at(moment)


def test_a_moment_without_a_time_zone_is_no_moment() -> None:
    with pytest.raises(ValueError, match="two ways"):
        ALWAYS.is_open(datetime(2026, 3, 2))  # noqa: DTZ001
