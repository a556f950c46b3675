"""What crawls capture and remember, and the listings of a seller."""

from __future__ import annotations

from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ROWS = 500


def _create(name: str, key: str, *columns: str) -> None:
    op.create_table(
        name,
        *(sa.Column(column, _KEY, nullable=False) for column in ["tenant_id", key, *columns]),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", key, name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=f"fk_{name}_tenants"),
    )


def upgrade() -> None:
    _create("captures", "capture_id", "url_sha256", "body_sha256", "holds_body")
    op.create_index("ix_captures_url", "captures", ["tenant_id", "url_sha256"])
    op.create_index("ix_captures_body", "captures", ["tenant_id", "body_sha256", "holds_body"])
    _create("visits", "url_sha256", "marketplace", "listing_id")
    op.create_index("ix_visits_listing", "visits", ["tenant_id", "marketplace", "listing_id"])
    _create("site_stops", "host")
    op.add_column("listings", sa.Column("seller_sha256", _KEY, nullable=False, server_default=""))
    _name_sellers()
    op.create_index("ix_listings_seller", "listings", ["tenant_id", "marketplace", "seller_sha256", "listing_id"])


def _name_sellers() -> None:
    """Fill the new column; SQLite cannot hash, so it is done here, some rows at a time."""
    names = ("tenant_id", "marketplace", "listing_id")
    table = sa.table(
        "listings", *(sa.column(name, _KEY) for name in [*names, "seller_sha256"]), sa.column("detail", sa.JSON)
    )
    key = [table.c[name] for name in names]
    own = sa.and_(*(column == sa.bindparam(f"key_{column.name}") for column in key))
    fill = sa.update(table).where(own).values(seller_sha256=sa.bindparam("seller"))
    query = sa.select(*key, table.c.detail).order_by(*key).limit(_ROWS)
    connection = op.get_bind()
    rows = connection.execute(query).all()
    while rows:
        connection.execute(
            fill,
            [
                {f"key_{name}": part for name, part in zip(names, row, strict=False)}
                | {"seller": sha256(row.detail["seller"]["id"].encode("utf-8", "surrogatepass")).hexdigest()}
                for row in rows
            ],
        )
        rows = connection.execute(query.where(sa.tuple_(*key) > tuple(rows[-1])[:3])).all()
