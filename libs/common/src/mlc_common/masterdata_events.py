"""Facts about Epicor's records as they are read, and about the runs that read them. Pure."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlc_common.record_events import FactOfRecord
from mlc_common.stored_event import StoredEvent
from mlc_common.streams import sync_subject, token


class RecordChanged(FactOfRecord):
    """Epicor holds another record than when it was last read: new, changed, or gone (then with its flag off).

    `record` is the Basware record as JSON; `run` the number of the run that saw it.
    """

    fact: ClassVar[str] = "changed"

    type: Literal["record_changed"] = "record_changed"
    record: str
    gone: bool = Field(default=False, description="it was missing in two complete readings of Epicor")
    key: str | None = Field(default=None, description="the row's key in Epicor, a JSON list")
    run: int

    @property
    def id(self) -> str:
        return f"{super().id}/{self.run}"


class SyncRequested(StoredEvent):
    """Somebody wants master data brought up to date now.

    Args:
        kind, company, key: only these; a key is the code people know the record by.
        plan: only say what would be sent.
        full: read everything, also where changed rows could be told; records that were refused are tried again.
        allow_removals: retire what is gone, however much it is.
        anew: only make what is remembered of records anew from the facts.
    """

    type: Literal["sync_requested"] = "sync_requested"
    request: str
    by: str
    kind: str | None = None
    company: str | None = None
    key: str | None = None
    plan: bool = False
    full: bool = False
    allow_removals: bool = False
    anew: bool | None = None

    @property
    def subject(self) -> str:
        return sync_subject(self.connection, self.request, "requested")

    @property
    def id(self) -> str:
        return f"sync/{self.connection}/{token(self.request)}"


class Planned(BaseModel):
    """One record that a run would send, and why."""

    model_config = ConfigDict(frozen=True)

    kind: str
    company: str
    code: str
    what: Literal["new", "changed", "retired"]
    record: str | None = None


class SyncPlanned(StoredEvent):
    """Some of the records that would be sent."""

    type: Literal["sync_planned"] = "sync_planned"
    request: str
    number: int
    records: tuple[Planned, ...]

    @property
    def subject(self) -> str:
        return sync_subject(self.connection, self.request, "planned")

    @property
    def id(self) -> str:
        return f"sync/{self.connection}/{token(self.request)}/planned/{self.number}/{self.at.timestamp()}"


class SyncFinished(StoredEvent):
    """A run came to its end, or was stopped; `request` names who asked for it, None is the schedule.

    Runs on schedule are recorded when they did something or were stopped.
    """

    type: Literal["sync_finished"] = "sync_finished"
    request: str | None = None
    kind: str
    company: str
    run: int
    mode: Literal["full", "delta", "one", "plan"]
    outcome: Literal["finished", "too many gone", "nothing there"]
    read: int = 0
    changed: int = 0
    sent: int = 0
    refused: int = 0
    gone: int = 0

    @property
    def subject(self) -> str:
        return sync_subject(self.connection, self.request or "schedule", "finished")

    @property
    def id(self) -> str:
        who = self.request or "schedule"
        return f"sync/{self.connection}/{token(who)}/{self.kind}/{token(self.company)}/{self.run}/{self.outcome}"


class MadeAnew(BaseModel):
    """How many facts were folded, and how many rows were wrong: removed, or put in anew."""

    model_config = ConfigDict(frozen=True)

    facts: int
    removed: int
    changed: int


class SyncEnded(StoredEvent):
    """Everything that a request asked for was done, or cannot be; `problem` says why not.

    `anew` tells what making records anew came to.
    """

    type: Literal["sync_ended"] = "sync_ended"
    request: str
    problem: str | None = None
    anew: MadeAnew | None = None

    @property
    def subject(self) -> str:
        return sync_subject(self.connection, self.request, "ended")

    @property
    def id(self) -> str:
        return f"sync/{self.connection}/{token(self.request)}/ended"
