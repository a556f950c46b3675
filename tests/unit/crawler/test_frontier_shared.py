"""The shared frontier's leases, its keys, and what it does when Redis does not answer."""

from __future__ import annotations

import itertools
import re
import socket
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crawler.frontier.interface import Counts, Entry
from crawler.sources.interface import Ask
from domain.errors import SettingRefused, StoreUnavailable

redis = pytest.importorskip("redis", reason="redis-py is not installed (extra `scale`)")
from redis.crc import key_slot  # noqa: E402

from crawler.frontier import shared  # noqa: E402
from crawler.frontier.shared import SharedFrontier  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[3]
PLENTY = 1_000_000
_numbers = itertools.count()


def entry(key: str, host: str = "shop.example", **ask: Any) -> Entry:
    return Entry(key=key, ask=Ask(url=f"https://{host}/{key}", **ask), host=host)


@pytest.fixture
def crawl(tmp_path: Path) -> str:
    return f"{tmp_path.name}-{next(_numbers)}"


@pytest.fixture
def server(redis_url: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def worker(redis_url: str, crawl: str) -> Iterator[Callable[..., SharedFrontier]]:
    """Opens the crawl's frontier for one more worker."""
    opened = []

    def new(name: str = "worker", **wanted: Any) -> SharedFrontier:
        opened.append(SharedFrontier(redis_url, "acme", crawl, name, **wanted))
        return opened[-1]

    yield new
    for frontier in opened:
        frontier.close()


def taken_by(frontier: SharedFrontier) -> Entry:
    """What it takes as soon as there is something, within a minute."""
    deadline = time.monotonic() + 60
    while not (taken := frontier.take(now=0)):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return taken


def end_lease(server: Any, crawl: str, of: SharedFrontier) -> None:
    server.zadd(f"assayer:{{acme/{crawl}}}:leases", {of._worker: 1}, xx=True)


def test_what_a_silent_worker_held_waits_again_when_its_lease_has_ended(worker: Callable[..., SharedFrontier]) -> None:
    silent, other = worker(lease_s=0.05), worker()
    silent.add([entry("a", priority=3), entry("b")], most=9)
    silent.take(now=0)
    assert taken_by(other).key in ("a", "b")
    assert taken_by(other).key in ("a", "b")
    assert other.take(now=0) is None
    assert other.counts() == Counts(taken=2)


def test_what_two_workers_add_at_once_is_counted_whole(worker: Callable[..., SharedFrontier]) -> None:
    first, second = worker(), worker()
    first.add([entry("a"), entry("b")], most=3)
    before = first.counts(), second.counts()  # both plan by the same count
    assert before[0] == before[1]
    first.add([replace(entry("c"), extra=True), entry("d")], most=3)
    second.add([replace(entry("e"), extra=True), entry("f")], most=3)
    assert first.counts() == Counts(waiting=5, extra=2)
    assert first.known("cdef") == {"c", "d", "e"}


def test_a_worker_that_keeps_its_lease_keeps_what_it_took(worker: Callable[..., SharedFrontier]) -> None:
    first, second = worker(), worker()
    first.add([entry("a"), entry("b")], most=9)
    assert first.take(now=0) == entry("a")
    assert second.take(now=0) == entry("b")
    assert first.take(now=0) is second.take(now=0) is None
    assert first.counts() == second.counts() == Counts(taken=2)


def test_each_call_and_each_flush_renews_the_lease(
    worker: Callable[..., SharedFrontier], server: Any, crawl: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frontier = worker(lease_s=50)

    def lease() -> float:
        return float(server.zscore(f"assayer:{{acme/{crawl}}}:leases", frontier._worker))

    def server_ms() -> float:
        seconds, microseconds = server.time()
        return seconds * 1000 + microseconds / 1000

    before = server_ms()
    frontier.counts()
    assert before + 49_990 < lease() < server_ms() + 50_001
    end_lease(server, crawl, frontier)
    frontier.flush()
    assert lease() == 1, "a flush sends nothing while the lease is young"
    monkeypatch.setattr(frontier, "_renewed", frontier._renewed - 13)
    frontier.flush()
    assert lease() > before + 49_990


def test_a_late_worker_does_not_mark_what_another_holds(
    worker: Callable[..., SharedFrontier], server: Any, crawl: str
) -> None:
    late, other = worker(), worker()
    late.add([entry("a")], most=9)
    late.take(now=0)
    end_lease(server, crawl, late)
    assert other.take(now=0) == entry("a")
    late.release("a")
    late.postpone("a", until=99)
    late.bury("a", reason="Broken.", status=None)
    assert late.add([entry("b")], most=9) == 1, "what it found is added all the same"
    late.finish("a")
    assert other.counts() == Counts(waiting=1, taken=1)
    assert other.add([entry("b")], most=9) == 0
    other.finish("a")
    assert other.counts() == Counts(waiting=1, done=1)
    assert other.dead_letters() == []


def test_a_late_worker_finishes_what_nobody_took_since(
    worker: Callable[..., SharedFrontier], server: Any, crawl: str
) -> None:
    late, other = worker(), worker()
    late.add([entry("a", "one"), entry("b", "two")], most=9)
    late.take(now=0)
    end_lease(server, crawl, late)
    assert other.take(now=0, avoid={"one"}) == entry("b", "two")
    assert other.counts() == Counts(waiting=1, taken=1)
    late.finish("a")
    assert other.counts() == Counts(taken=1, done=1)
    assert other.take(now=0) is None


def test_nobody_begins_anew_what_another_is_at(worker: Callable[..., SharedFrontier], server: Any, crawl: str) -> None:
    first, second = worker(), worker()
    first.clear()  # as the first thing that both do
    with pytest.raises(StoreUnavailable, match="another process is at work") as caught:
        second.clear()
    assert "--fresh" in caught.value.advice
    first.add([entry("a"), entry("b")], most=9)
    first.take(now=0)
    first.set_fact("began", "today")
    with pytest.raises(StoreUnavailable):
        second.clear()
    assert (first.counts(), first.fact("began")) == (Counts(waiting=1, taken=1), "today")
    second.close()
    first.clear()
    assert first.counts() == Counts()
    first.add([entry("a")], most=9)
    end_lease(server, crawl, first)
    third = worker()
    third.clear()
    assert third.counts() == Counts()


def test_workers_that_are_named_alike_are_two(worker: Callable[..., SharedFrontier]) -> None:
    first, second = worker("same"), worker("same")
    first.add([entry("a"), entry("b")], most=9)
    first.take(now=0)
    second.take(now=0)
    second.close()
    assert first.counts() == Counts(waiting=1, taken=1)


def test_tenants_and_crawls_see_nothing_of_each_other(redis_url: str, crawl: str) -> None:
    frontiers = [
        SharedFrontier(redis_url, tenant, name, "worker")
        for tenant in ("acme", "other")
        for name in (crawl, crawl + "2")
    ]
    for number, frontier in enumerate(frontiers):
        frontier.add([entry(str(each)) for each in range(number + 1)], most=9)
        frontier.set_fact("number", str(number))
    for number, frontier in enumerate(frontiers):
        assert frontier.counts() == Counts(waiting=number + 1)
        assert frontier.fact("number") == str(number)
    frontiers[0].clear()
    assert frontiers[1].counts() == Counts(waiting=2)
    for frontier in frontiers:
        frontier.close()


def test_all_keys_lie_in_one_slot_and_go_when_it_is_cleared(
    worker: Callable[..., SharedFrontier], server: Any, crawl: str
) -> None:
    frontier = worker()
    frontier.add([entry(key, f"{key}.example") for key in "abcde"], most=9)
    for _ in "abc":
        frontier.take(now=0)
    frontier.bury("a", reason="Broken.", status=None)
    frontier.postpone("b", until=9)
    frontier.finish("c")
    frontier.take(now=0)
    frontier.set_fact("began", "today")

    def keys() -> list[bytes]:
        return list(server.scan_iter(match=f"*{crawl}*"))

    named = {key.split(b"}:")[1].split(b":")[0].decode() for key in keys()}
    in_the_script = re.findall(r"^--   (\w+)", shared._SCRIPT.read_text(), re.MULTILINE)
    assert named == {*in_the_script, "graves"}, "the script's head tells of all keys, and of no others"
    assert len({key_slot(key) for key in keys()}) == 1
    assert all(key.startswith(f"assayer:{{acme/{crawl}}}:".encode()) for key in keys())
    frontier.clear()
    assert {key.split(b"}:")[1] for key in keys()} == {b"leases"}
    frontier.close()
    assert keys() == []


def test_what_is_done_or_left_takes_no_room(worker: Callable[..., SharedFrontier], server: Any, crawl: str) -> None:
    frontier = worker()
    frontier.add([entry("a"), entry("b"), entry("c", "stop.example")], most=9)
    while taken := frontier.take(now=0, avoid={"stop.example"}):
        frontier.finish(taken.key)
    frontier.leave("stop.example")
    assert frontier.counts() == Counts(done=2, left=1)
    left = {key.split(b"}:")[1] for key in server.scan_iter(match=f"*{crawl}*")}
    assert left == {b"known", b"tally", b"leases"}


def test_the_script_is_packed() -> None:
    packed = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    assert packed["crawler.frontier"] == ["*.lua"]


@pytest.mark.parametrize("url", ["", "nonsense", "http://127.0.0.1/", "redis://127.0.0.1:port/0"])
def test_a_url_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(SettingRefused, match="ASSAYER_REDIS_URL") as caught:
        SharedFrontier(url, "acme", "crawl", "worker")
    assert caught.value.advice


def test_when_redis_is_away_it_tries_again_and_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        port = nobody.getsockname()[1]
        asks: tuple[Callable[[SharedFrontier], object], ...] = (
            lambda frontier: frontier.take(now=0),
            lambda frontier: frontier.add([entry("a")], most=1),
            lambda frontier: frontier.known(["a"]),
            lambda frontier: frontier.fact("a"),
            SharedFrontier.flush,
            SharedFrontier.close,
        )
        for ask in asks:
            frontier = SharedFrontier(f"redis://user:hidden@127.0.0.1:{port}/0", "acme", "crawl", "worker")
            waits.clear()
            # what a crawl that ends still has to say is not waited for anew
            for expected in (list(shared._WAITS_S), []):
                with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{port} does not answer") as caught:
                    ask(frontier)
                assert waits == expected
                waits.clear()
            assert "hidden" not in caught.value.message + caught.value.advice
            assert "ASSAYER_REDIS_URL" in caught.value.advice


def test_a_redis_that_comes_back_is_used_again(new_redis: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    server = new_redis()
    frontier = SharedFrontier(server.url, "acme", "crawl", "worker")
    frontier.add([entry("a")], most=9)
    server.stop()
    with monkeypatch.context() as patched:
        patched.setattr(shared.time, "sleep", lambda _: None)
        with pytest.raises(StoreUnavailable):
            frontier.counts()
    server.start()
    frontier.counts()
    server.stop()
    monkeypatch.setattr(shared.time, "sleep", lambda _: monkeypatch.undo() or server.start())
    assert frontier.add([entry("b")], most=9) == 1  # this one keeps nothing on disk: the first entry is gone
    assert frontier.counts() == Counts(waiting=1)
    frontier.close()


def test_a_redis_that_refuses_says_why(server: Any, worker: Callable[..., SharedFrontier], crawl: str) -> None:
    server.set(f"assayer:{{acme/{crawl}}}:entry", "not a hash")
    frontier = worker()
    with pytest.raises(StoreUnavailable, match=r"refuses .*WRONGTYPE"):
        frontier.add([entry("a")], most=9)
    server.delete(f"assayer:{{acme/{crawl}}}:entry")


class Relay:
    """Between a client and Redis; answers can get lost on the way back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.to_lose = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            client, _ = self._listening.accept()
            with client, socket.create_connection(("127.0.0.1", self._port)) as server:
                if not self._pass_on(client, server):
                    return

    def _pass_on(self, client: socket.socket, server: socket.socket) -> bool:
        """Until the connection ends; False when it is over for good."""
        while request := client.recv(1 << 20):
            if request == b"over":
                return False
            server.sendall(request)
            answer = server.recv(1 << 20)
            if self.to_lose and b"EVALSHA" in request:
                self.to_lose -= 1
                return True
            client.sendall(answer)
        return True

    def close(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            last.sendall(b"over")
        self._thread.join(60)
        self._listening.close()


@pytest.fixture
def relay(redis_url: str) -> Iterator[Relay]:
    one = Relay(int(redis_url.split(":")[2].split("/")[0]))
    yield one
    one.close()


def test_what_was_taken_in_an_answer_that_got_lost_is_not_lost(
    relay: Relay, crawl: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "_WAITS_S", (0.0, 0.0, 0.0))
    frontier = SharedFrontier(f"redis://127.0.0.1:{relay.port}/0", "acme", crawl, "worker")
    frontier.add([entry(key) for key in "abc"], most=9)
    assert frontier.take(now=0) == entry("a")
    relay.to_lose = 2  # the second one is the answer that settles what the first one took
    assert frontier.take(now=0) == entry("b")
    assert relay.to_lose == 0
    assert frontier.counts() == Counts(waiting=1, taken=2)
    relay.to_lose = 1
    frontier.add([replace(entry("d"), extra=True)], most=9)
    assert frontier.counts().extra == 1
    relay.to_lose = 1
    frontier.finish("a")
    relay.to_lose = 1
    frontier.bury("b", reason="Broken.", status=None)
    assert frontier.take(now=0) == entry("c")
    relay.to_lose = 1
    frontier.postpone("c", until=5)
    assert frontier.counts() == Counts(waiting=2, done=1, dead=1, extra=1)
    again = [frontier.take(now=9), frontier.take(now=9)]
    assert [(each.key, each.attempts) for each in again if each] == [("c", 1), ("d", 0)]
    frontier.close()
