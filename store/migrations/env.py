"""Run by Alembic, on the connection that `store.database.migrate` has locked."""

from __future__ import annotations

from alembic import context

from store.tables import metadata

# render_as_batch: SQLite changes a table by rebuilding it
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
