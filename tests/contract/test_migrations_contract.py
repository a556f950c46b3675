"""What the code expects of the tables is what the migrations make of an empty database, and of a filled one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

import store
from domain.codec import digest, dump
from domain.listing import Listing, Seller
from store.content import content_digest
from store.database import open_database
from store.interfaces import SaveCount
from store.records import open_records
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


def _make(database_url: str, revision: str, tenant: str, listings: list[Listing]) -> None:
    """A database as it was at that revision, before listings had a column of their sellers."""
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).parent / "migrations"))
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(text("INSERT INTO tenants (tenant_id) VALUES (:tenant)"), {"tenant": tenant})
        columns = "tenant_id, marketplace, listing_id, content_digest, digest, detail"
        connection.execute(
            text(f"INSERT INTO listings ({columns}) VALUES (:tenant, :market, :id, :content, :digest, :detail)"),
            [
                {
                    "tenant": tenant,
                    "market": listing.marketplace,
                    "id": listing.listing_id,
                    "content": content_digest(listing),
                    "digest": digest(dump(listing)),
                    "detail": json.dumps(dump(listing)),
                }
                for listing in listings
            ],
        )
    engine.dispose()


def test_listings_from_before_are_found_by_their_sellers(database_url: str) -> None:
    base = Listing(marketplace="market", listing_id="", url="", title="", seller=Seller(id="", name=""))
    many = [
        replace(base, listing_id=f"L{number:04}", seller=Seller(id=f"s{number % 2}", name="any"))
        for number in range(1203)
    ]
    odd = replace(base, listing_id="odd", seller=Seller(id="nül\0 店", name=""))
    _make(database_url, "0003", "acme", [*many, odd])
    records = open_records(database_url, "acme")
    try:
        assert records.listings_of_seller("market", "s1") == many[1::2]
        assert records.listings_of_seller("market", "s0") == many[0::2]
        assert records.listings_of_seller("market", "nül\0 店") == [odd]
        assert records.save_listings(many) == SaveCount(unchanged=1203)
    finally:
        records.close()
