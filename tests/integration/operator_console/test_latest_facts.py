"""The latest facts of many documents in few questions, also where they are more than the server gives at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import nats
import pytest

from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentAcknowledged, DocumentHeld
from mlc_common.failures import TransientError
from mlc_common.streams import DOCUMENTS
from operator_console.stream_reader import StreamReader

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
MANY = 1100


async def test_more_than_the_server_gives_at_once_comes_in_parts(topology: str) -> None:
    client = await nats.connect(topology)
    log = EventLog(client, timeout=5)
    reader = StreamReader(client, log, timeout=5)
    for number in range(MANY):
        event = DocumentAcknowledged(connection="demo", at=NOW, invoice_id=f"i{number}", attempt="a")
        await client.publish(event.subject, event.to_json())
    await client.flush()
    for at, reason in ((NOW, "first"), (NOW + timedelta(minutes=1), "last")):
        await log.append(DocumentHeld(connection="demo", at=at, invoice_id="n", attempt="a", by="mia", reason=reason))

    halves = [f"documents.demo.i{number}.acknowledged.*" for number in range(MANY)]
    found = await reader.latest(DOCUMENTS, halves)
    (held,) = await reader.latest(DOCUMENTS, ["documents.demo.n.>"])

    assert [each.sequence for each in found] == list(range(1, MANY + 1))
    assert isinstance(held.event, DocumentHeld)
    assert held.event.reason == "last"
    assert await reader.latest(DOCUMENTS, []) == await reader.latest(DOCUMENTS, ["documents.demo.unknown.>"]) == []
    with pytest.raises(TransientError, match="more messages than it gives at once"):
        await reader.latest(DOCUMENTS, ["documents.demo.>"])
    await client.close()
