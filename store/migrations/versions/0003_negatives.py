"""Negatives: pictures that a rights holder says are not theirs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    holder = ["tenant_id", "rights_holder"]
    op.create_table(
        "negatives",
        *(sa.Column(column, _KEY, nullable=False) for column in [*holder, "sha256"]),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint(*holder, "sha256", name="pk_negatives"),
        sa.ForeignKeyConstraint(
            holder, [f"rights_holders.{column}" for column in holder], name="fk_negatives_rights_holders"
        ),
    )
