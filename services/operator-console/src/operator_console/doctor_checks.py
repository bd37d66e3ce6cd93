"""What an examination finds: checks as values. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["pass", "fail", "unknown", "skipped"]
"""`unknown`: it could not be found out, and the remedy says where to look; `skipped`: something before it failed, or it
does not concern this connection."""


@dataclass(frozen=True)
class Check:
    """One line of the table; `connection` is None for what all connections share.

    Neither `detail` nor `remedy` holds a secret.
    """

    name: str
    verdict: Verdict
    detail: str = ""
    remedy: str = ""
    connection: str | None = None


def passed(name: str, detail: str = "") -> Check:
    """It is as it should be."""
    return Check(name, "pass", detail)


def failed(name: str, detail: str, remedy: str) -> Check:
    """It is not, and this is what to do."""
    return Check(name, "fail", detail, remedy)


def unknown(name: str, detail: str, remedy: str) -> Check:
    """It cannot be seen from here; look there."""
    return Check(name, "unknown", detail, remedy)


def skipped(name: str, why: str) -> Check:
    """It was not looked at."""
    return Check(name, "skipped", why)


def any_failed(checks: Iterable[Check]) -> bool:
    """Whether something is to be done."""
    return any(each.verdict == "fail" for each in checks)


def as_json(checks: Iterable[Check]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "connection": each.connection,
            "check": each.name,
            "verdict": each.verdict,
            "detail": each.detail,
            "remedy": each.remedy,
        }
        for each in checks
    ]
