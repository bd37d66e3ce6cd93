"""A month of invoices as both far sides show it, made from numbers: nothing is kept, each page is made when asked for.

Every thousandth AP invoice is missing in Epicor, and every fiftieth document was refused.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mlc_sandbox.exact_json import dumps
from mlc_sandbox.samples import bulk_invoices

FIRST = date(2026, 10, 1)
CHANGED = datetime(2026, 10, 31, 12, 0, tzinfo=UTC)
CODE = "3d3c1a52-0d52-5f0a-9a2d-7f6f5e1b2c44"
VENDORS = 400
PAGE = 100


def invoice_id(number: int) -> str:
    return hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()


def gross(number: int) -> Decimal:
    return Decimal(100 + number % 100_000) / 100


def day(number: int) -> date:
    return FIRST + timedelta(days=number % 31)


def is_refused(number: int) -> bool:
    return number % 50 == 0


def is_missing(number: int) -> bool:
    return number % 1000 == 7


def document(number: int, like: dict[str, Any]) -> dict[str, Any]:
    """An accounting document in Basware, as large as a usual one."""
    refused = is_refused(number)
    answer = {"externalCode": CODE, "success": not refused, "responseMessage": "said", "paymentBlock": False}
    return like | {
        "invoiceId": invoice_id(number),
        "invoiceNumber": f"INV-{number}",
        "companyCode": "US01",
        "supplierCode": str(10_000 + number % VENDORS),
        "currencyCode": "USD",
        "grossSum": gross(number),
        "invoiceDate": f"{day(number)}T00:00:00Z",
        "processingStatus": "TransferFailed" if refused else "Transferred",
        "lastUpdated": CHANGED.isoformat(),
        "transferResponses": [answer],
        "transferParameters": [{"key": "InvoiceBatchId", "value": f"b{number}"}],
        **({} if refused else {"voucherNumber1": "B2610010"}),
    }


def header(number: int) -> dict[str, Any]:
    """The AP invoice in Epicor."""
    total, at = gross(number), f"{day(number)}T00:00:00"
    return {
        "VendorNum": 1 + number % VENDORS,
        "InvoiceNum": f"INV-{number}",
        "InvoiceDate": at,
        "ApplyDate": at,
        "CurrencyCode": "USD",
        "DocInvoiceAmt": total,
        "DocInvoiceVendorAmt": total,
        "DocInvoiceBal": total,
        "OpenPayable": True,
        "DebitMemo": False,
        "InvoiceHeld": False,
        "Posted": True,
        "ExternalID": invoice_id(number),
        "GroupID": "B2610010",
        "EntryPerson": "bwlink",
    }


def routes(count: int) -> list[Route]:
    """The few calls that a reconciliation makes."""
    like = bulk_invoices(1, seed=9)[0]
    in_status = {
        "Transferred": [n for n in range(count) if not is_refused(n)],
        "TransferFailed": [n for n in range(count) if is_refused(n)],
    }
    in_epicor = [n for n in range(count) if not is_refused(n) and not is_missing(n)]
    keys = sorted((1 + n % VENDORS, f"INV-{n}", n) for n in in_epicor)

    async def token(request: Request) -> Response:
        del request
        return _json({"access_token": "bench", "token_type": "Bearer", "expires_in": 3600})

    async def documents(request: Request) -> Response:
        numbers = in_status.get(request.query_params["ProcessingStatus"], [])
        start = int(request.headers.get("x-amz-meta-continuationtoken", 0))
        page = numbers[start : start + PAGE]
        if not page:
            return Response(status_code=404)
        more = {"x-amz-meta-continuationtoken": str(start + PAGE)} if start + PAGE < len(numbers) else {}
        return _json({"accountingDocuments": [document(n, like) for n in page]}, more)

    async def searches(request: Request) -> Response:
        return _json({"value": [header(n) for n in _found(request.query_params["$filter"], keys)]})

    return [
        Route("/v1/tokens", token, methods=["POST"]),
        Route("/v1/accountingDocuments", documents),
        Route("/erp/api/v2/odata/{company}/Erp.BO.APInvSearchSvc/APInvSearches", searches),
    ]


def _found(asked: str, keys: Sequence[tuple[int, str, int]]) -> Iterator[int]:
    """A page by key, or nothing when single invoices are asked for: those that are asked for are not there."""
    after = re.search(r"VendorNum gt (\d+) or .*InvoiceNum gt '([^']*)'", asked)
    if "ApplyDate" not in asked:
        return
    start = bisect_right(keys, (int(after[1]), after[2], sys.maxsize)) if after else 0
    for _, _, number in keys[start : start + PAGE]:
        yield number


def _json(value: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(dumps(value), media_type="application/json", headers=headers)


async def _serve(count: int, port: int) -> None:
    app = Starlette(routes=routes(count))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False))
    await server.serve()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("port", type=int)
    given = parser.parse_args()
    sys.stdout.write(json.dumps({"serving": given.count}) + "\n")
    asyncio.run(_serve(given.count, given.port))
