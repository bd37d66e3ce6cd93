"""Opens what a connection's master data is synchronised with, and closes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from masterdata_sync.journal import Journal
from masterdata_sync.sides import Sides
from masterdata_sync.writing import Spacing, Writer
from mlc_basware.client import open_client
from mlc_common.account_seal import AccountSeal
from mlc_common.connections import Connection, MissingCredentialError
from mlc_common.database import make_engine
from mlc_common.groupcommit import GroupCommit
from mlc_common.service import Runtime
from mlc_epicor.client import EpicorClient
from mlc_epicor.sign_in import sign_in
from mlc_epicor.slots import Slots
from mlc_epicor.ways import Dates

SESSIONS = 6
"""Database sessions of a connection: for a run on schedule and one on demand, each a slot at Epicor, the election, and
what is remembered."""


@asynccontextmanager
async def open_sides(runtime: Runtime, connection: Connection) -> AsyncIterator[Sides]:
    """Both far sides of a connection, and what is remembered.

    Raises:
        MissingCredentialError: a credential is not set yet.
    """
    timings, epicor, name = runtime.settings.timings, connection.document.epicor, connection.name
    gauges, cap = runtime.metrics.gauges, connection.document.epicor.calls_in_flight
    timeout = httpx.Timeout(timings.epicor_read, connect=timings.epicor_connect)
    said = connection.document.masterdata.date_form
    async with AsyncExitStack() as stack:
        engine = make_engine(
            runtime.settings.database_url, pool_size=SESSIONS, application_name=f"masterdata-sync {name}"
        )
        stack.push_async_callback(engine.dispose)
        limits = httpx.Limits(max_connections=cap)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=timeout, limits=limits))
        seen = gauges.basware_token(name, runtime.now())
        basware = await stack.enter_async_context(
            open_client(connection, timings=timings, now=runtime.now, on_token=seen)
        )
        group = await stack.enter_async_context(GroupCommit(runtime.nats, timeout=timings.publish, largest_batch=128))
        life_used, seen_life = timings.token_life_used, gauges.epicor_token(name, runtime.now)
        signed = sign_in(epicor, connection.secret, http=http, life_used=life_used, on_token=seen_life)
        runtime.redactor.learn(signed.secrets)
        if connection.data_key is None:
            raise MissingCredentialError(f"Connection {name}: no credential is set.")
        seal = AccountSeal.under(connection.data_key)
        journal = Journal(name, runtime.nats, runtime.log, group, timings.publish)
        yield Sides(
            document=connection.document,
            epicor=EpicorClient(http, epicor, sign_in=signed, write_patience=timings.epicor_write),
            writer=Writer(name, basware, journal.append, runtime.now, Spacing(runtime.now), seal),
            slots=Slots(engine, name, cap=cap, held=gauges.epicor_slots(name, cap)),
            dates=Dates(None if said == "found out" else said),
            journal=journal,
            engine=engine,
            seal=seal,
            metrics=runtime.metrics,
            now=runtime.now,
        )
