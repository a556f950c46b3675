"""Alembic's environment; `store.database` runs it whenever records are opened."""
