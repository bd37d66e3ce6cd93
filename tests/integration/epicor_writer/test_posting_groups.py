"""Success that means posted: the group of an invoice's own is posted, followed, and told as it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from epicor_writer.groups import own_group_ids
from mlc_common.events import (
    DocumentHeld,
    DocumentReleased,
    DocumentWithdrawn,
    GroupPostingRequested,
    InvoicePosted,
    InvoiceRefused,
)
from mlc_common.failures import TransientError
from mlc_sandbox.epicor import Invoice
from mlc_sandbox.samples import bulk_invoices

from .conftest import STRATEGIES, Change, Writer, approved, invoice, the_only

SUBMIT = "APInvoicePostSvc/SubmitToAgent"
DIRECT = "APInvoicePostSvc/RunDirect"
CHECK = "APInvGrpSvc/PrePostGroupInvoices"
REFUSAL = {"ErrorMessage": "A directive forbids this.", "ErrorType": "Ice.Common.BusinessObjectException"}


@pytest.fixture(autouse=True)
def _posted(rules: Change, strategy: str) -> None:
    """Success means posted, by the task agent."""
    rules(success="posted", strategy="single" if strategy == "single" else "staged")


def emulate(writer: Writer, **settings: Any) -> None:
    writer.world.settings = writer.world.settings.model_copy(update=settings)


def directly(rules: Change, strategy: str = "single") -> None:
    rules(success="posted", strategy=strategy, group_posting={"how": "direct"})


def in_an_hour(writer: Writer, minutes: int = 61) -> Callable[[], datetime]:
    """The writer's clock, so many minutes ahead."""
    return lambda: datetime.now(UTC) + timedelta(minutes=minutes)


def reasons(outcome: object) -> list[str]:
    """Why an invoice that was entered is not posted."""
    assert isinstance(outcome, InvoicePosted), outcome
    assert outcome.in_payables is False
    return [each.code for each in outcome.not_posted or ()]


@STRATEGIES
async def test_an_invoice_is_entered_in_a_group_of_its_own_which_is_posted(writer: Writer) -> None:
    event = approved(invoice())

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoicePosted), outcome
    assert (outcome.in_payables, outcome.not_posted, outcome.found) == (True, None, False)
    assert the_only(writer).posted
    assert writer.world.groups == {}
    assert await writer.facts(event) == ["intended", "posting_requested", "posting_submitted", "posted"]
    assert writer.left_locked == []


async def test_no_two_invoices_share_a_group(writer: Writer) -> None:
    emulate(writer, posting_fails="No.")
    for body in bulk_invoices(12, seed=3):
        assert reasons(await writer.until_settled(approved(body))) == ["GROUP_NOT_POSTED"]

    groups = [each.group for each in writer.invoices()]
    assert len(set(groups)) == len(groups) == 12
    assert all(len(group) == 8 and group[1].isalpha() for group in groups)
    assert writer.locked_groups() == []


async def test_a_group_that_is_posted_within_the_call_needs_no_second_look(writer: Writer, rules: Change) -> None:
    directly(rules)

    outcome = await writer.once(approved(invoice()))

    assert isinstance(outcome, InvoicePosted)
    assert outcome.in_payables
    assert writer.calls(SUBMIT) == 0


async def test_the_wait_for_the_agent_goes_back_to_the_stream_and_asks_once(writer: Writer) -> None:
    emulate(writer, posting_queue=0.3, posting_takes=0.4)
    event = approved(invoice())

    with pytest.raises(TransientError) as waiting:
        await writer.once(event)

    assert not waiting.value.counts
    assert waiting.value.retry_after
    assert isinstance(await writer.until_settled(event, most=40), InvoicePosted)
    assert writer.calls(SUBMIT) == 1
    assert the_only(writer).posted


async def test_an_error_log_is_told_and_the_invoice_stays_entered(writer: Writer) -> None:
    emulate(writer, posting_fails="Period 11 is closed for AP.")
    event = approved(invoice())

    outcome = await writer.until_settled(event)

    assert reasons(outcome) == ["GROUP_NOT_POSTED"]
    assert "Period 11 is closed for AP." in outcome.not_posted[0].sentence  # type: ignore[union-attr,index]
    held = the_only(writer)
    assert not held.posted
    assert writer.locked_groups() == []


async def test_a_transfer_after_a_failed_posting_posts_the_group_that_stands_there(writer: Writer) -> None:
    emulate(writer, posting_fails="Period 11 is closed for AP.")
    first = await writer.until_settled(approved(invoice()))
    emulate(writer, posting_fails="")

    again = await writer.until_settled(approved(invoice(), attempt="a2"))

    assert reasons(first) == ["GROUP_NOT_POSTED"]
    assert isinstance(again, InvoicePosted)
    assert (again.in_payables, again.group_id) == (True, first.group_id)  # type: ignore[union-attr]
    assert writer.calls("UpdateMaster") == 1


async def test_the_same_error_as_before_is_not_believed_until_the_patience_ends(writer: Writer) -> None:
    emulate(writer, posting_fails="Period 11 is closed for AP.")
    await writer.until_settled(approved(invoice()))
    again = approved(invoice(), attempt="a2")
    for _ in range(3):
        with pytest.raises(TransientError):
            await writer.once(again)
    writer.now = in_an_hour(writer)

    assert reasons(await writer.once(again)) == ["GROUP_NOT_POSTED"]
    assert writer.calls(SUBMIT) == 2


async def test_a_corrected_document_replaces_what_could_not_be_posted(writer: Writer) -> None:
    emulate(writer, posting_fails="Account 6100 is blocked.")
    body = invoice()
    await writer.until_settled(approved(body))
    emulate(writer, posting_fails="")
    rows = [row | {"accountCode": "6999", "dimCode1": "10", "costCenterCode": "200"} for row in body["codingRows"]]

    outcome = await writer.until_settled(approved(body | {"codingRows": rows}, attempt="a2"))

    assert isinstance(outcome, InvoicePosted), outcome
    assert outcome.in_payables
    assert {row["GLAccount"] for row in the_only(writer).accounts.values()} == {"6999|10|200"}


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"prepost_question": "AP is not interfaced with G/L. Continue?"}, "GROUP_ASKS", "Continue?"),
        ({"prepost_taxes": True}, "GROUP_ASKS", "TaxCalcFlag"),
    ],
)
async def test_what_the_check_before_posting_asks_is_told_and_nothing_is_posted(
    writer: Writer, settings: dict[str, Any], code: str, words: str
) -> None:
    emulate(writer, **settings)

    outcome = await writer.until_settled(approved(invoice()))

    assert reasons(outcome) == [code]
    assert words in outcome.not_posted[0].sentence  # type: ignore[union-attr,index]
    assert writer.calls(SUBMIT) == 0


async def test_a_variance_that_epicor_finds_is_told(writer: Writer) -> None:
    answer = {"parameters": {"ReturnMessage": "", "VarianceMessage": "Invoice 1 varies by 0.01.", "TaxCalcFlag": False}}
    writer.ledger = SaysBeforePosting(writer.ledger, answer["parameters"])

    outcome = await writer.until_settled(approved(invoice()))

    assert reasons(outcome) == ["GROUP_VARIANCE"]


class SaysBeforePosting:
    """A ledger whose check before posting has something to say."""

    def __init__(self, ledger: Any, said: dict[str, Any]) -> None:
        self._ledger = ledger
        self._said = said

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def check_group(self, company: str, group_id: str) -> Any:
        found = await self._ledger.check_group(company, group_id)
        return type(found).model_validate(self._said)


@pytest.mark.parametrize("path", [CHECK, SUBMIT])
async def test_a_refusal_to_check_or_to_post_is_told_in_epicors_words(writer: Writer, path: str) -> None:
    writer.fault("status", path, status=400, body=REFUSAL)

    outcome = await writer.until_settled(approved(invoice()))

    assert reasons(outcome) == ["GROUP_NOT_POSTED"]
    assert "A directive forbids this." in outcome.not_posted[0].sentence  # type: ignore[union-attr,index]
    assert not the_only(writer).posted


async def test_an_unknown_agent_is_told(writer: Writer, rules: Change) -> None:
    rules(success="posted", group_posting={"agent": "NobodysAgent"})

    assert reasons(await writer.until_settled(approved(invoice()))) == ["GROUP_NOT_POSTED"]


@pytest.mark.parametrize("how", ["agent", "direct"])
async def test_a_request_whose_answer_is_lost_is_looked_up_and_not_made_again(
    writer: Writer, rules: Change, how: str
) -> None:
    if how == "direct":
        directly(rules)
    else:
        emulate(writer, posting_queue=0.1, posting_takes=0.3)
    writer.fault("drop_after", f"({SUBMIT}|{DIRECT})")
    event = approved(invoice())

    outcome = await writer.until_settled(event, most=40)

    assert isinstance(outcome, InvoicePosted)
    assert outcome.in_payables
    assert writer.calls("APInvoicePostSvc/SubmitToAgent") + writer.calls(DIRECT) == 1


async def test_a_request_that_got_lost_is_made_again_after_the_pauses_of_an_unclear_posting(writer: Writer) -> None:
    writer.fault("drop_before", SUBMIT)
    event = approved(invoice())

    outcome = await writer.until_settled(event, most=40)

    assert isinstance(outcome, InvoicePosted)
    assert outcome.in_payables
    assert (await writer.facts(event)).count("posting_requested") == 2


async def test_requests_that_always_get_lost_end_after_the_third_one(writer: Writer) -> None:
    writer.fault("drop_before", SUBMIT, times=-1)
    event = approved(invoice())
    with pytest.raises(TransientError):
        await writer.until_settled(event, most=20)
    writer.now = in_an_hour(writer)

    assert reasons(await writer.until_settled(event)) == ["POSTING_NOT_SEEN"]
    assert writer.calls(SUBMIT) == 3


async def test_a_crash_while_the_agent_works_is_resumed_by_looking(writer: Writer) -> None:
    """Nothing is kept in memory between two deliveries: each of them is a restart."""
    emulate(writer, posting_queue=0.2, posting_takes=0.2)
    event = approved(invoice())
    writer.fault("status", "APInvGrpSvc/GetByID", status=503, every=2, times=4)

    outcome = await writer.until_settled(event, most=40)

    assert isinstance(outcome, InvoicePosted)
    assert writer.calls(SUBMIT) == 1


async def test_a_crash_right_after_the_request_was_announced_is_made_up_for(writer: Writer) -> None:
    writer.fault("status", SUBMIT, status=429, retry_after=0.01)
    event = approved(invoice())

    outcome = await writer.until_settled(event, most=40)

    assert isinstance(outcome, InvoicePosted)
    assert outcome.in_payables
    assert (await writer.facts(event)).count("posting_requested") == 2


async def test_a_group_that_stays_in_process_is_never_asked_for_twice_and_told_in_the_end(writer: Writer) -> None:
    emulate(writer, posting_takes=1_000_000)
    event = approved(invoice())
    for _ in range(5):
        with pytest.raises(TransientError):
            await writer.once(event)
    writer.now = in_an_hour(writer)

    assert reasons(await writer.once(event)) == ["POSTING_NOT_SEEN"]
    assert writer.calls(SUBMIT) == 1


async def test_an_invoice_with_a_payment_block_stays_entered_and_that_is_a_success(writer: Writer) -> None:
    outcome = await writer.until_settled(approved(invoice() | {"paymentBlock": True}))

    assert reasons(outcome) == []
    assert outcome.payment_block  # type: ignore[union-attr]
    assert writer.calls(SUBMIT) == 0


async def test_an_invoice_whose_tax_is_apart_stays_entered_on_hold(writer: Writer, rules: Change) -> None:
    rules(success="posted", tax="epicor computes", tax_tolerance="0.00")
    body = invoice()
    row = body["codingRows"][0] | {"taxSum": None, "grossTotal": None, "netTotal": Decimal("100.00")}
    sums = {"netSum": Decimal("100.00"), "taxSum1": Decimal("9.00"), "grossSum": Decimal("109.00")}

    outcome = await writer.until_settled(
        approved(body | sums | {"taxCode": "US-IL", "codingRows": [row | {"taxCode": "US-IL"}]})
    )

    assert reasons(outcome) == []
    assert [each.code for each in outcome.held_for or ()] == ["TAX_APART"]  # type: ignore[union-attr]
    assert writer.calls(SUBMIT) == 0


async def test_an_invoice_that_a_person_put_into_the_group_is_not_posted_with_ours(writer: Writer) -> None:
    writer.fault("status", CHECK, status=503)
    event = approved(invoice())
    with pytest.raises(TransientError):
        await writer.once(event)
    other = the_only(writer)
    theirs = {"InvoiceNum": "THEIRS-1", "ExternalID": "", "EntryPerson": "mkowalski"}
    key = (other.key[0], other.key[1], "theirs-1")
    writer.world.invoices[key] = type(other)(other.header | theirs)

    outcome = await writer.until_settled(event)

    assert reasons(outcome) == ["GROUP_SHARED"]
    assert "THEIRS-1" in outcome.not_posted[0].sentence  # type: ignore[union-attr,index]
    assert not writer.world.invoices[key].posted


async def test_a_group_of_ours_that_holds_something_already_is_not_used(writer: Writer) -> None:
    event = approved(invoice())
    await writer.until_settled(approved(bulk_invoices(2, seed=9)[1] | {"paymentBlock": True}))
    pattern, (group,) = the_only(writer), writer.world.groups.values()
    whose = f"demo/{event.invoice_id}/{event.attempt}"
    firsts = [own_group_ids("B", whose, slot=slot, cap=2)[0] for slot in (0, 1)]
    for company in ("NWM", "NWF"):
        for group_id in firsts:
            theirs = Invoice(pattern.header | {"Company": company, "InvoiceNum": group_id, "GroupID": group_id})
            writer.world.invoices[theirs.key] = theirs
            row = group | {"Company": company, "GroupID": group_id}
            writer.world.groups[company, group_id.casefold()] = row

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoicePosted), outcome
    assert outcome.in_payables
    assert outcome.group_id not in firsts
    assert outcome.group_id[:7] == firsts[0][:7]
    assert not any(each.posted for each in writer.invoices() if each.header["ExternalID"] != event.invoice_id)


async def test_a_group_that_a_person_has_open_is_waited_for_and_then_told(writer: Writer) -> None:
    writer.fault("status", CHECK, status=503)
    event = approved(invoice())
    with pytest.raises(TransientError):
        await writer.once(event)
    for row in writer.world.groups.values():
        row["ActiveUserID"] = "mkowalski"
    with pytest.raises(TransientError, match="mkowalski"):
        await writer.once(event)
    writer.now = in_an_hour(writer)

    outcome = await writer.once(event)

    assert reasons(outcome) == ["GROUP_BUSY"]
    assert [row["ActiveUserID"] for row in writer.world.groups.values()] == ["mkowalski"]


async def test_people_who_post_the_group_themselves_make_it_a_success(writer: Writer) -> None:
    writer.fault("status", CHECK, status=503)
    event = approved(invoice())
    with pytest.raises(TransientError):
        await writer.once(event)
    held = the_only(writer)
    writer.world.post_group(held.key[0], held.group)

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoicePosted)
    assert outcome.in_payables
    assert writer.calls(SUBMIT) == 0


async def test_an_invoice_that_is_deleted_while_its_posting_is_awaited_is_not_entered_again(writer: Writer) -> None:
    emulate(writer, posting_queue=1_000)
    event = approved(invoice())
    with pytest.raises(TransientError):
        await writer.once(event)
    writer.world.invoices.clear()

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == ["GONE_FROM_EPICOR"]
    assert writer.invoices() == []


async def test_a_document_that_was_withdrawn_is_not_posted(writer: Writer) -> None:
    writer.fault("status", CHECK, status=503)
    event = approved(invoice())
    with pytest.raises(TransientError):
        await writer.once(event)
    common = {"connection": "demo", "at": datetime.now(UTC), "invoice_id": event.invoice_id, "attempt": event.attempt}
    await writer.log.append(DocumentWithdrawn(**common, status="Removed"))

    outcome = await writer.until_settled(event)

    assert reasons(outcome) == ["WITHDRAWN"]
    assert not the_only(writer).posted


async def test_an_invoice_that_a_person_holds_back_is_not_posted_before_its_release(writer: Writer) -> None:
    writer.fault("status", CHECK, status=503)
    event = approved(invoice())
    with pytest.raises(TransientError):
        await writer.once(event)
    common = {"connection": "demo", "at": datetime.now(UTC), "invoice_id": event.invoice_id, "attempt": event.attempt}
    await writer.log.append(DocumentHeld(**common, by="mk", reason="to be checked"))
    with pytest.raises(TransientError, match="to be checked"):
        await writer.once(event)
    assert writer.calls(SUBMIT) == 0
    await writer.log.append(DocumentReleased(**common, by="mk", reason="checked"))

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoicePosted)
    assert outcome.in_payables


async def test_a_request_names_the_group_and_how(writer: Writer) -> None:
    event = approved(invoice())
    outcome = await writer.until_settled(event)
    (requested,) = (
        each.event
        for each in await writer.log.timeline("demo", event.invoice_id)
        if isinstance(each.event, GroupPostingRequested)
    )

    assert isinstance(outcome, InvoicePosted)
    assert (requested.number, requested.how, requested.group_id) == (1, "task agent", outcome.group_id)
