"""Payments in Epicor, told by the product itself: clean; then each link of the chain breaks, and is found."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal

from mlc_sandbox.epicor.payments import Cheque, Part, pay, void

from .conftest import Books, at_work, until
from .test_reconcile import found

DAY = date(2026, 11, 20)


def paid(books: Books, invoice_id: str, *, part: Decimal | None = None) -> tuple[str, int]:
    """Pay an invoice, or a part of it; the company and the payment's HeadNum."""
    header = books.invoice(invoice_id).header
    parts = [Part(header["VendorNum"], header["InvoiceNum"], part)]
    company = str(header["Company"])
    return company, pay(books.epicor, company, parts, Cheque(DAY), at=datetime.now(UTC))


async def test_payments_that_were_told_are_clean_and_every_break_of_the_chain_is_found(books: Books) -> None:
    shown, summed, voided, partly, unseen, alone, *_ = books.ids
    heads = {each: paid(books, each) for each in (shown, summed, voided)}
    paid(books, partly, part=Decimal("0.50"))

    def all_told() -> bool:
        return all(books.document(each).payment for each in (shown, summed, voided, partly))

    with (
        at_work("masterdata-sync", books.environment, books.folder / "masterdata.log"),
        at_work("basware-reader", books.environment, books.folder / "reader-again.log"),
    ):
        await until(all_told, what=f"every payment is told; see {books.folder}")
        await asyncio.sleep(1)  # their deliveries are followed
    clean = await books.compared()
    states = {line.state: line.epicor_count for line in clean.lines if line.state in ("settled", "partly settled")}

    assert (clean.breaks, clean.incomplete) == ((), ())
    assert sum(line.epicor_count for line in clean.lines if line.state == "settled") == 3
    assert states["partly settled"] == 1

    books.document(shown).body["processingStatus"] = "Transferred"
    books.document(summed).body["paymentResponses"][-1]["paidTotal"] = Decimal("0.01")
    company, head = heads[voided]
    void(books.epicor, company, head, on=DAY, at=datetime.now(UTC))
    paid(books, unseen)
    books.document(alone).body["processingStatus"] = "Paid"

    assert found(await books.compared()) == {
        (shown, "PAID_NOT_CONFIRMED"),
        (summed, "PAID_TOTAL_DIFFERS"),
        (voided, "PAYMENT_MOVED"),
        (unseen, "PAYMENT_NOT_SEEN"),
        (alone, "PAID_ONLY_IN_BASWARE"),
    }
