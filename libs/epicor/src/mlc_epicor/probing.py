"""Questions that only want to know whether, and how, Epicor answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from mlc_common.connection import Epicor
from mlc_common.failures import TransientError
from mlc_common.http import dump_json
from mlc_epicor.client import WEB_SERVICE_LICENCE
from mlc_epicor.errors import Refusal
from mlc_epicor.sign_in import SignIn
from mlc_epicor.transport import NotLetInError, Transport, value_of


@dataclass(frozen=True)
class Reply:
    """An answer: its JSON (or text, where that was asked for), or the refusal; `seconds` is how long it took."""

    seconds: float
    value: Any = None
    refusal: Refusal | None = None


class Prober:
    """One connection's Epicor, asked the way the services ask it: same sign-in, same key, same licence."""

    def __init__(self, http: httpx.AsyncClient, epicor: Epicor, *, sign_in: SignIn) -> None:
        self._transport = Transport(
            http, epicor, sign_in=sign_in, write_patience=http.timeout.read or 60, licence=WEB_SERVICE_LICENCE
        )

    async def ask(
        self, company: str, path: str, *, params: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Reply:
        """Ask; with a body it is posted, though it only reads.

        Raises:
            TransientError: no answer of Epicor's own came, or it answered 5xx.
        """
        method, content = ("GET", None) if body is None else ("POST", dump_json(body))
        return await self._reply(method, company, path, params=params, content=content)

    async def text(self, company: str, path: str, *, accept: str) -> Reply:
        """The body as text. Raises as `ask`."""
        return await self._reply("GET", company, path, accept=accept)

    async def _reply(
        self,
        method: str,
        company: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        accept: str = "application/json",
    ) -> Reply:
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            answer = await self._transport.call(
                method, company, path, writes=False, params=params, content=content, accept=accept
            )
        except NotLetInError as error:
            return Reply(clock() - began, refusal=error.refusal)
        if refusal := self._transport.refusal(answer):
            return Reply(clock() - began, refusal=refusal)
        if accept != "application/json":
            return Reply(clock() - began, value=answer.text)
        try:
            return Reply(clock() - began, value=value_of(answer))
        except TransientError as error:
            raise TransientError(f"{error} Something else answers at its address.") from error
