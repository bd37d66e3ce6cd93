"""Questions that only want to know whether, and how, Epicor answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from mlc_common.connection import Epicor
from mlc_common.failures import TransientError
from mlc_common.http import dump_json
from mlc_epicor.client import WEB_SERVICE_LICENCE
from mlc_epicor.probe_replies import Reply
from mlc_epicor.sign_in import SignIn
from mlc_epicor.transport import NotLetInError, Transport, value_of


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

    async def delete_group(self, company: str, group_id: str) -> Reply:
        """Delete an empty AP invoice group.

        Raises:
            TransientError: it was not deleted.
            UnclearAnswerError: it may be gone.
        """
        path, body = "Erp.BO.APInvGrpSvc/DeleteByID", dump_json({"groupID": group_id})
        return await self._reply("POST", company, path, content=body, writes=True)

    async def _reply(
        self,
        method: str,
        company: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        accept: str = "application/json",
        writes: bool = False,
    ) -> Reply:
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            answer = await self._transport.call(
                method, company, path, writes=writes, params=params, content=content, accept=accept
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
