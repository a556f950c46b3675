"""Strange pages are read in processes of their own, which are ended when one takes too long or too much.

A parser in the crawl's own process could not be stopped, and while it parses nothing else happens there.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import signal
import threading
import time
from concurrent.futures import TimeoutError as TookTooLong
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pebble import ProcessExpired, ProcessPool

from crawler.manners.canonical import host_of
from crawler.sources.interface import Answer, Ask, Reading
from crawler.turns import Turns
from domain.errors import CrawlFailed
from domain.settings import Settings

if TYPE_CHECKING:
    from crawler.sources.registry import Sources

_PAGES_PER_PROCESS = 5_000  # what parsers leak ends with the process
_LONG = 0.25
"""Of the time that a page may take: a site whose pages take more has half of the readers at most."""
_START_S = 60.0
"""Longest time until a process has begun to read; a page that was lost on its way to one is read again then."""
_GRACE_S = 5.0
_TRIES = 2
# pebble's processes end with the signal's number when they are asked to end
_ENDED_BY_OTHERS = frozenset({signal.SIGTERM, -signal.SIGTERM, -signal.SIGKILL})
_COST = "seconds of a core"
_sources: Sources | None = None


class CannotRead(Exception):
    """An answer that could not be read within its limits; the message says which."""


class _NotRead(Exception):
    """Not the page's fault, as far as one can tell."""


class Readers:
    """Processes that read answers. Not safe between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._timeout_s = settings, settings.page_timeout_s
        self._turns = Turns(
            settings.page_processes, ahead=settings.page_processes, long_s=_LONG * settings.page_timeout_s
        )
        self._pool = self._begun()

    async def read(self, ask: Ask, answer: Answer) -> Reading:
        """What the answer gave. Raises CannotRead, and CrawlFailed where no process begins."""
        return await self._in_turn(_read, ask, answer)

    async def missed(self, ask: Ask) -> Reading:
        """What is left when no answer came. Raises like `read`."""
        return await self._in_turn(_missed, ask)

    def takes_long(self, host: str) -> bool:
        """Whether this host's last pages took long."""
        return self._turns.takes_long(host)

    def close(self) -> None:
        """End them."""
        _end(self._pool)

    async def _in_turn(self, function: Any, ask: Ask, *arguments: Any) -> Reading:
        async with self._turns.of(host_of(ask.url)) as turn:
            reading: Reading
            try:
                turn.took_s, reading = await self._call(_timed, function, ask, *arguments)
            except Exception as error:
                turn.took_s = _cost_of(error)
                raise
            return reading

    async def _call(self, function: Any, *arguments: Any) -> Any:
        for _ in range(_TRIES):
            with suppress(_NotRead):
                return await self._once(function, *arguments)
        with suppress(_NotRead):
            await self._once(_nothing)
            raise CannotRead("ended each process that was to read it")
        raise CrawlFailed("the processes that read pages end as they begin")

    async def _once(self, function: Any, *arguments: Any) -> Any:
        pool = self._pool
        try:
            async with asyncio.timeout(_START_S + self._timeout_s + _GRACE_S) as patience:
                return await asyncio.wrap_future(self._scheduled(pool, function, *arguments))
        except BrokenProcessPool as error:
            self._replace(pool)
            raise _NotRead from error
        except TookTooLong as error:
            if patience.expired():
                self._replace(pool)
                raise _NotRead from error
            raise CannotRead(f"could not be read within {self._timeout_s:g} s") from error
        except ProcessExpired as error:
            if error.exitcode in _ENDED_BY_OTHERS:
                raise _NotRead from error
            raise CannotRead(f"ended the process that read it (status {error.exitcode})") from error
        except MemoryError as error:
            raise CannotRead("takes too much memory to be read") from error
        except RecursionError as error:
            raise CannotRead("is nested too deeply to be read") from error

    def _scheduled(self, pool: ProcessPool, function: Any, *arguments: Any) -> Any:
        try:
            limited = (self._timeout_s + _GRACE_S, function, *arguments)
            return pool.schedule(_within, args=limited, timeout=self._timeout_s)
        except RuntimeError as error:
            raise BrokenProcessPool from error

    def _begun(self) -> ProcessPool:
        pool = ProcessPool(
            max_workers=self._settings.page_processes,
            max_tasks=_PAGES_PER_PROCESS,
            initializer=_begin,
            initargs=[self._settings],
            # not a fork: that would inherit the reactor, its threads and its connections
            context=multiprocessing.get_context("spawn"),
        )
        with suppress(BrokenProcessPool):  # it is tried again when a page is to be read
            # they begin now, while the first page is still under way
            pool.schedule(_nothing)
        return pool

    def _replace(self, broken: ProcessPool) -> None:
        """A pool is of no use anymore once a process of it has ended while none was reading."""
        if broken is self._pool:
            # in a thread, since it waits for what it ends
            threading.Thread(target=_end, args=[broken], name="broken readers", daemon=True).start()
            self._pool = self._begun()


def _end(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


def _begin(settings: Settings) -> None:
    # what reads pages is large, and nothing but these processes needs it
    from crawler.sources.registry import Sources

    global _sources
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = settings.page_memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))
    _sources = Sources(settings)


def _timed(function: Any, *arguments: Any) -> tuple[float, Any]:
    """The seconds of a core that it took, so that a busy machine, or a process that begins, is nobody's fault."""
    began = time.process_time()
    try:
        result = function(*arguments)
    except Exception as error:
        error.__dict__[_COST] = time.process_time() - began  # it comes back with the error
        raise
    return time.process_time() - began, result


def _cost_of(error: BaseException) -> float | None:
    """The seconds that a reader computed before it raised; None where it was ended."""
    return next((each.__dict__[_COST] for each in (error, error.__cause__) if each and _COST in each.__dict__), None)


def _nothing() -> None:
    return None


def _within(seconds: float, function: Any, *arguments: Any) -> Any:
    """Ends its own process where nobody does: who should may be dead, and counts by a clock that can be set back."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return function(*arguments)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _read(ask: Ask, answer: Answer) -> Reading:
    assert _sources, "pebble begins a process before it hands it work"
    return _sources.read(ask, answer)


def _missed(ask: Ask) -> Reading:
    assert _sources, "pebble begins a process before it hands it work"
    return _sources.missed(ask)
