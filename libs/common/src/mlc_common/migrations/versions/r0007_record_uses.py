"""Which invoices used a master record: how many, and the last one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0007"
down_revision = "0006"

KEY = ("connection", "kind", "company", "code")
INSTANT = sa.DateTime(timezone=True)


def upgrade(op: Operations) -> None:
    """A read model of the operator-console."""
    op.create_table(
        "record_uses",
        *(sa.Column(name, sa.Text) for name in KEY),
        sa.Column("times", sa.BigInteger, nullable=False),
        sa.Column("first_at", INSTANT, nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.Column("last_invoice_id", sa.Text, nullable=False),
        sa.Column("last_number", sa.Text),
        sa.PrimaryKeyConstraint(*KEY, name="pk_record_uses"),
    )
