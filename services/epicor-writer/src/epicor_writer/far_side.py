"""One connection's Epicor, put together: signed in, with the patience of this site."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from epicor_writer.ledger import EpicorLedger
from epicor_writer.records import Records
from mlc_common.connections import Connection
from mlc_common.settings import Timings
from mlc_epicor.attachments import EpicorAttachments
from mlc_epicor.client import WEB_SERVICE_LICENCE, EpicorClient
from mlc_epicor.sign_in import sign_in
from mlc_epicor.transport import Transport


@dataclass(frozen=True)
class FarSide:
    """What the handlers work on."""

    ledger: EpicorLedger
    attachments: EpicorAttachments


@asynccontextmanager
async def far_side(
    connection: Connection,
    timings: Timings,
    *,
    learn: Callable[[Iterable[str]], None] = lambda _secrets: None,
    on_left_locked: Callable[[], None] = lambda: None,
    on_token: Callable[[float], None] = lambda _life: None,
) -> AsyncIterator[FarSide]:
    """The connection's Epicor, with a pool of its own; leaving closes it.

    Args:
        learn: told the secrets that the sign-in sends, for them to be hidden.
        on_left_locked: called when a group could not be given back.
        on_token: told the life of every new token, in seconds from now.

    Raises:
        MissingCredentialError: a credential is not set.
    """
    epicor = connection.document.epicor
    most = epicor.calls_in_flight + 1
    async with httpx.AsyncClient(
        timeout=httpx.Timeout(timings.epicor_read, connect=timings.epicor_connect),
        limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
    ) as http:
        signed = sign_in(epicor, connection.secret, http=http, life_used=timings.token_life_used, on_token=on_token)
        learn(signed.secrets)
        client = EpicorClient(http, epicor, sign_in=signed, write_patience=timings.epicor_write)
        transport = Transport(
            http, epicor, sign_in=signed, write_patience=timings.epicor_write, licence=WEB_SERVICE_LICENCE
        )
        ledger = EpicorLedger(
            client,
            Records(client, believed=timings.reference_cache, clock=time.monotonic),
            user=connection.secret("epicor.username") if epicor.sign_in == "basic" else None,
            on_left_locked=on_left_locked,
        )
        yield FarSide(ledger, EpicorAttachments(transport))
