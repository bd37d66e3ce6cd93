"""Purchase-order invoices entered in the emulator by both strategies: faults, and what both sides refuse."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from mlc_basware.overrides import changed
from mlc_common.connection import ConnectionDocument
from mlc_common.events import DocumentOverridden, InvoicePosted, InvoiceRefused, PostingIntended
from mlc_common.failures import TransientError
from mlc_common.order_lines import OrderLine, OrderMatch
from mlc_sandbox.samples import order_invoices, unusual_invoices

from .conftest import Change, Writer, approved, invoice, the_only, turned

pytestmark = pytest.mark.parametrize("strategy", ["single", "staged"])


def bill(*rows: dict[str, Any], supplier: str = "10451", **members: Any) -> dict[str, Any]:
    """An invoice of these rows, without tax."""
    net = sum((Decimal(row["netTotal"]) for row in rows), Decimal(0))
    sums = {"netSum": net, "grossSum": net, "taxSum1": Decimal(0), "netSumCompany": net, "grossSumCompany": net}
    taxes = {"taxSum1Company": Decimal(0), "taxCode": None, "taxPercent1": None}
    named = {"companyCode": "US01", "currencyCode": "USD", "currencyCodeCompany": "USD", "supplierCode": supplier}
    rest = {"paymentTermCode": None, "invoiceNumber": "PO-INV-1", "codingRows": list(rows), "exchangeRateCompany": 1}
    return invoice() | sums | taxes | named | rest | members


def row(
    index: int, order: int | str, line: int | str, quantity: str, net: str, *, account: str = "5010-20-310", **more: Any
) -> dict[str, Any]:
    """A coding row that is matched with an order line."""
    codes = zip(("accountCode", "dimCode1", "costCenterCode"), account.split("-"), strict=True) if account else ()
    named = {"orderNumber": str(order), "orderLineNumber": str(line), "matchedQuantity": Decimal(quantity)}
    rest = {"externalCode": f"r{index}", "rowIndex": index, "netTotal": Decimal(net), "accountName": "Bearings"}
    return {**rest, **dict(codes), **named, **more}


def expense(index: int, net: str) -> dict[str, Any]:
    """A freight row that belongs to no order."""
    codes = {"accountCode": "5110", "dimCode1": "20", "costCenterCode": "310"}
    return {"externalCode": f"r{index}", "rowIndex": index, "netTotal": Decimal(net), **codes}


BEARINGS = row(1, 4104, 1, "100", "742.00")


async def test_an_unreceived_line_is_entered_against_its_order(writer: Writer) -> None:
    outcome = await writer.once(approved(bill(BEARINGS, expense(2, "45.00"))))

    assert isinstance(outcome, InvoicePosted), outcome
    assert outcome.held_for is None
    line, freight = the_only(writer).lines.values()
    assert [line[name] for name in ("LineType", "PONum", "POLine", "PORelNum")] == ["U", 4104, 1, 1]
    assert (line["ScrVendorQty"], line["DocUnitCost"], line["DocExtCost"]) == (100, Decimal("7.42"), Decimal("742.00"))
    assert (freight["LineType"], freight.get("PONum", 0)) == ("M", 0)
    assert the_only(writer).header["DocInvoiceVariance"] == 0


async def test_a_line_without_codes_gets_the_account_of_its_order(writer: Writer) -> None:
    outcome = await writer.once(
        approved(bill(BEARINGS | {"accountCode": None, "dimCode1": None, "costCenterCode": None}))
    )

    assert isinstance(outcome, InvoicePosted), outcome
    (account,) = the_only(writer).accounts.values()
    assert account["GLAccount"] == "5010|20|310"


async def test_a_blank_account_of_the_order_is_never_a_success(writer: Writer) -> None:
    writer.world.settings = writer.world.settings.model_copy(update={"order_accounts": "blank"})
    bare = BEARINGS | {"accountCode": None, "dimCode1": None, "costCenterCode": None}

    outcome = await writer.until_settled(approved(bill(bare)))

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == ["NOT_AS_SENT"]
    assert "no GL account" in outcome.findings[0].sentence
    assert writer.invoices() == []


@pytest.mark.parametrize("account", ["row", "epicor"])
async def test_whose_account_a_line_gets(writer: Writer, rules: Change, account: str) -> None:
    rules(orders={"account": account})

    await writer.once(approved(bill(row(1, 4104, 1, "100", "742.00", account="5020-20-320"))))

    (held,) = the_only(writer).accounts.values()
    assert held["GLAccount"] == {"row": "5020|20|320", "epicor": "5010|20|310"}[account]


async def test_several_rows_on_one_order_line_become_one_line_on_several_accounts(writer: Writer) -> None:
    rows = (row(1, 4104, 1, "60", "445.20"), row(2, 4104, 1, "40", "296.80", account="5020-20-320"))

    outcome = await writer.once(approved(bill(*rows)))

    assert isinstance(outcome, InvoicePosted), outcome
    held = the_only(writer)
    assert [each["ScrVendorQty"] for each in held.lines.values()] == [100]
    booked = {a["GLAccount"]: held.expenses[key[:2]]["DocExpAmt"] for key, a in held.accounts.items()}
    assert booked == {"5010|20|310": Decimal("445.20"), "5020|20|320": Decimal("296.80")}


async def test_costs_per_hundred_and_per_thousand(writer: Writer) -> None:
    rows = (row(1, 4109, 1, "6000", "255.00"), row(2, 4109, 2, "15000", "276.00"))
    rules = {"receipts": "as named", "unnamed_receipts": "post"}
    document = writer.connection.document
    orders = document.posting.orders.model_copy(update=rules)
    changed = document.model_copy(update={"posting": document.posting.model_copy(update={"orders": orders})})
    writer.connection = replace(writer.connection, document=changed)

    outcome = await writer.once(approved(bill(*rows, supplier="10432")))

    assert isinstance(outcome, InvoicePosted), outcome
    costs = [(line["DocUnitCost"], line["CostPerCode"]) for line in the_only(writer).lines.values()]
    assert costs == [(Decimal("4.25"), "C"), (Decimal("18.40"), "M")]


BOLTS = row(1, 4101, 1, "6000", "522.00", goodsReceiptNumber="PS-4101-1-1", goodsReceiptItemNumber="1")
RECEIVED = {"supplier": "10432"}


async def test_a_received_line_is_made_of_its_receipt_whatever_the_strategy(writer: Writer) -> None:
    outcome = await writer.once(approved(bill(expense(1, "45.00"), BOLTS | {"rowIndex": 2}, **RECEIVED)))

    assert isinstance(outcome, InvoicePosted), outcome
    assert outcome.held_for is None
    received, freight = the_only(writer).lines.values()
    assert [received[name] for name in ("LineType", "PONum", "POLine", "PORelNum")] == ["R", 4101, 1, 1]
    assert (received["PackSlip"], received["PackLine"], received["ScrVendorQty"]) == ("PS-4101-1-1", 1, 6000)
    assert (received["DocUnitCost"], received["DocExtCost"]) == (Decimal("0.087"), Decimal("522.00"))
    assert freight["LineType"] == "M"
    assert the_only(writer).header["DocInvoiceVariance"] == 0
    assert {row["GLAccount"] for row in the_only(writer).accounts.values()} == {"5010|20|310", "5110|20|310"}


async def test_part_of_a_receipt_at_another_price_is_invoiced_and_the_rest_is_left(
    writer: Writer, rules: Change
) -> None:
    rules(orders={"price": {"percent": 20}})
    part = row(1, 4101, 1, "1000", "100.00", goodsReceiptNumber="PS-4101-1-1", account="5020-20-320")

    first = await writer.once(approved(bill(part, **RECEIVED)))
    second = await writer.once(
        approved(bill(BOLTS | {"matchedQuantity": 5000, "netTotal": Decimal("435.00")}, **RECEIVED)
                 | {"invoiceId": "e" * 32, "invoiceNumber": "PO-INV-2"})
    )  # fmt: skip

    assert isinstance(first, InvoicePosted), first
    assert isinstance(second, InvoicePosted), second
    lines = [line for each in writer.invoices() for line in each.lines.values()]
    assert [(line["ScrVendorQty"], line["DocExtCost"]) for line in lines] == [
        (1000, Decimal("100.00")),
        (5000, Decimal("435.00")),
    ]
    accounts = [row["GLAccount"] for each in writer.invoices() for row in each.accounts.values()]
    assert accounts == ["5020|20|320", "5010|20|310"]
    assert second.held_for is None


async def test_receipts_of_several_orders_and_releases_on_one_invoice(writer: Writer, rules: Change) -> None:
    rules(orders={"receipts": "first"})
    rows = (row(1, 4110, 2, "60", "486.00"), row(2, 4104, 2, "80", "1516.00"), row(3, 4104, 1, "10", "74.20"))

    outcome = await writer.once(approved(bill(*rows)))

    assert isinstance(outcome, InvoicePosted), outcome
    lines = [
        (x["LineType"], x["PONum"], x.get("PackSlip", ""), x["ScrVendorQty"]) for x in the_only(writer).lines.values()
    ]
    assert sorted(lines) == [
        ("R", 4104, "PS-4104-2-1", 80),
        ("R", 4110, "PS-4110-2-1", 30),
        ("R", 4110, "PS-4110-2-2", 20),
        ("U", 4104, "", 10),
        ("U", 4110, "", 10),
    ]
    assert outcome.held_for is None


async def test_lines_of_receipts_are_found_when_only_the_first_receipt_is_shown(writer: Writer) -> None:
    writer.world.settings = writer.world.settings.model_copy(update={"receipt_lines": "first receipt"})
    rows = (
        row(1, 4110, 2, "20", "162.00", goodsReceiptNumber="PS-4110-2-2"),
        row(2, 4110, 2, "30", "243.00", goodsReceiptNumber="PS-4110-2-1"),
    )

    outcome = await writer.once(approved(bill(*rows)))

    assert isinstance(outcome, InvoicePosted), outcome
    assert sorted(line["PackSlip"] for line in the_only(writer).lines.values()) == ["PS-4110-2-1", "PS-4110-2-2"]


async def test_a_receipt_of_a_closed_order_can_be_invoiced_still(writer: Writer) -> None:
    carton = row(1, 4111, 1, "2000", "1920.00", goodsReceiptNumber="PS-4111-1-1")

    outcome = await writer.once(approved(bill(carton, supplier="10466")))

    assert isinstance(outcome, InvoicePosted), outcome
    assert outcome.held_for is None


async def test_a_receipt_that_is_invoiced_already_is_refused_with_the_invoice(writer: Writer) -> None:
    await writer.once(approved(bill(BOLTS, **RECEIVED)))

    outcome = await writer.once(approved(bill(BOLTS, **RECEIVED, invoiceId="d" * 32, invoiceNumber="AGAIN-9")))

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == ["RECEIPT_INVOICED"]
    assert "(invoice PO-INV-1)" in outcome.findings[0].sentence


async def test_a_receipt_that_is_taken_between_match_and_entry_is_refused_and_nothing_stays(writer: Writer) -> None:
    event = approved(bill(BOLTS, **RECEIVED))
    writer.fault("drop_before")
    with pytest.raises(TransientError):
        await writer.once(event)
    await writer.once(approved(bill(BOLTS, **RECEIVED, invoiceId="d" * 32, invoiceNumber="FASTER-9")))

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoiceRefused), outcome
    assert "nothing uninvoiced" in outcome.findings[0].sentence
    assert [each.header["InvoiceNum"] for each in writer.invoices()] == ["FASTER-9"]


RECEIPT_CALLS = ("GetAPUninvoicedReceipts", "SelectUninvoicedRcptLines", "InvoiceSelectedLines", "UpdateMaster")


def quarter(number: str, order: int | str, **members: Any) -> dict[str, Any]:
    """An invoice of more than half of what order 4104 has left on its first line."""
    return bill(row(1, order, 1, "250", "1855.00"), invoiceId=number * 32, invoiceNumber=f"PO-{number}", **members)


@pytest.mark.parametrize("how", ["the same text", "with a nought", "with a line end", "overridden", "another company"])
async def test_two_invoices_of_one_order_wait_for_each_other_however_they_name_it(writer: Writer, how: str) -> None:
    spelled = {"with a nought": "04104", "with a line end": "4104\n", "overridden": "4101"}
    document = writer.connection.document.model_dump(mode="json", by_alias=True)
    document["companies"] += [pair | {"basware": "US02"} for pair in document["companies"] if pair["basware"] == "US01"]
    writer.connection = replace(writer.connection, document=ConnectionDocument.model_validate(document))
    company = "US02" if how == "another company" else "US01"
    one = approved(quarter("a", 4104))
    other = approved(quarter("b", spelled.get(how, "4104"), companyCode=company))
    await writer.log.append(other)
    if how == "overridden":
        place = "codingRows[1].orderNumber"
        common = {"connection": "demo", "invoice_id": other.invoice_id, "attempt": "a1", "at": datetime.now(UTC)}
        changes = (changed(other.document, place, "4104"),)
        await writer.log.append(DocumentOverridden(**common, by="mia", reason="wrong order", changes=changes))
    writer.fault("delay", times=-1, seconds=0.6)

    outcomes = await asyncio.gather(writer.until_settled(one), writer.until_settled(other))

    free = [each for each in outcomes if isinstance(each, InvoicePosted) and not each.held_for]
    assert len(free) == 1, outcomes


@pytest.mark.parametrize("path", RECEIPT_CALLS)
@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
async def test_wherever_an_answer_is_lost_the_receipt_is_invoiced_once(writer: Writer, path: str, fault: str) -> None:
    writer.fault(fault, path)

    outcome = await writer.until_settled(approved(bill(BOLTS, expense(2, "45.00"), **RECEIVED)))

    assert isinstance(outcome, InvoicePosted), outcome
    assert [line["ScrVendorQty"] for line in the_only(writer).lines.values()] == [6000, 1]
    assert writer.locked_groups() == []


@pytest.mark.parametrize("call", range(2, 15))
async def test_whichever_answer_is_lost_one_whole_invoice_stands_there(writer: Writer, call: int) -> None:
    part = row(1, 4101, 1, "1000", "87.00", goodsReceiptNumber="PS-4101-1-1", account="5020-20-320")
    writer.fault("drop_after", "APInvoiceSvc", method="POST", every=call)

    outcome = await writer.until_settled(approved(bill(part, expense(2, "45.00"), **RECEIVED)))

    assert isinstance(outcome, InvoicePosted), outcome
    assert len(the_only(writer).lines) == 2


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "half_written", "blank_accounts"])
async def test_with_a_lost_or_broken_answer_it_stands_there_once(writer: Writer, fault: str) -> None:
    writer.fault(fault)

    outcome = await writer.until_settled(approved(bill(BEARINGS)))

    assert isinstance(outcome, InvoicePosted), outcome
    assert the_only(writer).lines[1]["PONum"] == 4104


async def test_what_our_own_invoice_took_is_not_held_against_it_when_its_answer_was_lost(
    writer: Writer, strategy: str
) -> None:
    everything = bill(row(1, 4104, 1, "250", "1855.00"))
    writer.fault("drop_after")

    outcome = await writer.until_settled(approved(everything))

    assert isinstance(outcome, InvoicePosted), outcome
    assert outcome.found is (strategy == "single"), "a half-written one is removed and entered anew"
    assert (outcome.held_for, outcome.remarks) == (None, None)


async def test_a_transfer_again_confirms_the_invoice_that_took_all_of_the_order(writer: Writer) -> None:
    everything = bill(row(1, 4104, 1, "250", "1855.00"))
    first = await writer.once(approved(everything))

    again = await writer.once(approved(everything, attempt="a2"))

    assert isinstance(first, InvoicePosted)
    assert isinstance(again, InvoicePosted), again
    assert again.found
    assert len(writer.invoices()) == 1


async def test_after_a_person_deleted_it_the_order_is_matched_anew(writer: Writer) -> None:
    everything = bill(row(1, 4104, 1, "250", "1855.00"))
    await writer.once(approved(everything))
    writer.world.invoices.clear()
    await writer.once(approved(bill(row(1, 4104, 1, "100", "742.00"), invoiceId="d" * 32, invoiceNumber="ANOTHER")))

    again = await writer.once(approved(everything, attempt="a2"))

    assert isinstance(again, InvoicePosted), again
    assert [each.code for each in again.held_for or ()] == ["ORDER_QUANTITY"]


async def test_the_match_is_recorded_with_the_intent(writer: Writer) -> None:
    event = approved(bill(BEARINGS))
    await writer.once(event)

    timeline = await writer.log.timeline("demo", event.invoice_id)

    (intent,) = [each.event for each in timeline if isinstance(each.event, PostingIntended)]
    assert intent.orders is not None
    assert [(each.order, each.line, each.release) for each in intent.orders.lines] == [(4104, 1, 1)]


async def test_a_second_invoice_of_the_same_goods_is_held(writer: Writer) -> None:
    body = bill(row(1, 4104, 1, "200", "1484.00"))
    await writer.once(approved(body))

    outcome = await writer.once(approved(body | {"invoiceId": "d" * 32, "invoiceNumber": "OTHER-77", "dueDate": None}))

    assert isinstance(outcome, InvoicePosted), outcome
    assert [each.code for each in outcome.held_for or ()] == ["ORDER_QUANTITY"]
    assert outcome.payment_block


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("ORDER_UNKNOWN", row(1, 4999, 1, "1", "10.00"), "10451"),
    ("ORDER_OF_ANOTHER_VENDOR", row(1, 4104, 1, "1", "7.42"), "10432"),
    ("ORDER_NOT_OPEN", row(1, 4111, 1, "10", "9.60"), "10466"),
    ("ORDER_NOT_OPEN", row(1, 4112, 1, "10", "386.00"), "10502"),
    ("ORDER_NOT_OPEN", row(1, 4113, 1, "10", "41.50"), "10549"),
    ("ORDER_RELEASE_UNCLEAR", row(1, 4110, 1, "10", "69.00"), "10451"),
]


@pytest.mark.parametrize(("code", "coding", "supplier"), REFUSED)
async def test_an_order_that_does_not_fit_is_refused_before_anything_is_sent(
    writer: Writer, code: str, coding: dict[str, Any], supplier: str
) -> None:
    outcome = await writer.once(approved(bill(coding, supplier=supplier)))

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == [code]
    assert writer.calls("UpdateMaster") == writer.calls("GetNew") == 0


async def test_all_that_is_wrong_is_told_at_once(writer: Writer) -> None:
    rows = (row(1, 4999, 1, "1", "10.00"), row(2, 4104, 9, "1", "10.00"), row(3, 4104, 1, "1", "7.42", account="9-9-9"))

    outcome = await writer.once(approved(bill(*rows)))

    assert isinstance(outcome, InvoiceRefused)
    assert {each.code for each in outcome.findings} == {"ORDER_UNKNOWN", "ORDER_LINE_UNKNOWN", "UNKNOWN_ACCOUNT"}


async def test_a_credit_note_of_an_order_is_entered_on_hold_as_a_debit_memo(writer: Writer) -> None:
    credit = turned(bill(BEARINGS), invoiceTypeName="Credit note")

    outcome = await writer.once(approved(credit))

    assert isinstance(outcome, InvoicePosted), outcome
    assert [each.code for each in outcome.held_for or ()] == ["CREDIT_NOTE_OF_ORDER"]
    assert [line["LineType"] for line in the_only(writer).lines.values()] == ["M"]


@pytest.mark.parametrize(
    "settings",
    [
        {"order_lines": "not in their set"},
        {"order_lines": "by method only"},
        {"broken_reads": frozenset({"Erp.BO.POSvc", "Erp.BO.ReceiptSvc"})},
        {"page_cap": 2},
    ],
)
async def test_orders_are_read_in_whatever_way_this_epicor_answers(writer: Writer, settings: dict[str, Any]) -> None:
    writer.world.settings = writer.world.settings.model_copy(update=settings)
    rows = (BEARINGS, row(2, 4110, 2, "40", "324.00"), row(3, 4104, 3, "10", "91.00"))

    outcome = await writer.once(approved(bill(*rows)))

    assert isinstance(outcome, InvoicePosted), outcome
    assert [each.code for each in outcome.held_for or ()] == ["RECEIPTS_NOT_NAMED"]
    assert len(the_only(writer).lines) == 3


async def test_orders_are_read_in_few_calls_however_many_rows_name_them(writer: Writer) -> None:
    rows = [row(index, 4104, 1, "1", "7.42") for index in range(1, 41)]

    await writer.once(approved(bill(*rows)))

    assert writer.calls("POSvc") + writer.calls("ReceiptSvc") <= 6


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("PO Release must all be given", {"release": 0}),
    ("A valid PO Release", {"release": 7}),
    ("A valid PO Line", {"line": 9}),
    ("Purchase Order of this supplier", {"order": 4101}),
    ("unit of measure", {"unit": "KG"}),
]


@pytest.mark.parametrize(("words", "changes"), WRONG)
async def test_a_wrong_dataset_is_refused_by_epicor_and_told(
    writer: Writer, words: str, changes: dict[str, Any]
) -> None:
    """The connector is made to send it by an intent of before that says so."""
    event = approved(bill(BEARINGS))
    writer.fault("drop_before")
    with pytest.raises(TransientError):
        await writer.once(event)
    good = OrderLine(
        order=4104, line=1, release=1, quantity=Decimal(100), unit="EA", cost=Decimal("7.42"),
        shares=({"place": 0, "amount": Decimal("742.00")},),  # type: ignore[arg-type]
    )  # fmt: skip
    wrong = OrderMatch(lines=(good.model_copy(update=changes),))
    timeline = await writer.log.timeline("demo", event.invoice_id)
    (intent,) = [each.event for each in timeline if isinstance(each.event, PostingIntended)]
    await writer.log.append(intent.model_copy(update={"number": 2, "orders": wrong}))

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoiceRefused), outcome
    assert words in outcome.findings[0].sentence
    assert writer.invoices() == []


async def test_an_order_that_closes_between_match_and_entry_is_refused_by_epicor(writer: Writer) -> None:
    event = approved(bill(BEARINGS))
    writer.fault("drop_before")
    with pytest.raises(TransientError):
        await writer.once(event)
    order = writer.world.master.find("POHeader", Company="NWM", PONum=4104)
    assert order is not None
    order["OpenOrder"] = False

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoiceRefused), outcome
    assert "closed" in outcome.findings[0].sentence


async def test_the_samples_are_posted_as_they_are(writer: Writer) -> None:
    samples = [each for name, each in unusual_invoices().items() if name.startswith("of ")]

    outcomes = [await writer.once(approved(each)) for each in (*samples, *order_invoices(6))]

    for outcome in outcomes:
        assert isinstance(outcome, InvoicePosted), outcome
        assert (outcome.held_for, outcome.remarks) == (None, None)
