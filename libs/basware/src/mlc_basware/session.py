"""The calls of one connection: with a token, no faster than agreed, redirects followed by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import IO, Protocol, TypeVar

import httpx

from mlc_basware.limiter import Limiter
from mlc_basware.tokens import Tokens
from mlc_basware.wire import CONTINUATION, REDIRECTS, error_text, is_its_own_word, redirect_target
from mlc_common.downloads import Download, TooLarge, download
from mlc_common.failures import PermanentError, TransientError
from mlc_common.http import Answer, UnclearAnswerError, call

MOST_HOPS = 3


class _Answered(Protocol):
    @property
    def status(self) -> int: ...


Result = TypeVar("Result", bound=_Answered)


class Session:
    """Makes calls for one connection.

    Args:
        name: the connection, for sentences.
        base_url: without a slash at the end.
        api: carries the bearer token; `storage` fetches redirect targets and carries nothing.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        tokens: Tokens,
        limiter: Limiter,
        api: httpx.AsyncClient,
        storage: httpx.AsyncClient,
    ) -> None:
        self._name = name
        self._base_url = base_url
        self._tokens = tokens
        self._limiter = limiter
        self._api = api
        self._storage = storage

    async def read(
        self,
        path: str,
        *,
        what: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Answer | None, str | None]:
        """The answer of a GET, or None for 404, and the continuation token; redirects followed by hand.

        A target that does not give the content is fetched once more through the original call: its address is
        short-lived (Basware API reference, §3.4).
        """
        wanted = {"Accept": "application/json"} | dict(headers or {})
        for _ in range(2):
            first = await self.call("GET", path, writes=False, what=what, params=params, headers=wanted)
            final = await self._follow(first, f"{self._base_url}{path}", what=what)
            token = final.headers.get(CONTINUATION) or first.headers.get(CONTINUATION)
            if final.status == httpx.codes.OK:
                return final, token
            if first is final:
                break
        if first is final and first.status == httpx.codes.NOT_FOUND:
            return None, None
        if first is final:
            raise PermanentError(f"{what} was refused ({first.status}): {error_text(first)}")
        raise TransientError(f"{what}: the address Basware redirects to answers {final.status}.")

    async def _follow(self, answer: Answer, url: str, *, what: str) -> Answer:
        for _ in range(MOST_HOPS):
            if answer.status not in REDIRECTS:
                return answer
            url = redirect_target(answer, url)
            plain = {"Accept": "application/json"}
            answer = await call(self._storage, "GET", url, writes=False, what=f"{what} (redirected)", headers=plain)
        if answer.status in REDIRECTS:
            raise TransientError(f"{what}: Basware redirects more than {MOST_HOPS} times.")
        return answer

    async def download(self, path: str, *, into: IO[bytes], most: int, what: str) -> Download | TooLarge | None:
        """A file of at most `most` bytes, or None for 404; redirects followed by hand, without the token.

        An address that has expired meanwhile is asked for once more (Basware API reference, §3.4).

        Raises:
            TransientError: it cannot be had now.
            PermanentError: Basware refuses it.
        """
        for _ in range(2):
            found, hops = await self._fetched(path, into=into, most=most, what=what)
            if not isinstance(found, Answer):
                return found
            if not hops and found.status == httpx.codes.NOT_FOUND:
                return None
            if not hops:
                raise PermanentError(f"{what} was refused ({found.status}): {error_text(found)}")
        raise TransientError(f"{what}: the address Basware redirects to answers {found.status}.")

    async def _fetched(
        self, path: str, *, into: IO[bytes], most: int, what: str
    ) -> tuple[Download | TooLarge | Answer, int]:
        """What the file's address finally gives, and after how many redirects."""
        url, plain = f"{self._base_url}{path}", {"Accept": "*/*"}
        found = await self._admitted(
            what,
            lambda signed: download(self._api, url, into=into, most=most, what=what, headers={**plain, **signed}),
        )
        hops, place = 0, url
        while isinstance(found, Answer) and found.status in REDIRECTS:
            if hops == MOST_HOPS:
                raise TransientError(f"{what}: Basware redirects more than {MOST_HOPS} times.")
            place, hops = redirect_target(found, place), hops + 1
            found = await download(
                self._storage, place, into=into, most=most, what=f"{what} (redirected)", headers=plain
            )
        return found, hops

    async def call(
        self,
        method: str,
        path: str,
        *,
        writes: bool,
        what: str,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """One call with the bearer token; on a 401 a new token is fetched once and the call made once more.

        Raises:
            TransientError: nothing was carried out, or a read failed.
            UnclearAnswerError: a write may or may not have been carried out.
        """
        answer = await self._admitted(
            what,
            lambda signed: call(
                self._api,
                method,
                f"{self._base_url}{path}",
                writes=writes,
                what=what,
                headers={**headers, **signed},
                params=params,
                content=content,
            ),
        )
        if answer.status >= httpx.codes.BAD_REQUEST and not is_its_own_word(answer):
            sentence = f"{what}: something in front of Basware answered {answer.status}; is it being maintained?"
            raise UnclearAnswerError(sentence, answer=answer) if writes else TransientError(sentence)
        return answer

    async def _admitted(self, what: str, ask: Callable[[Mapping[str, str]], Awaitable[Result]]) -> Result:
        """What `ask` gets with the bearer token in its headers, in its turn."""
        for last in (False, True):
            token = await self._tokens.get()
            async with self._limiter.slot(what):
                try:
                    answer = await ask({"Authorization": f"Bearer {token}"})
                except TransientError as failure:
                    if failure.retry_after:
                        self._limiter.pause(failure.retry_after)
                    raise
            if answer.status != httpx.codes.UNAUTHORIZED:
                break
            self._tokens.forget(token)
            if last:
                raise TransientError(self._denied(what, answer.status))
        if answer.status == httpx.codes.FORBIDDEN:
            raise TransientError(self._denied(what, answer.status))
        return answer

    def _denied(self, what: str, status: int) -> str:
        check = (
            "check basware.client_id, basware.client_secret and that base_url and token_url belong together"
            if status == httpx.codes.UNAUTHORIZED
            else "check the rights of the API user and basware.scopes"
        )
        return f"{what}: Basware denies connection {self._name} access ({status}): {check}."
