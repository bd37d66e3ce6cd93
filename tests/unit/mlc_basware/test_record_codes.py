"""Which master records a document names: those of imported segments, by Epicor's codes, and its orders."""

from __future__ import annotations

from typing import Any

from mlc_basware.documents import AccountingDocument
from mlc_basware.record_codes import codes_of, used_by
from mlc_common.connection import ConnectionDocument
from mlc_common.http import dump_json
from mlc_sandbox.samples import approved_invoices

SEGMENTS = [{"field": "accountCode"}, {"constant": "10"}, {"field": "costCenterCode"}]


def connection(**kinds: Any) -> ConnectionDocument:
    pair = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": SEGMENTS, "terms": {"NET-30": "N30"}}
    pair |= {"tax_codes": {"A": "EXEMPT"}}
    return ConnectionDocument.model_validate(
        {"name": "demo", "epicor": {"base_url": "https://erp.example/live"}, "companies": [pair], "kinds": kinds}
    )


def test_the_codes_of_a_document_are_those_whose_segments_are_imported() -> None:
    document = connection(accounts={}, dimensions={"cost_center": {"segment": 3, "to": "costCenters"}})
    body = approved_invoices()[0]
    invoice = AccountingDocument.parse(dump_json(body).decode())

    codes = codes_of(invoice, document.companies[0], document.kinds)

    row = body["codingRows"][0]
    assert codes[0] == ("vendor", body["supplierCode"])
    assert {("account", row["accountCode"]), ("cost_center", row["costCenterCode"])} <= set(codes)
    assert len(codes) == len(set(codes))


def test_terms_and_taxes_go_by_epicors_codes_and_orders_are_used_but_not_waited_for() -> None:
    document = connection(accounts={"of": "gl accounts"})
    body = approved_invoices()[0]
    row = body["codingRows"][0] | {"taxCode": "A", "accountCode": "6100", "orderNumber": "4501"}
    body |= {"paymentTermCode": "NET-30", "codingRows": [row]}
    invoice = AccountingDocument.parse(dump_json(body).decode())
    pair = document.companies[0]

    codes = codes_of(invoice, pair, document.kinds)

    assert set(codes) == {("vendor", body["supplierCode"]), ("payment_term", "N30"), ("tax_code", "EXEMPT")}
    assert set(used_by(invoice, pair, document.kinds)) - set(codes) == {("order", "4501")}
