"""The staged strategy on bad days: whatever happens in a stage, one whole invoice is left, or none and a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from epicor_writer.handlers import identities
from mlc_common.events import InvoicePosted, InvoiceRefused, PostingUnclear
from mlc_common.failures import TransientError
from mlc_sandbox.epicor import Invoice

from .conftest import UPDATE_MASTER, Change, Writer, approved, invoice, the_only

TABLES = ("APInvHed", "APInvDtl", "APInvExp", "APInvExpTGLC", "APInvTax")
ASKED = (
    "GetNewAPInvHedInvoice",
    "ChangeVendorID",
    "ChangeInvoiceDateEx",
    "GetNewAPInvDtlMiscellaneous",
    "GetNewAPInvExp$",
    "GetNewAPInvExpTGLC",
    "GetNewAPInvTax",
)
REFUSAL = {"ErrorMessage": "A directive forbids this.", "ErrorType": "Ice.Common.BusinessObjectException"}


@pytest.fixture
def strategy() -> str:
    return "staged"


def about(table: str) -> str:
    """What stands only in the saves of one table."""
    return f'"cTableName":"{table}"'


def body(**members: Any) -> dict[str, Any]:
    """An invoice of two lines with a tax, so that it has every stage twice."""
    one = invoice()
    row = one["codingRows"][0] | {"taxSum": None, "grossTotal": None, "taxCode": "US-IL"}
    rows = [
        row | {"externalCode": f"r{place}", "rowIndex": place, "netTotal": Decimal(net)}
        for place, net in enumerate(("60.00", "40.00"))
    ]
    sums = {"netSum": Decimal("100.00"), "taxSum1": Decimal("8.25"), "grossSum": Decimal("108.25"), "taxCode": "US-IL"}
    return one | sums | {"codingRows": rows} | members


def is_whole(held: Invoice) -> bool:
    accounts = [row["GLAccount"] for row in held.accounts.values()]
    counts = (len(held.lines), len(held.expenses), len(accounts), len(held.taxes))
    return held.header["DocInvoiceVariance"] == 0 and counts == (2, 2, 2, 1) and all(accounts)


@pytest_asyncio.fixture(autouse=True)
async def row_by_row(rules: Change) -> AsyncIterator[None]:
    """The default: one row in one UpdateMaster."""
    rules(strategy="staged", rows_per_save=1)
    yield


async def test_every_row_is_saved_by_itself_over_the_row_that_epicor_gave(writer: Writer) -> None:
    event = approved(body())

    outcome = await writer.once(event)

    assert isinstance(outcome, InvoicePosted), outcome
    assert not outcome.found
    assert is_whole(the_only(writer))
    assert writer.calls(UPDATE_MASTER) == 8
    assert the_only(writer).header["GLControlType"] == "APAcct"
    assert await writer.facts(event) == ["intended", "posted"]
    assert writer.locked_groups() == []


async def test_a_distribution_that_the_lines_save_made_is_changed_and_not_doubled(writer: Writer) -> None:
    writer.world.settings = writer.world.settings.model_copy(update={"auto_expense": True})

    outcome = await writer.once(approved(body()))

    assert isinstance(outcome, InvoicePosted), outcome
    assert is_whole(the_only(writer))
    assert "6999|10|200" not in {row["GLAccount"] for row in the_only(writer).accounts.values()}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "delay_after"])
@pytest.mark.parametrize("defaults", [False, True])
async def test_an_answer_lost_in_any_stage_leaves_one_whole_invoice(
    writer: Writer, table: str, kind: str, defaults: bool
) -> None:
    writer.world.settings = writer.world.settings.model_copy(update={"auto_expense": defaults})
    writer.fault(kind, match=about(table), seconds=1.8 if kind == "delay_after" else 0)
    event = approved(body())

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoicePosted), outcome
    assert is_whole(the_only(writer))
    assert writer.locked_groups() == []
    assert (await writer.facts(event)).count("posted") == 1


@pytest.mark.parametrize("method", ASKED)
@pytest.mark.parametrize("fault", [{"kind": "drop_after"}, {"kind": "status", "status": 429}, {"kind": "status"}])
async def test_a_question_that_is_not_answered_leaves_one_whole_invoice(
    writer: Writer, method: str, fault: dict[str, Any]
) -> None:
    writer.fault(path=f"APInvoiceSvc/{method}", **fault)
    event = approved(body())

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoicePosted), outcome
    assert is_whole(the_only(writer))
    assert writer.locked_groups() == []


@pytest.mark.parametrize("table", TABLES[:4])
async def test_a_worker_killed_in_any_stage_is_made_up_for(writer: Writer, table: str) -> None:
    """A kill leaves the intent and what was saved: as a save whose answer nobody reads, and no facts after it."""
    event = approved(body())
    writer.fault("drop_after", match=about(table))
    with pytest.raises(TransientError):
        await writer.once(event)
    half = list(writer.world.invoices.values())
    killed = approved(body(invoiceId="a" * 32, invoiceNumber="KILLED-1"))
    intent = next(each.event for each in await writer.log.timeline("demo", event.invoice_id))
    for each in half:
        each.header |= {"ExternalID": "a" * 32, "InvoiceNum": "KILLED-1"}
    writer.world.invoices = {each.key: each for each in half}
    await writer.log.append(intent.model_copy(update={"invoice_id": "a" * 32, "invoice_num": "KILLED-1"}))

    outcome = await writer.until_settled(killed)

    assert isinstance(outcome, InvoicePosted), outcome
    assert is_whole(the_only(writer))
    assert "removed" in await writer.facts(killed)


@pytest.mark.parametrize("table", TABLES[1:])
async def test_what_epicor_refuses_half_way_is_taken_back_and_told_in_its_words(writer: Writer, table: str) -> None:
    writer.fault("status", match=about(table), times=-1, status=400, body=REFUSAL)
    event = approved(body())

    outcome = await writer.once(event)

    assert isinstance(outcome, InvoiceRefused), outcome
    assert [each.code for each in outcome.findings] == ["REFUSED_BY_EPICOR"]
    assert "A directive forbids this." in outcome.findings[0].sentence
    assert writer.invoices() == []
    assert await writer.facts(event) == ["intended", "removed", "refused"]
    assert writer.locked_groups() == []


async def test_a_save_that_did_not_run_half_way_is_taken_back(writer: Writer) -> None:
    writer.fault("user_input", match=about("APInvDtl"))

    outcome = await writer.once(approved(body()))

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == ["NEEDS_A_PERSON"]
    assert writer.invoices() == []


async def test_a_group_that_a_person_opens_half_way_is_waited_for(writer: Writer) -> None:
    event = approved(body())
    writer.fault("group_locked", match=about("APInvDtl"))
    for _ in range(4):
        with pytest.raises(TransientError):
            await writer.once(event)
    assert len(writer.invoices()) == 1
    for row in writer.world.groups.values():
        row["ActiveUserID"] = ""

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoicePosted), outcome
    assert is_whole(the_only(writer))


async def test_blank_accounts_that_stay_blank_are_refused_and_leave_nothing(writer: Writer) -> None:
    writer.fault("blank_accounts", match=about("APInvExpTGLC"), times=-1)

    outcome = await writer.once(approved(body()))

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == ["NOT_AS_SENT"]
    assert writer.invoices() == []


async def test_interruptions_do_not_refuse_an_invoice(writer: Writer) -> None:
    event = approved(body())
    writer.fault("drop_after", match=about("APInvDtl"), times=5)

    outcome = await writer.until_settled(event, most=20)

    assert isinstance(outcome, InvoicePosted), outcome
    assert (await writer.facts(event)).count("removed") == 5
    assert is_whole(the_only(writer))


async def test_a_stage_that_keeps_failing_is_given_up_and_leaves_nothing(writer: Writer) -> None:
    event = approved(body())
    writer.fault("status", match=about("APInvExp"), times=-1, status=500, body={"ErrorMessage": "Object reference."})

    outcome = await writer.until_settled(event, most=20)

    assert isinstance(outcome, InvoiceRefused), outcome
    assert [each.code for each in outcome.findings] == ["EPICOR_KEEPS_FAILING"]
    assert writer.invoices() == []


async def test_a_worker_that_lost_its_place_stops_before_the_next_stage(writer: Writer) -> None:
    event = approved(body())
    async with writer.slots.hold(*identities(event)) as slot:
        losing = LosesItsPlace(slot, after=3)
        with pytest.raises(TransientError):
            await writer.with_slot(event, losing)

    assert 0 < writer.calls(UPDATE_MASTER) < 8
    last = (await writer.log.timeline("demo", event.invoice_id))[-1].event
    assert isinstance(last, PostingUnclear)
    assert "half-way" in last.sentence
    assert isinstance(await writer.until_settled(event), InvoicePosted)
    assert is_whole(the_only(writer))


class LosesItsPlace:
    """A slot that is ours for so many questions."""

    def __init__(self, slot: Any, *, after: int) -> None:
        self._slot = slot
        self._left = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._slot, name)

    async def still_ours(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise TransientError("The slot was lost with its database session.", retry_after=1, counts=False)
