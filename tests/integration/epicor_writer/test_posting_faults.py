"""The posting protocol on bad days: every fault ends in one AP invoice or in none, and its outcome is told."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from epicor_writer.ports import Ledger
from mlc_common.eventlog import EventLog
from mlc_common.events import InvoicePosted, InvoiceRefused, PostingUnclear
from mlc_common.failures import TransientError
from mlc_sandbox.epicor import Invoice
from mlc_sandbox.samples import bulk_invoices
from mlc_sandbox.serve import Running

from .conftest import STRATEGIES, UPDATE_MASTER, Writer, approved, invoice, writing


def codes(outcome: object) -> list[str]:
    assert isinstance(outcome, InvoiceRefused)
    return [each.code for each in outcome.findings]


async def test_an_answer_lost_after_the_commit_is_found_and_posted_once(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("drop_after")

    outcome = await writer.once(event)

    assert isinstance(outcome, InvoicePosted)
    assert outcome.found
    assert len(writer.invoices()) == 1
    assert writer.calls(UPDATE_MASTER) == 1
    assert writer.locked_groups() == []


@STRATEGIES
async def test_a_call_lost_before_the_commit_is_sent_again_only_after_two_look_ups(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("drop_before")

    with pytest.raises(TransientError) as paused:
        await writer.once(event)

    assert paused.value.retry_after == writer.timings.unclear_pauses[0]
    assert not paused.value.counts
    assert writer.locked_groups() == []
    outcome = await writer.until_settled(event)
    assert isinstance(outcome, InvoicePosted)
    assert not outcome.found
    assert len(writer.invoices()) == 1
    assert await writer.facts(event) == ["intended", "unclear", "intended", "posted"]


async def test_an_answer_that_takes_too_long_is_found_and_posted_once(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("delay_after", seconds=2.5)

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoicePosted)
    assert outcome.found
    assert len(writer.invoices()) == 1


@STRATEGIES
async def test_a_half_written_invoice_is_removed_after_a_second_look_and_made_anew(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("half_written")

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoicePosted)
    (held,) = writer.invoices()
    assert held.header["DocInvoiceVariance"] == Decimal(0)
    assert await writer.facts(event) == ["intended", "unclear", "removed", "intended", "posted"]
    assert writer.locked_groups() == []


async def test_a_blank_account_is_repaired_by_making_the_invoice_anew(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("blank_accounts")

    outcome = await writer.once(event)

    assert isinstance(outcome, InvoicePosted)
    assert await writer.facts(event) == ["intended", "removed", "intended", "posted"]
    (held,) = writer.invoices()
    assert all(row["GLAccount"] for row in held.accounts.values())


@STRATEGIES
async def test_blank_accounts_that_stay_blank_are_refused_and_leave_nothing(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("blank_accounts", times=-1)

    outcome = await writer.once(event)

    assert codes(outcome) == ["NOT_AS_SENT"]
    assert "no GL account" in outcome.findings[0].sentence  # type: ignore[union-attr]
    assert writer.invoices() == []
    assert await writer.facts(event) == ["intended", "removed", "intended", "removed", "refused"]
    assert writer.locked_groups() == []


async def test_a_doubled_distribution_is_never_a_success(writer: Writer) -> None:
    writer.world.settings = writer.world.settings.model_copy(update={"auto_expense": True})

    outcome = await writer.once(approved(invoice()))

    assert codes(outcome) == ["NOT_AS_SENT"]
    assert writer.invoices() == []


@STRATEGIES
async def test_an_update_that_did_not_run_is_refused(writer: Writer) -> None:
    writer.fault("not_run")

    assert codes(await writer.once(approved(invoice()))) == ["REFUSED_BY_EPICOR"]
    assert writer.invoices() == []
    assert writer.locked_groups() == []


@STRATEGIES
async def test_a_question_for_a_person_is_refused_with_the_question(writer: Writer) -> None:
    writer.fault("user_input")

    outcome = await writer.once(approved(invoice()))

    assert codes(outcome) == ["NEEDS_A_PERSON"]
    assert "A legal number must be entered." in outcome.findings[0].sentence  # type: ignore[union-attr]


@STRATEGIES
async def test_a_group_that_somebody_opens_is_left_for_the_next_one(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("group_locked", "APInvoiceSvc/UpdateMaster")

    outcome = await writer.once(event)

    assert isinstance(outcome, InvoicePosted)
    assert await writer.facts(event) == ["intended", "intended", "posted"]
    holders = {row["GroupID"]: row["ActiveUserID"] for row in writer.world.groups.values()}
    assert holders.pop(outcome.group_id) == ""
    assert list(holders.values()) == ["mkowalski"], "the other person keeps their group"


@STRATEGIES
async def test_a_group_that_somebody_has_open_already_is_left_alone(writer: Writer) -> None:
    first = await writer.once(approved(invoice()))
    assert isinstance(first, InvoicePosted)
    for row in writer.world.groups.values():
        row["ActiveUserID"] = "mkowalski"
    body = invoice() | {"invoiceId": "f" * 32, "invoiceNumber": "OTHER-1"}

    outcome = await writer.once(approved(body))

    assert isinstance(outcome, InvoicePosted)
    assert outcome.group_id != first.group_id or writer.world.groups == {}


@STRATEGIES
async def test_server_errors_are_looked_up_each_time_and_given_up_after_four(writer: Writer) -> None:
    event = approved(invoice())
    body = {"ErrorMessage": "Object reference not set.", "ErrorType": "System.NullReferenceException"}
    writer.fault("status", times=-1, status=500, body=body)

    outcome = await writer.until_settled(event)

    assert codes(outcome) == ["EPICOR_KEEPS_FAILING"]
    assert "Object reference not set." in outcome.findings[0].sentence  # type: ignore[union-attr]
    assert writer.calls(UPDATE_MASTER) == 4
    assert await writer.facts(event) == [*["intended", "unclear"] * 4, "refused"]


async def test_a_call_turned_away_is_sent_again_after_one_look_up(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("status", status=429, retry_after=1)

    with pytest.raises(TransientError) as turned_away:
        await writer.once(event)

    assert turned_away.value.retry_after == 1
    assert isinstance(await writer.once(event), InvoicePosted)
    assert writer.calls(UPDATE_MASTER) == 2
    assert len(writer.invoices()) == 1


@STRATEGIES
async def test_reads_that_fail_leave_no_trace_before_the_intent(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("status", "APInvoiceSvc/GetByID", status=503)

    with pytest.raises(TransientError):
        await writer.once(event)

    assert await writer.facts(event) == []
    assert isinstance(await writer.once(event), InvoicePosted)


async def test_a_read_back_that_fails_is_made_up_for(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("status", "APInvoiceSvc/GetByID", status=503, every=2, times=1)

    with pytest.raises(TransientError):
        await writer.once(event)

    outcome = await writer.once(event)
    assert isinstance(outcome, InvoicePosted)
    assert outcome.found
    assert writer.calls(UPDATE_MASTER) == 1


async def test_a_crash_between_commit_and_outcome_posts_once(writer: Writer) -> None:
    event = approved(invoice())
    await writer.once(event)
    intended, _ = await writer.log.timeline("demo", event.invoice_id)
    again = event.model_copy(update={"invoice_id": "a" * 32})
    copy = intended.event.model_copy(update={"invoice_id": "a" * 32})
    (held,) = writer.invoices()
    held.header["ExternalID"] = "a" * 32
    await writer.log.append(copy)
    document = event.document.replace(event.invoice_id, "a" * 32)

    outcome = await writer.once(again.model_copy(update={"document": document}))

    assert isinstance(outcome, InvoicePosted)
    assert outcome.found
    assert writer.calls(UPDATE_MASTER) == 1


@STRATEGIES
@pytest.mark.parametrize("setting", [409, 400, 500])
async def test_a_race_for_the_number_is_a_duplicate_whatever_epicor_calls_it(writer: Writer, setting: int) -> None:
    """Somebody enters the number between our look-up and our save: the look-up after the save tells."""
    writer.world.settings = writer.world.settings.model_copy(update={"duplicate": setting})
    mine, theirs = approved(invoice()), approved(invoice() | {"invoiceId": "e" * 32})
    await writer.once(theirs)
    (held,) = writer.invoices()
    del writer.world.invoices[held.key]
    writer.ledger = SomebodyIsQuicker(writer.ledger, writer, held)

    outcome = await writer.until_settled(mine)

    assert codes(outcome) == ["DUPLICATE"]
    assert held.group in outcome.findings[0].sentence  # type: ignore[union-attr]
    assert writer.invoices() == [held]


DUPLICATE = {
    "HttpStatus": 409,
    "ErrorMessage": "Duplicate invoice number.",
    "ErrorType": "Ice.Common.DuplicateRecordException",
}


@STRATEGIES
async def test_a_number_that_our_own_late_call_has_is_looked_up_and_not_refused(writer: Writer) -> None:
    await writer.once(approved(invoice(), attempt="a0"))
    (late,) = writer.invoices()
    del writer.world.invoices[late.key]
    event = approved(invoice())
    writer.fault("status", status=409, body=DUPLICATE)

    with pytest.raises(TransientError, match="unclear posting"):
        await writer.once(event)
    writer.world.invoices[late.key] = late
    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoicePosted)
    assert outcome.found
    assert writer.invoices() == [late]


@STRATEGIES
async def test_a_duplicate_that_nobody_can_find_is_given_up_after_four_tries(writer: Writer) -> None:
    writer.fault("status", status=409, body=DUPLICATE, times=-1)

    outcome = await writer.until_settled(approved(invoice()))

    assert codes(outcome) == ["EPICOR_KEEPS_FAILING"]
    assert "in 4 tries: Duplicate invoice number." in outcome.findings[0].sentence  # type: ignore[union-attr]
    assert writer.calls(UPDATE_MASTER) == 4
    assert writer.invoices() == []


class SomebodyIsQuicker:
    """A ledger in which a person enters an invoice right after each of our look-ups."""

    def __init__(self, ledger: Ledger, writer: Writer, theirs: Invoice) -> None:
        self._ledger = ledger
        self._writer = writer
        self._theirs = theirs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def look_up(self, company: str, vendor_num: int, invoice_num: str) -> Any:
        found = await self._ledger.look_up(company, vendor_num, invoice_num)
        self._writer.world.invoices[self._theirs.key] = self._theirs
        return found


@STRATEGIES
async def test_a_duplicate_is_named_together_with_everything_else(writer: Writer) -> None:
    await writer.once(approved(invoice()))
    body = invoice() | {"invoiceId": "d" * 32, "paymentTermCode": "NEVER"}

    assert codes(await writer.once(approved(body))) == ["UNKNOWN_TERMS", "DUPLICATE"]


@STRATEGIES
async def test_the_same_document_again_finds_its_invoice(writer: Writer) -> None:
    await writer.once(approved(invoice()))

    outcome = await writer.once(approved(invoice(), attempt="a2"))

    assert isinstance(outcome, InvoicePosted)
    assert outcome.found
    assert len(writer.invoices()) == 1


@STRATEGIES
async def test_a_settled_attempt_is_not_touched_again(writer: Writer) -> None:
    event = approved(invoice())
    await writer.once(event)
    writer.world.invoices.clear()

    assert await writer.once(event) is None
    assert writer.invoices() == []


@STRATEGIES
async def test_a_changed_document_never_replaces_what_was_handed_over(writer: Writer) -> None:
    body = invoice()
    await writer.once(approved(body))
    rows = [row | {"accountCode": "6999", "dimCode1": "10", "costCenterCode": "200"} for row in body["codingRows"]]

    outcome = await writer.once(approved(body | {"codingRows": rows}, attempt="a2"))

    assert codes(outcome) == ["HELD_OTHERWISE"]
    assert len(writer.invoices()) == 1


@STRATEGIES
async def test_a_posted_invoice_that_differs_is_left_and_named(writer: Writer) -> None:
    body = invoice()
    first = await writer.once(approved(body))
    assert isinstance(first, InvoicePosted)
    writer.world.post_group(first.company, first.group_id)
    rows = [row | {"accountCode": "6999", "dimCode1": "10", "costCenterCode": "200"} for row in body["codingRows"]]

    outcome = await writer.once(approved(body | {"codingRows": rows}, attempt="a2"))

    assert codes(outcome) == ["POSTED_OTHERWISE"]


@STRATEGIES
async def test_an_invoice_that_cannot_be_deleted_is_named_as_left_behind(writer: Writer) -> None:
    writer.fault("blank_accounts", times=-1)
    message = "A directive forbids this."
    refusal = {"ErrorMessage": message, "ErrorType": "Ice.Common.BusinessObjectException"}
    writer.fault("status", "APInvoiceSvc/DeleteByID", times=-1, status=400, body=refusal)

    outcome = await writer.once(approved(invoice()))

    assert codes(outcome) == ["NOT_REMOVED"]
    assert message in outcome.findings[0].sentence  # type: ignore[union-attr]
    assert len(writer.invoices()) == 1


async def test_another_due_date_than_was_sent_is_told_and_the_invoice_stays(writer: Writer) -> None:
    event = approved(invoice() | {"dueDate": "2026-12-24T00:00:00Z"})
    first = await writer.once(event)
    assert isinstance(first, InvoicePosted)
    assert first.remarks is None
    (held,) = writer.invoices()
    held.header["DueDate"] = "2026-11-30T00:00:00"

    outcome = await writer.once(event.model_copy(update={"attempt": "a2"}))

    assert isinstance(outcome, InvoicePosted)
    (remark,) = outcome.remarks or ()
    assert remark.code == "DUE_DATE_APART"
    assert remark.sentence.endswith("2026-11-30 instead of 2026-12-24.")
    assert writer.invoices() == [held]


async def test_a_delete_whose_answer_is_lost_is_looked_up(writer: Writer) -> None:
    writer.fault("blank_accounts")
    writer.fault("drop_after", "APInvoiceSvc/DeleteByID")

    assert isinstance(await writer.once(approved(invoice())), InvoicePosted)
    assert writer.calls("DeleteByID") == 1


@STRATEGIES
async def test_a_group_that_cannot_be_unlocked_is_counted_and_changes_nothing(writer: Writer) -> None:
    writer.fault("status", "APInvGrpSvc/UnlockGroup", times=-1, status=500)

    assert isinstance(await writer.once(approved(invoice())), InvoicePosted)
    assert writer.left_locked == ["a group"]
    assert writer.calls("UnlockGroup") == 3


@pytest.mark.parametrize("fault", [None, "drop_before"])
async def test_a_group_that_cannot_be_unlocked_for_want_of_a_token_hides_nothing(
    sandbox: Running, log: EventLog, engine: AsyncEngine, fault: str | None
) -> None:
    options = {"sign_in": "oauth2", "token_url": f"{sandbox.epicor_root}/connect/token"}
    async with writing(sandbox, log, engine, **options) as writer:
        event = approved(invoice())
        assert await writer.ledger.group("NWM", "NOBODYS") is None
        writer.fault("status", "connect/token", times=-1, status=200, body="<html>Down for maintenance</html>")
        writer.fault("status", "APInvGrpSvc/UnlockGroup", times=-1, status=401)
        if fault is None:
            assert isinstance(await writer.once(event), InvoicePosted)
        else:
            writer.fault(fault)
            with pytest.raises(TransientError, match="unclear posting"):
                await writer.once(event)
            assert await writer.facts(event) == ["intended", "unclear"]

    assert writer.left_locked == ["a group"]


@STRATEGIES
async def test_a_group_left_locked_by_a_crash_is_unlocked_when_the_work_goes_on(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("half_written")
    writer.fault("status", "APInvGrpSvc/UnlockGroup", times=3, status=500)
    with pytest.raises(TransientError):
        await writer.once(event)
    assert len(writer.locked_groups()) == 1

    await writer.until_settled(event)

    assert writer.locked_groups() == []


@STRATEGIES
async def test_a_closed_period_is_refused_in_epicors_words(writer: Writer) -> None:
    closed = {"period_closed_before": date(2030, 1, 1)}
    writer.world.settings = writer.world.settings.model_copy(update=closed)

    outcome = await writer.once(approved(invoice()))

    assert codes(outcome) == ["PERIOD_REFUSED"]
    assert "closed fiscal period" in outcome.findings[0].sentence  # type: ignore[union-attr]


@STRATEGIES
async def test_bad_credentials_wait_for_a_person_and_show_no_key(writer: Writer) -> None:
    another = {"api_key": SecretStr("sandbox-only-other-key")}
    writer.world.settings = writer.world.settings.model_copy(update=another)

    with pytest.raises(TransientError) as failure:
        await writer.once(approved(invoice()))

    assert "epicor.api_key" in str(failure.value)
    assert "sandbox-only-api-key" not in str(failure.value)


@STRATEGIES
async def test_an_unclear_posting_tells_why_and_how_often_it_was_looked_up(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("drop_before")
    with pytest.raises(TransientError):
        await writer.once(event)

    last = (await writer.log.timeline("demo", event.invoice_id))[-1].event
    assert isinstance(last, PostingUnclear)
    assert (last.number, last.look_ups, last.total, last.failures) == (1, 1, 1, 0)
    assert "did not arrive" in last.sentence


@STRATEGIES
async def test_many_invoices_with_lost_answers_are_each_there_once(writer: Writer) -> None:
    bodies = bulk_invoices(40, seed=7)
    writer.fault("drop_after", every=5, times=-1)
    writer.fault("drop_before", every=7, times=-1)

    for body in bodies:
        assert isinstance(await writer.until_settled(approved(body)), InvoicePosted)

    assert sorted(each.header["ExternalID"] for each in writer.invoices()) == sorted(b["invoiceId"] for b in bodies)
    assert writer.locked_groups() == []
