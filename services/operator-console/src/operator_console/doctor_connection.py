"""Examines one connection: its keys, and the two far sides at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import httpx

from mlc_common.connection import Basware, Epicor
from mlc_common.connections import Connection
from mlc_common.failures import TransientError
from mlc_common.settings import Settings
from mlc_epicor.client import EpicorClient
from mlc_epicor.probing import Prober
from mlc_epicor.sign_in import sign_in
from mlc_epicor.slots import Slots
from operator_console import doctor_basware, doctor_epicor, doctor_network, doctor_platform, doctor_write_probe
from operator_console.doctor_checks import Check
from operator_console.doctor_limits import Limit
from operator_console.reach import database

_NETWORK = "let this machine reach the far side: firewall, proxy, address in the connection file"
_INSIDE = 60
"""Limits that all of Epicor's questions may take together; each has one of its own."""


@dataclass(frozen=True)
class Examiner:
    """What the examination of every connection is done with."""

    settings: Settings
    limit: Limit
    now: Callable[[], datetime]
    write_probe: bool = False

    async def connection(self, connection: Connection) -> list[Check]:
        """Everything about one connection but its durables."""
        found = doctor_platform.key_material(connection)
        for checks in await asyncio.gather(self._basware(connection), self._epicor(connection)):
            found += checks
        return [replace(each, connection=connection.name) for each in found]

    async def _basware(self, connection: Connection) -> list[Check]:
        remedy = f"ml-connector credentials set {connection.name}, if the way to Basware above is open"
        token = partial(doctor_basware.token_and_scopes, connection, self.settings, now=self.now)
        pushes = partial(doctor_basware.pushes, connection, self.settings, now=self.now)
        parts = await asyncio.gather(
            self._way("basware", _addresses(connection.document.basware)),
            self.limit.within("basware token", token, remedy=remedy),
            self.limit.within("basware push", pushes, remedy=remedy),
        )
        return [check for part in parts for check in part]

    async def _epicor(self, connection: Connection) -> list[Check]:
        found = await self._way("epicor", _addresses(connection.document.epicor))

        async def look() -> Sequence[Check]:
            async with self._inside(connection) as (client, prober):
                found.extend(await doctor_epicor.examine(connection, prober, self.limit))
                if self.write_probe:
                    at = self.now()
                    found.extend(await doctor_write_probe.examine(connection, client, prober, self.limit, now=at))
            return []

        # What was found until then is kept when this fails.
        remedy = f"ml-connector credentials set {connection.name}; or try again when the connection has less to do"
        failure = await Limit(self.limit.seconds * _INSIDE).within("epicor", look, remedy=remedy)
        return [*found, *failure]

    @asynccontextmanager
    async def _inside(self, connection: Connection) -> AsyncIterator[tuple[EpicorClient, Prober]]:
        """Epicor, in one of the connection's slots, which the services share.

        Raises:
            TransientError: no slot is free, or a credential is not there.
        """
        timings, epicor = self.settings.timings, connection.document.epicor
        timeout = httpx.Timeout(timings.epicor_read, connect=timings.epicor_connect)
        async with httpx.AsyncClient(timeout=timeout) as http, AsyncExitStack() as stack:
            signed = sign_in(epicor, connection.secret, http=http, life_used=timings.token_life_used)
            engine = await stack.enter_async_context(database(self.settings))
            try:
                async with asyncio.timeout(self.limit.seconds):
                    await stack.enter_async_context(Slots(engine, connection.name, cap=epicor.calls_in_flight).hold())
            except TimeoutError:
                raise TransientError(
                    f"All {epicor.calls_in_flight} calls_in_flight are in use by the services."
                ) from None
            client = EpicorClient(http, epicor, sign_in=signed, write_patience=timings.epicor_write)
            yield client, Prober(http, epicor, sign_in=signed)

    async def _way(self, side: str, urls: Sequence[str]) -> list[Check]:
        parts = await asyncio.gather(
            *(self._host(side, url) for url in urls),
            self.limit.within(f"{side} clock", partial(self._clock, side, urls[-1]), remedy=_NETWORK),
        )
        return [check for part in parts for check in part]

    async def _host(self, side: str, url: str) -> list[Check]:
        async def name() -> Sequence[Check]:
            return [await doctor_network.name_resolves(side, url)]

        async def certificate() -> Sequence[Check]:
            return [await doctor_network.certificate_holds(side, url, now=self.now())]

        host = httpx.URL(url).host
        found = await self.limit.within(f"{side} dns {host}", name, remedy=_NETWORK)
        return found + await self.limit.within(f"{side} tls {host}", certificate, remedy=_NETWORK)

    async def _clock(self, side: str, url: str) -> Sequence[Check]:
        async with httpx.AsyncClient(timeout=self.limit.seconds) as http:
            return [await doctor_network.clock_agrees(side, url, http=http, now=self.now)]


def _addresses(side: Basware | Epicor) -> tuple[str, ...]:
    """Where a side is called, each host once; the API itself last."""
    if isinstance(side, Basware):
        urls: tuple[str, ...] = (side.tokens, side.api)
    else:
        urls = (side.token_url, side.base_url) if side.sign_in == "oauth2" else (side.base_url,)
    return tuple({httpx.URL(each).netloc: each for each in urls}.values())
