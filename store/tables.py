"""The tables. A column of its own for what keys and queries ask for; all else is the value's JSON in `detail`.

The tenant is the first part of every primary, unique and foreign key, so that a row of one tenant cannot even
refer to another's.
"""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKeyConstraint, Index, MetaData, PrimaryKeyConstraint, Table, Text

metadata = MetaData()

KeyText = Text().with_variant(Text(collation="C"), "postgresql")
"""Ordered by code point everywhere; a PostgreSQL collation would order, and so page, otherwise."""


def _table(name: str, *key: str, refers_to: tuple[str, ...], columns: tuple[str, ...] = ()) -> Table:
    """A table of one tenant's entries. `refers_to` is (table, its key columns but the tenant)."""
    target, *referred = refers_to
    return Table(
        name,
        metadata,
        Column("tenant_id", KeyText, nullable=False),
        *(Column(part, KeyText, nullable=False) for part in key),
        *(Column(column, KeyText, nullable=False) for column in columns),
        Column("digest", Text, nullable=False),
        Column("detail", JSON, nullable=False),
        PrimaryKeyConstraint("tenant_id", *key, name=f"pk_{name}"),
        ForeignKeyConstraint(
            ["tenant_id", *referred],
            [f"{target}.tenant_id", *(f"{target}.{column}" for column in referred)],
            name=f"fk_{name}_{target}",
        ),
    )


tenants = Table(
    "tenants",
    metadata,
    Column("tenant_id", KeyText, nullable=False),
    PrimaryKeyConstraint("tenant_id", name="pk_tenants"),
)

rights_holders = _table("rights_holders", "rights_holder", refers_to=("tenants",))
products = _table("products", "rights_holder", "reference_id", refers_to=("rights_holders", "rights_holder"))

listings = _table(
    "listings", "marketplace", "listing_id", refers_to=("tenants",), columns=("content_digest", "seller_sha256")
)
_SELLER = ("tenant_id", "marketplace", "seller_sha256", "listing_id")
Index("ix_listings_seller", *(listings.c[name] for name in _SELLER))
assessments = _table(
    "assessments",
    "marketplace",
    "listing_id",
    refers_to=("listings", "marketplace", "listing_id"),
    columns=("content_digest", "versions_digest", "band"),
)
_BAND = ("tenant_id", "band", "marketplace", "listing_id")
Index("ix_assessments_band", *(assessments.c[name] for name in _BAND))

cases = _table("cases", "case_id", refers_to=("tenants",))
notices = _table("notices", "notice_id", refers_to=("cases", "case_id"), columns=("case_id", "status"))
Index("ix_notices_case", notices.c.tenant_id, notices.c.case_id)

reviews = _table(
    "reviews",
    "marketplace",
    "listing_id",
    "rights_holder",
    "decided_at",
    refers_to=("listings", "marketplace", "listing_id"),
    columns=("content_digest",),
)

negatives = _table("negatives", "rights_holder", "sha256", refers_to=("rights_holders", "rights_holder"))

captures = _table("captures", "capture_id", refers_to=("tenants",), columns=("url_sha256", "body_sha256", "holds_body"))
Index("ix_captures_url", captures.c.tenant_id, captures.c.url_sha256)
Index("ix_captures_body", captures.c.tenant_id, captures.c.body_sha256, captures.c.holds_body)

visits = _table("visits", "url_sha256", refers_to=("tenants",), columns=("marketplace", "listing_id"))
Index("ix_visits_listing", visits.c.tenant_id, visits.c.marketplace, visits.c.listing_id)

site_stops = _table("site_stops", "host", refers_to=("tenants",))


def keys_of(table: Table) -> list[Column[str]]:
    """The primary key's columns, the tenant left out."""
    return [column for column in table.primary_key.columns if column.name != "tenant_id"]
