"""The frontier of one machine: a SQLite file that one process uses at a time.

Everything that is said goes into one stream of transactions. `flush` commits; nothing commits in the middle of a call.
So a process that is killed leaves what it had said up to some moment, all of it and nothing else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from crawler.frontier.file import open_file, unavailable
from crawler.frontier.heads import Heads
from crawler.frontier.interface import Counts, DeadLetter, Entry
from crawler.frontier.stored import bounded, host_name, host_named, identifier, read, written

P = ParamSpec("P")
T = TypeVar("T")
SqlValue = str | bytes | float | None

_EXTRA = "requests that are no pages"
"""Under this name their number is a fact."""
MOST_UNFLUSHED = 20_000
"""Rows that are changed before a commit comes by itself."""


class State(IntEnum):
    """Where an entry stands; the numbers are in the file."""

    WAITING = 0
    POSTPONED = 1
    TAKEN = 2
    DONE = 3
    DEAD = 4
    LEFT = 5


def _guarded(method: Callable[Concatenate[LocalFrontier, P], T]) -> Callable[Concatenate[LocalFrontier, P], T]:
    """What SQLite raises as StoreUnavailable. What was not flushed is taken back, and the frontier is closed then."""

    @wraps(method)
    def guarded(self: LocalFrontier, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except sqlite3.Error as error:
            self._end()
            raise unavailable(self._path, error) from error

    return guarded


class LocalFrontier:
    """See `interface.Frontier`; not for more than one worker.

    Hosts are held in memory, entries are not.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file, or makes it; what was taken waits again.

        Raises StoreUnavailable when another process has it, it is no frontier, or it is broken; RecordsNewer when a
        newer Assayer wrote it.
        """
        self._path = path
        self._file = open_file(path)
        self._held: dict[bytes, tuple[int, str, int]] = {}
        self._heads = Heads()
        self._unflushed = 0
        self._closed = False
        self._open()

    @_guarded
    def _open(self) -> None:
        self._change("UPDATE entry SET state = 0 WHERE state = 2")
        counted = dict(self._file.execute("SELECT state, count(*) FROM entry GROUP BY state"))
        self._count = {state: counted.get(state, 0) for state in State}
        self._planned, self._extra = sum(self._count.values()), int(self.fact(_EXTRA) or 0)
        self._next_promotion = self._first_due()
        name: tuple[str] | None = ("",)
        while name:
            self._reread(host_named(name[0]))
            name = self._file.execute(
                "SELECT host FROM entry WHERE state = 0 AND host > ? ORDER BY host LIMIT 1", name
            ).fetchone()
        self.flush()

    @_guarded
    def add(self, entries: Sequence[Entry], *, most: int) -> int:
        """Add those whose key was never added, while fewer than `most` pages were planned; how many were added."""
        added, extras = 0, self._extra
        for name, host, priority, attempts, content, extra in _rows(entries):
            if not extra and self._planned - self._extra >= most:
                continue
            serials = self._change(
                "INSERT INTO entry (id, host, priority, attempts, content, state, due) VALUES (?, ?, ?, ?, ?, 0, 0)"
                " ON CONFLICT DO NOTHING RETURNING serial",
                *(name, host_name(host), priority, attempts, content),
            )
            for (serial,) in serials:
                self._heads.offer(host, (-priority, serial))
                self._count[State.WAITING] += 1
                self._planned += 1
                self._extra += extra
                added += 1
        if self._extra != extras:
            self._set_fact(_EXTRA, str(self._extra))
        self._settle()
        return added

    @_guarded
    def known(self, keys: Collection[str]) -> set[str]:
        """Those of `keys` that were ever added."""
        return {key for key in keys if self._one("SELECT 1 FROM entry WHERE id = ?", identifier(key))}

    @_guarded
    def take(self, *, now: float, avoid: Collection[str] = ()) -> Entry | None:
        """The waiting entry that is due and first by priority, then by age; None when none is."""
        if self._next_promotion is not None and self._next_promotion <= now:
            self._promote(now)
        chosen = self._heads.first(avoid)
        if chosen is None:
            return None
        host, (negated, serial) = chosen
        name, content, attempts = self._change(
            "UPDATE entry SET state = 2 WHERE serial = ? RETURNING id, content, attempts", serial
        ).fetchall()[0]
        self._held[name] = (serial, host, -negated)
        self._move(State.WAITING, State.TAKEN)
        self._reread(host)
        self._settle()
        return read(content, host=host, attempts=attempts)

    @_guarded
    def finish(self, key: str) -> None:
        """Mark a taken entry done."""
        name = identifier(key)
        if not self._let_go(name, State.DONE):
            self._finish_waiting(name)
        self._settle()

    @_guarded
    def bury(self, key: str, *, reason: str, status: int | None) -> None:
        """Give a taken entry up, and keep it as a dead letter."""
        if held := self._let_go(identifier(key), State.DEAD):
            self._change(
                "INSERT INTO letter (serial, reason, status, died_at) VALUES (?, ?, ?, ?)",
                *(held[0], reason.encode("utf-8", "replace").decode(), status, datetime.now(UTC).isoformat()),
            )
            self._settle()

    @_guarded
    def postpone(self, key: str, *, until: float) -> None:
        """Put a taken entry back after a failure, not to be taken before `until`; counts an attempt."""
        if held := self._let_go(identifier(key), State.POSTPONED):
            self._change("UPDATE entry SET attempts = attempts + 1, due = ? WHERE serial = ?", until, held[0])
            known = self._next_promotion
            self._next_promotion = until if known is None else min(known, until)
            self._settle()

    @_guarded
    def release(self, key: str) -> None:
        """Put a taken entry back as it was."""
        if held := self._let_go(identifier(key), State.WAITING):
            serial, host, priority = held
            self._heads.offer(host, (-priority, serial))
            self._settle()

    @_guarded
    def leave(self, host: str) -> int:
        """Take all waiting entries of a host out, because it said stop; how many."""
        left = 0
        for state, statement in (
            (State.WAITING, "UPDATE entry SET state = 5 WHERE state = 0 AND host = ?"),
            (State.POSTPONED, "UPDATE entry SET state = 5 WHERE state = 1 AND host = ?"),
        ):
            rows = self._change(statement, host_name(host)).rowcount
            self._move(state, State.LEFT, rows)
            left += rows
        self._heads.put(host, None)
        self._settle()
        return left

    @_guarded
    def next_due(self, *, avoid: Collection[str] = ()) -> float | None:
        """When the first waiting entry is due; 0.0 when one is already, None when none waits."""
        return 0.0 if self._heads.first(avoid) else self._first_due(avoid)

    def counts(self) -> Counts:
        """As it stands now."""
        count = self._count
        return Counts(
            waiting=count[State.WAITING] + count[State.POSTPONED],
            taken=count[State.TAKEN],
            done=count[State.DONE],
            dead=count[State.DEAD],
            left=count[State.LEFT],
            extra=self._extra,
        )

    @_guarded
    def dead_letters(self) -> Sequence[DeadLetter]:
        """All, oldest first."""
        rows = self._file.execute(
            "SELECT content, host, attempts, reason, status, died_at"
            " FROM letter JOIN entry USING (serial) ORDER BY number"
        )
        return [
            DeadLetter(
                entry=read(content, host=host_named(host), attempts=attempts),
                reason=reason,
                status=status,
                died_at=datetime.fromisoformat(died_at),
            )
            for content, host, attempts, reason, status, died_at in rows
        ]

    @_guarded
    def replay(self, keys: Collection[str]) -> int:
        """Put dead letters back among the waiting, their attempts forgotten; how many."""
        replayed = 0
        for key in set(keys):
            for serial, host, priority in self._change(
                "UPDATE entry SET state = 0, attempts = 0 WHERE id = ? AND state = 4 RETURNING serial, host, priority",
                identifier(key),
            ).fetchall():
                self._change("DELETE FROM letter WHERE serial = ?", serial)
                self._heads.offer(host_named(host), (-priority, serial))
                self._move(State.DEAD, State.WAITING)
                replayed += 1
        self._settle()
        return replayed

    @_guarded
    def fact(self, name: str) -> str | None:
        """What was last said of the crawl under this name; None when nothing was."""
        row = self._one("SELECT value FROM fact WHERE name = ?", name)
        return str(row[0]) if row else None

    @_guarded
    def set_fact(self, name: str, value: str) -> None:
        """Keep something small about the crawl itself."""
        self._set_fact(name, value)
        self._settle()

    @_guarded
    def clear(self) -> None:
        """Forget everything: entries, dead letters and facts."""
        for table in ("letter", "entry", "fact"):
            self._change(f"DELETE FROM {table}")  # noqa: S608 - the names above
        self._held.clear()
        self._heads = Heads()
        self._count = dict.fromkeys(State, 0)
        self._planned, self._extra, self._next_promotion = 0, 0, None
        self._settle()

    @_guarded
    def flush(self) -> None:
        """What was said so far outlives this process from now on."""
        if self._file.in_transaction:
            self._file.execute("COMMIT")
        self._unflushed = 0

    @_guarded
    def close(self) -> None:
        """`flush`, and let go; what was taken waits again. Nothing happens where it is closed, or failed, already."""
        if self._closed:
            return
        for name in list(self._held):
            self._let_go(name, State.WAITING)
        self.flush()
        self._end()

    def _end(self) -> None:
        self._closed = True
        self._file.close()

    def _set_fact(self, name: str, value: str) -> None:
        self._change("INSERT INTO fact VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value)

    def _let_go(self, name: bytes, state: State) -> tuple[int, str, int] | None:
        """Bring an entry that was taken to another state; its serial number, host and priority, if it was."""
        held = self._held.pop(name, None)
        if held:
            self._change("UPDATE entry SET state = ? WHERE serial = ?", state, held[0])
            self._move(State.TAKEN, state)
        return held

    def _finish_waiting(self, name: bytes) -> None:
        """It is done all the same; nobody need do it again."""
        row = self._one("SELECT serial, host, state FROM entry WHERE id = ? AND state IN (0, 1)", name)
        if row:
            serial, host, state = row
            self._change("UPDATE entry SET state = 3 WHERE serial = ?", serial)
            self._move(State(state), State.DONE)
            self._reread(host_named(host))

    def _promote(self, now: float) -> None:
        """What was postponed until now waits like the others."""
        for host, priority, serial in self._change(
            "UPDATE entry SET state = 0 WHERE state = 1 AND due <= ? RETURNING host, priority, serial", now
        ).fetchall():
            self._heads.offer(host_named(host), (-priority, serial))
            self._move(State.POSTPONED, State.WAITING)
        self._next_promotion = self._first_due()

    def _first_due(self, avoid: Collection[str] = ()) -> float | None:
        for due, host in self._file.execute("SELECT due, host FROM entry WHERE state = 1 ORDER BY due"):
            if host_named(host) not in avoid:
                return float(due)
        return None

    def _reread(self, host: str) -> None:
        """Which of a host's waiting entries comes first now."""
        row = self._one(
            "SELECT priority, serial FROM entry WHERE state = 0 AND host = ? ORDER BY priority DESC, serial LIMIT 1",
            host_name(host),
        )
        self._heads.put(host, (-row[0], row[1]) if row else None)

    def _one(self, statement: str, *values: SqlValue) -> Any:
        return self._file.execute(statement, values).fetchone()

    def _change(self, statement: str, *values: SqlValue) -> sqlite3.Cursor:
        if not self._file.in_transaction:
            self._file.execute("BEGIN")
        self._unflushed += 1
        return self._file.execute(statement, values)

    def _move(self, before: State, after: State, entries: int = 1) -> None:
        self._count[before] -= entries
        self._count[after] += entries

    def _settle(self) -> None:
        """The end of a call: the only place where a commit may come by itself."""
        if self._unflushed >= MOST_UNFLUSHED:
            self.flush()


_Row = tuple[bytes, str, int, int, str, bool]
"""Identifier, host, priority, attempts, content, whether it is no page."""


def _rows(entries: Sequence[Entry]) -> list[_Row]:
    """Made before anything is changed: what cannot be written leaves everything as it was."""
    return [
        (identifier(entry.key), entry.host, bounded(entry.ask.priority), entry.attempts, written(entry), entry.extra)
        for entry in entries
    ]
