"""Which failures pass by themselves, and when to ask again. The frontier does the waiting."""

from __future__ import annotations

import random

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost

PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504, 522, 524})
"""Statuses of servers that may answer better later; 522 and 524 are Cloudflare's of a server that it cannot reach."""

LONGEST_WAIT_S = 3600.0
"""A server that wants to be left alone for longer is not asked again for this page in this crawl."""

_FIRST_WAIT_S = 2.0
_LONGEST_BACK_OFF_S = 300.0
_PASSING_ERRORS = (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
    ConnectError,
    ConnectionDone,
    ConnectionLost,
)


def is_passing(*, status: int | None = None, error: BaseException | None = None) -> bool:
    """Whether a failure may pass by itself: by its HTTP status, or by the error where no answer came.

    What we refuse ourselves, and an answer with more bytes than allowed, would be the same the next time.
    """
    if status is not None:
        return status in PASSING_STATUSES
    return isinstance(error, _PASSING_ERRORS) and not isinstance(error, IgnoreRequest)


class Retries:
    """When to ask again: exponential back-off with full jitter, and never sooner than the server says.

    Full jitter (a wait drawn evenly from zero to the exponential bound) spreads requests that failed together better
    than a jitter around that bound; see "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. Equal seeds draw
    equal waits.
    """

    def __init__(self, most: int, *, seed: int = 0) -> None:
        self._most, self._draw = most, random.Random(seed)

    def retry_at(
        self,
        *,
        attempts: int,
        now: float,
        status: int | None = None,
        error: BaseException | None = None,
        retry_after: float | None = None,
    ) -> float | None:
        """When to ask again, in seconds of the epoch like `now`; None to give up.

        `attempts` counts the failures before this one; `retry_after` is what the answer asked for, in seconds.
        """
        if attempts >= self._most or not is_passing(status=status, error=error):
            return None
        least = retry_after or 0.0
        if least > LONGEST_WAIT_S:
            return None
        bound = min(_LONGEST_BACK_OFF_S, _FIRST_WAIT_S * 2.0 ** min(attempts, 32))
        return now + least + self._draw.uniform(0.0, bound)
