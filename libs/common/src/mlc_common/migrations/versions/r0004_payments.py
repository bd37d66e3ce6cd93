"""Which document an AP invoice is, for its payment, and how far Epicor's transactions were read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0004"
down_revision = "0003"

INSTANT = sa.DateTime(timezone=True)


def upgrade(op: Operations) -> None:
    """Two tables of masterdata-sync."""
    op.create_table(
        "invoice_payments",
        sa.Column("connection", sa.Text),
        sa.Column("company", sa.Text),
        sa.Column("vendor_num", sa.Integer, autoincrement=False),
        sa.Column("invoice_key", sa.Text),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("invoice_num", "invoice_id", "attempt")),
        sa.Column("posted_at", INSTANT, nullable=False),
        sa.Column("digest", sa.Text),
        sa.Column("settled_at", INSTANT),
        sa.Column("next_look", INSTANT),
        sa.PrimaryKeyConstraint("connection", "company", "vendor_num", "invoice_key", name="pk_invoice_payments"),
    )
    op.create_index("ix_invoice_payments_connection_next_look", "invoice_payments", ["connection", "next_look"])
    op.create_table(
        "payment_watermarks",
        sa.Column("connection", sa.Text),
        sa.Column("company", sa.Text),
        sa.Column("watermark", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("connection", "company", name="pk_payment_watermarks"),
    )
