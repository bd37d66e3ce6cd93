"""About sixty approved invoices, always the same ones for the same day."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from mlc_sandbox.chart import active_accounts
from mlc_sandbox.samples import american, finnish
from mlc_sandbox.samples.compose import Case, Row, compose, document

TODAY = date(2026, 11, 22)
"""The day on which the sample world stands."""

_WINDOW = 55
_LARGE_ROWS = 900


def approved_invoices(today: date = TODAY) -> list[dict[str, Any]]:
    """The bodies of about 60 ordinary expense invoices at WaitingForTransfer; amounts are Decimal.

    Invoice and voucher dates lie in the two months before `today`. One document, the last, is over 600 KiB.
    """
    cases = (*american.CASES, *finnish.CASES)
    days = [today - timedelta(days=2 + index * 7 % _WINDOW) for index in range(len(cases))]
    dated = [compose(case, invoice_date=day, today=today) for case, day in zip(cases, days, strict=True)]
    return [*dated, large_invoice(today)]


def large_invoice(today: date = TODAY) -> dict[str, Any]:
    """A consolidated freight statement with 900 coding rows, too large for a message of 512 KiB."""
    case = Case("WFL-STMT-2026-10", "10531", "Consolidated freight statement, October", "", gaps=True)
    accounts = [account.display for account in active_accounts() if account.natural in ("5110", "6420", "6110")]
    rows = [
        Row(accounts[index % len(accounts)], Decimal(1731 + index * 37 % 9001) / 100, None, _shipment(index))
        for index in range(_LARGE_ROWS)
    ]
    body = document(case, rows, invoice_date=today - timedelta(days=20), today=today)
    for index, row in enumerate(body["codingRows"]):
        row["text2"] = f"Consignee {index % 41:02d}, dock {index % 7}: " + "signed for without remark; " * 7
        row["lastComment"] = f"Approved by the plant for shipment {index:04d}. " * 3
    return body


def _shipment(index: int) -> str:
    return (
        f"Shipment {90_000 + index}, {8 + index % 23} pallets, " + "less than truckload, liftgate, notify before; " * 4
    )
