"""Whose page is read next. Hosts take turns, and pages that take long are read beside the others, not before them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(eq=False, kw_only=True, slots=True)
class Turn:
    """One page's."""

    host: str
    given: asyncio.Future[None]
    long: bool = False
    """Whether it was given to a host whose pages take long."""
    began: float = 0.0
    took_s: float | None = None
    """What it cost the reader, as who had the turn says; else the time from its beginning to its end counts."""


class Turns:
    """Shares readers among hosts. Lives on the event loop.

    Hosts whose pages take longer than `long_s`, on average with the last ones counting most, have half of the readers
    at most, all of these hosts together, whether others wait or not: a reader that they hold comes back late. After a
    page that took long they wait for as long as that took: a reader that had to be ended has begun again by then, and
    a reader that is the only one is free for others half of the time.
    """

    def __init__(
        self, readers: int, *, ahead: int = 0, long_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`ahead` turns are given beside those that readers are at, so that none waits for its next page.

        `clock` counts seconds.
        """
        self._free, self._most_long = readers + ahead, max(1, readers // 2)
        self._long_s, self._clock = long_s, clock
        self._waiting: dict[str, deque[Turn]] = {}
        """By host; the host that waits for its turn longest is first."""
        self._average_s: dict[str, float] = {}
        """Of hosts whose pages take more than the shortest of times: the others need no memory."""
        self._long_now = 0
        """How many pages of such hosts are being read, or are waited after."""

    def takes_long(self, host: str) -> bool:
        """Whether this host's last pages took long."""
        return self._average_s.get(host, 0.0) > self._long_s

    @asynccontextmanager
    async def of(self, host: str) -> AsyncIterator[Turn]:
        """Have a reader inside, as soon as it is this host's turn."""
        turn = Turn(host=host, given=asyncio.get_running_loop().create_future())
        self._waiting.setdefault(host, deque()).append(turn)
        self._give()
        try:
            await turn.given
            yield turn
        finally:
            if turn.given.done() and not turn.given.cancelled():
                self._end(turn)

    def _give(self) -> None:
        while self._free and (turn := self._next()):
            turn.long, turn.began = self.takes_long(turn.host), self._clock()
            self._free -= 1
            self._long_now += turn.long
            turn.given.set_result(None)

    def _next(self) -> Turn | None:
        for host in list(self._waiting):
            if self.takes_long(host) and self._long_now >= self._most_long:
                continue
            turns = self._waiting.pop(host)
            while turns and turns[0].given.done():
                turns.popleft()  # cancelled while it waited
            if turns:
                turn = turns.popleft()
                if turns:
                    self._waiting[host] = turns  # behind the others
                return turn
        return None

    def _end(self, turn: Turn) -> None:
        took_s = self._clock() - turn.began if turn.took_s is None else turn.took_s
        average = (self._average_s.pop(turn.host, 0.0) + took_s) / 2
        if average > self._long_s / 8:
            self._average_s[turn.host] = average
        self._free += 1
        self._long_now -= turn.long
        if took_s > self._long_s:
            self._long_now += 1
            asyncio.get_running_loop().call_later(took_s, self._rested)
        self._give()

    def _rested(self) -> None:
        self._long_now -= 1
        self._give()
