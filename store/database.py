"""A database by URL: opened, migrated to what this code expects, its errors translated."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from domain.codec import canonical_json
from domain.errors import BadInput, NotFound, NotReady, RecordsNewer, SettingRefused, StoreUnavailable

BUSY_TIMEOUT_S = 60.0
"""How long a writer waits for another one on SQLite."""

WRITES = {"assayer_writes": True}
"""Execution option of connections that will write: on SQLite they take the write lock as they begin."""

_MIGRATION_LOCK = 0x41737361796572
"""PostgreSQL advisory lock of whoever migrates; any number, so the word "Assayer" it is."""

_SETTING = "ASSAYER_DATABASE_URL"


def open_database(url: str) -> Engine:
    """The database at `url`, migrated to head; made if it is SQLite and not there.

    Raises SettingRefused for an impossible URL, StoreUnavailable when it cannot be reached, RecordsNewer when a
    newer Assayer has migrated it, NotReady without the PostgreSQL driver.
    """
    engine = _engine(url)
    try:
        with translated_errors():
            _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def begin_writing(engine: Engine) -> Connection:
    """A connection for one writing transaction; use it as a context manager and `begin` on it."""
    return engine.connect().execution_options(**WRITES)


@contextmanager
def translated_errors() -> Iterator[None]:
    """The driver's errors as Assayer's, without the rows they carry (those may be a tenant's secrets)."""
    try:
        yield
    except IntegrityError as error:
        if not _is_foreign_key(error):
            raise StoreUnavailable(f"the database refused a write ({error.orig})") from error
        raise NotFound("something this record refers to is not stored") from error
    except DataError as error:
        raise BadInput(f"the database cannot store this value ({error.orig})") from error
    except (DBAPIError, PoolTimeoutError) as error:
        reason = str(getattr(error, "orig", error)).strip()
        raise StoreUnavailable(
            f"the database does not answer ({reason})",
            advice=f"Check {_SETTING}, the disk's free space, and that no other process keeps the database locked.",
        ) from error


def _is_foreign_key(error: IntegrityError) -> bool:
    code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorcode", None)
    return code in ("23503", sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY)


def _engine(url: str) -> Engine:
    parsed = _parsed(url)
    try:
        engine = create_engine(
            parsed,
            json_serializer=lambda value: canonical_json(value).decode(),
            connect_args={"timeout": BUSY_TIMEOUT_S} if parsed.get_backend_name() == "sqlite" else {},
            pool_pre_ping=parsed.get_backend_name() == "postgresql",
        )
    except ModuleNotFoundError as error:
        raise NotReady(f"{error.name} is not installed", advice="Install it: pip install 'assayer[scale]'.") from error
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _parsed(url: str) -> URL:
    try:
        # the PostgreSQL world writes postgres:// too; SQLAlchemy does not know it
        parsed = make_url(f"postgresql://{url.removeprefix('postgres://')}" if url.startswith("postgres://") else url)
        backend = parsed.get_dialect().name
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise _refused("is not a database URL") from error
    except ModuleNotFoundError as error:
        raise NotReady(f"{error.name} is not installed", advice="Install it: pip install 'assayer[scale]'.") from error
    if backend == "sqlite":
        _make_folder(parsed.database)
    elif backend == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    else:
        raise _refused(f"{backend} is not supported")
    return parsed


def _refused(reason: str) -> SettingRefused:
    return SettingRefused(
        reason, field=_SETTING, advice="Write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE."
    )


def _make_folder(database: str | None) -> None:
    if not database or database == ":memory:" or database.startswith("file:"):
        raise _refused("a database in memory lasts no longer than one connection; name a file")
    try:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"cannot make the folder of {database} ({error})") from error


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver's own begins too late to cover reads
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")  # what was committed survives a power cut
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    # a transaction that reads first and writes later cannot wait for the lock; it would fail at once
    writes = connection.get_execution_options().get("assayer_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(engine: Engine) -> None:
    """Up to head. Whoever comes second waits for the lock and finds nothing left to do."""
    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))  # percent signs are its own syntax
    scripts = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        if _is_current(connection, scripts):
            return
    with begin_writing(engine) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        if not _is_current(connection, scripts):
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _is_current(connection: Connection, scripts: ScriptDirectory) -> bool:
    """Raises RecordsNewer for a revision that this code has never heard of."""
    found = set(MigrationContext.configure(connection).get_current_heads())
    unknown = found - {script.revision for script in scripts.walk_revisions()}
    if unknown:
        raise RecordsNewer(
            f"the database is of a newer Assayer (revision {', '.join(sorted(unknown))})",
            advice=f"Install the newer Assayer, or name another database in {_SETTING}.",
        )
    return found == set(scripts.get_heads())
