"""Each frontier beside a plain model, through any sequence of calls, deaths of its process among them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from crawler.frontier.interface import Counts, Entry, Frontier
from crawler.frontier.local import LocalFrontier
from crawler.sources.interface import Ask

KEYS = [f"k{number}" for number in range(14)]
HOSTS = ["a.example", "b.example", "c.example:81"]

keys = st.sampled_from(KEYS)
hosts = st.sets(st.sampled_from(HOSTS))
mosts = st.sampled_from([3, 8, 100])
entries = st.lists(
    st.tuples(keys, st.integers(-3, 3), st.booleans()).map(
        # a key says where it lies, as an address does
        lambda drawn: Entry(
            key=drawn[0],
            ask=Ask(url=drawn[0], priority=drawn[1]),
            host=HOSTS[int(drawn[0][1:]) % len(HOSTS)],
            extra=drawn[2],
        )
    ),
    max_size=5,
)


@dataclass
class Row:
    entry: Entry
    serial: int
    state: str = "waiting"
    due: float = 0.0
    attempts: int = 0


@dataclass
class Model:
    """What a frontier is, without any care for speed or for keeping it."""

    rows: dict[str, Row] = field(default_factory=dict)
    letters: list[tuple[str, str]] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)

    def copied(self) -> Model:
        return Model({key: replace(row) for key, row in self.rows.items()}, list(self.letters), dict(self.facts))

    def of(self, *states: str) -> list[Row]:
        return [row for row in self.rows.values() if row.state in states]

    def add(self, found: Collection[Entry], most: int) -> int:
        before = len(self.rows)
        for each in found:
            if each.key not in self.rows and (each.extra or self.counts().pages < most):
                self.rows[each.key] = Row(each, len(self.rows))
        return len(self.rows) - before

    def take(self, now: float, avoid: Collection[str]) -> Entry | None:
        due = [row for row in self.of("waiting") if row.due <= now and row.entry.host not in avoid]
        if not due:
            return None
        first = min(due, key=lambda row: (-row.entry.ask.priority, row.serial))
        first.state = "taken"
        return replace(first.entry, attempts=first.attempts)

    def next_due(self, avoid: Collection[str]) -> float | None:
        return min((row.due for row in self.of("waiting") if row.entry.host not in avoid), default=None)

    def give_back(self) -> None:
        for row in self.of("taken"):
            row.state, row.due = "waiting", 0.0

    def counts(self) -> Counts:
        counted = {state: len(self.of(state)) for state in ("waiting", "taken", "done", "dead", "left")}
        return Counts(**counted, extra=sum(row.entry.extra for row in self.rows.values()))


class Beside(RuleBasedStateMachine):
    """The frontier is opened by a subclass, which also knows how its process dies."""

    def open(self) -> Frontier:
        raise NotImplementedError

    def die(self) -> None:
        """The process is gone; `self.flushed` is the model of what must be left."""
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        self.model, self.flushed = Model(), Model()
        self.now = 1000.0
        self.frontier = self.open()

    def held(self) -> list[str]:
        return [row.entry.key for row in self.model.of("taken")]

    @rule(found=entries, most=mosts)
    def add(self, found: list[Entry], most: int) -> None:
        assert self.frontier.add(found, most=most) == self.model.add(found, most)

    @rule(avoid=hosts)
    def take(self, avoid: set[str]) -> None:
        assert self.frontier.take(now=self.now, avoid=avoid) == self.model.take(self.now, avoid)

    @precondition(lambda self: self.held())
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.held()))
        self.model.rows[key].state = "done"
        self.frontier.finish(key)

    @rule(key=keys)
    def finish_any(self, key: str) -> None:
        row = self.model.rows.get(key)
        if row and row.state in ("waiting", "taken"):
            row.state = "done"
        self.frontier.finish(key)

    @precondition(lambda self: self.held())
    @rule(data=st.data(), reason=st.sampled_from(["Timed out.", "Answered 500."]))
    def bury(self, data: st.DataObject, reason: str) -> None:
        key = data.draw(st.sampled_from(self.held()))
        self.model.rows[key].state = "dead"
        self.model.letters.append((key, reason))
        self.frontier.bury(key, reason=reason, status=500)

    @precondition(lambda self: self.held())
    @rule(data=st.data(), seconds=st.sampled_from([-1.0, 0.0, 0.5, 60.0]))
    def postpone(self, data: st.DataObject, seconds: float) -> None:
        key = data.draw(st.sampled_from(self.held()))
        row = self.model.rows[key]
        row.state, row.due, row.attempts = "waiting", self.now + seconds, row.attempts + 1
        self.frontier.postpone(key, until=self.now + seconds)

    @precondition(lambda self: self.held())
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.held()))
        self.model.rows[key].state = "waiting"
        self.model.rows[key].due = 0.0
        self.frontier.release(key)

    @rule(host=st.sampled_from(HOSTS))
    def leave(self, host: str) -> None:
        leaving = [row for row in self.model.of("waiting") if row.entry.host == host]
        for row in leaving:
            row.state = "left"
        assert self.frontier.leave(host) == len(leaving)

    @rule(wanted=st.lists(keys, max_size=4))
    def replay(self, wanted: list[str]) -> None:
        rows = [row for row in self.model.of("dead") if row.entry.key in wanted]
        for row in rows:
            row.state, row.attempts, row.due = "waiting", 0, 0.0
        self.model.letters = [letter for letter in self.model.letters if letter[0] not in wanted]
        assert self.frontier.replay(wanted) == len(rows)

    @rule(value=st.sampled_from(["1", "2"]))
    def set_fact(self, value: str) -> None:
        self.model.facts["fact"] = value
        self.frontier.set_fact("fact", value)

    @rule(seconds=st.sampled_from([0.25, 1.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def flush(self) -> None:
        self.frontier.flush()
        self.flushed = self.model.copied()

    @rule()
    def clear(self) -> None:
        self.model = Model()
        self.frontier.clear()

    @rule()
    def close_and_open(self) -> None:
        self.frontier.close()
        self.model.give_back()
        self.flushed = self.model.copied()
        self.frontier = self.open()

    @rule()
    def die_and_open(self) -> None:
        self.die()
        self.model = self.flushed.copied()
        self.model.give_back()
        self.flushed = self.model.copied()

    @rule(avoid=hosts)
    def look(self, avoid: set[str]) -> None:
        due, wanted = self.frontier.next_due(avoid=avoid), self.model.next_due(avoid)
        long_ago = wanted is not None and wanted <= self.now
        assert due is not None and due <= self.now if long_ago else due == wanted
        assert self.frontier.known(KEYS) == set(self.model.rows)
        letters = [(letter.entry.key, letter.reason) for letter in self.frontier.dead_letters()]
        assert letters == self.model.letters
        assert self.frontier.fact("fact") == self.model.facts.get("fact")

    @invariant()
    def counted(self) -> None:
        if hasattr(self, "frontier"):
            assert self.frontier.counts() == self.model.counts()

    def teardown(self) -> None:
        if hasattr(self, "frontier"):
            self.frontier.close()


class BesideLocal(Beside):
    def open(self) -> Frontier:
        if not hasattr(self, "folder"):
            self.folder = Path(tempfile.mkdtemp(prefix="assayer-frontier-"))
            self.lives = count()
            self.life = self.folder / "first"
        return LocalFrontier(self.life / "frontier.db")

    def die(self) -> None:
        """Its files as they are at this moment, the log that is not yet in the database among them."""
        left = self.folder / str(next(self.lives))
        shutil.copytree(self.life, left)
        self.frontier.close()
        shutil.rmtree(self.life)
        self.life = left
        self.frontier = self.open()

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)


def beside_shared(url: str) -> type[Beside]:
    from redis import Redis

    from crawler.frontier.shared import SharedFrontier

    class BesideShared(Beside):
        def open(self) -> Frontier:
            if not hasattr(self, "crawl"):
                self.crawl = f"model-{os.urandom(8).hex()}"
                self.redis = Redis.from_url(url)
            return SharedFrontier(url, "acme", self.crawl, "worker")

        def die(self) -> None:
            """It says nothing any more, and its lease has ended. All that it said is there."""
            self.frontier.flush()
            leases = f"assayer:{{acme/{self.crawl}}}:leases"
            for worker in self.redis.zrange(leases, 0, -1):
                self.redis.zadd(leases, {worker: 0})
            self.flushed = self.model
            self.frontier._redis.close()
            self.frontier = self.open()

        def teardown(self) -> None:
            super().teardown()
            if hasattr(self, "redis"):
                self.redis.close()

    return BesideShared


def run(machine: type[Beside] | Callable[[], Beside], **wanted: Any) -> None:
    run_state_machine_as_test(machine, settings=settings(deadline=None, **wanted))  # type: ignore[no-untyped-call]


def test_the_local_frontier_does_what_the_model_does() -> None:
    run(BesideLocal, max_examples=100, stateful_step_count=40)


def test_the_shared_frontier_does_what_the_model_does(redis_url: str) -> None:
    run(beside_shared(redis_url), max_examples=100, stateful_step_count=40)


def test_the_model_tells_a_frontier_that_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what a page led to, the last is lost when the process dies between two flushes."""

    def commit_early(self: LocalFrontier, found: list[Entry], *, most: int) -> int:
        added = add(self, found[:-1], most=most)
        self.flush()
        return added + add(self, found[-1:], most=most)

    add = LocalFrontier.add
    monkeypatch.setattr(LocalFrontier, "add", commit_early)
    with pytest.raises(AssertionError):
        run(BesideLocal, max_examples=300, stateful_step_count=40, derandomize=True, database=None)
