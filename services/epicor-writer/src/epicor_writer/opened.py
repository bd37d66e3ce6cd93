"""Epicor of one connection, opened: its HTTP client, its sign-in, its ledger."""

from __future__ import annotations

import time

import httpx

from epicor_writer.ledger import EpicorLedger
from epicor_writer.records import Records
from mlc_common.connections import Connection
from mlc_common.service import Runtime
from mlc_epicor.client import EpicorClient
from mlc_epicor.sign_in import sign_in


def open_http(runtime: Runtime, cap: int) -> httpx.AsyncClient:
    """A client with as many connections as there are calls in flight, and one for tokens."""
    timings = runtime.settings.timings
    return httpx.AsyncClient(
        timeout=httpx.Timeout(timings.epicor_read, connect=timings.epicor_connect),
        limits=httpx.Limits(max_connections=cap + 1, max_keepalive_connections=cap + 1),
    )


def open_ledger(runtime: Runtime, connection: Connection, http: httpx.AsyncClient) -> EpicorLedger:
    """The ledger of a connection.

    Raises:
        MissingCredentialError: a credential is not set yet.
    """
    timings, epicor = runtime.settings.timings, connection.document.epicor
    signed = sign_in(
        epicor,
        connection.secret,
        http=http,
        life_used=timings.token_life_used,
        on_token=runtime.metrics.gauges.epicor_token(connection.name, runtime.now),
    )
    runtime.redactor.learn(signed.secrets)
    client = EpicorClient(http, epicor, sign_in=signed, write_patience=timings.epicor_write)
    left_locked = runtime.metrics.group_unlock_failures.labels(connection=connection.name)
    return EpicorLedger(
        client,
        Records(client, believed=timings.reference_cache, clock=time.monotonic),
        user=connection.secret("epicor.username") if epicor.sign_in == "basic" else None,
        on_left_locked=left_locked.inc,
    )
