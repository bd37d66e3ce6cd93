"""`epicor-writer-plan`: plans documents for the operator console, over standard input and output, a JSON value a line.

A line {"name", "connection"} gives a connection document to plan by. A line {"id", "document" (JSON text), "at",
"vendor_num", "orders", "by": {label: name}, "online": name of a connection or null} asks for plans, and is answered by
{"id", "plans": {label: {"posts", "lines"} or {"same": another label}}, "unreadable"}. With `online` the label "now" is
planned by the stored connection of that name and with what its Epicor knows. Nothing is written.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from pydantic import AwareDatetime, BaseModel

from epicor_writer.planning import Given, Plan, flat, plan
from epicor_writer.planning_online import Online, online
from mlc_basware.documents import AccountingDocument
from mlc_common.connection import ConnectionDocument
from mlc_common.failures import FailureError
from mlc_common.http import dump_json, load_json
from mlc_common.order_lines import OrderMatch
from mlc_common.settings import Settings

NOW = "now"

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of a question: a document of thousands of rows."""


class Asked(BaseModel):
    """The question about one document."""

    id: str
    document: str
    at: AwareDatetime
    vendor_num: int | None = None
    orders: OrderMatch | None = None
    by: dict[str, str]
    online: str | None = None


async def answer(asked: Asked, known: Mapping[str, ConnectionDocument], epicor: Online | None) -> dict[str, Any]:
    """The plans of one document, by each connection document that it is asked by."""
    try:
        document = AccountingDocument.parse(asked.document)
        given = Given(document, asked.at, asked.vendor_num, asked.orders)
        made = {label: plan(given, known[name]) for label, name in asked.by.items()}
        if epicor is not None and asked.online is not None:
            made[NOW] = await epicor.plan(given, asked.online)
    except FailureError as error:
        return {"id": asked.id, "plans": {}, "unreadable": str(error)}
    return {"id": asked.id, "plans": _told(made), "unreadable": None}


def _told(made: Mapping[str, Plan]) -> dict[str, Any]:
    """The plans as they are answered; equal ones are written down once, and then named by the first label."""
    told: dict[str, Any] = {}
    for label, each in made.items():
        same = next((known for known in told if made[known] == each), None)
        told[label] = {"same": same} if same else {"posts": each.dataset is not None, "lines": flat(each)}
    return told


async def _questions() -> asyncio.StreamReader:
    """Standard input, a pipe, without a thread that every line would have to pass."""
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    return reader


async def _answer_all() -> None:
    known: dict[str, ConnectionDocument] = {}
    epicor: Online | None = None
    async with AsyncExitStack() as stack:
        questions = await _questions()
        while line := await questions.readline():
            said = load_json(line)
            if "connection" in said:
                known[said["name"]] = ConnectionDocument.model_validate(said["connection"])
                continue
            asked = Asked.model_validate(said)
            if asked.online is not None and epicor is None:
                epicor = await stack.enter_async_context(online(Settings()))
            sys.stdout.buffer.write(dump_json(await answer(asked, known, epicor)) + b"\n")
            sys.stdout.buffer.flush()


def main() -> None:
    """The console script."""
    asyncio.run(_answer_all())
