"""Signed calls to Epicor's REST v2 service, and the difference between a refusal and a closed door."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol, TypedDict
from urllib.parse import quote

import httpx

from mlc_common.connection import Epicor
from mlc_common.failures import PermanentError, TransientError
from mlc_common.http import Answer, UnclearAnswerError, call
from mlc_epicor.errors import Refusal, access_sentence, read_refusal
from mlc_epicor.sign_in import SignIn


class Body(Protocol):
    """A body that is made piece by piece, anew each time it is sent; its length is known."""

    def __len__(self) -> int: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class _Asked(TypedDict):
    writes: bool
    params: Mapping[str, str] | None
    content: bytes | Body | None
    accept: str


_DENIED = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})


class NotLetInError(TransientError):
    """Epicor does not let us in; `refusal` is what it said, cleaned."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(access_sentence(refusal))
        self.refusal = refusal


class Transport:
    """What every call of one connection has in common; arguments as of `EpicorClient`."""

    def __init__(
        self, http: httpx.AsyncClient, epicor: Epicor, *, sign_in: SignIn, write_patience: float, licence: str | None
    ) -> None:
        self._http = http
        self._base = f"{epicor.base_url}/api/v2/odata"
        self._sign_in = sign_in
        self._write_timeout = httpx.Timeout(http.timeout.connect or write_patience, read=write_patience)
        self._licence = {"License": json.dumps({"ClaimedLicense": licence})} if licence else {}

    async def call(
        self,
        method: str,
        company: str,
        path: str,
        *,
        writes: bool,
        params: Mapping[str, str] | None = None,
        content: bytes | Body | None = None,
        accept: str = "application/json",
    ) -> Answer:
        """One call to a company's service; `path` is service and method or entity set.

        Raises:
            NotLetInError: Epicor does not let us in.
            TransientError: nothing was carried out, or a read failed.
            UnclearAnswerError: a write may or may not have been carried out; so when the refusal is not Epicor's own,
                for a gateway may refuse what Epicor has done, and when a success is none, as a page of a proxy.
        """
        asked: _Asked = {"writes": writes, "params": params, "content": content, "accept": accept}
        headers = await self._sign_in.headers()
        answer = await self._once(method, company, path, headers, **asked)
        if answer.status == httpx.codes.UNAUTHORIZED and self._sign_in.forget(headers):
            headers = await self._sign_in.headers()
            answer = await self._once(method, company, path, headers, **asked)
        refusal = self.refusal(answer)
        if refusal and answer.status < httpx.codes.BAD_REQUEST:
            raise TransientError(f"{answer.what} was sent elsewhere ({answer.status}); check epicor.base_url.")
        if refusal and (answer.status in _DENIED or refusal.is_licence_trouble):
            raise NotLetInError(refusal)
        if refusal and writes and not refusal.is_epicors_word:
            raise UnclearAnswerError(f"{answer.what} answered {answer.status}: {refusal.message}", answer=answer)
        if writes and not refusal and not _is_envelope(answer):
            raise UnclearAnswerError(f"{answer.what} answered {answer.status} with what is no answer.", answer=answer)
        return answer

    async def _once(
        self,
        method: str,
        company: str,
        path: str,
        signed: Mapping[str, str],
        *,
        writes: bool,
        params: Mapping[str, str] | None,
        content: bytes | Body | None,
        accept: str,
    ) -> Answer:
        sort = {"Content-Type": "application/json", "Content-Length": str(len(content))} if content is not None else {}
        what = f"Epicor {path.removeprefix('Erp.BO.')}"
        try:
            return await call(
                self._http,
                method,
                f"{self._base}/{quote(company, safe='')}/{path}",
                writes=writes,
                what=what,
                headers={**signed, **self._licence, "Accept": accept, **sort},
                params=params,
                content=content,
                timeout=self._write_timeout if writes else None,
            )
        except UnclearAnswerError as error:
            if error.answer is None:
                raise
            message = read_refusal(error.answer, hide=self._sign_in.secrets).message
            raise UnclearAnswerError(
                f"{what} answered {error.answer.status}: {message}", answer=error.answer
            ) from error

    def refusal(self, answer: Answer) -> Refusal | None:
        """What an error answer says, or None when it is none."""
        return (
            None if answer.status < httpx.codes.MULTIPLE_CHOICES else read_refusal(answer, hide=self._sign_in.secrets)
        )


def _is_envelope(answer: Answer) -> bool:
    """Whether the body is an object or nothing (Epicor reference, return envelopes)."""
    try:
        return not answer.body.strip() or isinstance(answer.json(), dict)
    except PermanentError:
        return False


def value_of(answer: Answer) -> Any:
    """The JSON of an accepted answer; an empty body is an empty object (Epicor reference, return envelopes).

    Raises:
        TransientError: it is no JSON, as of a proxy or a maintenance page in front of Epicor.
    """
    try:
        return answer.json() if answer.body.strip() else {}
    except PermanentError as error:
        raise TransientError(f"{error} Check epicor.base_url, and whether Epicor is being maintained.") from error


def elsewhere(answer: Answer, why: str) -> str:
    """What to check when it does not look as if Epicor's service answered."""
    return (
        f"{answer.what} answered {answer.status}: {why}; check epicor.base_url, that the company exists there, and "
        "whether Epicor is being maintained."
    )
