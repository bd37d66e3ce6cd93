"""`ml-connector hold`, `release`, `return`: what a person decided about a document becomes a fact of its history."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from mlc_basware.overrides import changed
from mlc_common.eventlog import EventLog
from mlc_common.events import (
    DocumentApproved,
    DocumentHeld,
    DocumentOverridden,
    DocumentReleased,
    DocumentReturned,
    Event,
    InvoicePosted,
    InvoiceRefused,
    PersonFact,
    PostingIntended,
)
from mlc_common.settings import Settings
from mlc_common.stored_event import FactOfDocument
from operator_console.connection_commands import operator
from operator_console.document_commands import candidates
from operator_console.exits import CommandError, Exit
from operator_console.reach import broker

Kind = TypeVar("Kind", bound=FactOfDocument)


@dataclass(frozen=True)
class Case:
    """A document that somebody decides about, and its latest transfer."""

    approved: DocumentApproved
    history: tuple[Event, ...]
    log: EventLog

    def common(self, reason: str) -> dict[str, Any]:
        """What every decision says."""
        event = self.approved
        return {
            "connection": event.connection,
            "invoice_id": event.invoice_id,
            "attempt": event.attempt,
            "cause": event.id,
            "at": datetime.now(UTC),  # the edge: a person acts now
            "by": operator(),
            "reason": reason,
        }

    def of_this_transfer(self, kind: type[Kind]) -> list[Kind]:
        """The facts of this kind."""
        mine = self.approved.attempt
        return [each for each in self.history if isinstance(each, kind) and each.attempt == mine]

    @property
    def refused(self) -> bool:
        """Whether this transfer was refused."""
        return bool(self.of_this_transfer(InvoiceRefused))

    @property
    def posted(self) -> bool:
        """Whether this transfer was posted."""
        return bool(self.of_this_transfer(InvoicePosted))


@asynccontextmanager
async def case(settings: Settings, identifier: str, *, connection: str | None) -> AsyncIterator[Case]:
    """The document by its Basware invoice id or invoice number.

    Raises:
        CommandError: there is none, or several, or it was never offered for transfer.
    """
    invoice_id, connections = await candidates(settings, identifier, connection)
    async with broker(settings) as client:
        log = EventLog(client, timeout=settings.timings.publish)
        histories = [await log.history(each, invoice_id) for each in connections]
        known = [[recorded.event for recorded in history] for history in histories if history]
        if len(known) > 1:
            raise CommandError(
                f"{identifier} is known in several connections; name one with --connection.", code=Exit.USAGE
            )
        approved = [event for event in (known[0] if known else ()) if isinstance(event, DocumentApproved)]
        if not approved:
            raise CommandError(f"No accounting document {identifier} was offered for transfer.", code=Exit.USAGE)
        yield Case(approved[-1], tuple(known[0]), log)


async def hold(settings: Settings, identifier: str, *, connection: str | None, reason: str) -> PersonFact:
    """Keep a document from being entered until it is released.

    Raises:
        CommandError: there is no such document, or it was sent to Epicor already.
    """
    async with case(settings, identifier, connection=connection) as it:
        _not_settled(it)
        if it.of_this_transfer(PostingIntended):
            raise CommandError(
                "It was sent to Epicor already, so it cannot be held here; put the invoice on hold in Epicor.",
                code=Exit.REFUSED,
            )
        event = DocumentHeld(**it.common(reason))
        await it.log.append(event)
    return event


async def release(settings: Settings, identifier: str, *, connection: str | None, reason: str) -> PersonFact:
    """Let a document that was held be entered.

    Raises:
        CommandError: there is no such document, or nobody holds it.
    """
    async with case(settings, identifier, connection=connection) as it:
        decisions = [each for each in it.history if isinstance(each, DocumentHeld | DocumentReleased)]
        if not decisions or isinstance(decisions[-1], DocumentReleased):
            raise CommandError(f"Nobody holds document {it.approved.invoice_id}.", code=Exit.REFUSED)
        event = DocumentReleased(**it.common(reason))
        await it.log.append(event)
    return event


async def give_back(settings: Settings, identifier: str, *, connection: str | None, reason: str) -> PersonFact:
    """Refuse a document's transfer with a person's reason; what Epicor holds of it by now is confirmed instead.

    Raises:
        CommandError: there is no such document, or its transfer has an outcome.
    """
    async with case(settings, identifier, connection=connection) as it:
        _not_settled(it)
        event = DocumentReturned(**it.common(reason))
        await it.log.append(event)
    return event


async def override(
    settings: Settings, identifier: str, values: Mapping[str, str], *, connection: str | None, reason: str
) -> DocumentOverridden:
    """Have a document entered with other values; what was overridden before stays, unless it is named again.

    Raises:
        CommandError: there is no such document, it was sent to Epicor already, or a value cannot be overridden.
    """
    async with case(settings, identifier, connection=connection) as it:
        _not_settled(it)
        if it.of_this_transfer(PostingIntended):
            raise CommandError("It was sent to Epicor already; correct the invoice there.", code=Exit.REFUSED)
        try:
            fresh = {place: changed(it.approved.document, place, value) for place, value in values.items()}
        except ValueError as error:
            raise CommandError(str(error), code=Exit.USAGE) from None
        before = it.of_this_transfer(DocumentOverridden)
        kept = {each.place: each for each in before[-1].changes} if before else {}
        event = DocumentOverridden(**it.common(reason), changes=tuple((kept | fresh).values()))
        await it.log.append(event)
    return event


def _not_settled(it: Case) -> None:
    if it.posted or it.refused:
        what = "posted" if it.posted else "refused"
        raise CommandError(f"This transfer of {it.approved.invoice_id} was {what} already.", code=Exit.REFUSED)
