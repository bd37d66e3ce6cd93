"""Is this push Basware's? HMAC-SHA256 over the raw bytes in every form that may be met, and its freshness. Pure.

The vendor's public pages name the header and the algorithm; how the signature is written and what it covers they do
not say (Basware API reference, open uncertainties). Accepting several spellings of one MAC does not weaken it.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from mlc_basware.notification import instant
from mlc_common.connection import SignedContent, Webhook

SIGNATURE_HEADER = "X-BWAPI-Signature-256"
FEWEST_ROUNDS = 4
"""MACs computed at least for every push that carries what may be a signature: one secret in all four forms."""

_PREFIX = re.compile(r"(?:hmac-)?sha256=", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{43}=?")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{43}=?")
_EPOCH = re.compile(r"([0-9]{1,13})(?:\.[0-9]{1,9})?")
_SECONDS_DIGITS = 11

_SEPARATOR: dict[SignedContent, bytes] = {
    SignedContent.TIMESTAMP_BODY: b"",
    SignedContent.TIMESTAMP_DOT_BODY: b".",
    SignedContent.TIMESTAMP_COLON_BODY: b":",
}


class Reason(StrEnum):
    """Why a push is not trusted; for counters and logs, never for the caller."""

    UNKNOWN_CONNECTION = "unknown_connection"
    NO_SECRET = "no_secret"  # noqa: S105 - a reason, no secret
    NO_SIGNATURE = "no_signature"
    UNREADABLE_SIGNATURE = "unreadable_signature"
    WRONG_SIGNATURE = "wrong_signature"
    NO_TIMESTAMP = "no_timestamp"
    UNREADABLE_TIMESTAMP = "unreadable_timestamp"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Push:
    """A push as it came: the raw body, the signature header, and the timestamp header the connection names."""

    body: bytes
    signature: str | None
    timestamp: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`variant` says what matched, for example `body/hex`; `reason` why the push is not trusted all the same."""

    variant: str | None
    reason: Reason | None


def rounds_for(candidates: Iterable[int]) -> int:
    """MACs to compute for a push to any connection, known or not, so that the time taken does not tell which exist.

    Args:
        candidates: the number of secrets times the number of forms, for every connection there is.
    """
    return max(FEWEST_ROUNDS, *candidates, 0)


def verify(
    push: Push, *, secrets: Sequence[str], webhook: Webhook, now: datetime, rounds: int = FEWEST_ROUNDS
) -> Verdict:
    """Check every usable secret against every configured form, in constant time, then the freshness.

    An empty secret never verifies. `rounds` MACs are computed, or more if there is more to check; none at all for a
    push without anything that could be a signature, which costs the sender nothing and must cost us little.
    """
    usable = [secret.encode() for secret in secrets if secret.strip()]
    form, mac = decode(push.signature or "")
    content = _matching(push, mac, secrets=usable, forms=webhook.signed, rounds=rounds) if mac else None
    if not usable:
        return Verdict(None, Reason.NO_SECRET)
    if push.signature is None:
        return Verdict(None, Reason.NO_SIGNATURE)
    if mac is None:
        return Verdict(None, Reason.UNREADABLE_SIGNATURE)
    if content is None:
        return Verdict(None, Reason.WRONG_SIGNATURE)
    return Verdict(f"{content}/{form}", _freshness(push.timestamp, webhook=webhook, now=now))


def decode(header: str) -> tuple[str, bytes | None]:
    """The form a signature is written in and its 32 bytes, or None when it is no signature.

    Takes hex, base64 and base64url, these with and without padding, after an optional `sha256=` or `hmac-sha256=`.
    """
    text = header.strip()
    if prefix := _PREFIX.match(text):
        text = text[prefix.end() :].strip()
    if _HEX.fullmatch(text):
        return "hex", bytes.fromhex(text)
    if _BASE64.fullmatch(text):
        return "base64", base64.b64decode(text[:43] + "=")
    if _BASE64URL.fullmatch(text):
        return "base64url", base64.urlsafe_b64decode(text[:43] + "=")
    return "none", None


def timestamp_instant(text: str) -> datetime | None:
    """The instant of a timestamp header: seconds or milliseconds since 1970, or ISO 8601; None when it is neither."""
    epoch = _EPOCH.fullmatch(text.strip())
    if epoch is None:
        return instant(text)
    digits = epoch.group(1)
    seconds = int(digits) if len(digits) <= _SECONDS_DIGITS else int(digits) / 1000
    return datetime.fromtimestamp(seconds, UTC)


def _matching(
    push: Push, mac: bytes, *, secrets: Sequence[bytes], forms: Sequence[SignedContent], rounds: int
) -> SignedContent | None:
    found: SignedContent | None = None
    for form, secret, covered in to_try(push, secrets=secrets, forms=forms, rounds=rounds):
        if hmac.compare_digest(hmac.digest(secret, covered, "sha256"), mac) and found is None:
            found = form
    return found


def to_try(
    push: Push, *, secrets: Sequence[bytes], forms: Sequence[SignedContent], rounds: int
) -> list[tuple[SignedContent | None, bytes, bytes]]:
    """Every MAC to compute, as form, secret and covered bytes; filled up to `rounds` with ones that match nothing."""
    candidates: list[tuple[SignedContent | None, bytes, bytes]] = [
        (form, secret, covered) for secret in secrets for form in forms if (covered := _covered(push, form)) is not None
    ]
    return candidates + [(None, b"nobody's", push.body)] * (rounds - len(candidates))


def _covered(push: Push, form: SignedContent) -> bytes | None:
    if form is SignedContent.BODY:
        return push.body
    if push.timestamp is None:
        return None
    return push.timestamp.encode("latin-1", "replace") + _SEPARATOR[form] + push.body


def _freshness(timestamp: str | None, *, webhook: Webhook, now: datetime) -> Reason | None:
    if webhook.timestamp_header is None:
        return None
    if timestamp is None:
        return Reason.NO_TIMESTAMP if webhook.timestamp_required else None
    moment = timestamp_instant(timestamp)
    if moment is None:
        return Reason.UNREADABLE_TIMESTAMP
    return Reason.STALE if abs((now - moment).total_seconds()) > webhook.tolerance_seconds else None
