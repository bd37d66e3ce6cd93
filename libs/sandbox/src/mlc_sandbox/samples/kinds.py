"""Documents that are no ordinary expense invoice, each posted in its own way."""

from datetime import date, timedelta
from typing import Any

from mlc_sandbox.samples import american
from mlc_sandbox.samples.approved import TODAY
from mlc_sandbox.samples.compose import Case, compose
from mlc_sandbox.samples.orders import order_kinds

_CREDIT = {"invoiceTypeCode": "CR", "invoiceTypeName": "Credit note"}
_FOREIGN = {"netSumCompany": None, "taxSum1Company": None, "grossSumCompany": None, "exchangeRateCompany": None}


def unusual_invoices(today: date = TODAY) -> dict[str, dict[str, Any]]:
    """The bodies by what they are; they can be posted in any order, before or after the approved invoices."""
    return {name: _made(case, today) for name, case in _CASES.items()} | order_kinds(today)


def followers(today: date = TODAY) -> dict[str, dict[str, Any]]:
    """The bodies of documents that mean something only once the approved invoices are posted, by what they are.

    A credit note with the number of the invoice it credits, and an invoice that is another one in all but the way its
    number is written.
    """
    original = american.CASES[0]
    credit = Case(
        f"{original.number}/credit", original.supplier, "Bolts sent back", "5020-20-310 -124.00 US-IL Bolts sent back",
        extra={**_CREDIT, "referenceNumber": original.number},
    )  # fmt: skip
    twin = american.CASES[1]
    alike = Case(
        f"{twin.number} twin", twin.supplier, twin.about, twin.rows, gaps=twin.gaps,
        extra={"invoiceNumber": twin.number.replace(" ", "-").lower()},
    )  # fmt: skip
    return {
        "credit note with its invoice's number": _made(credit, today) | {"invoiceNumber": original.number},
        "looks like another invoice": compose(alike, invoice_date=_day_of(1, today), today=today),
    }


def _made(case: Case, today: date) -> dict[str, Any]:
    return compose(case, invoice_date=today - timedelta(days=9), today=today)


def _day_of(index: int, today: date) -> date:
    """The invoice date of the approved invoice at this place."""
    return today - timedelta(days=2 + index * 7)


_CASES = {
    "credit note": Case(
        "PS-CM-2201", "10433", "Sheet returned", "5010-20-310 -906.45 - Sheet returned, 700 kg", extra=_CREDIT
    ),
    "credit note with tax": Case(
        "GLF-CM-17", "10432", "Washers short", "5020-20-310 -48.15 US-IL Washers, short delivery", extra=_CREDIT
    ),
    "in euro": Case(
        "HH-2026-88", "10477", "Customs and port fees", "5110-20-310 1240.55 - Port fees, Hamburg",
        extra={"currencyCode": "EUR", **_FOREIGN},
    ),
    "in yen": Case(
        "TK-0091", "10502", "Gauge blocks", "6300-20-310 184200 - Gauge block set",
        extra={"currencyCode": "JPY", **_FOREIGN},
    ),
    "vendor on payment hold": Case("PH-5512", "10593", "Hydraulic hoses", "6300-20-310 412.80 US-IL Hoses, cut"),
    "row without amount": Case("BC-2026-114", "10549", "Paint", """
        6330-20-330 388.00 US-IL Primer, grey
        6330-20-330 0.00 US-IL Sample, free of charge
    """),
}  # fmt: skip
