"""Two thousand documents of every kind, with both far sides failing: each is posted once or refused, and answered."""

from __future__ import annotations

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from mlc_common.events import AnswerDelivered, AnswerUnconfirmed, InvoiceRefused
from mlc_sandbox.samples import bulk_invoices
from mlc_sandbox.samples.orders import order_invoices

from .conftest import eventually
from .test_first_light import UPDATE_MASTER, assert_books_agree

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUMS = ("netSum", "grossSum", "taxSum1", "netSumCompany", "grossSumCompany", "taxSum1Company")
ROW_SUMS = ("netTotal", "grossTotal", "taxSum")
TAXES = ("taxCode", "taxPercent", "taxSum", "grossTotal")
REFUSED = {"unknown account", "sums off", "unknown vendor", "no rows", "type and sums disagree"}


def mixed(count: int) -> dict[str, tuple[str, dict[str, Any]]]:
    """Documents of every kind, by id: what each is, and its body."""
    kinds = (
        "ordinary",
        "credit note",
        "ordinary",
        "in krona",
        "in yen",
        "payment block",
        "zero row",
        "ordinary",
        "bad",
    )
    bad = sorted(REFUSED)
    made = {}
    for number, body in enumerate(bulk_invoices(count, seed=21)):
        kind = kinds[number % len(kinds)]
        if kind == "bad":
            kind = bad[number // len(kinds) % len(bad)]
        made[body["invoiceId"]] = (kind, changed(kind, body))
    return made


def changed(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """The document as one of its kind."""
    rows = body["codingRows"]
    match kind:
        case "credit note":
            turned = [row | {name: -row[name] for name in ROW_SUMS if name in row} for row in rows]
            sums = {name: -body[name] for name in SUMS}
            return body | sums | {"codingRows": turned, "invoiceTypeCode": "CR", "invoiceTypeName": "Credit note"}
        case "in krona":
            return foreign(body, "SEK", places=2)
        case "in yen":
            return foreign(body, "JPY", places=0)
        case "payment block":
            return body | {"paymentBlock": True}
        case "zero row":
            zero = {name: value for name, value in rows[0].items() if name not in TAXES}
            index = max(row["rowIndex"] for row in rows) + 4
            return body | {"codingRows": [*rows, zero | {"rowIndex": index, "netTotal": Decimal("0.00")}]}
    return spoiled(kind, body)


def spoiled(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """The document with the fault that its kind names, or as it is."""
    rows = body["codingRows"]
    match kind:
        case "unknown account":
            return body | {"codingRows": [rows[0] | {"accountCode": "0000"}, *rows[1:]]}
        case "sums off":
            return body | {"grossSum": body["grossSum"] + Decimal("0.01")}
        case "unknown vendor":
            return body | {"supplierCode": "99999"}
        case "no rows":
            return body | {"codingRows": []}
        case "type and sums disagree":
            return body | {"invoiceTypeName": "Credit note"}
    return body


def foreign(body: dict[str, Any], currency: str, *, places: int) -> dict[str, Any]:
    """Without tax, in another currency."""
    rows = [
        {name: value for name, value in row.items() if name not in TAXES}
        | {"netTotal": row["netTotal"].quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)}
        for row in body["codingRows"]
    ]
    net = sum((row["netTotal"] for row in rows), Decimal(0))
    kept = {name: value for name, value in body.items() if not name.endswith("Company") and name not in TAXES}
    return kept | {
        "currencyCode": currency,
        "codingRows": rows,
        "netSum": net,
        "grossSum": net,
        "taxSum1": Decimal(0),
        "taxPercent1": None,
    }


@pytest.mark.timeout(600)
async def test_two_thousand_documents_of_every_kind_with_faults_on_both_sides(system: Any) -> None:
    documents = mixed(1880) | {body["invoiceId"]: ("of an order", body) for body in order_invoices(120, seed=21)}
    await system.faults(
        "epicor",
        {**UPDATE_MASTER, "kind": "drop_after", "every": 23, "times": -1},
        {**UPDATE_MASTER, "kind": "drop_before", "every": 31, "times": -1},
        {"kind": "status", "path": "Vendors", "status": 503, "every": 41, "times": -1},
    )
    await system.faults(
        "basware",
        {"kind": "drop_after", "path": "transferResponses", "every": 29, "times": -1},
        {"kind": "status", "path": "acknowledge", "status": 503, "every": 37, "times": -1},
    )
    ids = await system.offer([body for _, body in documents.values()])

    statuses = await system.push(ids, concurrency=32)
    basware = await system.answered(ids, seconds=480)

    assert statuses == [200] * len(ids)
    refused = [each for each in ids if documents[each][0] in REFUSED]
    posted = [each for each in ids if documents[each][0] not in REFUSED]
    ledger = await system.ledger(ids)
    assert_books_agree(posted, ledger, basware)
    for invoice in refused:
        assert basware[invoice]["processingStatus"] == "TransferFailed"
        (answer,) = basware[invoice]["transferResponses"]
        assert answer["responseMessage"]
    assert_sums_agree(posted, ledger, basware)
    held = {invoice["ExternalID"] for invoice in ledger if invoice["APInvHed"][0]["InvoiceHeld"]}
    assert held == {each for each in posted if documents[each][0] == "payment block"}
    for invoice in refused[:40]:
        (outcome,) = [r.event for r in await system.timeline(invoice) if isinstance(r.event, InvoiceRefused)]
        assert all(each.remedy for each in outcome.findings)
    await every_answer_is_followed(system, ids[:40])


def assert_sums_agree(posted: list[str], ledger: list[dict[str, Any]], basware: dict[str, dict[str, Any]]) -> None:
    """The books of both far sides, to the cent, by company and currency."""
    epicor: Counter[tuple[str, str]] = Counter()
    for invoice in ledger:
        key = (invoice["Company"], invoice["APInvHed"][0]["CurrencyCode"])
        epicor[key] += Decimal(str(invoice["DocInvoiceAmt"])).quantize(Decimal("0.01"))  # type: ignore[assignment]
    meant: Counter[tuple[str, str]] = Counter()
    for each in posted:
        document = basware[each]
        company = {"US01": "NWM", "FI01": "NWF"}[document["companyCode"]]
        meant[company, document["currencyCode"]] += Decimal(str(document["grossSum"])).quantize(Decimal("0.01"))  # type: ignore[assignment]
    assert epicor == meant


async def every_answer_is_followed(system: Any, ids: list[str]) -> None:
    """Until it stands in P2P, or is said not to be known when the answer to our answer was lost."""

    async def followed() -> bool:
        timelines = [await system.timeline(each) for each in ids]
        return all(any(isinstance(r.event, AnswerDelivered | AnswerUnconfirmed) for r in each) for each in timelines)

    await eventually(followed, seconds=60, what="every answer is followed")
