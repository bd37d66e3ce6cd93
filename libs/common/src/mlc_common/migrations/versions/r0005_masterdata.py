"""What masterdata-sync remembers of its runs and of every record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"

INSTANT = sa.DateTime(timezone=True)
OWNER = ("connection", "kind", "company")


def upgrade(op: Operations) -> None:
    """Two tables of masterdata-sync."""
    op.create_table(
        "masterdata_runs",
        *(sa.Column(name, sa.Text) for name in OWNER),
        sa.Column("run", sa.BigInteger, nullable=False),
        sa.Column("mode", sa.Text),
        sa.Column("started_at", INSTANT),
        sa.Column("cursor", sa.Text),
        sa.Column("progress", JSONB, nullable=False),
        sa.Column("full_at", INSTANT),
        sa.Column("delta_at", INSTANT),
        sa.Column("watermark", JSONB, nullable=False),
        sa.Column("stopped", sa.Text),
        sa.PrimaryKeyConstraint(*OWNER, name="pk_masterdata_runs"),
    )
    op.create_table(
        "masterdata_records",
        *(sa.Column(name, sa.Text) for name in (*OWNER, "code")),
        sa.Column("key", sa.Text),
        sa.Column("run", sa.BigInteger, nullable=False),
        sa.Column("missing", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text) for name in ("seen", "sent", "refused")),
        sa.Column("retired", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint(*OWNER, "code", name="pk_masterdata_records"),
    )
