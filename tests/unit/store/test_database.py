"""Opening databases: migrations, refusals, translated errors. What records do is in tests/contract."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, ForeignKeyConstraint, UniqueConstraint, insert, text

from domain.errors import BadInput, NotFound, RecordsNewer, SettingRefused, StoreUnavailable
from store.content import MAX_KEY_BYTES
from store.database import begin_writing, open_database, translated_errors
from store.interfaces import Records
from store.records import open_records
from store.tables import metadata, notices


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'records.db'}"


def test_the_tenant_leads_every_key() -> None:
    for table in metadata.tables.values():
        assert next(column.name for column in table.primary_key.columns) == "tenant_id"
        for constraint in table.constraints:
            assert not isinstance(constraint, UniqueConstraint)
            if isinstance(constraint, ForeignKeyConstraint):
                assert constraint.column_keys[0] == "tenant_id"
                assert constraint.elements[0].column.name == "tenant_id"
        assert all(next(iter(index.columns)).name == "tenant_id" for index in table.indexes)


def test_sqlite_waits_checks_and_survives(url: str) -> None:
    engine = open_database(url)
    with engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    engine.dispose()
    assert settings == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 60_000}


def test_folders_are_made_whatever_they_are_called(tmp_path: Path) -> None:
    records = open_records(f"sqlite:///{tmp_path}/100% new/é/records.db", "acme")
    assert records.count_listings() == 0
    records.close()
    assert (tmp_path / "100% new" / "é" / "records.db").is_file()


def test_threads_that_open_a_new_database_at_once_all_succeed(url: str) -> None:
    opened: list[Records] = []
    barrier = threading.Barrier(6)

    def open_one() -> None:
        barrier.wait()
        opened.append(open_records(url, "acme"))

    threads = [threading.Thread(target=open_one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [records.count_listings() for records in opened] == [0] * 6
    for records in opened:
        records.close()


def test_a_database_of_a_newer_assayer_is_refused_and_left_alone(url: str, tmp_path: Path) -> None:
    open_records(url, "acme").close()
    with sqlite3.connect(tmp_path / "records.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(RecordsNewer, match="9999") as newer:
        open_records(url, "acme")
    assert "Install the newer" in newer.value.advice
    assert newer.value.exit_code == 1


def test_a_migration_that_fails_leaves_the_database_as_it_was(url: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "records.db") as connection:
        connection.execute("CREATE TABLE notices (whose INTEGER)")  # the last table that the migration makes
    with pytest.raises(StoreUnavailable):
        open_records(url, "acme")
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("notices",)]
    connection.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "no url",
        "oracle://host/database",
        "nothing-like-it://host",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory&uri=true",
        "postgresql://host:port/database",
    ],
)
def test_an_impossible_url_is_refused(url: str) -> None:
    with pytest.raises(SettingRefused) as refusal:
        open_records(url, "acme")
    assert refusal.value.field == "ASSAYER_DATABASE_URL"
    assert refusal.value.advice


@pytest.mark.parametrize("tenant", ["", "nul\0", "x" * (MAX_KEY_BYTES + 1), "\ud83d"])
def test_an_impossible_tenant_is_refused(url: str, tenant: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refusal:
        open_records(url, tenant)
    assert refusal.value.field == "tenant"
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database_is_unavailable(url: str, tmp_path: Path) -> None:
    (tmp_path / "records.db").write_bytes(b"certainly not a database " * 100)
    with pytest.raises(StoreUnavailable, match="not a database") as unavailable:
        open_records(url, "acme")
    assert "ASSAYER_DATABASE_URL" in unavailable.value.advice


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable):
        open_records(f"sqlite:///{tmp_path}/file/records.db", "acme")


def test_a_server_that_is_not_there_is_unavailable_and_its_password_stays_secret(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra `scale`)")
    with pytest.raises(StoreUnavailable) as unavailable:
        open_records(f"postgres://user:secret@/database?host={tmp_path}", "acme")
    assert "secret" not in f"{unavailable.value} {unavailable.value.advice}"


def _insert_notice(engine: Engine, **columns: str) -> None:
    row = {"tenant_id": "acme", "notice_id": "N1", "case_id": "C1", "status": "draft", "digest": "d", "detail": "{}"}
    with translated_errors(), begin_writing(engine) as connection, connection.begin():
        connection.execute(insert(notices).values(row | columns))


def test_a_reference_to_nothing_is_not_found_even_past_every_check(url: str) -> None:
    records = open_records(url, "acme")
    engine = open_database(url)
    with pytest.raises(NotFound):
        _insert_notice(engine)
    records.close()
    engine.dispose()


def test_the_database_itself_keeps_tenants_apart(url: str) -> None:
    for tenant in ("acme", "other"):
        open_records(url, tenant).close()
    engine = open_database(url)
    with begin_writing(engine) as connection, connection.begin():
        connection.execute(text("INSERT INTO cases VALUES ('other', 'C1', 'd', '{}')"))
    with pytest.raises(NotFound):
        _insert_notice(engine)
    _insert_notice(engine, tenant_id="other")
    engine.dispose()


def test_a_refused_write_does_not_tell_the_row(url: str) -> None:
    open_records(url, "acme").close()
    engine = open_database(url)
    with begin_writing(engine) as connection, connection.begin():
        connection.execute(text("INSERT INTO cases VALUES ('acme', 'C1', 'd', '{}')"))
    _insert_notice(engine, detail="a tenant's secret")
    with pytest.raises(StoreUnavailable) as refused:
        _insert_notice(engine, detail="a tenant's secret")
    assert "secret" not in str(refused.value)
    engine.dispose()
