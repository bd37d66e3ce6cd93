"""Which transfer we look at, and what is due: a table, and what holds for every order of events."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basware_reader.approvals import (
    IN_PROGRESS,
    WAITING,
    Acknowledge,
    Approve,
    Attempt,
    Decision,
    Nothing,
    Sight,
    attempts,
    changed_in_hand,
    decide,
    to_approved,
)
from mlc_basware.documents import AccountingDocument
from mlc_common.events import DocumentAcknowledged, DocumentApproved, Event, OutcomeAnswered

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def seen(
    status: str = WAITING,
    *,
    batch: str | None = None,
    updated: str | None = "L1",
    content: str = "A",
    answers: tuple[str, ...] = (),
) -> Sight:
    return Sight(status, batch, updated, content, frozenset(answers))


def attempt(name: str, sight: Sight, *, acknowledged: bool = True, settled: str | None = None) -> Attempt:
    return Attempt(name, sight, "US01", acknowledged, settled)


FIRST = attempt("b1", seen(batch="b1"))
ANSWERED = attempt("b1", seen(batch="b1"), settled="code-1")
NAMELESS = attempt("L1", seen())
NAMELESS_ANSWERED = attempt("L1", seen(), settled="code-1")


@pytest.mark.parametrize(
    ("sight", "known", "decision"),
    [
        pytest.param(seen(batch="b1"), (), Approve("b1"), id="a new document with a batch"),
        pytest.param(seen(), (), Approve("L1"), id="a new document without one is named by its time"),
        pytest.param(seen(updated=None, content="c" * 64), (), Approve("c" * 32), id="or by its content"),
        pytest.param(seen(IN_PROGRESS, batch="b1"), (), Approve("b1"), id="somebody else acknowledged it"),
        pytest.param(
            seen(batch="b1"), (attempt("b1", seen(batch="b1"), acknowledged=False),), Acknowledge("b1"),
            id="we died between recording and acknowledging",
        ),
        pytest.param(
            seen(IN_PROGRESS, batch="b1", updated="L2"),
            (attempt("b1", seen(batch="b1"), acknowledged=False),),
            Acknowledge("b1"),
            id="we died after acknowledging, before recording that",
        ),
        pytest.param(seen(IN_PROGRESS, batch="b1", updated="L2"), (FIRST,), Nothing("in hand"), id="being posted"),
        pytest.param(seen(batch="b1", updated="L2"), (FIRST,), Acknowledge("b1"), id="Basware forgot our acknowledge"),
        pytest.param(
            seen(batch="b1"), (ANSWERED,), Nothing("answered"), id="an old reading of an answered transfer"
        ),
        pytest.param(
            seen(IN_PROGRESS, batch="b1", updated="L2"), (ANSWERED,), Nothing("answered"), id="Basware is behind"
        ),
        pytest.param(
            seen(batch="b2", updated="L3", answers=("code-1",)), (ANSWERED,), Approve("b2"), id="transferred anew"
        ),
        pytest.param(
            seen(batch="b2", updated="L3"), (FIRST,), Approve("b2"), id="transferred anew before it was answered"
        ),
        pytest.param(
            seen(IN_PROGRESS, batch="b1", updated="L4", answers=("code-1",)), (ANSWERED,), Nothing("answered"),
            id="our answer is stored and not yet taken into P2P",
        ),
        pytest.param(
            seen(batch="b1", updated="L4", answers=("code-1",)), (ANSWERED,), Approve("L4"),
            id="transferred anew under the old batch",
        ),
        pytest.param(
            seen(IN_PROGRESS, batch="b2", updated="L4", answers=("code-1",)), (ANSWERED,), Approve("b2"),
            id="transferred anew under a new batch and acknowledged by somebody else",
        ),
        pytest.param(
            seen(updated="L3", answers=("code-1",)), (ANSWERED,), Approve("L3"), id="transferred anew without a batch"
        ),
        pytest.param(seen(updated="L2"), (FIRST,), Acknowledge("b1"), id="the batch vanished, the content is equal"),
        pytest.param(seen(updated="L2"), (NAMELESS,), Acknowledge("L1"), id="touched by Basware's layer"),
        pytest.param(seen(updated="L2", content="B"), (NAMELESS,), Approve("L2"), id="changed before it was answered"),
        pytest.param(
            seen(IN_PROGRESS, updated="L2"), (NAMELESS,), Nothing("in hand"), id="in progress after our acknowledge"
        ),
        pytest.param(
            seen(IN_PROGRESS, updated="L2", content="B"), (NAMELESS,), Nothing("in hand"),
            id="in progress after our acknowledge, with more on it",
        ),
        pytest.param(
            seen(IN_PROGRESS, batch="b9", updated="L2"), (NAMELESS,), Nothing("in hand"),
            id="the batch came with our acknowledge",
        ),
        pytest.param(
            seen(batch="b1", updated="L2", content="B"), (attempt("b1", seen(batch="b1"), acknowledged=False),),
            Approve("L2"), id="corrected under its batch before it was acknowledged",
        ),
        pytest.param(
            seen(batch="b1", updated="L2", content="B"), (FIRST,), Approve("L2"),
            id="corrected under its batch after Basware forgot our acknowledge",
        ),
        pytest.param(
            seen(batch="b1", updated="L1", content="A"),
            (FIRST, attempt("L2", seen(batch="b1", updated="L2", content="B"), acknowledged=False)),
            Acknowledge("L2"), id="an old reading of what was corrected since",
        ),
        pytest.param(
            seen(IN_PROGRESS, batch="b1", updated="L2", content="B"), (FIRST,), Nothing("in hand"),
            id="changed while it is in hand",
        ),
        pytest.param(seen(), (NAMELESS_ANSWERED,), Nothing("answered"), id="the very reading that was answered"),
        pytest.param(
            seen(IN_PROGRESS, updated="L2"), (NAMELESS_ANSWERED,), Nothing("answered"),
            id="in progress, read before our answer arrived",
        ),
        pytest.param(
            seen(updated="L3", answers=("code-1",)), (NAMELESS_ANSWERED,), Approve("L3"),
            id="unchanged, transferred anew after a refusal",
        ),
        pytest.param(
            seen(IN_PROGRESS, updated="L3", answers=("code-1",)), (NAMELESS_ANSWERED,), Nothing("answered"),
            id="our answer is stored and not yet taken into P2P, without a batch",
        ),
        pytest.param(seen(updated="L3"), (NAMELESS_ANSWERED,), Approve("L3"), id="transferred anew, answers dropped"),
        pytest.param(
            seen(updated=None, content="c" * 64),
            (attempt("c" * 32, seen(updated=None, content="c" * 64), settled="code-1"),),
            Approve(f"{'c' * 32}#2"),
            id="transferred anew by a tenant that says nothing",
        ),
    ],
)  # fmt: skip
def test_what_is_due(sight: Sight, known: tuple[Attempt, ...], decision: Decision) -> None:
    assert decide(sight, known) == decision


@pytest.mark.parametrize(
    ("sight", "known", "changed"),
    [
        (seen(IN_PROGRESS, batch="b1", updated="L2", content="B"), (FIRST,), True),
        (seen(IN_PROGRESS, batch="b1", updated="L2", content="A"), (FIRST,), False),
        (seen(IN_PROGRESS, batch="b1", updated="L2", content="B"), (ANSWERED,), False),
        (seen(batch="b1", updated="L2", content="B"), (FIRST,), False),
        (seen(IN_PROGRESS, batch="b1", content="B"), (), False),
    ],
)
def test_a_change_of_what_is_in_hand_is_seen(sight: Sight, known: tuple[Attempt, ...], changed: bool) -> None:
    assert changed_in_hand(sight, known) is changed


@dataclass
class Basware:
    """A tenant in miniature: one document, its statuses, and a log that grows as the reader acts."""

    batches: bool
    status: str = WAITING
    transfer: int = 1
    clock: int = 1
    answers: list[str] = field(default_factory=list)
    log: list[Event] = field(default_factory=list)

    def text(self) -> str:
        parameters = [{"key": "InvoiceBatchId", "value": f"b{self.transfer}"}] if self.batches else []
        body = {
            "invoiceId": "i1", "companyCode": "US01", "supplierCode": "1", "currencyCode": "USD", "paymentBlock": False,
            "processingStatus": self.status, "lastUpdated": f"L{self.clock}", "transferParameters": parameters,
            "transferResponses": [{"externalCode": code, "success": False} for code in self.answers],
        }  # fmt: skip
        return json.dumps(body)

    def read(self) -> Decision | None:
        """What the reader does, up to the record of the acknowledge."""
        if self.status not in (WAITING, IN_PROGRESS):
            return None
        text = self.text()
        document = AccountingDocument.parse(text)
        decision = decide(Sight.of(text, document), attempts(self.log))
        if isinstance(decision, Approve):
            self.log.append(
                to_approved(text, document, attempt=decision.attempt, connection="c", seen_by="push", at=AT)
            )
        return decision

    def acknowledge(self, decision: Decision | None, *, recorded: bool) -> None:
        if isinstance(decision, Approve | Acknowledge):
            if self.status == WAITING:
                self.move(IN_PROGRESS)
            if recorded:
                self.log.append(DocumentAcknowledged(connection="c", at=AT, invoice_id="i1", attempt=decision.attempt))

    def answer(self) -> None:
        """The answer to the latest attempt, once its acknowledge is on record."""
        known = attempts(self.log)
        if known and known[-1].acknowledged and known[-1].settled is None and self.status == IN_PROGRESS:
            code = f"code-{known[-1].name}"
            self.answers.append(code)
            self.log.append(
                OutcomeAnswered(
                    connection="c", at=AT, invoice_id="i1", attempt=known[-1].name, external_code=code, success=False,
                    message="no",
                )
            )  # fmt: skip
            self.move("TransferFailed")

    def retransfer(self) -> None:
        if self.status == "TransferFailed":
            self.transfer += 1
            self.move(WAITING)

    def move(self, status: str) -> None:
        self.status = status
        self.clock += 1

    @property
    def approved(self) -> list[str]:
        return [event.attempt for event in self.log if isinstance(event, DocumentApproved)]


STEPS = st.lists(
    st.sampled_from(["read", "die before acknowledge", "die before record", "touch", "answer", "retransfer"]),
    max_size=40,
)


@given(batches=st.booleans(), steps=STEPS)
def test_every_transfer_becomes_exactly_one_attempt_and_is_answered(batches: bool, steps: list[str]) -> None:
    basware = Basware(batches=batches)
    for step in steps:
        match step:
            case "read":
                basware.acknowledge(basware.read(), recorded=True)
            case "die before acknowledge":
                basware.read()
            case "die before record":
                basware.acknowledge(basware.read(), recorded=False)
            case "touch":
                basware.clock += 1
            case "answer":
                basware.answer()
            case "retransfer":
                basware.retransfer()

        assert len(basware.approved) == len(set(basware.approved)) <= basware.transfer

    basware.acknowledge(basware.read(), recorded=True)
    basware.answer()
    assert basware.status == "TransferFailed"
    assert len(basware.approved) == basware.transfer == len(basware.answers)


@given(batch=st.none() | st.text("ab", min_size=1, max_size=2), updated=st.none() | st.sampled_from(["L1", "L2"]))
def test_reading_the_same_twice_is_the_same_attempt(batch: str | None, updated: str | None) -> None:
    sight = seen(batch=batch, updated=updated)
    first = decide(sight, ())
    assert isinstance(first, Approve)

    assert decide(sight, (attempt(first.attempt, sight, acknowledged=False),)) == Acknowledge(first.attempt)


def test_a_history_is_folded_in_the_order_of_approval() -> None:
    basware = Basware(batches=True)
    basware.acknowledge(basware.read(), recorded=True)
    basware.answer()
    basware.retransfer()
    basware.read()

    first, second = attempts(basware.log)
    assert (first.name, first.acknowledged, first.settled) == ("b1", True, "code-b1")
    assert (second.name, second.acknowledged, second.settled) == ("b2", False, None)
    assert first.company_code == "US01"
