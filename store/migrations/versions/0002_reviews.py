"""Reviews: what people decided about listings, oldest kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    key = ["marketplace", "listing_id", "rights_holder", "decided_at"]
    listing = ["tenant_id", "marketplace", "listing_id"]
    op.create_table(
        "reviews",
        sa.Column("tenant_id", _KEY, nullable=False),
        *(sa.Column(column, _KEY, nullable=False) for column in [*key, "content_digest"]),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", *key, name="pk_reviews"),
        sa.ForeignKeyConstraint(listing, [f"listings.{column}" for column in listing], name="fk_reviews_listings"),
    )
