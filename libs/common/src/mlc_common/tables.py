"""The tables in PostgreSQL, as SQLAlchemy Core knows them; `migrations` builds them, a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    column,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)
Instant = DateTime(timezone=True)

connection_changes = Table(
    "connection_changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("counter", BigInteger, nullable=False),
    Column("master_key_id", Text),
)
"""One row (id 1). Every writer of the five tables below locks it first and counts it up, so writers run one after
another and a reader sees with one number whether anything changed. `master_key_id` wraps new data keys."""

connection_versions = Table(
    "connection_versions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("document", JSONB, nullable=False),
    Column("digest", Text, nullable=False),
    Column("applied_at", Instant, nullable=False),
    Column("applied_by", Text, nullable=False),
)

connections = Table(
    "connections",
    metadata,
    Column("name", Text, primary_key=True),
    Column("current", Integer, nullable=False),
    ForeignKeyConstraint(["name", "current"], ["connection_versions.name", "connection_versions.version"]),
)

data_keys = Table(
    "data_keys",
    metadata,
    Column("connection", Text, ForeignKey("connections.name"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("master_key_id", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("wrapped_at", Instant, nullable=False),
)

credentials = Table(
    "credentials",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("data_key_id", Text, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("set_at", Instant, nullable=False),
    Column("set_by", Text, nullable=False),
    ForeignKeyConstraint(["connection", "data_key_id"], ["data_keys.connection", "data_keys.id"]),
)

paused_flows = Table(
    "paused_flows",
    metadata,
    Column("connection", Text, ForeignKey("connections.name"), primary_key=True),
    Column("flow", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Instant, nullable=False),
)

projection_positions = Table(
    "projection_positions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("stream", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

document_status = Table(
    "document_status",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("invoice_id", Text, primary_key=True),
    Column("attempt", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("company", Text),
    Column("supplier_code", Text),
    Column("supplier_name", Text),
    Column("invoice_number", Text),
    Column("currency", Text),
    Column("gross", Numeric),
    Column("invoice_date", Date),
    Column("epicor_company", Text),
    Column("vendor_num", Integer),
    Column("epicor_invoice", Text),
    Column("group_id", Text),
    Column("voucher", Text),
    Column("reason_code", Text),
    Column("reason", Text),
    Column("batch", Text),
    Column("orders", ARRAY(Text), nullable=False, server_default="{}"),
    Column("answered", Boolean, nullable=False),
    Column("first_seen", Instant, nullable=False),
    Column("last_change", Instant, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Index(None, "phase", "last_change"),
    Index(None, "supplier_code", "last_change"),
    Index(None, "reason_code", "last_change"),
    Index(None, "last_change"),
    Index(None, "gross"),
    Index(None, "batch"),
    Index(None, "voucher"),
    Index(None, "group_id"),
    Index(None, "orders", postgresql_using="gin"),
    Index(
        "ix_document_status_number",
        func.lower(column("invoice_number")).label("number"),
        postgresql_ops={"number": "text_pattern_ops"},
    ),
)
"""Read model, one row per accounting document, folded from DOCUMENTS; it can be dropped and rebuilt."""

invoice_payments = Table(
    "invoice_payments",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("company", Text, primary_key=True),
    Column("vendor_num", Integer, primary_key=True, autoincrement=False),
    Column("invoice_key", Text, primary_key=True),
    Column("invoice_num", Text, nullable=False),
    Column("invoice_id", Text, nullable=False),
    Column("attempt", Text, nullable=False),
    Column("posted_at", Instant, nullable=False),
    Column("digest", Text),
    Column("settled_at", Instant),
    Column("next_look", Instant),
    Index(None, "connection", "next_look"),
)
"""Which document an AP invoice of Epicor is, and when its payment is looked at next; masterdata-sync folds it from
DOCUMENTS. `invoice_key` is the number as Epicor compares it, `digest` that of the last picture, `settled_at` when it
was first seen settled; without `next_look` it is looked at again only when one of its transactions changes."""

payment_watermarks = Table(
    "payment_watermarks",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("company", Text, primary_key=True),
    Column("watermark", Text, nullable=False),
)
"""The newest ChangeDate that Epicor's transactions of a company have shown, as Epicor wrote it."""

record_uses = Table(
    "record_uses",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("company", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("times", BigInteger, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("last_invoice_id", Text, nullable=False),
    Column("last_number", Text),
)
"""Read model: how often a master record was used by an invoice that stands in Epicor, and by which one last; folded
from DOCUMENTS by the operator-console."""

masterdata_runs = Table(
    "masterdata_runs",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("company", Text, primary_key=True),
    Column("run", BigInteger, nullable=False),
    Column("mode", Text),
    Column("started_at", Instant),
    Column("cursor", Text),
    Column("progress", JSONB, nullable=False),
    Column("full_at", Instant),
    Column("delta_at", Instant),
    Column("watermark", JSONB, nullable=False),
    Column("stopped", Text),
)
"""Where the reading of a kind of a company stands: `mode` is set during a run, `cursor` is where it goes on,
`watermark` what the last one has seen; `stopped` says why the last full run retired nothing. Only masterdata-sync
writes it."""

masterdata_records = Table(
    "masterdata_records",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("company", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("key", Text),
    Column("run", BigInteger, nullable=False),
    Column("missing", Integer, nullable=False),
    Column("seen", Text),
    Column("sent", Text),
    Column("refused", Text),
    Column("retired", Boolean, nullable=False),
)
"""What was last seen of a record in Epicor and sent to Basware, as digests; folded from MASTERDATA and rebuilt from it.
`missing` counts the complete readings of Epicor in a row that did not have it. Only masterdata-sync writes it."""

chain_blocks = Table(
    "chain_blocks",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    Column("before", LargeBinary, nullable=False),
    Column("after", LargeBinary, nullable=False),
    Column("links", LargeBinary, nullable=False),
)
"""The hash chain of each stream, a run of sequences a row: 64 bytes a link, and the running digest before and after."""

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("public", LargeBinary, nullable=False),
    Column("master_key_id", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("retired_at", Instant),
)
"""Ed25519 keys that sign anchors and bundles, the private half wrapped by a master key; a retired one signs no more."""
