"""What each service may do in PostgreSQL: its tables and no others. Values and the SQL that grants them; pure.

Advisory locks, which slots and elections are made of, need no right at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

READS = ("SELECT",)
ADDS = ("SELECT", "INSERT")
KEEPS = ("SELECT", "INSERT", "UPDATE")
WRITES = ("SELECT", "INSERT", "UPDATE", "DELETE")
LOCKS = ("SELECT", "UPDATE (id)")
"""Lock a row: PostgreSQL asks for the right to update some column of it."""

CONNECTIONS = ("connection_changes", "connection_versions", "connections", "data_keys", "credentials", "paused_flows")
READ_MODELS = ("document_status", "record_uses", "projection_positions")
SYNCED = ("masterdata_runs", "masterdata_records", "invoice_payments", "payment_watermarks")
"""Only masterdata-sync works with them; people copy them into a backup and back out of it."""
AUDIT = ("chain_blocks", "signing_keys")
"""Chains are added to and never changed, whoever it is."""
VERSION = "alembic_version"
"""Where the schema's own version stands."""

REBUILD = ("ml-connector", "masterdata-sync")
"""Who makes read models anew, each beside the old one in a table of its own session."""

OWNER = "mlc_owner"
"""Owns the tables; only the migration uses it."""

_ALL_CONNECTIONS_READ = dict.fromkeys(CONNECTIONS, READS)

ROLES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "mlc_webhook_gateway": _ALL_CONNECTIONS_READ,
    "mlc_basware_reader": _ALL_CONNECTIONS_READ,
    "mlc_epicor_writer": _ALL_CONNECTIONS_READ,
    "mlc_masterdata_sync": _ALL_CONNECTIONS_READ
    | dict.fromkeys((*SYNCED, "projection_positions"), KEEPS)
    | dict.fromkeys(("masterdata_records", "invoice_payments"), WRITES),
    "mlc_operator_console": _ALL_CONNECTIONS_READ
    | {"connection_changes": LOCKS}
    | dict.fromkeys(READ_MODELS, WRITES)
    | dict.fromkeys(AUDIT, ADDS),
    "mlc_operator": dict.fromkeys((*CONNECTIONS, *READ_MODELS), WRITES)
    | dict.fromkeys(SYNCED, ADDS)
    | {"chain_blocks": ADDS, "signing_keys": (*ADDS, "UPDATE"), VERSION: READS},
}
"""Rights by role and table. `mlc_operator` is people's: they apply connections, rebuild read models, rotate keys."""


def role_of(user: str) -> str:
    """The role of a service, or of whoever else is a user of NATS."""
    return "mlc_operator" if user == "ml-connector" else f"mlc_{user.replace('-', '_')}"


def creation(database: str) -> str:
    """The SQL that an administrator runs once: roles that may log in and nothing else; passwords are set apart."""
    made = "\n".join(_create(role) for role in (OWNER, *ROLES))
    names = ", ".join(ROLES)
    return f"""{made}
REVOKE ALL ON DATABASE {database} FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT ON DATABASE {database} TO {OWNER}, {names};
GRANT TEMPORARY ON DATABASE {database} TO {", ".join(map(role_of, REBUILD))};
GRANT USAGE, CREATE ON SCHEMA public TO {OWNER};
GRANT USAGE ON SCHEMA public TO {names};
"""


def _create(role: str) -> str:
    exists = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
    return f"DO $$ BEGIN IF NOT EXISTS ({exists}) THEN CREATE ROLE {role} LOGIN; END IF; END $$;"


def grants() -> Iterator[str]:
    """The statements that the tables' owner runs after every migration; each is safe to repeat."""
    for role, tables in ROLES.items():
        yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}"
        for table, rights in tables.items():
            yield f"GRANT {', '.join(rights)} ON {table} TO {role}"
