"""What sites said to others, as it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from crawler.hearing import Hearing
from crawler.manners.stops import SiteWatch
from crawler.recording import Recorder
from crawler.report import Tally
from domain.errors import AssayerError, StoreUnavailable
from domain.visit import SiteStop
from store.memory import MemoryRecords

STOP = SiteStop(
    host="shop.example",
    reason="said so",
    stopped_at=datetime.now(UTC),
    until=datetime.now(UTC) + timedelta(days=1),
)


class Gone(MemoryRecords):
    def site_stops(self) -> Sequence[SiteStop]:
        raise StoreUnavailable("the database is gone")


def first_heard(records: MemoryRecords) -> SiteStop | AssayerError:
    """What one that crawls shop.example hears first, when the stop is stored after it began."""

    async def crawl() -> SiteStop | AssayerError:
        first: asyncio.Future[SiteStop | AssayerError] = asyncio.get_running_loop().create_future()

        async def heard(stop: SiteStop) -> None:
            first.set_result(stop)

        watch, recorder = SiteWatch(), Recorder(records, Tally(), lambda: None)
        watch.observe("https://shop.example/", 200, {})
        hearing = Hearing(records, recorder, watch, heard=heard, end=first.set_result, every_s=0.01)
        try:
            await asyncio.sleep(0)
            records.save_site_stop(STOP)
            return await asyncio.wait_for(first, 60)
        finally:
            hearing.close()
            recorder.close()

    return asyncio.run(crawl())


def test_a_stop_that_another_stored_is_heard() -> None:
    assert first_heard(MemoryRecords()) == STOP


def test_a_store_that_is_gone_ends_the_crawl() -> None:
    assert isinstance(first_heard(Gone()), StoreUnavailable)
