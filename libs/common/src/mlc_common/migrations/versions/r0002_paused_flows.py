"""Flows of connections that people have paused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0002"
down_revision = "0001"


def upgrade(op: Operations) -> None:
    """From the first tables."""
    op.create_table(
        "paused_flows",
        sa.Column("connection", sa.Text),
        sa.Column("flow", sa.Text),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("connection", "flow", name="pk_paused_flows"),
        sa.ForeignKeyConstraint(["connection"], ["connections.name"], name="fk_paused_flows_connections"),
    )
