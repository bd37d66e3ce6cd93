"""What documents are sought by: batch, purchase orders, sums, vouchers, and the beginning of an invoice number."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0003"
down_revision = "0002"

TABLE = "document_status"
SOUGHT = (
    ["supplier_code", "last_change"],
    ["reason_code", "last_change"],
    ["gross"],
    ["batch"],
    ["voucher"],
    ["group_id"],
)


def upgrade(op: Operations) -> None:
    """From paused flows."""
    op.add_column(TABLE, sa.Column("batch", sa.Text))
    op.add_column(TABLE, sa.Column("orders", ARRAY(sa.Text), nullable=False, server_default="{}"))
    for replaced in ("supplier_code", "invoice_number"):
        op.drop_index(f"ix_document_status_{replaced}", TABLE)
    for columns in SOUGHT:
        op.create_index(f"ix_document_status_{'_'.join(columns)}", TABLE, columns)
    op.create_index("ix_document_status_orders", TABLE, ["orders"], postgresql_using="gin")
    op.create_index("ix_document_status_number", TABLE, [sa.text("lower(invoice_number) text_pattern_ops")])
