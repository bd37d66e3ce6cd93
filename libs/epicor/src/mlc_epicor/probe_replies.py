"""An answer to a question that only wants to know whether, and how, Epicor answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlc_epicor.errors import Refusal


@dataclass(frozen=True)
class Reply:
    """An answer: its JSON (or text, where that was asked for), or the refusal; `seconds` is how long it took."""

    seconds: float
    value: Any = None
    refusal: Refusal | None = None
