"""The frontier that many machines share: Redis, and scripts that run there step by step.

What a worker takes stays its own under a lease. Every call renews it, and so does `flush`; when a worker is silent for
longer than `lease_s`, what it held waits again. The server's clock counts leases, so the workers' clocks may differ.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as TimedOut
from redis.retry import Retry

from crawler.frontier.interface import Counts, DeadLetter, Entry
from crawler.frontier.stored import bounded, host_name, host_named, identifier, read, written
from domain.errors import SettingRefused, StoreUnavailable

T = TypeVar("T")
Argument = str | bytes | int | float

LEASE_S = 60.0
_WAITS_S = (0.1, 0.4, 1.6)
"""Before each further try, when Redis does not answer."""
_ANSWER_S = 5.0
_PAGE = 2_000
"""Entries in one step, so that no step keeps the others waiting for long."""
_SCRIPT = Path(__file__).with_name("shared.lua")


class SharedFrontier:
    """See `interface.Frontier`; safe between workers, each with its own. Needs Redis 6.2 or later.

    One round trip for each call. All keys of a crawl begin with ``assayer:{tenant/crawl}`` and lie in one hash slot.
    A worker that lost its lease may go on: what it finishes is done unless another worker has it by now.
    """

    def __init__(self, redis_url: str, tenant: str, crawl: str, worker: str, *, lease_s: float = LEASE_S) -> None:
        """Connects when first asked.

        `worker` is for people who look into Redis; two that are named alike are still two. Raises SettingRefused for a
        URL that is none.
        """
        try:
            # a step that is tried again has to be settled first, which the client's own tries would not do
            self._redis = Redis.from_url(
                redis_url, socket_timeout=_ANSWER_S, socket_connect_timeout=_ANSWER_S, retry=Retry(NoBackoff(), 0)
            )
        except ValueError as error:
            raise SettingRefused(
                "is not the URL of a Redis", field="ASSAYER_REDIS_URL", advice="Write redis://HOST:PORT/NUMBER."
            ) from error
        self._script = self._redis.register_script(_SCRIPT.read_text(encoding="utf-8"))
        self._base = f"assayer:{{{tenant}/{crawl}}}"
        self._worker = f"{worker}.{secrets.token_hex(8)}"
        self._lease_s = lease_s
        self._renewed = 0.0
        self._waits_s: tuple[float, ...] = _WAITS_S
        self._held: set[bytes] = set()

    def add(self, entries: Sequence[Entry], *, most: int) -> int:
        """Add those whose key was never added, while fewer than `most` pages were planned; how many were added."""
        rows = [_row(entry) for entry in entries]
        return sum(self._step("add", most, *chain.from_iterable(page)) for page in _pages(rows))

    def known(self, keys: Collection[str]) -> set[str]:
        """Those of `keys` that were ever added."""
        found: set[str] = set()
        for page in _pages(list(keys)):
            names = [identifier(key) for key in page]
            present: Any = self._try(partial(self._redis.smismember, f"{self._base}:known", names))
            found.update(key for key, there in zip(page, present, strict=True) if there)
        return found

    def take(self, *, now: float, avoid: Collection[str] = ()) -> Entry | None:
        """The waiting entry that is due and first by priority, then by age; None when none is."""
        taken = self._step("take", repr(now), _lines(avoid))
        if taken is None:
            return None
        content, host, attempts = taken
        entry = _entry(content, host, attempts)
        self._held.add(identifier(entry.key))
        return entry

    def finish(self, key: str) -> None:
        """Mark a taken entry done."""
        self._let_go("finish", key)

    def bury(self, key: str, *, reason: str, status: int | None) -> None:
        """Give a taken entry up, and keep it as a dead letter."""
        letter = json.dumps([reason.encode("utf-8", "replace").decode(), status, datetime.now(UTC).isoformat()])
        self._let_go("bury", key, letter)

    def postpone(self, key: str, *, until: float) -> None:
        """Put a taken entry back after a failure, not to be taken before `until`; counts an attempt."""
        self._let_go("postpone", key, repr(until))

    def release(self, key: str) -> None:
        """Put a taken entry back as it was."""
        self._let_go("release", key)

    def leave(self, host: str) -> int:
        """Take all waiting entries of a host out, because it said stop; how many."""
        return int(self._step("leave", host_name(host)))

    def next_due(self, *, avoid: Collection[str] = ()) -> float | None:
        """When the first waiting entry is due; 0.0 when one is already, None when none waits."""
        due = self._step("next_due", _lines(avoid))
        return None if due is None else float(due)

    def counts(self) -> Counts:
        """As it stands now, of all workers together."""
        waiting, taken, done, dead, left, extra = self._step("counts")
        return Counts(waiting=waiting, taken=taken, done=done, dead=dead, left=left, extra=extra)

    def dead_letters(self) -> Sequence[DeadLetter]:
        """All, oldest first."""
        letters: list[DeadLetter] = []
        while page := self._step("letters", len(letters), len(letters) + _PAGE - 1):
            letters += [_letter(*row) for row in page]
        return letters

    def replay(self, keys: Collection[str]) -> int:
        """Put dead letters back among the waiting, their attempts forgotten; how many."""
        return sum(self._step("replay", *page) for page in _pages([identifier(key) for key in keys]))

    def fact(self, name: str) -> str | None:
        """What was last said of the crawl under this name, by any worker; None when nothing was."""
        value: Any = self._try(lambda: self._redis.hget(f"{self._base}:facts", name))
        return None if value is None else value.decode()

    def set_fact(self, name: str, value: str) -> None:
        """Keep something small about the crawl itself."""
        self._try(lambda: self._redis.hset(f"{self._base}:facts", name, value))

    def clear(self) -> None:
        """Forget everything: entries, dead letters and facts. Raises StoreUnavailable while another has a lease."""
        if not self._step("clear"):
            raise StoreUnavailable(
                "another process is at work on this crawl, which cannot be begun anew meanwhile",
                advice="Share its work (without --fresh), or wait until it ends;"
                f" one that died is forgotten after {self._lease_s:g} s.",
            )
        self._held.clear()

    def flush(self) -> None:
        """Renews the lease; what was said is in Redis already, and lasts as long as Redis is set up to keep it."""
        if time.monotonic() - self._renewed > self._lease_s / 4:
            self._step("renew")

    def close(self) -> None:
        """Let go. What this worker had taken waits again."""
        self._step("close")
        self._held.clear()
        self._redis.close()

    def _let_go(self, step: str, key: str, *arguments: Argument) -> None:
        name = identifier(key)
        self._step(step, name, *arguments)
        self._held.discard(name)

    def _step(self, step: str, *arguments: Argument) -> Any:
        answer = self._try(lambda: self._run(step, *arguments))
        self._renewed = time.monotonic()
        return answer

    def _run(self, step: str, *arguments: Argument) -> Any:
        lease_ms = max(1, round(self._lease_s * 1000))
        return self._script(keys=[self._base], args=[step, self._worker, lease_ms, *arguments])

    def _try(self, ask: Callable[[], T]) -> T:
        """Ask, and again while nobody answers. Raises StoreUnavailable."""
        step = ask
        for wait_s in (*self._waits_s, None):
            try:
                answer = step()
                self._waits_s = _WAITS_S
                return answer
            except (Disconnected, TimedOut) as error:
                if wait_s is None:
                    self._waits_s = ()  # a crawl that ends says much more, and nobody waits for each word again
                    raise self._unavailable("does not answer", error) from error
                time.sleep(wait_s)
                step = self._settled(ask)
            except RedisError as error:
                raise self._unavailable("refuses", error) from error
        raise AssertionError("the last try returns or raises")

    def _settled(self, ask: Callable[[], T]) -> Callable[[], T]:
        """Whether the step was made is unknown. It may be made twice, but what it took would be held by nobody."""

        def again() -> T:
            self._run("settle", *self._held)
            return ask()

        return again

    def _unavailable(self, what: str, error: RedisError) -> StoreUnavailable:
        where = self._redis.get_connection_kwargs()  # the URL itself may hold a password
        return StoreUnavailable(
            f"Redis at {where.get('host', where.get('path', 'this machine'))}:{where.get('port', '')} {what} ({error})",
            advice="Check ASSAYER_REDIS_URL and that Redis runs; the crawl goes on from where it was.",
        )


def _row(entry: Entry) -> tuple[Argument, ...]:
    """Identifier, host, priority, attempts, content, 1 where it is no page."""
    return (
        identifier(entry.key),
        host_name(entry.host),
        bounded(entry.ask.priority),
        entry.attempts,
        written(entry),
        int(entry.extra),
    )


def _entry(content: bytes, host: bytes, attempts: bytes) -> Entry:
    return read(content, host=host_named(host.decode("ascii")), attempts=int(attempts))


def _letter(content: bytes, host: bytes, attempts: bytes, letter: bytes) -> DeadLetter:
    reason, status, died_at = json.loads(letter)
    return DeadLetter(
        entry=_entry(content, host, attempts), reason=reason, status=status, died_at=datetime.fromisoformat(died_at)
    )


def _lines(hosts: Collection[str]) -> str:
    """One in each line. Thousands may have to be avoided, so those that need no escapes are not gone through."""
    lines = "\n".join(hosts)
    plain = lines.isascii() and "\\" not in lines and lines.replace("\n", "").isprintable()
    return lines if plain and lines.count("\n") < max(1, len(hosts)) else "\n".join(map(host_name, hosts))


def _pages(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    return (rows[at : at + _PAGE] for at in range(0, len(rows), _PAGE))
