from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.finding.only_new import is_due
from domain.visit import Visit

NOW = datetime(2026, 5, 10, 12, 0, tzinfo=UTC)
OFFER = ("shop.example", "1")


def visit(hours_ago: float, *, status: int = 200, listing: tuple[str, str] | None = OFFER) -> Visit:
    return Visit(
        url="https://shop.example/1", visited_at=NOW - timedelta(hours=hours_ago), status=status, listing=listing
    )


def test_a_page_that_was_never_asked_for_is_due() -> None:
    assert is_due(None, NOW, 24)


@pytest.mark.parametrize(("hours_ago", "due"), [(0.0, False), (23.9, False), (24.0, True), (500.0, True)])
def test_an_offer_is_passed_over_for_a_time(hours_ago: float, due: bool) -> None:
    assert is_due(visit(hours_ago), NOW, 24) is due


def test_a_list_of_offers_is_always_due() -> None:
    assert is_due(visit(0.1, listing=None), NOW, 24)


@pytest.mark.parametrize("listing", [None, OFFER])
@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_gone_is_passed_over_too(status: int, listing: tuple[str, str] | None) -> None:
    assert not is_due(visit(1, status=status, listing=listing), NOW, 24)
    assert is_due(visit(25, status=status, listing=listing), NOW, 24)


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_an_error_is_no_answer(status: int) -> None:
    assert is_due(visit(0.1, status=status), NOW, 24)


def test_an_answer_that_was_confirmed_is_one() -> None:
    assert not is_due(visit(1, status=304), NOW, 24)


@pytest.mark.parametrize(
    ("lastmod", "due"),
    [
        (NOW - timedelta(hours=1), True),
        (NOW - timedelta(hours=3), False),
        ((NOW - timedelta(hours=1)).replace(tzinfo=None), True),
        ((NOW - timedelta(hours=3)).replace(tzinfo=None), False),
        # as written there, an hour later than here
        ((NOW - timedelta(hours=1)).astimezone(timezone(timedelta(hours=9))), True),
        # the day alone: it may have been changed at any hour of it
        (datetime(2026, 5, 10, tzinfo=UTC), True),
        (datetime(2026, 5, 9, tzinfo=UTC), False),
        # nobody knows the future
        (NOW + timedelta(days=300), False),
    ],
)
def test_the_sitemap_may_say_that_a_page_has_changed(lastmod: datetime, due: bool) -> None:
    assert is_due(visit(2), NOW, 24, lastmod) is due


def test_a_clock_that_was_set_back_hides_nothing() -> None:
    assert is_due(visit(-5), NOW, 24)


@given(st.floats(0, 1000), st.floats(0, 1000), st.sampled_from([200, 304, 404, 500]))
def test_what_is_due_stays_due(hours_ago: float, longer: float, status: int) -> None:
    if is_due(visit(hours_ago, status=status), NOW, 24):
        assert is_due(visit(hours_ago + longer, status=status), NOW, 24)
