"""What the other attempts of an accounting document mean to one of them. Pure.

Each transfer of a document is an attempt of its own, and a transfer after a correction can carry another number or
supplier, so the ledger's key alone does not keep a document from being entered twice; its whole history does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from epicor_writer.progress import Progress, progress
from epicor_writer.reference import same_key
from mlc_common.catalogue import Finding, finding
from mlc_common.events import (
    DocumentApproved,
    DocumentWithdrawn,
    Event,
    InvoicePosted,
    InvoiceRefused,
    PostingIntended,
)
from mlc_common.failures import PermanentError


@dataclass(frozen=True)
class Key:
    """What an AP invoice is known by: company, VendorID and number, compared as the database compares them."""

    company: str
    vendor_id: str
    invoice_num: str

    def same(self, other: Key) -> bool:
        """Whether both name one AP invoice."""
        return self._compared == other._compared

    @property
    def _compared(self) -> tuple[str, ...]:
        return same_key(self.company), same_key(self.vendor_id), same_key(self.invoice_num)


@dataclass(frozen=True)
class Elsewhere:
    """Where another attempt's AP invoice is or may be; `posted` when it is known to have stood there."""

    key: Key
    vendor_num: int
    group_id: str
    posted: bool


@dataclass(frozen=True)
class Open:
    """An earlier attempt whose UpdateMaster has no outcome yet."""

    approved: DocumentApproved
    state: Progress


def superseded(history: Iterable[Event], attempt: str) -> bool:
    """Whether the document was approved anew after this attempt; `history` in stream order."""
    approved = [event.attempt for event in history if isinstance(event, DocumentApproved)]
    return attempt in approved and approved[-1] != attempt


def withdrawn(history: Iterable[Event], attempt: str) -> tuple[Finding, ...]:
    """Why the attempt is not to be entered any more, when Basware took the document out of its transfer."""
    taken_out = (event for event in history if isinstance(event, DocumentWithdrawn) and event.attempt == attempt)
    return tuple(finding("WITHDRAWN", status=event.status) for event in taken_out)


def is_prebooking(event: DocumentApproved) -> bool:
    """Whether the document is to be entered ahead of its approval (Basware API reference, §6.2)."""
    return event.status in ("WaitingForPrebook", "PrebookInProgress")


def prebooked_before(history: Iterable[Event], attempt: str) -> bool:
    """Whether another attempt entered the document ahead of its approval."""
    return any(isinstance(event, InvoicePosted) and event.prebook and event.attempt != attempt for event in history)


def open_before(history: Sequence[Event], attempt: str) -> Iterator[Open]:
    """The other attempts that intended an UpdateMaster and have no outcome, in the order of their intents.

    Raises:
        PermanentError: one of them was never approved, so nobody can tell what it meant.
    """
    approved = {event.attempt: event for event in history if isinstance(event, DocumentApproved)}
    intended = (event.attempt for event in history if isinstance(event, PostingIntended))
    for name in dict.fromkeys(intended):
        state = progress(history, name)
        if name == attempt or state.phase == "settled":
            continue
        if name not in approved:
            raise PermanentError(f"Attempt {name} of the document was sent to Epicor and never approved.")
        yield Open(approved[name], state)


def elsewhere(history: Iterable[Event], attempt: str, *mine: Key) -> tuple[Elsewhere, ...]:
    """The places other than those of `mine` where other attempts of the document put an AP invoice, or tried to."""
    found: dict[tuple[str, ...], Elsewhere] = {}
    for event in history:
        if not isinstance(event, PostingIntended | InvoicePosted) or event.attempt == attempt:
            continue
        key = Key(event.company, event.vendor_id, event.invoice_num)
        place = (same_key(event.company), str(event.vendor_num), same_key(event.invoice_num))
        posted = isinstance(event, InvoicePosted) or (place in found and found[place].posted)
        if not any(key.same(each) for each in mine):
            found[place] = Elsewhere(key, event.vendor_num, event.group_id, posted)
    return tuple(found.values())


def matched_before(history: Iterable[Event]) -> PostingIntended | None:
    """The last intent that was matched with purchase orders."""
    intents = [event for event in history if isinstance(event, PostingIntended) and event.orders]
    return intents[-1] if intents else None


def contradicted(history: Iterable[Event], outcome: InvoicePosted | InvoiceRefused) -> bool:
    """Whether the other kind of outcome stands already for the outcome's attempt."""
    other = InvoiceRefused if isinstance(outcome, InvoicePosted) else InvoicePosted
    return any(isinstance(event, other) and event.attempt == outcome.attempt for event in history)


def groups_of(history: Iterable[Event], attempt: str) -> tuple[tuple[str, str], ...]:
    """Company and id of every group that the attempt's intents named, each once."""
    named = (
        (event.company, event.group_id)
        for event in history
        if isinstance(event, PostingIntended) and event.attempt == attempt
    )
    return tuple(dict.fromkeys(named))
