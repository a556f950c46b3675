from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crawler.turns import Turns

LONG, SHORT = 8.0, 0.1


class Desk:
    """Pages that wait for readers, and are read when the test says so. Time passes for the page that ends."""

    def __init__(self, readers: int) -> None:
        self._took = 0.0
        self.turns = Turns(readers, long_s=1.0, clock=self._clock)
        self.read: list[str] = []
        """Hosts of the pages that are being read."""
        self._ends: list[tuple[str, asyncio.Event]] = []
        self._waiting: Counter[str] = Counter()
        self.tasks: list[asyncio.Task[None]] = []
        self.rests: list[tuple[float, Callable[[], None]]] = []
        """What is to happen after so many seconds."""
        self._loop = asyncio.get_running_loop()
        self._loop.call_later = lambda delay, call: self.rests.append((delay, call))  # type: ignore[assignment, method-assign, misc]

    @property
    def waiting(self) -> set[str]:
        """Hosts of the pages that wait."""
        return {host for host, count in self._waiting.items() if count}

    async def bring(self, *hosts: str) -> None:
        self.tasks += [asyncio.create_task(self._page(host)) for host in hosts]
        await self.settled()

    async def end(self, host: str, took: float) -> None:
        """The page of this host that was begun first is through, after so long."""
        self._took = took
        number = self.read.index(host)
        self.read.pop(number)
        self._ends.pop(number)[1].set()
        await self.settled()

    def _clock(self) -> float:
        took, self._took = self._took, 0.0
        return took

    async def _page(self, host: str) -> None:
        self._waiting[host] += 1
        async with self.turns.of(host):
            self._waiting[host] -= 1
            end = asyncio.Event()
            self.read.append(host)
            self._ends.append((host, end))
            await end.wait()

    async def rested(self) -> list[float]:
        """All that is to happen later happens; after how many seconds."""
        rests, self.rests = self.rests, []
        for _, call in rests:
            call()
        await self.settled()
        return [delay for delay, _ in rests]

    async def settled(self) -> None:
        for _ in range(9):
            await asyncio.sleep(0)

    async def close(self) -> None:
        del self._loop.call_later
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def at_desk(readers: int, work: Callable[[Desk], Awaitable[None]]) -> None:
    async def whole() -> None:
        desk = Desk(readers)
        try:
            await work(desk)
        finally:
            await desk.close()

    asyncio.run(whole())


def test_hosts_take_turns() -> None:
    async def work(desk: Desk) -> None:
        await desk.bring(*"aaaa", "b", "c", "b")
        assert desk.read == ["a", "a"]
        order = []
        while desk.read:
            before = list(desk.read)
            await desk.end(desk.read[0], SHORT)
            order += desk.read[len(before) - 1 :]
        assert order == ["a", "b", "c", "a", "b"]

    at_desk(2, work)


def test_alone_a_host_has_all_readers() -> None:
    async def work(desk: Desk) -> None:
        await desk.bring(*"aaaaa")
        assert desk.read == ["a"] * 4

    at_desk(4, work)


@pytest.mark.parametrize("slow", [["s"] * 6, ["s", "t", "u", "s", "t", "u"]])
def test_hosts_with_long_pages_have_half_of_the_readers_together(slow: list[str]) -> None:
    async def work(desk: Desk) -> None:
        for host in dict.fromkeys(slow):
            await desk.bring(host)
            await desk.end(host, LONG)
        await desk.rested()
        await desk.bring(*slow)
        assert len(desk.read) == 2, "the other half is free though nobody else waits"
        await desk.bring("a", "b", "c")
        assert desk.read[2:] == ["a", "b"]
        await desk.end(desk.read[0], LONG)
        assert desk.read[1:] == ["a", "b", "c"]
        assert await desk.rested() == [LONG]
        assert desk.read[1:] == ["a", "b", "c"], "there is no reader now"
        await desk.end("a", SHORT)
        assert desk.read[-1] in slow

    at_desk(4, work)


def test_a_host_whose_pages_are_short_again_is_like_all() -> None:
    async def work(desk: Desk) -> None:
        await desk.bring("s")
        await desk.end("s", LONG)
        assert desk.turns.takes_long("s")
        await desk.rested()
        for _ in range(4):
            await desk.bring("s")
            await desk.end("s", SHORT)
        assert not desk.turns.takes_long("s")
        await desk.bring("s", "s")
        assert desk.read == ["s", "s"]

    at_desk(2, work)


@pytest.mark.parametrize("readers", [1, 2])
def test_after_a_long_page_such_hosts_wait_for_as_long_as_it_took(readers: int) -> None:
    async def work(desk: Desk) -> None:
        await desk.bring("s")
        await desk.end("s", LONG)
        await desk.bring("s", "s")
        assert desk.read == []
        await desk.bring("a")
        assert desk.read == ["a"]
        await desk.end("a", SHORT)
        assert await desk.rested() == [LONG]
        assert desk.read == ["s"]
        await desk.end("s", SHORT)
        assert desk.read == ["s"], "a page that was short is no reason to wait"

    at_desk(readers, work)


def test_what_a_page_is_said_to_have_cost_counts() -> None:
    async def whole() -> None:
        turns = Turns(2, long_s=1.0)
        async with turns.of("s") as turn:
            turn.took_s = LONG
        assert turns.takes_long("s")

    asyncio.run(whole())


def test_what_is_cancelled_holds_no_reader() -> None:
    async def work(desk: Desk) -> None:
        await desk.bring("a", "a", "b", "c")
        for number in (2, 0):  # one that waits, one that is read
            desk.tasks[number].cancel()
        await desk.settled()
        assert desk.read[2:] == ["c"]
        # one that was just given its turn
        await desk.bring("d")
        desk._ends[1][1].set()
        await asyncio.sleep(0)
        desk.tasks[-1].cancel()
        await desk.settled()
        await desk.bring("e")
        assert desk.read[-1] == "e"

    at_desk(2, work)


@settings(deadline=None)
@example(2, [("a", True)] * 2 + [("s", True)] * 2 + [("a", False), ("s", False), ("a", False), ("a", True)])
@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from("abst"), st.booleans()), max_size=40),
)
def test_whoever_comes_no_reader_is_idle_while_a_host_with_short_pages_waits(
    readers: int, steps: list[tuple[str, bool]]
) -> None:
    async def work(desk: Desk) -> None:
        for host, comes in steps:
            if comes:
                await desk.bring(host)
            elif host in desk.read:
                await desk.end(host, LONG if host in "st" else SHORT)
            assert len(desk.read) <= readers
            assert len(desk.read) == readers or not desk.waiting & set("ab")
        while desk.read or await desk.rested():
            if desk.read:
                await desk.end(desk.read[0], SHORT)
        assert all(task.done() for task in desk.tasks)

    at_desk(readers, work)
