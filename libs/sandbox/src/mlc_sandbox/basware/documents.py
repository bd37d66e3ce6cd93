"""Accounting documents: list, single, status search and acknowledge."""

import asyncio
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from mlc_sandbox.basware.access import Clock
from mlc_sandbox.basware.attachments import available
from mlc_sandbox.basware.paging import ListQuery, take_page
from mlc_sandbox.basware.storage import deliver
from mlc_sandbox.basware.wire import RefusedError, answer, error, refuse
from mlc_sandbox.basware.world import BaswareWorld, Document
from mlc_sandbox.exact_json import dumps

TOKEN_HEADER = "x-amz-meta-continuationtoken"

ACKNOWLEDGED_AS = {
    "WaitingForTransfer": "TransferInProgress",
    "WaitingForPrebook": "PrebookInProgress",
    "WaitingForEnrichmentTransfer": "EnrichmentTransferInProgress",
}
_COARSE = {"Transferred": "ReadyForPayment", "Paid": "Paid", "Removed": "Rejected"}


async def list_documents(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /v1/accountingDocuments`: one page, or 404 with an empty body when there is nothing."""
    try:
        query = ListQuery.of(request.query_params)
        token = request.headers.get(TOKEN_HEADER, "")
        page = take_page(world, query, raw_query=request.url.query, token=token)
    except ValueError as wrong:
        raise refuse(request, 400, error("PARAMETER_VALIDATION_ERROR", str(wrong))) from wrong
    if not page.documents:
        raise RefusedError(404)
    headers = {TOKEN_HEADER: page.token} if page.token else {}
    return deliver(request, dumps({"accountingDocuments": page.documents}), world=world, at=now(), headers=headers)


async def read_document(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /v1/accountingDocuments/{invoiceId}`: the same wrapper with an array of one."""
    document = find(request, world)
    at = now()
    body = document.body | {"attachments": [dict(file.meta) for file in available(document, world, at=at)]}
    return deliver(request, dumps({"accountingDocuments": [body]}), world=world, at=at, headers={})


async def acknowledge(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`POST …/acknowledge`: 200 with a string; 405 when there is nothing (any more) to acknowledge."""
    document = find(request, world)
    if document.acknowledging or document.status not in ACKNOWLEDGED_AS:
        document.refused_acknowledgements += 1
        message = f"Invoice {document.invoice_id} is already acknowledged."
        raise refuse(request, 405, error("METHOD_NOT_ALLOWED", message, kind="BUSINESS"))
    document.acknowledging = True
    try:
        await asyncio.sleep(world.settings.acknowledge_seconds)
        _acknowledged(document, at=now())
    finally:
        document.acknowledging = False
    return answer(f"Invoice {document.invoice_id} acknowledged.")


async def search_status(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /v1/accountingDocuments/status`: a bare array; company, number and date are required."""
    del now
    query = request.query_params
    names = ("companyCode", "invoiceNumber", "invoiceDate")
    missing = [error("PARAMETER_VALIDATION_ERROR", f"{name} is required.") for name in names if not query.get(name)]
    if missing:
        raise refuse(request, 400, *missing)
    found = [
        {
            "invoiceId": document.invoice_id,
            "status": _COARSE.get(document.status, "InApprovalProcess"),
            "processingStatus": document.status,
            "lastUpdated": document.body["lastUpdated"],
        }
        for document in world.documents.values()
        if document.body["companyCode"] == query["companyCode"]
        and document.body.get("invoiceNumber") == query["invoiceNumber"]
        and str(document.body.get("invoiceDate"))[:10] == query["invoiceDate"][:10]
    ]
    if not found:
        raise RefusedError(404)
    return answer(found)


def find(request: Request, world: BaswareWorld) -> Document:
    """The document named in the path. Raises RefusedError (404)."""
    invoice_id = request.path_params["invoice_id"]
    document = world.documents.get(invoice_id)
    if document is None:
        raise refuse(request, 404, error("ENTITY_NOT_FOUND", f"Invoice {invoice_id} is not known.", kind="BUSINESS"))
    return document


def _acknowledged(document: Document, *, at: datetime) -> None:
    document.acknowledgements += 1
    document.move(ACKNOWLEDGED_AS[document.status], at=at)
