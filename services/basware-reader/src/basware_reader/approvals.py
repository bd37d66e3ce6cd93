"""Which transfer of an accounting document we look at, and what there is to do about it. Pure.

The same document comes back after a failed transfer or when somebody transfers it again. Each transfer is an attempt
of its own, told apart by `InvoiceBatchId`; a tenant that sends none leaves `lastUpdated` and the content to go by, and
`lastUpdated` moves whenever Basware's layer touches the document, our acknowledge included.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from mlc_basware.content import content_digest
from mlc_basware.documents import AccountingDocument
from mlc_basware.members import PERSONAL
from mlc_common.catalogue import finding
from mlc_common.connection import ConnectionDocument
from mlc_common.events import (
    AnswerRejected,
    AnswerRepeated,
    DocumentAcknowledged,
    DocumentApproved,
    DocumentWithdrawn,
    Event,
    InterimAnswered,
    InvoicePosted,
    InvoiceRefused,
    OutcomeAnswered,
)

SeenBy = Literal["push", "sweep"]
WAITING = "WaitingForTransfer"
IN_PROGRESS = "TransferInProgress"
ABSENT = "absent"
"""Our word for the status of a document that Basware does not know."""

ANSWERED = "answered"
"""Why nothing is due for a document whose transfer has been answered."""

FOR_A_PERSON = frozenset(
    {"WaitingForPrebookCancelation", "WaitingToBeRemoved", "WaitingToBeReturned", "WaitingToBeCompleted"}
)
"""Statuses in which Basware waits for an answer that no documented interface takes (Basware API reference, §6.2)."""

WITHDRAWN = frozenset({"Removed", "Returned", "WaitingToBeRemoved", "WaitingToBeReturned"})
"""Statuses that take a document out of its transfer."""

OFFERED = (WAITING, IN_PROGRESS)
"""The processing statuses in which a document is ours to post (Basware API reference, §6.2)."""

PREBOOK_OFFERED = ("WaitingForPrebook", "PrebookInProgress")
"""Those in which it is to be entered ahead of its approval; its transfer comes later (Basware API reference, §6.2)."""


@dataclass(frozen=True)
class Sight:
    """What tells attempts apart in one reading of a document; `answers` are the codes of the answers it holds."""

    status: str
    batch: str | None
    last_updated: str | None
    content: str
    answers: frozenset[str] = frozenset()

    @property
    def prebook(self) -> bool:
        """Whether it is offered to be entered ahead of its approval."""
        return self.status in PREBOOK_OFFERED

    @property
    def waiting(self) -> bool:
        """Whether Basware offers it and has not been told that we have it."""
        return self.status in (WAITING, PREBOOK_OFFERED[0])

    @property
    def in_progress(self) -> bool:
        """Whether Basware knows that we have it."""
        return self.status in (IN_PROGRESS, PREBOOK_OFFERED[1])

    @classmethod
    def of(cls, text: str, document: AccountingDocument) -> Sight:
        """The sight of a document that was parsed from `text`."""
        return cls(
            status=document.processingStatus,
            batch=document.batch,
            last_updated=document.lastUpdated,
            content=content_digest(text),
            answers=frozenset(
                answer.externalCode for answer in (*document.transferResponses, *document.prebookResponses)
            ),
        )


@dataclass(frozen=True)
class Attempt:
    """One attempt as the log knows it; `settled` is the code of its answer, taken or rejected.

    `interim` is the code of the answer that it is still being worked on; `repeats` are those of answers that got lost
    and were given again; `open` while it has no outcome.
    """

    name: str
    seen: Sight
    company_code: str
    acknowledged: bool = False
    settled: str | None = None
    interim: str | None = None
    open: bool = True
    repeats: tuple[str, ...] = ()

    @property
    def told(self) -> str | None:
        """The code of what Basware was told about it last, whatever it was."""
        return self.settled or self.interim


@dataclass(frozen=True)
class Approve:
    """A new attempt: record it, then acknowledge."""

    attempt: str


@dataclass(frozen=True)
class Acknowledge:
    """A known attempt whose acknowledge is not on record, or that Basware offers again."""

    attempt: str


@dataclass(frozen=True)
class Nothing:
    """Everything there is to do has been done."""

    reason: str


Decision = Approve | Acknowledge | Nothing


@dataclass
class _Facts:
    approved: dict[str, DocumentApproved] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    settled: dict[str, str] = field(default_factory=dict)
    interim: dict[str, str] = field(default_factory=dict)
    repeats: dict[str, list[str]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)


def attempts(history: Iterable[Event]) -> tuple[Attempt, ...]:
    """The attempts of one document's history, in the order they were approved."""
    facts = _Facts()
    for event in history:
        match event:
            case DocumentApproved():
                facts.approved[event.attempt] = event
            case DocumentAcknowledged():
                facts.acknowledged.add(event.attempt)
            case OutcomeAnswered() | AnswerRejected():
                facts.settled[event.attempt] = event.external_code
            case InterimAnswered():
                facts.interim[event.attempt] = event.external_code
            case AnswerRepeated():
                facts.repeats.setdefault(event.attempt, []).append(event.external_code)
            case InvoicePosted() | InvoiceRefused() | DocumentWithdrawn():
                facts.ended.add(event.attempt)
    return tuple(
        Attempt(
            name=name,
            seen=Sight.of(event.document, AccountingDocument.parse(event.document)),
            company_code=event.company_code,
            acknowledged=name in facts.acknowledged,
            settled=facts.settled.get(name),
            interim=facts.interim.get(name),
            open=name not in facts.ended and name not in facts.settled,
            repeats=tuple(facts.repeats.get(name, ())),
        )
        for name, event in facts.approved.items()
    )


def standing(history: Iterable[Event]) -> InvoicePosted | None:
    """The AP invoice that Epicor holds for the document, as far as the history knows."""
    posted = [event for event in history if isinstance(event, InvoicePosted)]
    return posted[-1] if posted else None


def standing_sentence(posted: InvoicePosted, status: str) -> str:
    """That Basware took the document out, though Epicor holds its invoice."""
    where = {"company": posted.company, "group": posted.group_id, "number": posted.invoice_num}
    return finding("STANDS_IN_EPICOR", status=status, **where).sentence


def offered(document: ConnectionDocument) -> tuple[str, ...]:
    """The statuses in which a document is this connection's to enter."""
    return OFFERED if document.posting.prebooking == "off" else (*OFFERED, *PREBOOK_OFFERED)


def decide(seen: Sight, known: Sequence[Attempt]) -> Decision:
    """What to do about a document that is offered for transfer; `known` in the order of approval."""
    same = shown(seen, known)
    if same is None:
        return Approve(_name(seen, known))
    if same.told is not None:
        return Approve(_name(seen, known)) if _offered_again(seen, same) else Nothing(ANSWERED)
    if same.acknowledged and seen.in_progress:
        return Nothing("in hand")
    return Acknowledge(same.name)


def shown(seen: Sight, known: Sequence[Attempt]) -> Attempt | None:
    """The known attempt that this sight belongs to, or None when it is one we have not met."""
    known = [attempt for attempt in known if attempt.seen.prebook is seen.prebook]
    if seen.batch is not None:
        same = [attempt for attempt in known if attempt.seen.batch == seen.batch]
    else:
        same = [attempt for attempt in known if _same_reading(seen, attempt.seen)]
    if same:
        return None if _corrected(seen, same[-1], known) else same[-1]
    latest = known[-1] if known else None
    return latest if latest is not None and _goes_on(seen, latest) else None


def changed_in_hand(seen: Sight, known: Sequence[Attempt]) -> bool:
    """Whether a document changed after we told Basware that we have it: what was read before is being entered."""
    same = shown(seen, known)
    return same is not None and same.told is None and seen.in_progress and seen.content != same.seen.content


def _corrected(seen: Sight, latest: Attempt, known: Iterable[Attempt]) -> bool:
    """Whether a transfer that Basware still offers has another content by now, though it kept its batch.

    An acknowledge would say that we have what we never read. An older reading that comes late is no correction.
    """
    if not seen.waiting or latest.told is not None or seen.content == latest.seen.content:
        return False
    return not any(_same_reading(seen, each.seen) and seen.content == each.seen.content for each in known)


def _same_reading(seen: Sight, before: Sight) -> bool:
    return seen.last_updated is not None and seen.last_updated == before.last_updated


def _goes_on(seen: Sight, latest: Attempt) -> bool:
    """Whether a sight without a batch of its own is the latest attempt, some time later."""
    if seen.batch is not None and latest.seen.batch is not None:
        return False
    # Only an acknowledge leads to this status, and ours comes after its attempt was recorded: whatever else changed
    # on the document since then, it is that transfer.
    if seen.in_progress and latest.acknowledged and latest.told is None:
        return True
    return seen.batch is None and seen.content == latest.seen.content


def _offered_again(seen: Sight, answered: Attempt) -> bool:
    """Whether an answered attempt's document is in a new transfer, though no new batch says so.

    Only WaitingForTransfer can tell: our answer is stored first and taken into P2P later, so until then the document
    is in progress, holds our answer and has a new `lastUpdated` while it is still the old transfer.
    """
    if not seen.waiting or _same_reading(seen, answered.seen):
        return False
    return answered.told in seen.answers or seen.batch is None or seen.last_updated is not None


def _name(seen: Sight, known: Sequence[Attempt]) -> str:
    """The new attempt's name: the same for everybody who sees the same."""
    taken = {attempt.name for attempt in known}
    moment = seen.last_updated or seen.content[:32]
    for name in (seen.batch, moment, f"{seen.batch}@{moment}" if seen.batch else None):
        if name is not None and name not in taken:
            return name
    return f"{moment}#{len(known) + 1}"


def to_approved(
    text: str,
    document: AccountingDocument,
    *,
    attempt: str,
    connection: str,
    seen_by: SeenBy,
    at: datetime,
    cause: str | None = None,
) -> DocumentApproved:
    """The fact that Basware offers this document; `text` is kept as it was read."""
    return DocumentApproved(
        connection=connection,
        at=at,
        invoice_id=document.invoiceId,
        attempt=attempt,
        cause=cause,
        seen_by=seen_by,
        status=document.processingStatus,
        company_code=document.companyCode,
        supplier_code=document.supplierCode,
        supplier_name=document.supplierName,
        invoice_number=document.invoiceNumber,
        invoice_date=document.invoiceDate,
        currency=document.currencyCode,
        gross=document.grossSum,
        document=text,
        batch=document.batch,
        orders=document.orders or None,
        personal=PERSONAL,
    )
