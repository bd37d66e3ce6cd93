"""Connections and their credentials, positions of projections, the status of accounting documents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

INSTANT = sa.DateTime(timezone=True)


def upgrade(op: Operations) -> None:
    """From an empty database."""
    _connections(op)
    _credentials(op)
    _projections(op)


def _connections(op: Operations) -> None:
    changes = op.create_table(
        "connection_changes",
        sa.Column("id", sa.Integer, autoincrement=False),
        sa.Column("counter", sa.BigInteger, nullable=False),
        sa.Column("master_key_id", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_connection_changes"),
    )
    op.bulk_insert(changes, [{"id": 1, "counter": 0}])
    op.create_table(
        "connection_versions",
        sa.Column("name", sa.Text),
        sa.Column("version", sa.Integer, autoincrement=False),
        sa.Column("document", JSONB, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("applied_at", INSTANT, nullable=False),
        sa.Column("applied_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name="pk_connection_versions"),
    )
    op.create_table(
        "connections",
        sa.Column("name", sa.Text),
        sa.Column("current", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_connections"),
        sa.ForeignKeyConstraint(
            ["name", "current"],
            ["connection_versions.name", "connection_versions.version"],
            name="fk_connections_connection_versions",
        ),
    )


def _credentials(op: Operations) -> None:
    op.create_table(
        "data_keys",
        sa.Column("connection", sa.Text),
        sa.Column("id", sa.Text),
        sa.Column("master_key_id", sa.Text, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("wrapped_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("connection", "id", name="pk_data_keys"),
        sa.ForeignKeyConstraint(["connection"], ["connections.name"], name="fk_data_keys_connections"),
    )
    op.create_table(
        "credentials",
        sa.Column("connection", sa.Text),
        sa.Column("field", sa.Text),
        sa.Column("position", sa.Integer, autoincrement=False),
        sa.Column("data_key_id", sa.Text, nullable=False),
        sa.Column("nonce", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("set_at", INSTANT, nullable=False),
        sa.Column("set_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("connection", "field", "position", name="pk_credentials"),
        sa.ForeignKeyConstraint(
            ["connection", "data_key_id"],
            ["data_keys.connection", "data_keys.id"],
            name="fk_credentials_data_keys",
        ),
    )


def _projections(op: Operations) -> None:
    op.create_table(
        "projection_positions",
        sa.Column("name", sa.Text),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_projection_positions"),
    )
    op.create_table(
        "document_status",
        sa.Column("connection", sa.Text),
        sa.Column("invoice_id", sa.Text),
        sa.Column("attempt", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        *(sa.Column(name, sa.Text) for name in ("company", "supplier_code", "supplier_name", "invoice_number")),
        sa.Column("currency", sa.Text),
        sa.Column("gross", sa.Numeric),
        sa.Column("invoice_date", sa.Date),
        sa.Column("epicor_company", sa.Text),
        sa.Column("vendor_num", sa.Integer),
        *(sa.Column(name, sa.Text) for name in ("epicor_invoice", "group_id", "voucher", "reason_code", "reason")),
        sa.Column("answered", sa.Boolean, nullable=False),
        sa.Column("first_seen", INSTANT, nullable=False),
        sa.Column("last_change", INSTANT, nullable=False),
        sa.Column("last_sequence", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("connection", "invoice_id", name="pk_document_status"),
    )
    for columns in (["phase", "last_change"], ["supplier_code"], ["invoice_number"], ["last_change"]):
        op.create_index(f"ix_document_status_{'_'.join(columns)}", "document_status", columns)
