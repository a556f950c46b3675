"""Records written in groups: what waits while one transaction is under way goes into the next one together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from crawler.report import Tally
from domain.capture import Capture
from domain.errors import AssayerError, BadInput
from domain.listing import Listing
from domain.visit import Visit
from store.interfaces import Records, SaveCount

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What one answer leaves in the records."""

    captures: tuple[Capture, ...] = ()
    visits: tuple[Visit, ...] = ()
    listings: tuple[Listing, ...] = ()


class Recorder:
    """The one writer of a crawl; lives on the event loop, writes in a thread of its own."""

    def __init__(self, records: Records, tally: Tally, sync: Callable[[], None]) -> None:
        """Saved listings are counted in `tally`; `sync` has the disk keep the files that captures point to."""
        self._records, self._tally, self._sync = records, tally, sync
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="records")
        self._waiting: list[tuple[Kept, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def ask(self, question: Callable[[], T]) -> T:
        """Run a question to the records in the thread that writes them."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, question)

    async def save(self, kept: Kept) -> None:
        """Save it. Raises the store's errors, a BadInput only for what is to blame itself."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((kept, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await future

    def close(self) -> None:
        """Nothing is under way anymore."""
        self._thread.shutdown()

    async def _write_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            kept = [each for each, _ in group]
            outcomes: Sequence[SaveCount | Exception]
            try:
                outcomes = await self.ask(lambda kept=kept: self._written(kept))  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - an error of ours: whoever waits is told, or would wait for ever
                outcomes = [error] * len(group)
            for (_, future), outcome in zip(group, outcomes, strict=True):
                if isinstance(outcome, SaveCount):
                    self._tally.saved += outcome
                if future.done():
                    continue  # whoever waited was cancelled
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                else:
                    future.set_result(None)

    def _written(self, group: Sequence[Kept]) -> list[SaveCount | AssayerError]:
        """One transaction of each kind; one by one where a listing cannot be stored, so that only that one fails."""
        try:
            total = self._write(group)
            return [total, *[SaveCount()] * (len(group) - 1)]
        except BadInput as error:
            return [error] if len(group) == 1 else [self._written([each])[0] for each in group]
        except AssayerError as error:
            return [error] * len(group)

    def _write(self, group: Sequence[Kept]) -> SaveCount:
        """All in one transaction; what captures point to is on the disk by then."""
        captures = [capture for kept in group for capture in kept.captures]
        visits = [visit for kept in group for visit in kept.visits]
        listings = [listing for kept in group for listing in kept.listings]
        if captures:
            self._sync()
        return self._records.save_crawled(captures=captures, listings=listings, visits=visits)
