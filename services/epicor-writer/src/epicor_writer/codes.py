"""How codes are compared. Pure."""

from __future__ import annotations


def same_key(code: str) -> str:
    """A code as Epicor's database compares it: without case and without blanks at its ends."""
    return code.strip().casefold()
