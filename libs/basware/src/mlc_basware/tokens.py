"""OAuth2 client credentials: one token for its life, fetched once however many calls wait for it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import structlog

from mlc_basware.wire import read_json
from mlc_common.failures import TransientError
from mlc_common.http import Answer, call

log = structlog.stdlib.get_logger(__name__)

LIFE_WHEN_UNSAID = 300.0
"""Seconds a token is believed when neither `expires_in` nor the token itself says how long."""


@dataclass(frozen=True)
class Token:
    """An access token; `renew_at` is when a new one is fetched, `expires_at` when this one is dead."""

    value: str = field(repr=False)
    renew_at: datetime
    expires_at: datetime
    scopes: frozenset[str] | None


def read_token(answer: Any, *, at: datetime, life_used: float) -> Token:
    """The token of a token endpoint's JSON answer that arrived `at`. Pure.

    `expires_in` is read as seconds, although its description says minutes: the published example token lives 3600
    seconds (Basware API reference, §1.2). The earlier of it and the token's own `exp` counts.

    Raises:
        TransientError: it holds no access token.
    """
    value = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(value, str) or not value:
        raise TransientError("Basware's token answer holds no access_token: check basware.token_url.")
    life = timedelta(seconds=min([_seconds(answer.get("expires_in")), *_own_life(value, at)]))
    scope = answer.get("scope")
    scopes = frozenset(scope.split() if isinstance(scope, str) else map(str, scope)) if scope else None
    return Token(value, renew_at=at + life * life_used, expires_at=at + life, scopes=scopes)


def _seconds(expires_in: object) -> float:
    try:
        seconds = float(str(expires_in))
    except ValueError:
        return LIFE_WHEN_UNSAID
    return seconds if 0 < seconds < float("inf") else LIFE_WHEN_UNSAID


def _own_life(value: str, at: datetime) -> list[float]:
    """Seconds the token says it lives; by its own `iat` when our clock says that it is dead on arrival."""
    parts = value.split(".")
    if len(parts) != 3:
        return []
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        expires, issued = float(claims["exp"]), float(claims.get("iat", at.timestamp()))
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error):
        return []
    return [life for life in (expires - at.timestamp(), expires - issued) if life > 0][:1]


@dataclass(frozen=True)
class TokenEndpoint:
    """Where tokens come from, and for whom."""

    connection: str
    url: str
    scopes: tuple[str, ...]
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    life_used: float
    now: Callable[[], datetime]

    async def fetch(self, http: httpx.AsyncClient) -> Token:
        """Ask for a new token; say so when Basware grants other scopes than we asked for.

        Raises:
            TransientError: it is not to be had; the sentence says what to check.
        """
        form = {"grant_type": "client_credentials", "scope": " ".join(self.scopes)}
        answer = await call(
            http,
            "POST",
            self.url,
            writes=False,
            what="Basware token",
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            content=urlencode(form).encode(),
            auth=httpx.BasicAuth(self.client_id, self.client_secret),
        )
        if answer.status != httpx.codes.OK:
            raise TransientError(self._refusal(answer))
        token = read_token(read_json(answer), at=self.now(), life_used=self.life_used)
        asked = frozenset(self.scopes)
        if token.scopes is not None and token.scopes != asked:
            log.warning(
                "basware_scopes_differ",
                connection=self.connection,
                missing=sorted(asked - token.scopes),
                beyond=sorted(token.scopes - asked),
            )
        return token

    def _refusal(self, answer: Answer) -> str:
        if answer.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            check = "check basware.client_id and basware.client_secret"
        elif answer.status in (httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY):
            check = "check that the API user is granted every scope in basware.scopes"
        else:
            check = "check basware.token_url"
        return f"Basware gives connection {self.connection} no token ({answer.status}): {check}."


class Tokens:
    """Hands out the current token; `fetch` makes a new one and is never running twice at a time."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Token]],
        *,
        now: Callable[[], datetime],
        on_token: Callable[[datetime], None] = lambda _expires_at: None,
    ) -> None:
        self._fetch = fetch
        self._on_token = on_token
        self._now = now
        self._current: Token | None = None
        self._fetching: asyncio.Task[Token] | None = None

    async def get(self) -> str:
        """A usable token; everybody who waits for a new one shares one request, and its failure.

        Raises:
            TransientError: no token is to be had.
        """
        current = self._current
        if current is not None and self._now() < current.renew_at:
            return current.value
        try:
            return (await self._shared_fetch()).value
        except TransientError:
            if current is None or current is not self._current or self._now() >= current.expires_at:
                raise
            return current.value

    def forget(self, value: str) -> None:
        """Basware refused this token: the next call fetches a new one, unless somebody already did."""
        if self._current is not None and self._current.value == value:
            self._current = None

    async def close(self) -> None:
        """Stop a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    async def _shared_fetch(self) -> Token:
        if self._fetching is None:
            self._fetching = asyncio.ensure_future(self._renew())
            self._fetching.add_done_callback(self._fetched)
        # Shielded: one waiter that gives up must not take the token away from the others.
        return await asyncio.shield(self._fetching)

    async def _renew(self) -> Token:
        self._current = token = await self._fetch()
        self._on_token(token.expires_at)
        return token

    def _fetched(self, task: asyncio.Task[Token]) -> None:
        self._fetching = None
        if not task.cancelled():
            task.exception()
