"""Opens a connection's ledger: HTTP, sign-in, client, records."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import httpx

from epicor_writer.ledger import EpicorLedger
from epicor_writer.records import Records
from mlc_common.connections import Connection
from mlc_common.settings import Timings
from mlc_epicor.client import EpicorClient
from mlc_epicor.sign_in import sign_in


def http_for(timings: Timings, cap: int) -> httpx.AsyncClient:
    """A client for so many calls in flight, and one to sign in."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(timings.epicor_read, connect=timings.epicor_connect),
        limits=httpx.Limits(max_connections=cap + 1, max_keepalive_connections=cap + 1),
    )


def ledger_of(
    connection: Connection,
    http: httpx.AsyncClient,
    timings: Timings,
    *,
    learn: Callable[[Iterable[str]], None] = lambda _secrets: None,
    on_left_locked: Callable[[], None] = lambda: None,
) -> EpicorLedger:
    """The connection's AP ledger.

    Args:
        learn: told the secrets that the sign-in sends, for them to be hidden.
        on_left_locked: called when a group could not be given back.

    Raises:
        MissingCredentialError: a credential is not set.
    """
    epicor = connection.document.epicor
    signed = sign_in(epicor, connection.secret, http=http, life_used=timings.token_life_used)
    learn(signed.secrets)
    client = EpicorClient(http, epicor, sign_in=signed, write_patience=timings.epicor_write)
    return EpicorLedger(
        client,
        Records(client, believed=timings.reference_cache, clock=time.monotonic),
        user=connection.secret("epicor.username") if epicor.sign_in == "basic" else None,
        on_left_locked=on_left_locked,
    )
