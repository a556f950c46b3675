"""Strange pages are read in processes of their own, which are ended when one takes too long or too much.

A parser in the crawl's own process could not be stopped, and while it parses nothing else happens there.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
from concurrent.futures import TimeoutError as TookTooLong
from typing import Any

from pebble import ProcessExpired, ProcessPool

from crawler.manners.canonical import host_of
from crawler.sources.interface import Answer, Ask, Reading
from crawler.sources.registry import Sources
from crawler.turns import Turns
from domain.settings import Settings

_PAGES_PER_PROCESS = 5_000  # what parsers leak ends with the process
_LONG = 0.25
"""Of the time that a page may take: a site whose pages take more has half of the readers at most."""
_sources: Sources | None = None


class CannotRead(Exception):
    """An answer that could not be read within its limits; the message says which."""


class Readers:
    """Processes that read answers. Not safe between threads."""

    def __init__(self, settings: Settings) -> None:
        self._timeout_s = settings.page_timeout_s
        self._turns = Turns(settings.page_processes, long_s=_LONG * settings.page_timeout_s)
        self._pool = ProcessPool(
            max_workers=settings.page_processes,
            max_tasks=_PAGES_PER_PROCESS,
            initializer=_begin,
            initargs=[settings],
            # not a fork: that would inherit the reactor, its threads and its connections
            context=multiprocessing.get_context("spawn"),
        )
        # they begin now, while the first page is still under way
        self._pool.schedule(_nothing)

    async def read(self, ask: Ask, answer: Answer) -> Reading:
        """What the answer gave. Raises CannotRead."""
        async with self._turns.of(host_of(ask.url)):
            return await self._call(_read, ask, answer)

    async def missed(self, ask: Ask) -> Reading:
        """What is left when no answer came. Raises CannotRead."""
        async with self._turns.of(host_of(ask.url)):
            return await self._call(_missed, ask)

    def close(self) -> None:
        """End them."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()

    async def _call(self, function: Any, *arguments: Any) -> Reading:
        future = self._pool.schedule(function, args=arguments, timeout=self._timeout_s)
        try:
            reading: Reading = await asyncio.wrap_future(future)
        except TookTooLong as error:
            raise CannotRead(f"could not be read within {self._timeout_s:g} s") from error
        except ProcessExpired as error:
            raise CannotRead(f"ended the process that read it (status {error.exitcode})") from error
        except MemoryError as error:
            raise CannotRead("takes too much memory to be read") from error
        except RecursionError as error:
            raise CannotRead("is nested too deeply to be read") from error
        return reading


def _begin(settings: Settings) -> None:
    global _sources
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = settings.page_memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))
    _sources = Sources(settings)


def _nothing() -> None:
    return None


def _read(ask: Ask, answer: Answer) -> Reading:
    assert _sources, "pebble begins a process before it hands it work"
    return _sources.read(ask, answer)


def _missed(ask: Ask) -> Reading:
    assert _sources, "pebble begins a process before it hands it work"
    return _sources.missed(ask)
