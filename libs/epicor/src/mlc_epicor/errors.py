"""What Epicor's error bodies say, in all the shapes they come in. Pure.

Epicor reference, errors: the usual body has ErrorMessage and ErrorType; OData sets answer {"error": …}; gateways answer
text or HTML. A refused API key is echoed in the message, so every text is cleaned before it goes anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mlc_common.http import Answer, load_json

LONGEST_MESSAGE = 300
HIDDEN = "[hidden]"

_DUPLICATE = re.compile(r"duplicate|already exists", re.IGNORECASE)
_ABSENT = re.compile(r"\brecord\b.*\bnot found", re.IGNORECASE)
_LICENCE = re.compile(r"maximum users exceeded|license type|no (available )?licen[sc]e", re.IGNORECASE)
_ECHOED_KEY = re.compile(r"(invalid api key)\s+\S+", re.IGNORECASE)
_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)

_CONFLICT = 409
_NOBODY_THERE = frozenset({404, 405, 408, 410})
"""A wrong address, a pool being recycled, a call or a session that timed out: no word on what was asked."""


Speaker = Literal["epicor", "odata", "somebody"]


@dataclass(frozen=True)
class Refusal:
    """An error answer.

    Attributes:
        kind: Epicor's ErrorType; may be empty.
        message: one clean line for a person.
        speaker: whose error form the body has; "somebody" is a proxy or a server in front of Epicor.
    """

    status: int
    kind: str
    message: str
    speaker: Speaker = "somebody"

    @property
    def is_duplicate(self) -> bool:
        """Whether it looks like a duplicate key; the exact form is not documented, so a look-up must confirm it."""
        return (
            self.status == _CONFLICT
            or self.kind.endswith("DuplicateRecordException")
            or bool(_DUPLICATE.search(self.message))
        )

    @property
    def is_absence(self) -> bool:
        """Whether a 404 speaks of a record that does not exist, and not of an address that does not."""
        return "RecordNotFound" in self.kind or (self.kind != "" and bool(_ABSENT.search(self.message)))

    @property
    def is_epicors_word(self) -> bool:
        """Whether Epicor itself says no to what was asked, and not something in front of it, or a missing service."""
        if self.status in _NOBODY_THERE and not self.is_absence:
            return False
        return self.speaker == "epicor"

    @property
    def is_licence_trouble(self) -> bool:
        """Whether no licence was free: nothing was carried out."""
        return bool(_LICENCE.search(self.message))


def read_refusal(answer: Answer, *, hide: Iterable[str] = ()) -> Refusal:
    """The refusal in an error answer; `hide` are secrets that must not survive in the message."""
    try:
        body = load_json(answer.body)
    except ValueError:
        body = None
    speaker, kind, message = _fields(body) if isinstance(body, Mapping) else ("somebody", "", answer.text)
    line = clean(message, hide=hide) or f"HTTP {answer.status} without a message"
    return Refusal(status=answer.status, kind=kind, message=line, speaker=speaker)


def clean(text: str, *, hide: Iterable[str] = ()) -> str:
    """One line of at most 300 characters without markup and without secrets."""
    for secret in hide:
        text = text.replace(secret, HIDDEN) if secret else text
    text = _ECHOED_KEY.sub(rf"\1 {HIDDEN}", _TAGS.sub(" ", text))
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_MESSAGE else f"{line[: LONGEST_MESSAGE - 1]}…"


Door = Literal["sign-in", "api key", "scope", "licence"]


def closed_door(refusal: Refusal) -> Door:
    """Which door is closed when Epicor does not let us in; by the message, since three causes share 401."""
    message = refusal.message.lower()
    if "invalid api key" in message:
        return "api key"
    if "access denied" in message:
        return "scope"
    return "licence" if refusal.is_licence_trouble else "sign-in"


def access_sentence(refusal: Refusal) -> str:
    """What a person should check when Epicor does not let us in."""
    match closed_door(refusal):
        case "api key":
            return "Epicor does not accept the API key; check epicor.api_key and that it belongs to this environment."
        case "scope":
            return f"Epicor denies access; allow it for the API key's scope and the integration user: {refusal.message}"
        case "licence":
            return f"Epicor has no free licence: {refusal.message}"
        case "sign-in":
            return f"Epicor does not accept the sign-in; check the connection's Epicor credentials: {refusal.message}"


def _fields(body: Mapping[str, Any]) -> tuple[Speaker, str, str]:
    error = body.get("error") or body.get("odata.error")
    if isinstance(error, Mapping):
        message = error.get("message")
        text = message.get("value") if isinstance(message, Mapping) else message
        return "odata", str(error.get("code") or ""), str(text or "")
    speaker: Speaker = "epicor" if body.get("ErrorMessage") or body.get("ErrorType") else "somebody"
    return speaker, str(body.get("ErrorType") or ""), _with_details(body)


def _with_details(body: Mapping[str, Any]) -> str:
    message = str(body.get("ErrorMessage") or body.get("Message") or "")
    details = body.get("ErrorDetails")
    texts = [str(each.get("Message") or "") for each in details if isinstance(each, Mapping)] if details else []
    return " ".join([message, *(text for text in texts if text and text not in message)])
