"""One call() for every far side: failures told apart once, numbers read and written as Decimal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from mlc_common.failures import PermanentError, TransientError, UnknownOutcomeError

LARGEST_ANSWER = 128 * 1024 * 1024
"""Bytes of an answer; a page of a hundred large documents fits many times."""

_MOST_DIGITS = 40
"""An amount is written digit by digit; one absurd exponent must not cost memory."""

_MOST_DECIMALS_KEPT = 400
"""More than any computed fraction has: a far side's floating point leaves such numbers behind."""

NOTHING_WAS_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True)
class Answer:
    """What a far side answered; the body is whole and in memory."""

    status: int
    headers: httpx.Headers
    body: bytes
    what: str

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """The body as JSON, fractions as Decimal.

        Raises:
            PermanentError: it is no JSON.
        """
        try:
            return load_json(self.body)
        except ValueError as error:
            raise PermanentError(f"{self.what} answered {self.status} with something that is no JSON.") from error


class TooLargeError(httpx.RequestError):
    """An answer that no memory should hold."""


class UnclearAnswerError(UnknownOutcomeError):
    """A write whose answer is unclear; `answer` is what came, if anything came."""

    def __init__(self, sentence: str, *, answer: Answer | None = None) -> None:
        super().__init__(sentence)
        self.answer = answer


async def call(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    writes: bool,
    what: str,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    content: bytes | AsyncIterable[bytes] | None = None,
    auth: httpx.Auth | tuple[str, str] | None = None,
    timeout: float | httpx.Timeout | None = None,
) -> Answer:
    """Make one HTTP call; `what` names it in sentences ("Basware acknowledge"); redirects are not followed.

    Raises:
        TransientError: nothing was carried out (no connection, 429), or a read failed.
        UnclearAnswerError: a write may have been carried out: no answer, a broken one, or 5xx.
    """
    patience = client.timeout if timeout is None else httpx.Timeout(timeout)
    request = client.build_request(method, url, headers=headers, params=params, content=content, timeout=patience)
    try:
        async with asyncio.timeout(_in_all(patience)):
            response = await client.send(
                request, auth=httpx.USE_CLIENT_DEFAULT if auth is None else auth, follow_redirects=False, stream=True
            )
            body = await _whole(response)
    except NOTHING_WAS_SENT as error:
        raise TransientError(f"{what}: no connection ({type(error).__name__}).") from error
    except (httpx.RequestError, TimeoutError) as error:  # also a dripping answer, or one that cannot be decompressed
        sentence = f"{what}: the answer did not arrive ({type(error).__name__})."
        raise UnclearAnswerError(sentence) if writes else TransientError(sentence) from error
    answer = Answer(response.status_code, response.headers, body, what)
    return judge(answer, writes=writes, now=datetime.now(UTC))


async def _whole(response: httpx.Response) -> bytes:
    body = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise TooLargeError(f"more than {LARGEST_ANSWER >> 20} MiB")
    finally:
        await response.aclose()
    return bytes(body)


def _in_all(patience: httpx.Timeout) -> float | None:
    """Seconds for a whole call: a far side that sends a byte now and then must not hold us for ever."""
    if patience.read is None:
        return None
    return (patience.connect or 0) + (patience.pool or 0) + 2 * patience.read


def judge(answer: Answer, *, writes: bool, now: datetime) -> Answer:
    """The answer itself when it is the client's to read; pure.

    Raises:
        TransientError: 429, or 5xx on a read.
        UnclearAnswerError: 5xx on a write.
    """
    pause = retry_after(answer.headers.get("Retry-After"), now=now)
    if answer.status == httpx.codes.TOO_MANY_REQUESTS:
        raise TransientError(f"{answer.what}: the far side asks to slow down (429).", retry_after=pause)
    if answer.status >= httpx.codes.INTERNAL_SERVER_ERROR:
        sentence = f"{answer.what}: the far side answered {answer.status}."
        if writes:
            raise UnclearAnswerError(sentence, answer=answer)
        raise TransientError(sentence, retry_after=pause)
    return answer


def retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header (seconds or an HTTP date), at most an hour; None if unreadable."""
    if value is None:
        return None
    if value.isascii() and value.strip().isdigit():
        return min(float(value), 3600.0)
    try:
        return min(max((parsedate_to_datetime(value) - now).total_seconds(), 0.0), 3600.0)
    except (ValueError, TypeError):
        return None


def load_json(text: str | bytes) -> Any:
    """JSON with fractions as Decimal, straight from the literal; integers stay int.

    Raises:
        ValueError: it is no JSON, or holds a number that no Decimal can hold.
    """
    try:
        return json.loads(text, parse_float=Decimal)
    except (ArithmeticError, RecursionError) as error:
        raise ValueError("a number or a nesting beyond all measure") from error


def dump_json(value: Any) -> bytes:
    """JSON with Decimals as the exact number they are, for far sides that want numbers.

    Raises:
        PermanentError: a number is larger or finer than any amount.
    """
    return _json(value, _amount)


def kept_json(value: Any) -> bytes:
    """The same of what a far side gave, to be kept: a number that is finer than any amount has an exponent.

    Raises:
        PermanentError: a number is larger than any amount, or absurdly fine.
    """
    return _json(value, _kept)


def _json(value: Any, number: Callable[[Decimal], str]) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except TypeError:  # it holds Decimals, which the standard library cannot write
        return _dump(value, number).encode()


def _amount(value: Decimal) -> str:
    if not value.is_finite() or max(abs(value.adjusted()), _decimals(value)) > _MOST_DIGITS:
        raise PermanentError("An amount is not a number that a ledger can hold.")
    return format(value, "f")


def _kept(value: Decimal) -> str:
    fine = value.is_finite() and value.adjusted() <= _MOST_DIGITS < _decimals(value) <= _MOST_DECIMALS_KEPT
    return str(value) if fine else _amount(value)


def _decimals(value: Decimal) -> int:
    return -int(value.as_tuple().exponent)


def _dump(value: Any, number: Callable[[Decimal], str]) -> str:
    match value:
        case Decimal():
            return number(value)
        case dict():
            return "{" + ",".join(f"{json.dumps(str(key))}:{_dump(item, number)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(_dump(item, number) for item in value) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)
