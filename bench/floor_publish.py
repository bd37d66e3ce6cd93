"""A program: the floor of the pushes. The same messages, atomic batches and headers, published and nothing else."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
import uuid
from datetime import UTC, datetime

import nats
import uvloop
from nats.aio.client import Client

from bench.figure import percentile
from mlc_common.eventlog import headers_of
from mlc_common.events import NotificationReceived
from mlc_common.groupcommit import BATCHES_IN_FLIGHT
from mlc_common.settings import Settings
from mlc_sandbox.basware.webhook import notification

BATCH = 64
TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}

Message = tuple[str, bytes, dict[str, str]]


def messages(number: int) -> list[Message]:
    """So many notifications as the gateway would store them: subject, payload, headers."""
    made = []
    for _ in range(number):
        task = str(uuid.uuid4())
        document = str(uuid.uuid4())
        event = NotificationReceived(
            connection="bench",
            at=datetime.now(UTC),
            task_id=task,
            task_type="AccountingDocuments",
            task_sub_type="WaitingForTransfer",
            task_status="New",
            document_id=document,
            variant="body/hex",
            digest=uuid.uuid4().hex[:16],
            body=json.dumps(notification(document, task_id=task)),
        )
        made.append((event.subject, event.to_json(), headers_of(event) | TRACE))
    return made


async def commit(client: Client, batch: list[Message]) -> None:
    """Publish one atomic batch and wait until the server has it on disk."""
    ident = uuid.uuid4().hex
    for position, (subject, payload, headers) in enumerate(batch, 1):
        marked = headers | {"Nats-Batch-Id": ident, "Nats-Batch-Sequence": str(position)}
        if position < len(batch):
            await client.publish(subject, payload, headers=marked)
            continue
        answer = await client.request(subject, payload, timeout=5, headers=marked | {"Nats-Batch-Commit": "1"})
    if json.loads(answer.data).get("count") != len(batch):
        raise RuntimeError(answer.data.decode())


async def run(*, seconds: float, most: int) -> dict[str, float]:
    """Publish for so many seconds, or until `most` messages are gone."""
    settings = Settings()
    assert settings.nats_password
    password = settings.nats_password.get_secret_value()
    client = await nats.connect(settings.nats_url, user=settings.nats_user, password=password)
    waiting = messages(most)
    latencies: list[float] = []
    own = resource.getrusage(resource.RUSAGE_SELF)
    before = own.ru_utime + own.ru_stime
    started = time.perf_counter()

    async def fly() -> None:
        while waiting and (asked := time.perf_counter()) < started + seconds:
            batch = [waiting.pop() for _ in range(min(BATCH, len(waiting)))]
            await commit(client, batch)
            latencies.append(time.perf_counter() - asked)

    await asyncio.gather(*(fly() for _ in range(BATCHES_IN_FLIGHT)))
    took = time.perf_counter() - started
    own = resource.getrusage(resource.RUSAGE_SELF)
    await client.close()
    stored = most - len(waiting)
    return {
        "stored": stored,
        "per_second": stored / took,
        "p99": percentile(latencies, 0.99) * 1000,
        "cpu": own.ru_utime + own.ru_stime - before,
    }


def main() -> None:
    """Print one JSON object; times in milliseconds."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--most", type=int, default=30_000)
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(run(seconds=arguments.seconds, most=arguments.most))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
