"""What the stream says of one document, from its row in the read model and the latest fact of each kind. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from sys import intern
from typing import TypeVar

from mlc_common.events import (
    AnswerDelivered,
    AnswerRejected,
    AnswerRepeated,
    AnswerUnconfirmed,
    AnswerUndelivered,
    DocumentAcknowledged,
    DocumentOverridden,
    DocumentWithdrawn,
    Event,
    InvoicePosted,
    InvoiceRefused,
    OutcomeAnswered,
    PostingIntended,
)
from mlc_common.stored_event import FactOfDocument
from operator_console.reconciliation.invoice_sides import Claim, Here, Posted, Told
from operator_console.reconciliation.recorded_payments import PAYMENT_FACTS, paid
from operator_console.view import DocumentStatus

FACTS: tuple[type[FactOfDocument], ...] = (
    DocumentAcknowledged,
    PostingIntended,
    InvoicePosted,
    InvoiceRefused,
    OutcomeAnswered,
    AnswerRepeated,
    AnswerRejected,
    DocumentWithdrawn,
    AnswerDelivered,
    AnswerUndelivered,
    AnswerUnconfirmed,
    *PAYMENT_FACTS,
    DocumentOverridden,
)
"""The kinds of facts that are looked at; the documents as read are not, they are large."""

Kind = TypeVar("Kind", bound=FactOfDocument)


def here(status: DocumentStatus, facts: Sequence[Event]) -> Here | None:
    """The document as the stream has it; None when it was only noticed, never offered.

    Args:
        facts: the last of each kind in `FACTS` and attempt, oldest first.
    """
    if status.company is None:
        return None
    mine = [each for each in facts if isinstance(each, FactOfDocument) and each.attempt == status.attempt]
    posted, refused = _last(mine, InvoicePosted), _last(mine, InvoiceRefused)
    sent = _last(mine, PostingIntended)
    return Here(
        invoice_id=status.invoice_id,
        attempt=status.attempt,
        company=intern(status.company),
        supplier=intern(status.supplier_code or ""),
        supplier_name=intern(status.supplier_name) if status.supplier_name else None,
        currency=intern(status.currency or ""),
        number=status.invoice_number,
        day=status.invoice_date,
        gross=status.gross,
        batch=status.batch,
        phase=intern(str(status.phase)),
        moved=_moved(mine, status.first_seen),
        acknowledged=_last(mine, DocumentAcknowledged) is not None,
        sent=_sent(sent) if sent else None,
        posted=_posted(_last(facts, InvoicePosted)),
        outcome="posted" if posted else ("refused" if refused else None),
        withdrawn=_last(mine, DocumentWithdrawn) is not None,
        told=_told(mine),
        paid=paid(facts),
        overridden=_last(mine, DocumentOverridden) is not None,
    )


def _last(facts: Iterable[Event | FactOfDocument], kind: type[Kind]) -> Kind | None:
    found = [each for each in facts if isinstance(each, kind)]
    return found[-1] if found else None


def _moved(facts: Sequence[FactOfDocument], first_seen: datetime) -> datetime:
    """When it got further last; an intent that is made again and again is no progress."""
    return max((each.at for each in facts if not isinstance(each, PostingIntended)), default=first_seen)


def _sent(event: PostingIntended) -> Claim:
    return Claim(intern(event.company), event.vendor_num, event.invoice_num, intern(event.group_id), event.total)


def _posted(event: InvoicePosted | None) -> Posted | None:
    if event is None:
        return None
    claim = Claim(intern(event.company), event.vendor_num, event.invoice_num, intern(event.group_id), event.total)
    return Posted(
        claim=claim,
        currency=intern(event.currency),
        voucher=intern(event.voucher),
        lines=event.lines,
        prebook=bool(event.prebook),
        linked=event.linked_by is not None,
    )


def _told(facts: Sequence[FactOfDocument]) -> Told | None:
    answered, rejected = _last(facts, OutcomeAnswered), _last(facts, AnswerRejected)
    if rejected and (answered is None or rejected.at >= answered.at):
        return Told(success=rejected.success, codes=(rejected.external_code,), rejected=True)
    if answered is None:
        return None
    again = [each.external_code for each in facts if isinstance(each, AnswerRepeated)]
    undelivered = _last(facts, AnswerUndelivered)
    arrived = True if _last(facts, AnswerDelivered) else (False if undelivered else None)
    return Told(
        success=answered.success,
        codes=(answered.external_code, *again),
        arrived=arrived,
        unconfirmed=_last(facts, AnswerUnconfirmed) is not None,
    )
