"""Every implementation of records and of evidence, each empty and its own for every test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import LiteralString

import pytest

from store.evidence import FolderEvidence, MemoryEvidence, open_evidence
from store.interfaces import Evidence, Records
from store.memory import MemoryRecords
from store.records import open_records

OpenAs = Callable[[str], Records]


class Cluster:
    """A PostgreSQL server of this test session alone, reached through a socket in its own folder."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="assayer-postgresql-"))
        self._numbers = count()
        if os.getuid() == 0:  # the server refuses to run as root
            shutil.chown(self._folder, "postgres")

    def _run(self, program: str, *arguments: str) -> None:
        as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        command = [*as_postgres, str(self._binaries / program), *arguments]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        data, log = str(self._folder / "data"), str(self._folder / "log")
        login = ("--username=assayer", "--auth=trust")
        self._run("initdb", "-D", data, *login, "--encoding=UTF8", "--locale=C", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{self._folder}' -c fsync=off"
        self._run("pg_ctl", "start", "-D", data, "-l", log, "-w", "-o", options)
        # it sorts words as people do ("a" < "B"), so that no test of order passes by the server's mercy
        sorting = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
        self._execute("postgres", f"CREATE DATABASE records TEMPLATE template0 {sorting}")

    def stop(self) -> None:
        try:
            self._run("pg_ctl", "stop", "-D", str(self._folder / "data"), "-m", "immediate", "-w")
        finally:
            shutil.rmtree(self._folder)

    def new_database(self) -> str:
        """URL of an empty schema, as good as a database and made in no time."""
        name = f"records_{next(self._numbers)}"
        self._execute("records", f"CREATE SCHEMA {name}")
        return f"{self._url('records')}&options=-csearch_path%3D{name}"

    def _url(self, database: str) -> str:
        return f"postgresql://assayer@/{database}?host={self._folder}"

    def _execute(self, database: str, statement: LiteralString) -> None:
        import psycopg  # absent without the extra `scale`

        with psycopg.connect(self._url(database), autocommit=True) as connection:
            connection.execute(statement)


def _binaries() -> Path | None:
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(installed, key=lambda path: int(path.parts[-3]), default=None)
    return newest.parent if newest else None


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (no initdb on PATH or in /usr/lib/postgresql/*/bin)")
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra `scale`)")
    server = Cluster(binaries)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database that several processes can open."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.db'}"
    server: Cluster = request.getfixturevalue("cluster")
    return server.new_database()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def open_as(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenAs]:
    """Opens the records of a tenant; of the same tenant again: the same records."""
    kept: dict[str, MemoryRecords] = {}
    opened: list[Records] = []
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'records.db'}"
    elif request.param == "postgresql":
        url = request.getfixturevalue("cluster").new_database()

    def open_tenant(tenant: str) -> Records:
        if request.param == "memory":
            return kept.setdefault(tenant, MemoryRecords(tenant))
        opened.append(open_records(url, tenant))
        return opened[-1]

    yield open_tenant
    for records in opened:
        records.close()


@pytest.fixture
def records(open_as: OpenAs) -> Records:
    return open_as("acme")


@pytest.fixture(params=["memory", "folder", "fsspec"])
def evidence(request: pytest.FixtureRequest, tmp_path: Path) -> Evidence:
    if request.param == "memory":
        return MemoryEvidence()
    if request.param == "folder":
        return FolderEvidence(tmp_path / "evidence")
    return open_evidence(f"memory://{tmp_path.name}/evidence")
