"""The books of both emulators after real work: clean at first; then tampered with, and every break is found."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connections import apply
from mlc_common.events import DocumentApproved, OutcomeAnswered, ReconciliationDone
from mlc_common.streams import OPERATIONS
from mlc_sandbox.epicor import Invoice
from mlc_sandbox.faults import Fault
from operator_console.exits import CommandError, Exit
from operator_console.reconciliation.command import exit_code, reconcile, record
from operator_console.reconciliation.run import Outcome

from .conftest import ASKED, BAD, GOOD, Books, connection_document


def found(outcome: Outcome) -> set[tuple[str | None, str]]:
    return {(each.invoice_id, each.code) for each in outcome.breaks}


async def test_what_the_product_has_done_is_clean_and_adds_up(books: Books) -> None:
    outcome = await books.compared()

    assert outcome.breaks == ()
    assert outcome.incomplete == ()
    assert (outcome.invoices, outcome.moving) == (GOOD + BAD, 0)
    assert all(line.agrees for line in outcome.lines)
    posted = [line for line in outcome.lines if line.state == "posted"]
    in_epicor = [invoice.header["DocInvoiceAmt"] for invoice in books.epicor.invoices.values()]
    assert sum(line.epicor_sum for line in posted) == sum(in_epicor)
    assert sum(line.epicor_count for line in posted) == GOOD
    assert exit_code([outcome]) is Exit.OK
    await record(books.settings, ASKED, [outcome], now=datetime.now(UTC))
    recorded = await books.log.resolve(await books.log._stream.get_last_msg(OPERATIONS, "operations.demo.reconciled"))
    assert isinstance(recorded, ReconciliationDone)
    assert (recorded.invoices, recorded.breaks, recorded.incomplete) == (GOOD + BAD, {}, ())
    for world in (books.basware, books.epicor):  # a hiccup of a far side is waited out
        world.faults.add(Fault(kind="status", path="accountingDocuments|APInvSearch", status=503, times=2))
    assert await books.compared(pauses=(0.01, 0.01)) == outcome


async def test_a_connection_that_cannot_be_opened_keeps_no_other_from_being_compared(
    books: Books, engine: AsyncEngine
) -> None:
    other = connection_document("http://127.0.0.1:9", "http://127.0.0.1:9/live").model_copy(update={"name": "other"})
    await apply(engine, other, by="test", now=datetime.now(UTC))

    demo, shut = await reconcile(books.settings, ASKED, now=datetime.now(UTC))

    assert (demo.invoices, demo.breaks, demo.incomplete) == (GOOD + BAD, (), ())
    assert (shut.invoices, shut.breaks) == (0, ())
    assert "is not set" in shut.incomplete[0]
    assert exit_code([demo, shut]) is Exit.UNREACHABLE


def tamper(books: Books) -> set[tuple[str | None, str]]:
    """Seed breaks on both far sides; what must be found."""
    ids = iter(books.ids)
    seeded: set[tuple[str | None, str]] = set()

    def one(code: str) -> str:
        invoice_id = next(ids)
        seeded.add((invoice_id, code))
        return invoice_id

    def header(code: str, **changes: Any) -> None:
        books.invoice(one(code)).header.update(changes)

    def body(code: str, **changes: Any) -> None:
        books.document(one(code)).body.update(changes)

    body("AMOUNT_CHANGED", grossSum=Decimal("1.23"))
    body("SUPPLIER_CHANGED", supplierCode="10999")
    body("NUMBER_CHANGED", invoiceNumber="ANOTHER")
    body("DATE_CHANGED", invoiceDate="2026-01-01T00:00:00Z")
    body("CURRENCY_CHANGED", currencyCode="SEK")
    body("POSTED_BUT_FAILED", processingStatus="TransferFailed")
    body("ANSWER_NOT_ARRIVED", processingStatus="TransferInProgress")
    body("REMOVED_BUT_STANDS", processingStatus="Removed")
    body("VOUCHER_DIFFERS", voucherNumber1="V-0")
    body(
        "NEW_TRANSFER_NOT_READ",
        processingStatus="WaitingForTransfer",
        transferParameters=[{"key": "InvoiceBatchId", "value": "later"}],
    )
    body("PAID_ONLY_IN_BASWARE", processingStatus="Paid")
    other = books.document(one("ANSWERED_BY_ANOTHER"))
    other.body["transferResponses"] = [{"externalCode": "x", "success": True, "responseMessage": "by hand"}]
    header("AMOUNT_DIFFERS", DocInvoiceAmt=Decimal("9.99"), DocInvoiceBal=Decimal("9.99"))
    header("CURRENCY_DIFFERS", CurrencyCode="CAD")
    header("SIGN_DIFFERS", DebitMemo=True)
    header("UNPOSTED", Posted=False, ApplyDate="2026-01-31T00:00:00")
    header("HELD_IN_EPICOR", Posted=False, InvoiceHeld=True)
    header("OUT_OF_BALANCE", Posted=False, DocInvoiceVendorAmt=Decimal("0.01"))
    books.rekey(one("VENDOR_DIFFERS"), VendorNum=987)
    books.rekey(one("KEY_NUMBER_DIFFERS"), InvoiceNum="RENAMED")
    del books.epicor.invoices[books.invoice(one("MISSING_IN_EPICOR")).key]
    foreign = books.invoice(one("FOREIGN_UNDER_OUR_KEY"))
    foreign.header |= {"ExternalID": "of-somebody-else", "EntryPerson": "clerk", "GroupID": "CLERK"}
    return seeded


async def test_every_seeded_break_is_found_and_none_is_invented(books: Books) -> None:
    refused, *_ = (each for each in books.basware.documents.values() if each.status == "TransferFailed")
    seeded = tamper(books)
    refused.body["processingStatus"] = "Transferred"
    unread = _copied(books, "unread", status="WaitingForTransfer")
    elsewhere = _copied(books, "elsewhere", status="Transferred")
    books.epicor.invoices[("NWM", 101, "by hand")] = _row(books, InvoiceNum="BY HAND", ExternalID="")
    books.epicor.invoices[("NWM", 101, "others")] = _row(
        books, InvoiceNum="OTHERS", ExternalID="", EntryPerson="clerk", GroupID="CLERK"
    )
    books.epicor.invoices[("NWM", 101, "restored")] = _row(books, InvoiceNum="RESTORED", ExternalID="f" * 32)

    outcome = await books.compared()

    alone = {each.code: each.number for each in outcome.breaks if each.group == "in Epicor, unknown here"}
    assert alone == {"WITHOUT_DOCUMENT": "BY HAND", "UNKNOWN_HERE": "RESTORED"}
    assert {each for each in found(outcome) if each[1] not in alone} == seeded | {
        (refused.invoice_id, "REFUSED_BUT_TRANSFERRED"),
        (unread, "NOT_READ"),
        (elsewhere, "TRANSFERRED_ELSEWHERE"),
    }
    assert exit_code([outcome]) is Exit.PROBLEM
    await _the_command_says_the_same(books, outcome)


async def _the_command_says_the_same(books: Books, outcome: Outcome) -> None:
    words = ["reconcile", "--from", "2020-01-01", "--to", "2035-01-01", "--quiet", "0", "--json", "--csv", "b.csv"]
    program = Path(sys.executable).parent / "ml-connector"
    process = await asyncio.create_subprocess_exec(
        program, *words, "--xlsx", "b.xlsx", cwd=books.folder, env=books.environment, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()

    assert process.returncode == Exit.PROBLEM
    assert json.loads(said)[0]["counts"] == dict(sorted(Counter(each.code for each in outcome.breaks).items()))
    assert len((books.folder / "b.csv").read_text().splitlines()) == len(outcome.breaks) + 1
    assert (books.folder / "b.sums.csv").exists()
    assert (books.folder / "b.xlsx").read_bytes()[:2] == b"PK"


def _copied(books: Books, invoice_id: str, *, status: str) -> str:
    body = books.document(books.ids[-1]).body | {"invoiceId": invoice_id, "invoiceNumber": invoice_id}
    (document,) = books.basware.add([body], at=_moment(books))
    document.body |= {"processingStatus": status}
    return document.invoice_id


def _moment(books: Books) -> datetime:
    return datetime.fromisoformat(books.document(books.ids[0]).body["lastUpdated"])


def _row(books: Books, **changes: Any) -> Invoice:
    like = next(each for each in books.epicor.invoices.values() if each.header["Company"] == "NWM")
    return Invoice({**like.header, "VendorNum": 101, **changes})


async def test_a_deep_look_finds_what_the_headers_do_not_show(books: Books) -> None:
    wrong, blank, short, moved, *_ = books.ids
    next(iter(books.invoice(moved).accounts.values()))["GLAccount"] = "6999|10|200"
    next(iter(books.invoice(wrong).expenses.values()))["DocExpAmt"] += Decimal("0.01")
    for row in books.invoice(blank).accounts.values():
        row["GLAccount"] = ""
    lines = books.invoice(short).lines
    lines[max(lines) + 1] = next(iter(lines.values())) | {"InvoiceLine": max(lines) + 1}

    shallow, deep = await books.compared(), await books.compared(deep=1000)

    assert shallow.breaks == ()
    assert found(deep) == {
        (wrong, "DISTRIBUTION_DIFFERS"),
        (blank, "ACCOUNT_MISSING"),
        (short, "LINES_DIFFER"),
        (moved, "ACCOUNT_DIFFERS"),
    }
    assert {each.code for each in (await books.compared(deep=1)).breaks} <= {code for _, code in found(deep)}


async def test_what_our_side_has_not_recorded_is_found(books: Books) -> None:
    """The stream cannot be edited, so a document goes further in it than in the far sides."""
    ids = books.ids
    original = [each.event for each in await books.log.timeline("demo", ids[0])]
    approved = next(each for each in original if isinstance(each, DocumentApproved))
    later = approved.model_copy(update={"attempt": "later", "batch": "later", "document": "{}"})
    await books.log.append(later)
    books.document(ids[0]).body["transferParameters"] = [{"key": "InvoiceBatchId", "value": "later"}]
    answer = next(each for each in original if isinstance(each, OutcomeAnswered))

    outcome = await books.compared()
    await books.log.append(answer.model_copy(update={"attempt": "later", "external_code": "z"}))

    assert found(outcome) == {(ids[0], "DONE_WITHOUT_US")}


@pytest.mark.parametrize(
    ("side", "path", "incomplete"),
    [
        ("basware", "accountingDocuments", "Basware: "),
        ("epicor", "NWM/Erp.BO.APInvSearchSvc", "Epicor NWM: "),
    ],
)
async def test_a_read_that_fails_half_way_invents_nothing(books: Books, side: str, path: str, incomplete: str) -> None:
    books.basware.settings = books.basware.settings.model_copy(update={"page_cap": 3})
    books.epicor.settings = books.epicor.settings.model_copy(update={"page_cap": 3})
    tampered = books.ids[0]
    books.document(tampered).body["grossSum"] = Decimal("1.23")
    world = books.basware if side == "basware" else books.epicor
    world.faults.add(Fault(kind="status", path=path, status=503, times=-1, every=8 if side == "basware" else 2))

    outcome = await books.compared()

    assert [each.startswith(incomplete) for each in outcome.incomplete] == [True]
    assert found(outcome) <= {(tampered, "AMOUNT_CHANGED")}
    assert exit_code([outcome]) in (Exit.PROBLEM, Exit.UNREACHABLE)
    world.faults.clear()
    whole = await books.compared()
    assert (found(whole), whole.incomplete) == ({(tampered, "AMOUNT_CHANGED")}, ())


async def test_windows_and_companies_cut_the_look_and_invent_no_break(books: Books) -> None:
    """Invoice dates are weeks apart, all were read today: a short window cuts Epicor's list, not the look."""
    today = date.today()  # noqa: DTZ011 - the fixture works today
    short = await books.compared(first=today, last=today)
    early = await books.compared(first=date(2020, 1, 1), last=today - timedelta(days=2))

    assert (short.breaks, short.invoices, short.incomplete) == ((), GOOD + BAD, ())
    assert (early.breaks, early.incomplete) == ((), ())
    assert 0 < early.invoices <= GOOD
    await _one_company_is_compared_alone_by_either_name(books)


async def _one_company_is_compared_alone_by_either_name(books: Books) -> None:
    whole = await books.compared()
    by_ours, by_theirs = await books.compared(company="fi01"), await books.compared(company="NWF")

    assert by_ours.lines == by_theirs.lines == tuple(line for line in whole.lines if line.company == "NWF")
    with pytest.raises(CommandError, match="No connection has a company XX") as unknown:
        await books.compared(company="XX")
    with pytest.raises(CommandError, match="is after --to") as turned:
        await books.compared(first=date(2026, 2, 1), last=date(2026, 1, 1))
    with pytest.raises(CommandError, match="There is no connection nope"):
        await books.compared(connection="nope")
    assert (unknown.value.code, turned.value.code) == (Exit.USAGE, Exit.USAGE)


async def test_an_epicor_that_takes_no_such_question_is_asked_otherwise(books: Books) -> None:
    """How an instant stands in a filter, and whether functions are taken, is not documented."""
    for refused in ("startswith", "T00:00:00 "):
        books.epicor.faults.add(
            Fault(kind="status", path="APInvSearch", match=refused, status=400, times=-1, body={"ErrorMessage": "no"})
        )
    del books.epicor.invoices[books.invoice(books.ids[0]).key]

    outcome = await books.compared()

    assert (found(outcome), outcome.incomplete) == ({(books.ids[0], "MISSING_IN_EPICOR")}, ())
