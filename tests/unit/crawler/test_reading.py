"""Pages are read in processes that can be ended."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crawler import reading
from crawler.reading import CannotRead, Readers
from crawler.sources.interface import Answer, Ask, Reading
from domain.errors import CrawlFailed
from domain.settings import Settings

PAGE = b"""<!doctype html><h1>Bag</h1><script type="application/ld+json">{"@type": "Product", "name": "Bag",
"sku": "B1", "offers": {"price": "9.50", "priceCurrency": "EUR"}}</script><a href="/next">next</a>"""


def answer(body: bytes) -> Answer:
    return Answer(
        url="https://shop.example/bag",
        asked=("https://shop.example/bag",),
        status=200,
        headers={"content-type": "text/html"},
        body=body,
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
        marketplace="shop.example",
    )


def _sleep(seconds: float) -> Reading:
    time.sleep(seconds)
    return Reading()


def _hoard(size: int) -> Reading:
    hoard = bytearray(size)
    return Reading(problems=(str(len(hoard)),))


def _die() -> Reading:
    os._exit(7)


def _nest(depth: int) -> Reading:
    return _nest(depth + 1)


def _wait_once(begun: str) -> Reading:
    if Path(begun).exists():
        return Reading(problems=("the second time",))
    Path(begun).touch()
    time.sleep(60)
    return Reading()


def _no_beginning(settings: Settings) -> None:
    raise ValueError("cannot begin")


def _process_of(readers: Readers) -> int:
    [process_id] = readers._pool._pool_manager.worker_manager.workers
    return int(process_id)


def run(work: Any, **settings: Any) -> Any:
    async def all_of_it() -> Any:
        readers = Readers(Settings(**settings))
        try:
            return await work(readers)
        finally:
            readers.close()

    return asyncio.run(all_of_it())


async def _page(readers: Readers) -> Reading:
    return await readers.read(Ask(url="https://shop.example/bag", depth=1), answer(PAGE))


def test_an_offer_and_its_links() -> None:
    read = run(_page)
    [offer] = read.offers
    assert (offer.listing.listing_id, str(offer.listing.price.amount)) == ("B1", "9.50")
    [ask] = read.asks
    assert (ask.url, ask.key, ask.depth) == ("https://shop.example/next", "https://shop.example/next", 2)


@pytest.mark.parametrize(
    ("function", "argument", "words"),
    [
        (_sleep, (60,), "could not be read within 2 s"),
        (_hoard, (4_000_000_000,), "too much memory"),
        (_die, (), r"ended the process that read it \(status 7\)"),
        (_nest, (0,), "nested too deeply"),
    ],
)
def test_what_goes_beyond_its_limits_is_ended_and_the_next_page_is_read(
    function: Any, argument: Any, words: str
) -> None:
    async def work(readers: Readers) -> Reading:
        await _page(readers)  # the process has begun, so that its start does not count
        with pytest.raises(CannotRead, match=words):
            await readers._call(function, *argument)
        return await _page(readers)

    assert run(work, page_timeout_s=2.0).offers


def test_a_site_whose_pages_take_long_does_not_keep_others_from_being_read() -> None:
    through: list[str] = []

    async def slow(readers: Readers) -> None:
        async with readers._turns.of("slow.example"):
            with pytest.raises(CannotRead):
                await readers._call(_sleep, 60)
        through.append("slow")

    async def work(readers: Readers) -> None:
        await slow(readers)
        others = [asyncio.create_task(slow(readers)) for _ in range(2)]
        await asyncio.sleep(0)  # they are first
        for _ in range(3):
            await _page(readers)
            through.append("page")
        await asyncio.gather(*others)

    run(work, page_timeout_s=3.0, page_processes=2)
    assert through == ["slow", "page", "page", "page", "slow", "slow"]


def _sleep_at(ask: Ask, seconds: float) -> Reading:
    return _sleep(seconds)


def _raise_at(ask: Ask) -> Reading:
    raise ValueError(ask.url)


def test_a_page_that_raises_is_not_charged_for_its_wait_behind_another() -> None:
    async def run() -> None:
        readers = Readers(Settings(page_timeout_s=4.0, page_processes=1))
        try:
            await _page(readers)
            slow, quick = (Ask(url=f"https://{host}.example/", source="page") for host in ("slow", "quick"))
            waiting = asyncio.ensure_future(readers._in_turn(_sleep_at, slow, 3.0))
            await asyncio.sleep(0)  # it is first
            with pytest.raises(ValueError, match="quick"):
                await readers._in_turn(_raise_at, quick)
            await waiting
            assert not readers.takes_long("quick.example")
        finally:
            readers.close()

    asyncio.run(run())


def test_a_process_that_is_killed_while_it_reads_nothing_costs_no_page() -> None:
    async def work(readers: Readers) -> list[Reading]:
        await _page(readers)
        broken = readers._pool
        os.kill(_process_of(readers), signal.SIGKILL)
        while broken.active:
            await asyncio.sleep(0.01)
        return [await _page(readers) for _ in range(2)]

    assert all(read.offers for read in run(work))


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_a_page_whose_process_others_ended_is_read_again(tmp_path: Path, by: signal.Signals) -> None:
    async def work(readers: Readers) -> Reading:
        await _page(readers)
        reading = asyncio.create_task(readers._call(_wait_once, str(tmp_path / "begun")))
        while not (tmp_path / "begun").exists():
            await asyncio.sleep(0.01)
        os.kill(_process_of(readers), by)
        read: Reading = await reading
        return read

    assert run(work).problems == ("the second time",)


def test_pages_that_are_lost_on_their_way_to_a_process_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    class Patient(Readers):
        def _replace(self, broken: Any) -> None:
            monkeypatch.undo()
            super()._replace(broken)

    async def work() -> list[Reading]:
        readers = Patient(Settings(page_timeout_s=1.0, page_processes=2))
        try:
            await asyncio.gather(*(_page(readers) for _ in range(4)))
            for process_id in readers._pool._pool_manager.worker_manager.workers:
                os.kill(process_id, signal.SIGSTOP)
            monkeypatch.setattr(reading, "_START_S", 0.0)
            monkeypatch.setattr(reading, "_GRACE_S", 0.0)
            return await asyncio.gather(*(_page(readers) for _ in range(4)))
        finally:
            readers.close()

    assert all(read.offers for read in asyncio.run(work()))


def test_processes_that_cannot_begin_end_the_crawl_and_not_its_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_begin", _no_beginning)
    with pytest.raises(CrawlFailed, match="end as they begin"):
        run(_page)


def test_what_reads_without_end_does_not_outlive_the_crawl() -> None:
    killed = """if __name__ == "__main__":
    import asyncio, os, signal
    from crawler import reading
    from domain.settings import Settings
    from test_reading import _sleep

    async def work():
        readers = reading.Readers(Settings(page_timeout_s=1.0))
        asyncio.create_task(readers._call(_sleep, 600))
        while not any(task.started for task in readers._pool._pool_manager.task_manager.tasks.values()):
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)

    reading._GRACE_S = 0.0
    asyncio.run(work())
"""
    path = os.pathsep.join([str(Path(reading.__file__).parents[1]), str(Path(__file__).parent)])
    # its output ends when the last process does that could write to it
    done = subprocess.run(
        [sys.executable, "-c", killed],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL


def test_what_reads_pages_is_loaded_where_they_are_read_alone() -> None:
    told = "import sys, crawler.__main__; print(*sys.modules)"
    path = str(Path(reading.__file__).parents[1])
    loaded = subprocess.run(
        [sys.executable, "-c", told], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "crawler.reading" in loaded
    assert not {"crawler.sources.page", "crawler.extraction.page", "crawler.pages.registry"} & set(loaded)
