"""The file of a local frontier: SQLite, marked as ours, used by one process at a time, never deleted."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from domain.errors import AssayerError, RecordsNewer, StoreUnavailable

APPLICATION_ID = 0x41465231
"""``AFR1`` in the file's header, so that no other database is taken for a frontier."""
FORMAT = 1

_SCHEMA = (
    # state: 0 waiting, 1 waiting until `due`, 2 taken, 3 done, 4 dead, 5 left (see local.State)
    """CREATE TABLE entry (
        serial INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        host TEXT NOT NULL,
        priority INTEGER NOT NULL,
        state INTEGER NOT NULL,
        due REAL NOT NULL,
        attempts INTEGER NOT NULL,
        content TEXT NOT NULL
    )""",
    "CREATE INDEX waiting ON entry (host, priority DESC, serial) WHERE state = 0",
    "CREATE INDEX postponed ON entry (due, host) WHERE state = 1",
    "CREATE INDEX taken ON entry (serial) WHERE state = 2",
    """CREATE TABLE letter (
        number INTEGER PRIMARY KEY,
        serial INTEGER NOT NULL UNIQUE REFERENCES entry,
        reason TEXT NOT NULL,
        status INTEGER,
        died_at TEXT NOT NULL
    )""",
    "CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
)
_CACHE_KIB = 32_768


def open_file(path: Path) -> sqlite3.Connection:
    """The file as this process's alone until the connection is closed; made when it is not there.

    Raises StoreUnavailable when another process has it, it is no frontier, or it is broken; RecordsNewer when a newer
    Assayer wrote it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, timeout=0.5)
    except (OSError, sqlite3.Error) as error:
        raise unavailable(path, error) from error
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise unavailable(path, error) from error
    except AssayerError:
        connection.close()
        raise
    return connection


def unavailable(path: Path, error: Exception) -> StoreUnavailable:
    """What failed with this file, and what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of the number is its extension
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreUnavailable(
            f"{path}: another process is at work on this crawl", advice="Wait until it ends, or stop it."
        )
    if code == sqlite3.SQLITE_NOTADB:
        return _foreign(path)
    if code == sqlite3.SQLITE_CORRUPT:
        return StoreUnavailable(f"{path}: the frontier is damaged ({error})", advice=_KEEP_AND_START_ANEW)
    return StoreUnavailable(
        f"{path}: the frontier cannot be used ({error})", advice="Check the disk's free space and the folder's rights."
    )


_KEEP_AND_START_ANEW = "Put it elsewhere and crawl again; offers that were stored stay, and are found again unchanged."


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    # exclusive before the first look: nobody else comes in between, and it ends with the process, however that ends
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    if _is_new(connection):
        for statement in _SCHEMA:
            connection.execute(statement)
    _check(connection, path)
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last moments, never the order
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")


def _is_new(connection: sqlite3.Connection) -> bool:
    return not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] and not _number(
        connection, "application_id"
    )


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if _number(connection, "application_id") != APPLICATION_ID:
        raise _foreign(path)
    if (version := _number(connection, "user_version")) != FORMAT:
        raise RecordsNewer(
            f"{path}: the frontier has format {version}, this Assayer reads {FORMAT}",
            advice="Go on with the Assayer that began this crawl, or crawl under another name.",
        )
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise StoreUnavailable(f"{path}: the frontier is damaged ({found})", advice=_KEEP_AND_START_ANEW)


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _foreign(path: Path) -> StoreUnavailable:
    return StoreUnavailable(
        f"{path}: is not a frontier", advice="Put that file elsewhere; Assayer does not write over it."
    )
