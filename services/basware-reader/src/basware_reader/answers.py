"""What Basware is told about an outcome, and what its document says about that answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from basware_reader.approvals import (
    ABSENT,
    OFFERED,
    PREBOOK_OFFERED,
    WITHDRAWN,
    Attempt,
    Sight,
    shown,
    standing_sentence,
)
from mlc_basware.documents import TransferResponse
from mlc_common.catalogue import LONGEST_ANSWER, answer_text, finding, posted_text
from mlc_common.connection import ConnectionDocument
from mlc_common.events import InvoicePosted, InvoiceRefused, Outcome

ANSWERS = UUID("8f0f9a52-6f0b-5b7e-9a53-5a4d0f2c7e11")
"""The namespace of our answers' codes; never to be changed: a retry must be the same answer."""

LONGEST_VOUCHER = 25
LONGEST_SYSTEM = 32


@dataclass(frozen=True)
class Found:
    """Our answer is there."""


@dataclass(frozen=True)
class Lost:
    """Our answer can never be taken; `status` is what the document shows, `sentence` why."""

    status: str
    sentence: str


@dataclass(frozen=True)
class Awaited:
    """The document still awaits our answer."""


Verdict = Found | Lost | Awaited


def external_code(outcome: Outcome) -> str:
    """The code of our answer to this outcome: the same for every try, another for every other outcome."""
    return str(uuid5(ANSWERS, outcome.id))


def repeated_code(outcome: Outcome, number: int) -> str:
    """The code under which the answer to an outcome is given for the `number`th time again."""
    return str(uuid5(ANSWERS, f"{outcome.id}/again/{number}"))


def to_response(outcome: Outcome, *, document: ConnectionDocument, company_code: str) -> TransferResponse:
    """The transfer response of an outcome, within the lengths of the Basware API reference, §5.

    Args:
        document: the connection, for the name of the source system.
        company_code: the Basware company of the accounting document.
    """
    pair = document.pair(company_code)
    match outcome:
        case InvoicePosted() if outcome.not_posted:
            return TransferResponse(
                externalCode=external_code(outcome),
                success=False,
                responseMessage=_standing_text(outcome),
                sourceSystem=_source_system(document, outcome.company),
                transferDate=_instant(outcome.at),
                paymentBlock=False,
            )
        case InvoicePosted():
            return TransferResponse(
                externalCode=external_code(outcome),
                success=True,
                responseMessage=_standing_text(outcome),
                sourceSystem=_source_system(document, outcome.company),
                voucherNumber1=outcome.voucher[:LONGEST_VOUCHER] or None,
                voucherNumber2=(outcome.voucher_2 or "")[:LONGEST_VOUCHER] or None,
                transferDate=_instant(outcome.at),
                paymentBlock=outcome.payment_block,
            )
        case InvoiceRefused():
            return TransferResponse(
                externalCode=external_code(outcome),
                success=False,
                responseMessage=answer_text(outcome.findings)[:LONGEST_ANSWER],
                sourceSystem=_source_system(document, pair.epicor if pair else ""),
                transferDate=_instant(outcome.at),
                paymentBlock=False,
            )


def _standing_text(outcome: InvoicePosted) -> str:
    return posted_text(
        company=outcome.company,
        group=outcome.group_id,
        number=outcome.invoice_num,
        held_for=outcome.held_for or (),
        in_payables=outcome.in_payables,
        not_posted=outcome.not_posted or (),
    )


def interim_code(connection: str, invoice_id: str, attempt: str) -> str:
    """The code of the answer `still working` to an attempt: the same for every try, so that it is known when met."""
    return str(uuid5(ANSWERS, f"{connection}/{invoice_id}/{attempt}/interim"))


def interim_response(code: str, *, document: ConnectionDocument, company_code: str, at: datetime) -> TransferResponse:
    """The transfer response that keeps a transfer from failing without a word."""
    pair = document.pair(company_code)
    return TransferResponse(
        externalCode=code,
        success=False,
        responseMessage=finding("STILL_WORKING").sentence[:LONGEST_ANSWER],
        sourceSystem=_source_system(document, pair.epicor if pair else ""),
        transferDate=_instant(at),
        paymentBlock=False,
    )


def _late(outcome: Outcome) -> str:
    """What is true of an outcome that Basware takes no more, since it was told `still working`."""
    match outcome:
        case InvoicePosted() if outcome.not_posted:
            return finding("REFUSED_LATE", why=_standing_text(outcome)).sentence
        case InvoicePosted():
            return finding("POSTED_LATE", company=outcome.company, number=outcome.invoice_num).sentence
        case InvoiceRefused():
            return finding("REFUSED_LATE", why=answer_text(outcome.findings)).sentence


def _after_window(outcome: Outcome) -> str:
    """What is true of an outcome that Basware takes no more, since it gave the transfer up."""
    match outcome:
        case InvoicePosted() if outcome.not_posted:
            return finding("REFUSED_AFTER_WINDOW", why=_standing_text(outcome)).sentence
        case InvoicePosted():
            return finding("POSTED_AFTER_WINDOW", company=outcome.company, number=outcome.invoice_num).sentence
        case InvoiceRefused():
            return finding("REFUSED_AFTER_WINDOW", why=answer_text(outcome.findings)).sentence


def verdict(seen: Sight | None, known: Sequence[Attempt], *, outcome: Outcome, code: str) -> Verdict:
    """What a document, read after our answer may have been sent, says about it; `seen` is None when it is gone."""
    interim = interim_code(outcome.connection, outcome.invoice_id, outcome.attempt)
    if seen is None:
        return Lost(ABSENT, _taken_out(outcome, ABSENT))
    if code in seen.answers:
        return Found()
    if seen.status not in _AWAITING and interim in seen.answers:
        return Lost(seen.status, _late(outcome))
    if seen.status in _GIVEN_UP and not seen.answers - _ours(known):
        return Lost(seen.status, _after_window(outcome))
    if seen.status in _ANSWERED:
        return Lost(seen.status, finding("ANSWERED_BY_ANOTHER", status=seen.status).sentence)
    if seen.status not in _AWAITING:
        return Lost(seen.status, _taken_out(outcome, seen.status))
    same = shown(seen, known)
    if same is None or same.name != outcome.attempt:
        return Lost(seen.status, finding("TRANSFERRED_ANEW", status=seen.status).sentence)
    return Awaited()


_AWAITING = (*OFFERED, *PREBOOK_OFFERED)
_GIVEN_UP = frozenset({"TransferFailed", "PrebookFailed"})
"""What a transfer becomes by a refusal, and when nobody answers it in time."""

_ANSWERED = frozenset({"Transferred", "Paid", "Prebooked"}) | _GIVEN_UP


def _ours(known: Sequence[Attempt]) -> set[str | None]:
    return {code for attempt in known for code in (attempt.settled, attempt.interim, *attempt.repeats)}


def _taken_out(outcome: Outcome, status: str) -> str:
    """Why an outcome is awaited no more; an invoice that stands in Epicor is named, for somebody to cancel it."""
    if isinstance(outcome, InvoicePosted) and (status in WITHDRAWN or status == ABSENT):
        return standing_sentence(outcome, status)
    return finding("NO_LONGER_AWAITED", status=status).sentence


def _source_system(document: ConnectionDocument, company: str) -> str:
    return f"{document.epicor.source_system}-{company}".rstrip("-")[:LONGEST_SYSTEM]


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
