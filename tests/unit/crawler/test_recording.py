"""Records in groups: nobody waits for somebody else's mistake, and everything is counted once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from crawler.recording import Kept, Recorder
from crawler.report import Tally
from domain.errors import BadInput, StoreUnavailable
from domain.listing import Listing, Seller
from store.interfaces import SaveCount
from store.memory import MemoryRecords


def listing(listing_id: str) -> Listing:
    return Listing(
        marketplace="m",
        listing_id=listing_id,
        url=f"https://shop.example/{listing_id}",
        title="Bag",
        seller=Seller(id="s", name="s"),
    )


class Gated(MemoryRecords):
    """Writes when it is let; remembers how much came at once."""

    def __init__(self) -> None:
        super().__init__("t")
        self.may_write = threading.Event()
        self.groups: list[int] = []

    def save_crawled(self, **kept: Any) -> SaveCount:
        self.may_write.wait(30)
        self.groups.append(len(kept["listings"]))
        return super().save_crawled(**kept)


def run(records: MemoryRecords, work: Callable[[Recorder], Any], sync: Callable[[], None] = lambda: None) -> Tally:
    tally = Tally()

    async def all_of_it() -> None:
        recorder = Recorder(records, tally, sync)
        try:
            await work(recorder)
        finally:
            recorder.close()

    asyncio.run(all_of_it())
    return tally


def test_what_comes_while_one_group_is_written_goes_into_the_next_together() -> None:
    records = Gated()

    async def work(recorder: Recorder) -> None:
        first = asyncio.create_task(recorder.save(Kept(listings=(listing("0"),))))
        await asyncio.sleep(0)
        others = [asyncio.create_task(recorder.save(Kept(listings=(listing(str(n)),)))) for n in range(1, 6)]
        await asyncio.sleep(0)
        records.may_write.set()
        await asyncio.gather(first, *others)

    tally = run(records, work)
    assert records.groups == [1, 5]
    assert tally.saved == SaveCount(added=6)


def test_listings_are_counted_whoever_of_their_group_asked_first() -> None:
    records = Gated()

    async def work(recorder: Recorder) -> None:
        waiting = asyncio.create_task(recorder.save(Kept(listings=(listing("0"),))))
        await asyncio.sleep(0)
        nothing = asyncio.create_task(recorder.save(Kept()))
        one = asyncio.create_task(recorder.save(Kept(listings=(listing("1"),))))
        await asyncio.sleep(0)
        records.may_write.set()
        await asyncio.gather(waiting, nothing, one)

    assert run(records, work).saved == SaveCount(added=2)


def test_what_cannot_be_stored_fails_alone() -> None:
    records = Gated()

    async def work(recorder: Recorder) -> list[Any]:
        first = asyncio.create_task(recorder.save(Kept(listings=(listing("0"),))))
        await asyncio.sleep(0)
        group = [listing("1"), listing("\x00"), listing("2")]
        others = [asyncio.create_task(recorder.save(Kept(listings=(each,)))) for each in group]
        await asyncio.sleep(0)
        records.may_write.set()
        outcomes = await asyncio.gather(first, *others, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [type(None), type(None), BadInput, type(None)]
        return outcomes

    assert run(records, work).saved == SaveCount(added=3)
    assert {each.listing_id for each in records.listings()} == {"0", "1", "2"}


@pytest.mark.parametrize("error", [StoreUnavailable("the disk is full"), RuntimeError("an error of ours")])
def test_a_store_that_is_gone_is_told_to_everybody(error: Exception) -> None:
    class Gone(MemoryRecords):
        def save_crawled(self, **kept: Any) -> SaveCount:
            raise error

    async def work(recorder: Recorder) -> None:
        for _ in range(2):
            saving = (recorder.save(Kept(listings=(listing(str(n)),))) for n in range(3))
            outcomes = await asyncio.wait_for(asyncio.gather(*saving, return_exceptions=True), 60)
            assert outcomes == [error] * 3

    run(Gone("t"), work)


def test_files_are_on_the_disk_before_captures_point_to_them() -> None:
    from datetime import UTC, datetime

    from domain.capture import Capture, CaptureKind

    order: list[str] = []

    class Noting(MemoryRecords):
        def save_crawled(self, **kept: Any) -> SaveCount:
            order.append("records")
            return super().save_crawled(**kept)

    capture = Capture(
        kind=CaptureKind.PAGE,
        url="https://shop.example/",
        final_url="https://shop.example/",
        captured_at=datetime(2026, 1, 1, tzinfo=UTC),
        body_sha256="a" * 64,
        size=1,
    )
    run(Noting("t"), lambda recorder: recorder.save(Kept(captures=(capture,))), lambda: order.append("sync"))
    assert order == ["sync", "records"]


def test_questions_are_answered_in_the_thread_that_writes() -> None:
    async def work(recorder: Recorder) -> None:
        assert (await recorder.ask(lambda: threading.current_thread().name)).startswith("records")
        with pytest.raises(ZeroDivisionError):
            await recorder.ask(lambda: 1 // 0)

    run(MemoryRecords("t"), work)
