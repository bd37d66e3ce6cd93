"""The rows of `document_status`, or of a table of the same columns: read, folded, written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Table, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mlc_common.events import DocumentFact
from operator_console.dead_letters import marked
from operator_console.merging import Message
from operator_console.view import DocumentStatus, fold

KEY = ("connection", "invoice_id")
Key = tuple[str, str]
_MEMBERS = tuple(DocumentStatus.__dataclass_fields__)


async def fold_into(db: AsyncConnection, table: Table, messages: Sequence[Message]) -> None:
    """Fold messages into the rows of their documents, in the caller's transaction."""
    keys = {key for key in map(_key, messages) if key is not None}
    states = folded(await _held(db, table, sorted(keys)), messages)
    if states:
        await db.execute(upsert(table), [_row(each) for each in states])


def folded(states: dict[Key, DocumentStatus], messages: Iterable[Message]) -> list[DocumentStatus]:
    """The documents of these messages after them; `states` holds those that were known before. Pure."""
    for each in messages:
        key, event = _key(each), each.read.event
        if key is None or not isinstance(event, DocumentFact):
            continue
        if not each.buried:
            states[key] = fold(states.get(key), event, sequence=each.read.sequence)
        elif key in states:
            states[key] = marked(states[key], each.read)
    return list(states.values())


def upsert(table: Table) -> Any:
    """The statement that writes rows, whether they are there or not."""
    statement = insert(table)
    changed = {column.name: column for column in statement.excluded if column.name not in KEY}
    return statement.on_conflict_do_update(index_elements=KEY, set_=changed)


def _row(state: DocumentStatus) -> dict[str, Any]:
    return {name: getattr(state, name) for name in _MEMBERS}


def _key(message: Message) -> Key | None:
    event = message.read.event
    return (event.connection, event.invoice_id) if isinstance(event, DocumentFact) else None


async def _held(db: AsyncConnection, table: Table, keys: Sequence[Key]) -> dict[Key, DocumentStatus]:
    query = text(
        f"SELECT * FROM unnest(CAST(:connections AS text[]), CAST(:ids AS text[])) AS k (connection, invoice_id) "  # noqa: S608 - a table's own name
        f"JOIN {table.name} USING (connection, invoice_id)"
    )
    asked = {"connections": [each[0] for each in keys], "ids": [each[1] for each in keys]}
    rows = (await db.execute(query, asked)).mappings().all() if keys else []
    return {(row["connection"], row["invoice_id"]): DocumentStatus.of(row) for row in rows}
