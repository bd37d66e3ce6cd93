"""The far sides of the benches: the least work, and books that tell what was done twice."""

from __future__ import annotations

import json
from typing import Any

from bench.static_far_sides import Answer, Basware, Calls, Epicor
from mlc_basware.documents import AccountingDocument
from mlc_sandbox.exact_json import loads

ID = b"00ff" + b"a" * 28
DOCUMENT = b"/v1/accountingDocuments/" + ID
SERVICE = b"/sandbox/api/v2/odata/NWM/Erp.BO."


def _document(basware: Basware) -> AccountingDocument:
    (found,) = loads(basware.answer(b"GET", DOCUMENT, b"").body)["accountingDocuments"]
    return AccountingDocument.model_validate(found)


def _answered(basware: Basware) -> Answer:
    return basware.answer(b"POST", DOCUMENT + b"/transferResponses", b'{"externalCode":"c1","success":true}')


def test_a_document_goes_through_its_transfer() -> None:
    basware = Basware()
    before = _document(basware)
    acknowledged = basware.answer(b"POST", DOCUMENT + b"/acknowledge", b"")
    between = _document(basware)
    answered = _answered(basware)
    after = _document(basware)

    assert (acknowledged.status, answered.status) == (200, 200)
    seen = [each.processingStatus for each in (before, between, after)]
    assert seen == ["WaitingForTransfer", "TransferInProgress", "Transferred"]
    assert before.invoiceId == ID.decode()
    assert [each.externalCode for each in after.transferResponses] == ["c1"]


def test_what_is_said_twice_is_refused_and_remembered() -> None:
    basware = Basware()
    again = [basware.answer(b"POST", DOCUMENT + b"/acknowledge", b"").status for _ in range(2)]
    twice = [_answered(basware).status for _ in range(2)]

    assert (again, twice) == ([200, 405], [200, 400])
    assert basware.control(b"state")["acknowledged_again"] == 1


def test_an_answer_has_arrived_in_p2p() -> None:
    basware = Basware()
    request = _answered(basware).request_id

    (found,) = json.loads(basware.answer(b"GET", b"/v1/requestStatus/" + request, b"").body)["requestStatus"]

    (item,) = found["systems"][0]["items"]
    assert item == {"externalCode": "c1", "parentExternalCode": ID.decode(), "status": "Success", "errors": []}


def test_lists_are_empty_and_other_ids_unknown() -> None:
    for target in (b"/v1/accountingDocuments?ProcessingStatus=WaitingForTransfer", b"/v1/accountingDocuments/warm-up"):
        assert Basware().answer(b"GET", target, b"").status == 404


def _saved(epicor: Epicor) -> Answer:
    header = {"VendorNum": 7, "InvoiceNum": "N1", "ExternalID": "x", "DocInvoiceVendorAmt": 12.5, "RowMod": "A"}
    body = json.dumps({"ds": {"APInvHed": [header]}, "cGroupID": "B1"}).encode()
    return epicor.answer(b"POST", SERVICE + b"APInvoiceSvc/UpdateMaster", body)


def test_an_invoice_is_absent_until_it_is_saved_and_then_read_back() -> None:
    epicor, look = Epicor(), SERVICE + b"APInvoiceSvc/GetByID?vendorNum=7&invoiceNum=N1"
    before = epicor.answer(b"GET", look, b"")
    saved = _saved(epicor)
    (held,) = json.loads(epicor.answer(b"GET", look, b"").body)["returnObj"]["APInvHed"]

    assert (before.status, saved.status) == (404, 200)
    assert (held["DocInvoiceAmt"], held["DocInvoiceVariance"], held["ExternalID"]) == (12.5, 0, "x")


def test_an_invoice_that_is_saved_twice_is_refused_and_shows() -> None:
    epicor = Epicor()

    assert [_saved(epicor).status for _ in range(2)] == [200, 400]
    assert epicor.control(b"invoices") == {"invoices": [{"ExternalID": "x", "saves": 2}]}


def test_a_group_is_there_once_it_was_made() -> None:
    epicor, look = Epicor(), SERVICE + b"APInvGrpSvc/GetByID?groupID=B2611250"
    before = epicor.answer(b"GET", look, b"").status
    row: dict[str, Any] = {"Company": "NWM", "GroupID": "B2611250", "RowMod": "A"}
    epicor.answer(b"POST", SERVICE + b"APInvGrpSvc/Update", json.dumps({"ds": {"APInvGrp": [row]}}).encode())

    assert (before, epicor.answer(b"GET", look, b"").status) == (404, 200)


def test_master_data_is_the_emulators() -> None:
    target = SERVICE + b"VendorSvc/Vendors?$select=VendorID,VendorNum&$top=3"

    rows = json.loads(Epicor().answer(b"GET", target, b"").body)["value"]

    assert [set(each) for each in rows] == [{"VendorID", "VendorNum"}] * 3


def test_calls_about_one_thing_at_once_are_counted() -> None:
    calls = Calls()
    one = calls.begun(b"a")
    other = calls.begun(b"b")
    met = calls.begun(b"a")
    nothing = [calls.begun(b"") for _ in range(2)]
    calls.ended(b"a", alone=met)
    still = calls.begun(b"a")
    calls.ended(b"a", alone=one)
    free = calls.begun(b"a")

    assert (one, other, met, nothing, still, free) == (True, True, False, [True, True], False, True)
    shown = calls.shown()
    assert (shown["met"], shown["total"], shown["in_flight"], shown["max_in_flight"]) == (2, 7, 5, 5)
