"""Whose page is read next. Hosts take turns, and pages that take long are read beside the others, not before them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(eq=False, kw_only=True, slots=True)
class _Turn:
    host: str
    given: asyncio.Future[None]
    long: bool = False
    began: float = 0.0


class Turns:
    """Shares readers among hosts. Lives on the event loop.

    Hosts whose pages take longer than `long_s`, on average with the last ones counting most, have half of the readers
    at most, all of these hosts together, whether others wait or not: a reader that they hold comes back late. Where
    there is one reader, they have half of its time: after each of their pages they wait for as long as that took.
    """

    def __init__(self, readers: int, *, long_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self._free, self._alone, self._most_long = readers, readers == 1, max(1, readers // 2)
        self._long_s, self._clock = long_s, clock
        self._waiting: dict[str, deque[_Turn]] = {}
        """By host; the host that waits for its turn longest is first."""
        self._average_s: dict[str, float] = {}
        """Of hosts whose pages take more than the shortest of times: the others need no memory."""
        self._long_now = 0
        """How many pages of such hosts are being read, the one after which the only reader is kept from them too."""

    def takes_long(self, host: str) -> bool:
        """Whether this host's last pages took long."""
        return self._average_s.get(host, 0.0) > self._long_s

    @asynccontextmanager
    async def of(self, host: str) -> AsyncIterator[None]:
        """Have a reader inside, as soon as it is this host's turn."""
        turn = _Turn(host=host, given=asyncio.get_running_loop().create_future())
        self._waiting.setdefault(host, deque()).append(turn)
        self._give()
        try:
            await turn.given
            yield
        finally:
            if turn.given.done() and not turn.given.cancelled():
                self._end(turn)

    def _give(self) -> None:
        while self._free and (turn := self._next()):
            turn.long, turn.began = self.takes_long(turn.host), self._clock()
            self._free -= 1
            self._long_now += turn.long
            turn.given.set_result(None)

    def _next(self) -> _Turn | None:
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

    def _end(self, turn: _Turn) -> None:
        took_s = self._clock() - turn.began
        average = (self._average_s.pop(turn.host, 0.0) + took_s) / 2
        if average > self._long_s / 8:
            self._average_s[turn.host] = average
        self._free += 1
        if turn.long and self._alone:
            asyncio.get_running_loop().call_later(took_s, self._rested)
        else:
            self._long_now -= turn.long
        self._give()

    def _rested(self) -> None:
        self._long_now -= 1
        self._give()
