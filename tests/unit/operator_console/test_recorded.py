"""What the stream says of a document: of its latest transfer, with what earlier ones have left in Epicor."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from mlc_common.catalogue import finding
from mlc_common.events import (
    AnswerDelivered,
    AnswerRejected,
    AnswerRepeated,
    AnswerUnconfirmed,
    AnswerUndelivered,
    DocumentAcknowledged,
    DocumentWithdrawn,
    Event,
    InvoicePosted,
    InvoiceRefused,
    OutcomeAnswered,
    PostingIntended,
)
from operator_console.reconciliation.invoice_sides import Claim, Here, Told
from operator_console.reconciliation.recorded import FACTS, here
from operator_console.view import DocumentStatus, Phase

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
EPICOR = {"company": "NWM", "vendor_num": 101, "vendor_id": "10432", "invoice_num": "INV-1", "group_id": "B2611200"}
CLAIM = Claim("NWM", 101, "INV-1", "B2611200", Decimal("-240.10"))


def status(attempt: str = "a1", **more: Any) -> DocumentStatus:
    given: dict[str, Any] = {
        "connection": "demo", "invoice_id": "i1", "attempt": attempt, "phase": Phase.APPROVED, "first_seen": NOW,
        "last_change": NOW, "last_sequence": 9, "company": "US01", "supplier_code": "10432", "currency": "USD",
        "gross": Decimal("-240.10"), "invoice_date": date(2026, 11, 20), "batch": attempt,
    }  # fmt: skip
    return DocumentStatus(**given | more)


def common(attempt: str = "a1", *, minutes: int = 0) -> dict[str, Any]:
    return {"connection": "demo", "at": NOW + timedelta(minutes=minutes), "invoice_id": "i1", "attempt": attempt}


def intended(attempt: str = "a1", *, minutes: int = 1) -> PostingIntended:
    about = {"number": 1, "connection_version": 1, "total": Decimal("-240.10"), "digest": "d"}
    return PostingIntended(**common(attempt, minutes=minutes), **EPICOR, **about)


def posted(attempt: str = "a1", *, minutes: int = 2, **more: Any) -> InvoicePosted:
    about = {"connection_version": 1, "voucher": "V-1", "total": Decimal("-240.10"), "currency": "USD", "lines": 2}
    return InvoicePosted(**common(attempt, minutes=minutes), **EPICOR, **about | more)


def refused(attempt: str = "a1", *, minutes: int = 2) -> InvoiceRefused:
    findings = (finding("UNKNOWN_VENDOR", vendor="1", company="NWM"),)
    return InvoiceRefused(**common(attempt, minutes=minutes), connection_version=1, findings=findings)


def answered(*, success: bool = True, minutes: int = 3) -> OutcomeAnswered:
    return OutcomeAnswered(**common(minutes=minutes), external_code="c1", success=success, message="said")


def folded(*facts: Event, attempt: str = "a1", **more: Any) -> Here:
    found = here(status(attempt, **more), facts)
    assert found
    return found


def told(*facts: Event) -> Told | None:
    return folded(posted(), *facts).told


def test_a_document_that_was_only_noticed_is_not_here() -> None:
    assert here(status(company=None, phase=Phase.NOTICED), ()) is None


def test_a_posted_document_has_its_claim_and_the_sign_of_the_ledger() -> None:
    made = folded(DocumentAcknowledged(**common()), intended(), posted(prebook=True, linked_by="mia"))

    assert (made.outcome, made.acknowledged, made.sent, made.claims) == ("posted", True, CLAIM, (CLAIM,))
    assert made.posted
    assert (made.posted.voucher, made.posted.prebook, made.posted.linked, made.posted.lines) == ("V-1", True, True, 2)
    assert made.gross == Decimal("-240.10")


def test_what_an_earlier_transfer_has_posted_is_known_and_no_outcome_of_the_later_one() -> None:
    later = folded(intended("a1"), posted("a1"), DocumentAcknowledged(**common("a2", minutes=60)), attempt="a2")

    assert (later.outcome, later.sent, later.posted is not None, later.claims) == (None, None, True, (CLAIM,))
    assert folded(posted("a1"), refused("a2"), attempt="a2").outcome == "refused"


def test_retries_are_no_movement() -> None:
    steady = folded(DocumentAcknowledged(**common()), intended(minutes=500))

    assert steady.moved == NOW
    assert folded(posted(minutes=7)).moved == NOW + timedelta(minutes=7)


def test_what_became_of_the_answer() -> None:
    code = {"external_code": "c1", "request_id": "r"}
    assert told() is None
    assert told(answered()) == Told(True, ("c1",))
    assert told(answered(), AnswerDelivered(**common(minutes=4), **code)) == Told(True, ("c1",), arrived=True)
    undelivered = AnswerUndelivered(**common(minutes=4), **code, sentence="why")
    assert told(answered(), undelivered) == Told(True, ("c1",), arrived=False)
    unconfirmed = AnswerUnconfirmed(**common(minutes=4), **code, sentence="why")
    assert told(answered(), unconfirmed) == Told(True, ("c1",), unconfirmed=True)
    again = AnswerRepeated(**common(minutes=4), number=1, external_code="c2", why="lost")
    assert told(answered(), again) == Told(True, ("c1", "c2"))
    rejected = AnswerRejected(
        **common(minutes=4), external_code="c1", success=True, status="TransferFailed", sentence="late"
    )
    assert told(rejected) == told(answered(success=False), rejected) == Told(True, ("c1",), rejected=True)


def test_a_withdrawal_is_of_its_own_transfer() -> None:
    withdrawn = DocumentWithdrawn(**common("a1"), status="Removed")

    assert folded(withdrawn).withdrawn
    assert not folded(withdrawn, attempt="a2").withdrawn


def test_the_document_itself_is_never_read_for_this() -> None:
    assert "approved" not in {kind.fact for kind in FACTS}
