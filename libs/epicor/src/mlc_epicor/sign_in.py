"""How calls to Epicor are signed: Basic or an OAuth2 token, always with the API key."""

from __future__ import annotations

import asyncio
import base64
import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx

from mlc_common.connection import Epicor
from mlc_common.failures import PermanentError, TransientError
from mlc_common.http import Answer, call
from mlc_epicor.errors import read_refusal

DEFAULT_LIFE = 3600.0
"""Seconds a token is believed when its answer does not say (Epicor reference, authentication)."""


class SignIn(Protocol):
    """Headers that let a call in; `secrets` are what must never be shown."""

    secrets: tuple[str, ...]

    async def headers(self) -> Mapping[str, str]: ...

    def forget(self, used: Mapping[str, str], /) -> bool:
        """Drop what was refused; whether another try could fare better."""
        ...


class BasicSignIn:
    """User and password with every call."""

    def __init__(self, username: str, password: str, api_key: str) -> None:
        pair = base64.b64encode(f"{username}:{password}".encode()).decode()
        self.secrets: tuple[str, ...] = (password, api_key, pair)
        self._headers = {"Authorization": f"Basic {pair}", "x-api-key": api_key}

    async def headers(self) -> Mapping[str, str]:
        """The same headers every time."""
        return self._headers

    def forget(self, _used: Mapping[str, str]) -> bool:
        """The same password would be refused again, and could lock the user out."""
        return False


class BearerSignIn:
    """OAuth2 client credentials: one token for all callers, renewed before it expires."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        epicor: Epicor,
        *,
        client_id: str,
        client_secret: str,
        api_key: str,
        life_used: float,
        on_token: Callable[[float], None],
    ) -> None:
        self.secrets: tuple[str, ...] = (client_secret, api_key)
        self._on_token = on_token
        self._http = http
        self._url = epicor.token_url
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
            "scope": epicor.scope,
        }
        self._api_key = api_key
        self._life_used = life_used
        self._token = ""
        self._until = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def headers(self) -> Mapping[str, str]:
        """The headers with a token that is still good.

        Raises:
            TransientError: no token could be had; the sentence says what to check.
        """
        async with self._one_at_a_time:
            if asyncio.get_running_loop().time() >= self._until:
                await self._renew()
            return {"Authorization": f"Bearer {self._token}", "x-api-key": self._api_key}

    def forget(self, used: Mapping[str, str]) -> bool:
        """Drop the token if it is still the refused one; a newer one is kept."""
        if used.get("Authorization") == f"Bearer {self._token}":
            self._until = 0.0
        return True

    async def _renew(self) -> None:
        asked = asyncio.get_running_loop().time()
        answer = await call(
            self._http,
            "POST",
            self._url,
            writes=False,
            what="Epicor token",
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            content=urlencode(self._form).encode(),
        )
        token, life = self._read(answer)
        self.secrets = (*self.secrets[:2], token)
        self._token, self._until = token, asked + life * self._life_used
        self._on_token(life)

    def _read(self, answer: Answer) -> tuple[str, float]:
        if answer.status == httpx.codes.OK:
            body = _body_of(answer)
            if isinstance(body.get("access_token"), str) and body["access_token"]:
                return body["access_token"], _life(body.get("expires_in"))
        refusal = read_refusal(answer, hide=self.secrets)
        raise TransientError(
            f"Epicor's identity provider gave no token ({refusal.message}); check epicor.client_id, "
            "epicor.client_secret, token_url and scope."
        )


def _body_of(answer: Answer) -> Mapping[str, Any]:
    """The token endpoint's answer; a page of something in between, for example of its maintenance, holds nothing."""
    try:
        body = answer.json()
    except PermanentError:
        return {}
    return body if isinstance(body, dict) else {}


def _life(given: object) -> float:
    """Seconds that a token lives; the usual time where the answer does not say it as a number."""
    try:
        life = float(str(given))
    except ValueError:
        return DEFAULT_LIFE
    return life if 0 < life < math.inf else DEFAULT_LIFE


def sign_in(
    epicor: Epicor,
    secret: Callable[[str], str],
    *,
    http: httpx.AsyncClient,
    life_used: float,
    on_token: Callable[[float], None] = lambda _life: None,
) -> BasicSignIn | BearerSignIn:
    """The sign-in a connection asks for; `secret` gives a credential by its field name.

    Args:
        on_token: told the life of every new token, in seconds from now.

    Raises:
        TransientError: a credential is not set.
    """
    api_key = secret("epicor.api_key")
    if epicor.sign_in == "basic":
        return BasicSignIn(secret("epicor.username"), secret("epicor.password"), api_key)
    return BearerSignIn(
        http,
        epicor,
        client_id=secret("epicor.client_id"),
        client_secret=secret("epicor.client_secret"),
        api_key=api_key,
        life_used=life_used,
        on_token=on_token,
    )
