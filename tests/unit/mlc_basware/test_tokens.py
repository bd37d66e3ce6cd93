"""One token for its life, and one request for it however many wait."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from mlc_basware.tokens import LIFE_WHEN_UNSAID, Token, Tokens, read_token
from mlc_common.failures import TransientError

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def jwt(**claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{body}.signature"


def at(seconds: float) -> float:
    return NOW.timestamp() + seconds


@pytest.mark.parametrize(
    ("answer", "life"),
    [
        ({"access_token": "opaque", "expires_in": 3600}, 3600),
        ({"access_token": "opaque", "expires_in": "60"}, 60),
        ({"access_token": "opaque"}, LIFE_WHEN_UNSAID),
        ({"access_token": "opaque", "expires_in": -1}, LIFE_WHEN_UNSAID),
        ({"access_token": "opaque", "expires_in": "soon"}, LIFE_WHEN_UNSAID),
        ({"access_token": jwt(exp=at(600)), "expires_in": 3600}, 600),
        ({"access_token": jwt(exp=at(3600)), "expires_in": 60}, 60),
        ({"access_token": jwt(exp=at(600), iat=at(-60)), "expires_in": 3600}, 600),
        ({"access_token": jwt(exp=at(-10), iat=at(-910)), "expires_in": 3600}, 900),
        ({"access_token": jwt(exp=at(-10)), "expires_in": 3600}, 3600),
        ({"access_token": jwt(exp="x"), "expires_in": 3600}, 3600),
        ({"access_token": "a.b.c", "expires_in": 3600}, 3600),
        ({"access_token": jwt(sub="x"), "expires_in": 3600}, 3600),
    ],
)
def test_a_token_lives_until_the_earlier_of_what_is_said(answer: dict[str, object], life: float) -> None:
    token = read_token(answer, at=NOW, life_used=0.8)

    assert token.expires_at == NOW + timedelta(seconds=life)
    assert token.renew_at == NOW + timedelta(seconds=life * 0.8)


@pytest.mark.parametrize("answer", [{}, [], None, {"access_token": ""}, {"access_token": 7}])
def test_an_answer_without_a_token_is_refused(answer: object) -> None:
    with pytest.raises(TransientError, match=r"check basware\.token_url"):
        read_token(answer, at=NOW, life_used=0.8)


def test_granted_scopes_are_read_from_a_text_or_a_list() -> None:
    text = read_token({"access_token": "x", "scope": "a.read b.write"}, at=NOW, life_used=0.8)
    array = read_token({"access_token": "x", "scope": ["a.read", "b.write"]}, at=NOW, life_used=0.8)
    unsaid = read_token({"access_token": "x"}, at=NOW, life_used=0.8)

    assert text.scopes == array.scopes == frozenset({"a.read", "b.write"})
    assert unsaid.scopes is None


def test_a_token_never_shows_its_value() -> None:
    assert "opaque" not in repr(read_token({"access_token": "opaque", "expires_in": 1}, at=NOW, life_used=0.8))


class Issuer:
    """A token endpoint in miniature: counts, and fails when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False
        self.time = NOW

    async def fetch(self) -> Token:
        self.asked += 1
        number = self.asked
        await asyncio.sleep(0.01)
        if self.away:
            raise TransientError("away")
        return Token(
            f"t{number}",
            renew_at=self.now() + timedelta(seconds=8),
            expires_at=self.now() + timedelta(seconds=10),
            scopes=None,
        )

    def now(self) -> datetime:
        return self.time

    def tokens(self) -> Tokens:
        return Tokens(self.fetch, now=self.now)


async def test_fifty_callers_share_one_request() -> None:
    issuer = Issuer()
    tokens = issuer.tokens()

    assert set(await asyncio.gather(*(tokens.get() for _ in range(50)))) == {"t1"}
    assert issuer.asked == 1


async def test_fifty_callers_share_one_failure_and_the_next_tries_again() -> None:
    issuer = Issuer()
    issuer.away = True
    tokens = issuer.tokens()

    failed = await asyncio.gather(*(tokens.get() for _ in range(50)), return_exceptions=True)
    issuer.away = False

    assert all(isinstance(each, TransientError) for each in failed)
    assert await tokens.get() == "t2"


async def test_a_token_is_renewed_before_it_dies() -> None:
    issuer = Issuer()
    tokens = issuer.tokens()
    values = []
    for passed in (0, 7, 1.5):
        issuer.time += timedelta(seconds=passed)
        values.append(await tokens.get())

    assert values == ["t1", "t1", "t2"]


async def test_a_token_that_cannot_be_renewed_is_used_to_its_end() -> None:
    issuer = Issuer()
    tokens = issuer.tokens()
    await tokens.get()
    issuer.away = True
    issuer.time += timedelta(seconds=9)

    assert await tokens.get() == "t1"
    issuer.time += timedelta(seconds=1)
    with pytest.raises(TransientError):
        await tokens.get()


async def test_a_refused_token_is_forgotten_once() -> None:
    issuer = Issuer()
    tokens = issuer.tokens()
    first = await tokens.get()

    tokens.forget(first)
    second = await tokens.get()
    tokens.forget(first)

    assert await tokens.get() == second == "t2"


async def test_a_caller_that_gives_up_leaves_the_token_to_the_others() -> None:
    issuer = Issuer()
    tokens = issuer.tokens()
    impatient, patient = asyncio.ensure_future(tokens.get()), asyncio.ensure_future(tokens.get())
    await asyncio.sleep(0)
    impatient.cancel()

    assert await patient == "t1"
    assert issuer.asked == 1


async def test_closing_stops_a_request_under_way() -> None:
    issuer = Issuer()
    tokens = issuer.tokens()
    waiting = asyncio.ensure_future(tokens.get())
    await asyncio.sleep(0)

    await tokens.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting
