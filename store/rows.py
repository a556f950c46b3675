"""One tenant's rows. Every statement on them is made here, so here alone stands whose rows they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Engine,
    Select,
    Table,
    and_,
    bindparam,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from domain.errors import NotFound
from store.content import Entry, Key, changes, is_storable
from store.database import begin_writing, translated_errors
from store.interfaces import SaveCount
from store.tables import keys_of, tenants

Query = Select[*tuple[Any, ...]]

PAGE_ROWS = 500
"""Rows per query of a streamed read, and keys per look-up."""


class TenantRows:
    """Reads and writes entries of one tenant."""

    def __init__(self, engine: Engine, tenant: str) -> None:
        self._engine = engine
        self.tenant = tenant

    def of(self, table: Table) -> ColumnElement[bool]:
        """That a row is this tenant's."""
        return table.c.tenant_id == self.tenant

    def details(self, table: Table) -> Query:
        """Every query of values starts here: keys and detail, by key."""
        keys = keys_of(table)
        return select(*keys, table.c.detail).where(self.of(table)).order_by(*keys)

    def all(self, query: Query) -> Sequence[Any]:
        """The rows at once."""
        with translated_errors(), self._engine.connect() as connection:
            return connection.execute(query).all()

    def pages(self, query: Query, table: Table) -> Iterator[Any]:
        """The rows of a `details` query page by page, each page in a transaction of its own.

        No lock is held while the caller works or saves in between.
        """
        keys = keys_of(table)
        page = self.all(query.limit(PAGE_ROWS))
        while page:
            yield from page
            last = tuple(page[-1])[: len(keys)]
            page = self.all(query.where(tuple_(*keys) > last).limit(PAGE_ROWS)) if len(page) == PAGE_ROWS else ()

    def one(self, query: Query, table: Table, key: Key) -> Any:
        """The detail of one row of a `details` query. Raises NotFound."""
        own = [column == part for column, part in zip(keys_of(table), key, strict=True)]
        found = self.all(query.where(*own)) if all(map(is_storable, key)) else ()
        if not found:
            raise NotFound(f"no {table.name.removesuffix('s')} {'/'.join(key)} is stored")
        return found[0].detail

    def count(self, table: Table) -> int:
        """How many."""
        counted: int = self.all(select(func.count().label("rows")).select_from(table).where(self.of(table)))[0].rows
        return counted

    def make_tenant(self) -> None:
        """The tenant's own row, to which all others refer."""
        own = select(tenants).where(self.of(tenants))
        if self.all(own):
            return
        with translated_errors(), begin_writing(self._engine) as connection, connection.begin():
            try:
                with connection.begin_nested():
                    connection.execute(insert(tenants).values(tenant_id=self.tenant))
            except IntegrityError:  # another process was quicker; either way it is there now
                return

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, one writer of this tenant at a time: what is read in it still holds when it commits."""
        with translated_errors(), begin_writing(self._engine) as connection, connection.begin():
            # SQLite has locked the whole file by now and ignores FOR NO KEY UPDATE
            connection.execute(select(tenants).where(self.of(tenants)).with_for_update(key_share=True))
            yield connection

    def values(self, connection: Connection, table: Table, keys: Sequence[Key], column: str) -> dict[Key, str]:
        """That column of each key that is stored."""
        *leading, last = keys_of(table)
        found: dict[Key, str] = {}
        possible = sorted({key for key in keys if all(map(is_storable, key))})
        for prefix, group in groupby(possible, key=lambda key: key[:-1]):
            ends = [key[-1] for key in group]
            fixed = [part == value for part, value in zip(leading, prefix, strict=True)]
            for start in range(0, len(ends), PAGE_ROWS):
                some = last.in_(ends[start : start + PAGE_ROWS])
                rows = connection.execute(select(last, table.c[column]).where(self.of(table), *fixed, some))
                found |= {(*prefix, end): value for end, value in rows}
        return found

    def save(self, connection: Connection, table: Table, entries: Sequence[Entry]) -> SaveCount:
        """Write what is new or changed."""
        names = [column.name for column in keys_of(table)]
        work = changes(entries, self.values(connection, table, [entry.key for entry in entries], "digest"))
        if work.added:
            rows = [
                {"tenant_id": self.tenant, **dict(zip(names, entry.key, strict=True)), **_written(entry)}
                for entry in work.added.values()
            ]
            connection.execute(insert(table), rows)
        if work.updated:
            changed = [_bound(names, entry.key) | _written(entry) for entry in work.updated.values()]
            connection.execute(update(table).where(self._bound(table, names)), changed)
        return work.count

    def delete(self, connection: Connection, statement: Delete, keys: Sequence[Key], *names: str) -> None:
        """Execute `statement` for each key, whose parts are the columns `names`."""
        if keys:
            own = self._bound(statement.table, names)
            connection.execute(statement.where(own), [_bound(names, key) for key in keys])

    def _bound(self, table: Any, names: Sequence[str]) -> ColumnElement[bool]:
        return and_(self.of(table), *(table.c[name] == bindparam(f"key_{name}") for name in names))


def _bound(names: Sequence[str], key: Key) -> dict[str, Any]:
    # prefixed: an update names the same column once to find the row and once to set it
    return {f"key_{name}": part for name, part in zip(names, key, strict=True)}


def _written(entry: Entry) -> dict[str, Any]:
    return {**entry.columns, "digest": entry.digest, "detail": entry.detail}
