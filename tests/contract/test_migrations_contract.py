"""What the code expects of the tables is what the migrations make of an empty database."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from store.database import open_database
from store.tables import metadata


def test_tables_and_migrations_agree(database_url: str) -> None:
    engine = open_database(database_url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        # compare_metadata does not look at primary keys
        found = inspect(connection)
        for table in metadata.tables.values():
            key = found.get_pk_constraint(table.name)
            assert key["constrained_columns"] == [column.name for column in table.primary_key.columns]
            assert key["name"] == table.primary_key.name
    engine.dispose()
