"""What a document would become is planned offline, by any connection document, as lines that can be compared."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from epicor_writer.plan_program import Asked, answer
from epicor_writer.planning import Given, flat, plan
from mlc_basware.documents import AccountingDocument
from mlc_common.connection import ConnectionDocument
from mlc_common.http import dump_json
from mlc_sandbox.samples import bulk_invoices

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


def connection(**posting: Any) -> ConnectionDocument:
    segments = [{"field": "accountCode"}, {"field": "dimCode1"}, {"field": "costCenterCode"}]
    pairs = (("US01", "NWM", "USD"), ("FI01", "NWF", "EUR"))
    return ConnectionDocument.model_validate(
        {
            "name": "demo",
            "epicor": {"base_url": "https://erp.example/live"},
            "companies": [{"basware": b, "epicor": e, "currency": c, "segments": segments} for b, e, c in pairs],
            "posting": posting,
        }
    )


def document(**members: Any) -> dict[str, Any]:
    (body,) = bulk_invoices(1, seed=3)
    return body | members


def test_a_plan_is_the_dataset_line_by_line() -> None:
    body = document()
    given = Given(AccountingDocument.parse(dump_json(body)), NOW, vendor_num=101)

    lines = flat(plan(given, connection()))

    assert lines["APInvHed 1 InvoiceNum"] == body["invoiceNumber"]
    assert lines["APInvHed 1 VendorNum"] == "101"
    assert lines["APInvHed 1 ScrDocInvoiceVendorAmt"] == str(body["grossSum"])
    assert lines["APInvExpTGLC 1 GLAccount"].split("|")[0] == body["codingRows"][0]["accountCode"]
    assert len([name for name in lines if name.startswith("APInvDtl") and name.endswith("InvoiceLine")]) == len(
        body["codingRows"]
    )


def test_a_plan_that_is_refused_is_its_findings() -> None:
    given = Given(AccountingDocument.parse(dump_json(document(invoiceNumber=" "))), NOW)

    lines = flat(plan(given, connection()))

    assert list(lines) == ["refused NO_INVOICE_NUMBER invoiceNumber"]


async def test_one_document_is_planned_by_several_connection_documents() -> None:
    asked = Asked(id="i1", document=dump_json(document()).decode(), at=NOW, by={"then": "demo 1", "now": "demo 2"})
    known = {"demo 1": connection(), "demo 2": connection(description="{invoiceNumber} x")}

    found = await answer(asked, known, None)

    then, now = found["plans"]["then"], found["plans"]["now"]
    assert (found["id"], found["unreadable"], then["posts"], now["posts"]) == ("i1", None, True, True)
    changed = {name for name in now["lines"] if now["lines"][name] != then["lines"].get(name)}
    assert changed == {"APInvHed 1 Description"}


async def test_equal_plans_are_written_down_once() -> None:
    asked = Asked(id="i1", document=dump_json(document()).decode(), at=NOW, by={"then": "demo 1", "now": "demo 2"})

    found = await answer(asked, {"demo 1": connection(), "demo 2": connection()}, None)

    assert found["plans"]["then"]["lines"]
    assert found["plans"]["now"] == {"same": "then"}


async def test_a_document_that_cannot_be_read_is_said() -> None:
    asked = Asked(id="i1", document='{"invoiceId": 1}', at=NOW, by={"now": "demo"})

    found = await answer(asked, {"demo": connection()}, None)

    assert found["plans"] == {}
    assert "cannot be read" in found["unreadable"] or found["unreadable"]
