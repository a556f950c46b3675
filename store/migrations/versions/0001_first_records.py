"""Catalogs, listings, assessments, cases and notices, each of a tenant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Spelled out rather than taken from store.tables: a migration says what a database once became
_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _create(name: str, key: list[str], columns: list[str], target: str, referred: list[str]) -> None:
    op.create_table(
        name,
        sa.Column("tenant_id", _KEY, nullable=False),
        *(sa.Column(column, _KEY, nullable=False) for column in [*key, *columns]),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", *key, name=f"pk_{name}"),
        sa.ForeignKeyConstraint(
            ["tenant_id", *referred],
            [f"{target}.{column}" for column in ["tenant_id", *referred]],
            name=f"fk_{name}_{target}",
        ),
    )


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("tenant_id", _KEY, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_tenants"),
    )
    _create("rights_holders", ["rights_holder"], [], "tenants", [])
    _create("products", ["rights_holder", "reference_id"], [], "rights_holders", ["rights_holder"])
    _create("listings", ["marketplace", "listing_id"], ["content_digest"], "tenants", [])
    _create(
        "assessments",
        ["marketplace", "listing_id"],
        ["content_digest", "versions_digest", "band"],
        "listings",
        ["marketplace", "listing_id"],
    )
    op.create_index("ix_assessments_band", "assessments", ["tenant_id", "band", "marketplace", "listing_id"])
    _create("cases", ["case_id"], [], "tenants", [])
    _create("notices", ["notice_id"], ["case_id", "status"], "cases", ["case_id"])
    op.create_index("ix_notices_case", "notices", ["tenant_id", "case_id"])
