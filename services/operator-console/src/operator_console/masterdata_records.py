"""Master records out of the stream MASTERDATA, a page at a time; nothing is kept but the page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from nats.aio.client import Client

from mlc_common.eventlog import EventLog, Recorded
from mlc_common.events import (
    BankFact,
    RecordAccepted,
    RecordChanged,
    RecordFact,
    RecordHeld,
    RecordRefused,
    RecordSent,
)
from mlc_common.streams import MASTERDATA, token
from operator_console.record_states import Standing, State, standing
from operator_console.stream_reader import StreamReader

AT_ONCE = 110
"""Messages that are looked at together: their records have nine last facts at most, and the server names 1024."""

_FACTS = RecordChanged | RecordSent | RecordAccepted | RecordRefused | RecordHeld | BankFact


@dataclass(frozen=True)
class Wanted:
    """Which records: of one connection, and of one kind, company or state if named."""

    connection: str
    kind: str | None = None
    company: str | None = None
    states: Sequence[State] = ()

    @property
    def subject(self) -> str:
        """The facts of these records."""
        kind = token(self.kind) if self.kind else "*"
        company = token(self.company) if self.company else "*"
        return f"masterdata.{token(self.connection)}.{kind}.{company}.*.*"


@dataclass(frozen=True)
class Listed:
    """A page of records, and where the next one begins; None when this was the last."""

    records: list[Standing] = field(default_factory=list)
    next: int | None = None


class Records:
    """Reads records; the order is that in which something happened to them last."""

    def __init__(self, client: Client, *, timeout: float) -> None:
        self._log = EventLog(client, timeout=timeout)
        self._reader = StreamReader(client, self._log, timeout=timeout)

    async def page(self, wanted: Wanted, *, after: int, most: int) -> Listed:
        """At most so many records that something happened to after this place in the stream.

        Raises:
            TransientError: the broker is away.
        """
        found: list[Standing] = []
        async for sequence, record in self.all(wanted, after=after):
            found.append(record)
            if len(found) == most:
                return Listed(found, sequence)
        return Listed(found)

    async def all(self, wanted: Wanted, *, after: int = 0) -> AsyncIterator[tuple[int, Standing]]:
        """Every record once, at its last fact, with the place of that in the stream."""
        while batch := await self._reader.after(MASTERDATA, after, most=AT_ONCE, subject=wanted.subject):
            after = batch[-1].sequence
            places = {read.sequence: read.event for read in batch if isinstance(read.event, _FACTS)}
            for facts in await self._last(list(places.values())):
                sequence = facts[-1].sequence
                if sequence not in places:
                    continue  # it comes later, at its last fact
                record = standing(each.event for each in facts if isinstance(each.event, _FACTS))
                if not wanted.states or record.state in wanted.states:
                    yield sequence, record

    async def of(self, wanted: Wanted, code: str) -> list[Standing]:
        """The records of this code, one in each company that has it."""
        subject = wanted.subject.removesuffix(".*.*") + f".{token(code)}.*"
        return [
            standing(each.event for each in facts if isinstance(each.event, _FACTS))
            for facts in _by_record(await self._log.last(MASTERDATA, subject))
        ]

    async def _last(self, facts: Sequence[RecordFact | BankFact]) -> list[list[Recorded]]:
        subjects = {fact.subject.rsplit(".", 1)[0] + ".*" for fact in facts}
        found = _by_record(await self._log.last(MASTERDATA, *sorted(subjects))) if subjects else []
        return sorted(found, key=lambda each: each[-1].sequence)


def _by_record(recorded: Sequence[Recorded]) -> list[list[Recorded]]:
    found: dict[str, list[Recorded]] = {}
    for each in recorded:
        if isinstance(each.event, _FACTS):
            found.setdefault(each.event.subject.rsplit(".", 1)[0], []).append(each)
    # A crash may have left facts about its accounts alone; the next run tells the rest.
    return [facts for facts in found.values() if not all(isinstance(each.event, BankFact) for each in facts)]
