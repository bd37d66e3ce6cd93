"""What Epicor speaks of when it refuses an invoice; its texts are not documented. Pure."""

from __future__ import annotations

import re

_CLOSED = r"\b(?:closed|not\s+open|locked|not\s+active)\b"
_PERIOD = re.compile(
    rf"\bperiod\b[^.]*{_CLOSED}|{_CLOSED}[^.]*\bperiod\b|\bearliest\s+apply\s+date\b|\bno\s+(?:valid\s+)?fiscal\s+period\b",
    re.IGNORECASE,
)


def speaks_of_a_period(message: str) -> bool:
    """Whether a refusal says that the apply date is in a fiscal period that takes no postings."""
    return _PERIOD.search(message) is not None
