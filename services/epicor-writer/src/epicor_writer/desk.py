"""One document on the desk, with everything needed to work on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from epicor_writer.checking import Case
from epicor_writer.facts import Facts
from epicor_writer.ports import Log, Slot
from mlc_common.events import DocumentApproved
from mlc_common.settings import Timings


@dataclass(frozen=True)
class Desk(Case):
    """One document and everything needed to work on it."""

    event: DocumentApproved
    log: Log
    slot: Slot
    timings: Timings
    now: Callable[[], datetime]
    prebooked: bool = False
    """Another attempt entered the document ahead of its approval."""

    @property
    def facts(self) -> Facts:
        """Facts that react to the document, at this moment."""
        return Facts(self.event, version=self.connection.version, at=self.now())
