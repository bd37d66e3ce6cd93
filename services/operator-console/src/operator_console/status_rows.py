"""The rows of `document_status`: read, folded, written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mlc_common.stored_event import FactOfDocument
from mlc_common.tables import document_status
from operator_console.dead_letters import marked
from operator_console.merging import Message
from operator_console.view import DocumentStatus, fold

KEY = ("connection", "invoice_id")
Key = tuple[str, str]
MEMBERS = tuple(DocumentStatus.__dataclass_fields__)


async def fold_into(db: AsyncConnection, messages: Sequence[Message]) -> None:
    """Fold messages into the rows of their documents, in the caller's transaction."""
    states = folded(await _held(db, keys_of(messages)), messages)
    if states:
        await db.execute(_upsert(), [row_of(each) for each in states])


def folded(states: dict[Key, DocumentStatus], messages: Iterable[Message]) -> list[DocumentStatus]:
    """The documents of these messages after them; `states` holds those that were known before. Pure."""
    for each in messages:
        event = each.read.event
        if not isinstance(event, FactOfDocument):
            continue
        key = (event.connection, event.invoice_id)
        if not each.buried:
            states[key] = fold(states.get(key), event, sequence=each.read.sequence)
        elif key in states:
            states[key] = marked(states[key], each.read)
    return list(states.values())


def keys_of(messages: Iterable[Message]) -> list[Key]:
    """The documents that messages are about."""
    events = (each.read.event for each in messages)
    return sorted({(each.connection, each.invoice_id) for each in events if isinstance(each, FactOfDocument)})


def row_of(state: DocumentStatus) -> dict[str, Any]:
    """A row of the table."""
    return {name: getattr(state, name) for name in MEMBERS}


def _upsert() -> Any:
    statement = insert(document_status)
    changed = {column.name: column for column in statement.excluded if column.name not in KEY}
    return statement.on_conflict_do_update(index_elements=KEY, set_=changed)


async def _held(db: AsyncConnection, keys: Sequence[Key]) -> dict[Key, DocumentStatus]:
    columns = document_status.c
    query = select(document_status).where(tuple_(columns.connection, columns.invoice_id).in_(keys))
    rows = (await db.execute(query)).mappings().all() if keys else []
    return {(row["connection"], row["invoice_id"]): DocumentStatus.of(row) for row in rows}
