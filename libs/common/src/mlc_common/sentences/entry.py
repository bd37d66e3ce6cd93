"""One entry of the catalogue. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Owner = Literal["AP", "finance systems", "integration"]


@dataclass(frozen=True)
class Entry:
    """A sentence with its places to fill, who has to act, and what to do."""

    sentence: str
    owner: Owner
    remedy: str
