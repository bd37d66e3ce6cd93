"""Declares streams and durables: by `ml-connector topology` and `connection apply`, never by a service's start."""

from __future__ import annotations

import json
from typing import Any

from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, ObjectStoreConfig, StorageType
from nats.js.errors import BucketNotFoundError, NotFoundError

from mlc_common.failures import PermanentError
from mlc_common.settings import Settings
from mlc_common.streams import (
    ATTACHMENTS_BUCKET,
    ATTACHMENTS_STREAM,
    CLAIMS_BUCKET,
    CLAIMS_STREAM,
    DOCUMENT_KEYS,
    FOR_EVER,
    STREAMS,
    Stream,
    durables,
)

WAITING_AT_MOST = 10_000
"""Messages of one durable that may be in hand or waiting for their next try; beyond that it hands out no more."""


def stream_config(stream: Stream, *, replicas: int, max_age_days: int = 0) -> dict[str, Any]:
    """The stream's configuration as the server's API takes it: on disk, never deleted, never silently full."""
    return {
        "name": stream.name,
        "description": stream.purpose,
        "subjects": list(stream.subjects),
        "retention": "limits",
        "storage": "file",
        "num_replicas": replicas,
        "discard": "new",
        "max_age": 0 if stream.name in FOR_EVER else max_age_days * 86_400 * 1_000_000_000,
        "max_msgs": -1,
        "max_bytes": -1,
        "duplicate_window": 120 * 1_000_000_000,
        "deny_delete": True,
        "deny_purge": True,
        "allow_direct": True,
        "allow_atomic": True,
    }


async def declare(nats: Client, settings: Settings) -> None:
    """Create every stream and the object store, or bring them up to date. Safe to repeat.

    Raises:
        PermanentError: the server refuses, with its reason.
    """
    for stream in STREAMS:
        config = stream_config(stream, replicas=settings.stream_replicas, max_age_days=settings.stream_max_age_days)
        await _declared(nats, config)
    await _declared(nats, _keys_config(replicas=settings.stream_replicas))
    replicas = settings.stream_replicas
    await _bucket(nats, CLAIMS_BUCKET, "payloads over 512 KiB, by content hash", replicas=replicas)
    await _bring_up_to_date(nats, CLAIMS_STREAM, deny_delete=True, num_replicas=replicas)
    kept = int(settings.attachments_kept_days * 86_400) * 1_000_000_000
    await _bucket(nats, ATTACHMENTS_BUCKET, "attachments of accounting documents, by content hash", replicas=replicas)
    await _bring_up_to_date(nats, ATTACHMENTS_STREAM, max_age=kept, num_replicas=replicas)


async def _bucket(nats: Client, name: str, purpose: str, *, replicas: int) -> None:
    js = nats.jetstream()
    try:
        await js.object_store(name)
    except (BucketNotFoundError, NotFoundError):
        config = ObjectStoreConfig(description=purpose, storage=StorageType.FILE, replicas=replicas)
        await js.create_object_store(name, config)


def _keys_config(*, replicas: int) -> dict[str, Any]:
    """The stream of document keys: the newest of each document, and each can be destroyed."""
    return {
        "name": DOCUMENT_KEYS,
        "description": "keys that personal data of documents is sealed under, until they are destroyed",
        "subjects": ["document_keys.>"],
        "retention": "limits",
        "storage": "file",
        "num_replicas": replicas,
        "discard": "new",
        "max_age": 0,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_msgs_per_subject": 1,
        "duplicate_window": 120 * 1_000_000_000,
    }


async def _declared(nats: Client, config: dict[str, Any]) -> None:
    name = config["name"]
    answer = await _ask(nats, f"STREAM.CREATE.{name}", config)
    if "error" in answer:
        answer = await _ask(nats, f"STREAM.UPDATE.{name}", config)
    if "error" in answer:
        raise PermanentError(f"NATS refused the stream {name}: {answer['error'].get('description')}.")


async def _bring_up_to_date(nats: Client, stream: str, **wanted: bool | int) -> None:
    """Set what the client library cannot say when it creates a bucket, or what was configured otherwise meanwhile.

    Claims are part of the audit trail and refuse deletion; attachments may be kept for a while only. Purging cannot be
    forbidden here, because an object store rolls its directory up; account permissions can.
    """
    config = (await _ask(nats, f"STREAM.INFO.{stream}", {}))["config"]
    answer = await _ask(nats, f"STREAM.UPDATE.{stream}", config | wanted)
    if "error" in answer:
        raise PermanentError(f"NATS refused the object store {stream}: {answer['error'].get('description')}.")


async def declare_connection(nats: Client, connection: str, *, ack_wait: float) -> None:
    """Create the durables of a connection, or bring them up to date. Safe to repeat; `ack_wait` in seconds."""
    js = nats.jetstream()
    for durable in durables(connection):
        await js.add_consumer(
            durable.stream,
            ConsumerConfig(
                durable_name=durable.name,
                filter_subjects=list(durable.subjects),
                deliver_policy=DeliverPolicy.ALL,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ack_wait,
                max_ack_pending=WAITING_AT_MOST,
                max_deliver=-1,
            ),
        )


async def _ask(nats: Client, verb: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await nats.request(f"$JS.API.{verb}", json.dumps(body).encode(), timeout=10)
    decoded: dict[str, Any] = json.loads(answer.data)
    return decoded
