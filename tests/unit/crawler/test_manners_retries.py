"""What is asked for again, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from twisted.internet.error import ConnectionLost

from crawler.manners.retries import LONGEST_WAIT_S, PASSING_STATUSES, Retries, is_passing

NOW = 1_000_000.0
ERRORS = [
    DownloadTimeoutError(),
    DownloadFailedError(),
    ResponseDataLossError(),
    ConnectionLost(),
    CannotResolveHostError(),
]


@pytest.mark.parametrize("status", sorted(PASSING_STATUSES))
def test_statuses_that_pass(status: int) -> None:
    assert Retries(1).retry_at(attempts=0, now=NOW, status=status) is not None


@pytest.mark.parametrize("status", [200, 304, 400, 401, 403, 404, 410, 451, 501, 505])
def test_statuses_that_stay(status: int) -> None:
    assert Retries(9).retry_at(attempts=0, now=NOW, status=status) is None


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_that_pass(error: Exception) -> None:
    assert is_passing(error=error)


@pytest.mark.parametrize("error", [DownloadCancelledError(), IgnoreRequest("private"), ValueError(), None], ids=repr)
def test_errors_that_stay(error: Exception | None) -> None:
    assert not is_passing(error=error)


@given(st.integers(0, 200), st.integers(0, 9))
def test_waits_grow_to_a_bound(attempts: int, seed: int) -> None:
    at = Retries(1000, seed=seed).retry_at(attempts=attempts, now=NOW, status=503)
    assert at is not None
    assert 0 <= at - NOW <= min(300.0, 2.0 * 2**attempts)


def test_the_jitter_is_full() -> None:
    retries = Retries(9)
    waits = [(retries.retry_at(attempts=4, now=NOW, status=500) or 0) - NOW for _ in range(2000)]
    for quarter in range(4):
        share = sum(8 * quarter <= wait < 8 * (quarter + 1) for wait in waits) / len(waits)
        assert 0.2 < share < 0.3


def test_equal_seeds_draw_equal_waits() -> None:
    def waits(seed: int) -> list[float | None]:
        retries = Retries(9, seed=seed)
        return [retries.retry_at(attempts=n, now=NOW, status=500) for n in range(5)]

    assert waits(1) == waits(1) != waits(2)


@given(st.floats(0, LONGEST_WAIT_S))
def test_never_sooner_than_the_server_says(seconds: float) -> None:
    at = Retries(3).retry_at(attempts=0, now=NOW, status=429, retry_after=seconds)
    assert at is not None
    assert at >= NOW + seconds


def test_a_server_that_wants_hours_is_not_asked_again() -> None:
    assert Retries(3).retry_at(attempts=0, now=NOW, status=503, retry_after=LONGEST_WAIT_S + 1) is None


def test_attempts_are_bounded() -> None:
    retries = Retries(3)
    given_up = [retries.retry_at(attempts=n, now=NOW, status=500) is None for n in range(5)]
    assert given_up == [False, False, False, True, True]
    assert Retries(0).retry_at(attempts=0, now=NOW, status=500) is None
