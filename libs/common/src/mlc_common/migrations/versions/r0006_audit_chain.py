"""The hash chain of the streams and the keys that sign it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0006"
down_revision = "0005"

INSTANT = sa.DateTime(timezone=True)


def upgrade(op: Operations) -> None:
    """Two new tables; nothing else is touched."""
    op.create_table(
        "chain_blocks",
        sa.Column("stream", sa.Text),
        sa.Column("first", sa.BigInteger, autoincrement=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.LargeBinary, nullable=False) for name in ("before", "after", "links")),
        sa.PrimaryKeyConstraint("stream", "first", name="pk_chain_blocks"),
    )
    # Digests do not compress; trying would only cost time.
    op.execute("ALTER TABLE chain_blocks ALTER COLUMN links SET STORAGE EXTERNAL")
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Text),
        sa.Column("public", sa.LargeBinary, nullable=False),
        sa.Column("master_key_id", sa.Text, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("retired_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_signing_keys"),
    )
