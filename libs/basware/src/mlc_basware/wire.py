"""What answers of the API look like: envelopes, error bodies, redirect targets. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import httpx

from mlc_common.connection import LOOPBACK
from mlc_common.failures import PermanentError, TransientError
from mlc_common.http import Answer

CONTINUATION = "x-amz-meta-continuationtoken"
"""Header of the continuation token, in the answer and in the request for the next page."""

REQUEST_ID = "x-amzn-RequestId"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LONGEST_TEXT = 300


def read_json(answer: Answer) -> Any:
    """The JSON of a read. What is none comes from something in between, a proxy for example, and not from the API.

    Raises:
        TransientError: it is no JSON.
    """
    try:
        return answer.json()
    except PermanentError as error:
        raise TransientError(str(error)) from error


def entities(value: Any, key: str) -> list[Any]:
    """The records of an answer: a bare array, the array under `key` in any case, or the only array there is.

    The vendor's own programs do not agree on the envelope (Basware API reference, §3.3).

    Raises:
        TransientError: there is no such array, so that it is not the API that answers, or not whole.
    """
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        raise TransientError(f"Basware answered neither an array nor an object where {key} were asked for.")
    named = [member for name, member in value.items() if name.lower() == key.lower()]
    arrays = named or [member for member in value.values() if isinstance(member, list)]
    if len(arrays) != 1 or not isinstance(arrays[0], list | None):
        raise TransientError(f"Basware's answer holds no array of {key}.")
    return arrays[0] or []


def is_its_own_word(answer: Answer) -> bool:
    """Whether an error answer can be the API's own, which is empty or JSON (Basware API reference, §10.1).

    A page of a proxy that is being maintained says nothing about what was asked for, whatever its status is; but that a
    body is too large is said by the gateway, in text.
    """
    if answer.status == httpx.codes.REQUEST_ENTITY_TOO_LARGE or not answer.body.strip():
        return True
    try:
        answer.json()
    except PermanentError:
        return False
    return True


def is_taken(answer: Answer, codes: Iterable[str] = ()) -> bool:
    """Whether a 2xx says that the API took something: it names the call, or echoes a record by its code."""
    return REQUEST_ID in answer.headers or any(code in answer.text for code in codes)


def redirect_target(answer: Answer, url: str) -> str:
    """Where a redirect from `url` leads. The address is a secret itself: it never enters a sentence.

    Raises:
        TransientError: it leads nowhere, or over plain http to another machine.
    """
    try:
        target = httpx.URL(url).join(str(answer.headers.get("Location", "")))
    except httpx.InvalidURL:
        target = httpx.URL("")
    safe = target.scheme == "https" or (target.scheme == "http" and target.host in LOOPBACK)
    if not answer.headers.get("Location") or not target.host or not safe:
        # The cause would carry the address.
        raise TransientError(
            f"{answer.what}: Basware redirects to an address that is not https; it is not followed."
        ) from None
    return str(target)


def error_text(answer: Answer) -> str:
    """What an error body says, whatever its form; at most 300 characters, and the status when it says nothing."""
    try:
        value = answer.json()
    except PermanentError:
        value = None
    said = " ".join(" ".join(_sentences(value)).split())
    return said[:_LONGEST_TEXT] or f"HTTP {answer.status} without an explanation"


def refused_codes(answer: Answer) -> frozenset[str]:
    """The `externalCode`s of the records that an error body complains about."""
    try:
        value = answer.json()
    except PermanentError:
        return frozenset()
    errors = value.get("errors") if isinstance(value, dict) else None
    items = [item for item in errors if isinstance(item, dict)] if isinstance(errors, list) else []
    return frozenset(str(item["externalCode"]) for item in items if item.get("externalCode"))


def _sentences(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _sentences(item)
        case dict():
            for key in ("errors", "errorMessages", "detail", "message", "msg", "error", "error_description"):
                yield from _sentences(value.get(key))
