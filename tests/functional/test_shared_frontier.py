"""Two workers share one frontier on a real Redis, one is killed: nothing is lost, nothing is done twice beyond that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crawler.frontier.interface import Counts
from crawler.frontier.stored import identifier

REPOSITORY = Path(__file__).resolve().parents[2]
WORKER = REPOSITORY / "tests" / "fixtures" / "frontier_worker.py"
PAGES = 3_000
ALL = set(map(str, range(PAGES)))
AT_ONCE = 4
LEASE_S = 8

Worker = subprocess.Popen[bytes]
Start = Callable[..., list[Worker]]


@pytest.fixture
def start(redis_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts workers, which begin together; each writes what it fetches to the file of its name."""
    from crawler.frontier.shared import SharedFrontier

    onlooker = SharedFrontier(redis_url, "acme", tmp_path.name, "onlooker")
    started: list[Worker] = []

    def start(*names: str) -> list[Worker]:
        for name in names:
            arguments = (redis_url, tmp_path.name, name, tmp_path / name, PAGES, LEASE_S)
            environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
            started.append(subprocess.Popen([sys.executable, str(WORKER), *map(str, arguments)], env=environment))
        wait_until(lambda: all((tmp_path / name).exists() for name in names))
        onlooker.set_fact("begin", "now")
        return started[-len(names) :]

    yield start
    for worker in started:
        worker.kill()
        worker.wait(60)
    onlooker.close()


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def fetched(folder: Path, *names: str) -> Counter[str]:
    return Counter(key for name in names for key in (folder / name).read_text().split())


def kill_in_the_middle(worker: Worker, log: Path) -> None:
    wait_until(lambda: log.read_bytes().count(b"\n") >= PAGES // 8 or worker.poll() is not None)
    worker.kill()
    assert worker.wait(60) == -signal.SIGKILL


def held(redis_url: str, crawl: str, *names: str) -> set[str]:
    """The pages that these workers have under way, as Redis knows it."""
    from redis import Redis

    with Redis.from_url(redis_url) as redis:
        keys = [
            key
            for name in names
            for key in redis.scan_iter(match=f"assayer:{{acme/{crawl}}}:held:{name}.*", count=1_000)
        ]
        held = {name for key in keys for name in redis.smembers(key)}
    return {key for key in ALL if identifier(key) in held}


def counts(redis_url: str, crawl: str) -> Counts:
    from crawler.frontier.shared import SharedFrontier

    frontier = SharedFrontier(redis_url, "acme", crawl, "onlooker")
    found = frontier.counts()
    frontier.close()
    return found


def test_one_of_two_workers_is_killed(start: Start, redis_url: str, tmp_path: Path) -> None:
    killed, other = start("killed", "other")
    kill_in_the_middle(killed, tmp_path / "killed")
    under_way = held(redis_url, tmp_path.name, "killed") & set(fetched(tmp_path, "killed"))
    assert 1 <= len(under_way) <= AT_ONCE, "it was killed with pages under way"
    assert other.wait(300) == 0
    both = fetched(tmp_path, "killed", "other")
    assert set(both) == ALL, "nothing is lost"
    assert {key for key, times in both.items() if times > 1} == under_way, "nothing but what was under way comes twice"
    assert len(fetched(tmp_path, "other")) >= PAGES // 8, "they shared the work"
    assert max(both.values()) == 2
    assert counts(redis_url, tmp_path.name) == Counts(done=PAGES)


def test_nobody_is_killed(start: Start, redis_url: str, tmp_path: Path) -> None:
    assert [worker.wait(300) for worker in start("first", "second")] == [0, 0]
    assert fetched(tmp_path, "first", "second") == Counter(ALL)
    assert counts(redis_url, tmp_path.name) == Counts(done=PAGES)


def test_both_are_killed_and_a_third_goes_on(start: Start, redis_url: str, tmp_path: Path) -> None:
    for name, worker in zip(("first", "second"), start("first", "second"), strict=True):
        kill_in_the_middle(worker, tmp_path / name)
    under_way = held(redis_url, tmp_path.name, "first", "second") & set(fetched(tmp_path, "first", "second"))
    (third,) = start("third")
    assert third.wait(300) == 0
    all_three = fetched(tmp_path, "first", "second", "third")
    assert set(all_three) == ALL
    assert {key for key, times in all_three.items() if times > 1} == under_way
    assert counts(redis_url, tmp_path.name) == Counts(done=PAGES)
