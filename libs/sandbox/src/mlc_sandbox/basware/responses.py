"""What the ERP answers: transfer, payment, prebook and enrichment responses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from mlc_sandbox.basware.access import Clock, Handler
from mlc_sandbox.basware.documents import find
from mlc_sandbox.basware.fields import violations
from mlc_sandbox.basware.pushes import announce_request
from mlc_sandbox.basware.requests import record_request
from mlc_sandbox.basware.wire import RefusedError, answer, error, instant, json_body, refuse, request_id
from mlc_sandbox.basware.world import BaswareWorld, Document

KEPT = 100
"""Only the latest hundred responses are kept on a document."""

_PAYMENT_ON_THE_DOCUMENT = ("paymentTermCode", "paymentMethod", "paymentMessage")


@dataclass(frozen=True)
class Kind:
    """One kind of response: from which statuses it is taken, and to which it leads."""

    member: str
    entity: str
    request_type: str
    taken_from: frozenset[str]
    succeeded: str
    failed: str | None
    refused_with: int


TRANSFER = Kind(
    "transferResponses", "TransferResponseEntity", "TransferResponse",
    frozenset({"WaitingForTransfer", "TransferInProgress"}), "Transferred", "TransferFailed", 400,
)  # fmt: skip
PAYMENT = Kind(
    "paymentResponses", "PaymentResponseEntity", "PaymentResponse",
    frozenset({"Transferred", "Paid"}), "Paid", None, 409,
)  # fmt: skip
PREBOOK = Kind(
    "prebookResponses", "PrebookResponseEntity", "PrebookResponse",
    frozenset({"WaitingForPrebook", "PrebookInProgress"}), "Prebooked", "PrebookFailed", 409,
)  # fmt: skip
ENRICHMENT = Kind(
    "enrichmentResponses", "EnrichmentResponseEntity", "EnrichmentTransferResponse",
    frozenset({"WaitingForEnrichmentTransfer", "EnrichmentTransferInProgress"}),
    "EnrichmentTransferred", "EnrichmentTransferFailed", 400,
)  # fmt: skip
KINDS = (TRANSFER, PAYMENT, PREBOOK, ENRICHMENT)


def take(kind: Kind) -> Handler:
    """The handler of `POST /v1/accountingDocuments/{invoiceId}/<kind>`: 200 with the response echoed."""

    async def handler(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
        document = find(request, world)
        try:
            body = await _checked(request, document, kind, world=world)
        except RefusedError:
            world.refused_answers[kind.member] += 1
            raise
        at, delivery = now(), world.settings.delivery
        arrives, in_full = delivery.status != "Error" or not delivery.awaited_still, world.settings.paid_in_full
        _store(document, kind, body, at=at, arrives=arrives, paid_in_full=in_full)
        items = [(body["externalCode"], document.invoice_id, "Success")]
        record_request(world, request_id(request), kind.request_type, items=items, at=at, delivery=delivery)
        response = answer(body)
        response.background = BackgroundTask(announce_request, request_id(request), world=world, now=now)
        return response

    return handler


async def _checked(request: Request, document: Document, kind: Kind, *, world: BaswareWorld) -> dict[str, Any]:
    body = await json_body(request)
    wrong = violations(kind.entity, body)
    if wrong:
        code = body.get("externalCode") if isinstance(body, dict) else None
        named = [error("SCHEMA_VALIDATION_ERROR", text, external_code=code) for text in wrong]
        raise refuse(request, 400, *named)
    if document.acknowledging:
        status = world.settings.response_during_acknowledge
        raise refuse(request, status, _conflict(body, "The invoice is being acknowledged."))
    if document.status not in _taken_from(kind, world):
        raise refuse(request, kind.refused_with, _conflict(body, f"Not allowed for an invoice in {document.status}."))
    if any(given["externalCode"] == body["externalCode"] for given in document.answers):
        raise refuse(request, 400, _conflict(body, "externalCode was used for this invoice before."))
    return dict(body)


def _taken_from(kind: Kind, world: BaswareWorld) -> frozenset[str]:
    late = kind is TRANSFER and world.settings.answer_after_failure
    return kind.taken_from | {"TransferFailed"} if late else kind.taken_from


def _conflict(body: Mapping[str, Any], message: str) -> dict[str, Any]:
    return error("CONFLICT_IN_POST", message, kind="BUSINESS", external_code=body["externalCode"])


def _store(
    document: Document, kind: Kind, body: dict[str, Any], *, at: datetime, arrives: bool, paid_in_full: bool
) -> None:
    said = {"kind": kind.member, "batch": document.batch, "at": instant(at)}
    document.answers.append(body | said)
    kept = body if body["success"] else _only_the_message(body)
    document.body[kind.member] = [*(document.body.get(kind.member) or []), kept][-KEPT:]
    if not arrives:
        return
    if body["success"]:
        _apply(document, kind, body, at=at)
    status = kind.succeeded if body["success"] else kind.failed
    if kind is PAYMENT and paid_in_full and not _in_full(document, body):
        status = "Transferred" if body["success"] else None
    document.move(status or document.status, at=at)


def _in_full(document: Document, body: Mapping[str, Any]) -> bool:
    paid = Decimal(body.get("paidTotal") or 0) + Decimal(body.get("cashDiscount") or 0)
    return abs(paid) >= abs(Decimal(document.body.get("grossSum") or 0))


def _only_the_message(body: Mapping[str, Any]) -> dict[str, Any]:
    """A failure keeps no voucher numbers and no payment data."""
    names = ("externalCode", "success", "responseMessage", "sourceSystem", "paymentBlock")
    return {name: body[name] for name in names if name in body}


def _apply(document: Document, kind: Kind, body: Mapping[str, Any], *, at: datetime) -> None:
    if "paymentBlock" in body:
        document.body["paymentBlock"] = body["paymentBlock"]
    if kind is PAYMENT:
        _apply_payment(document, body, at=at)
    for name in ("voucherNumber1", "voucherNumber2"):
        if body.get(name) is not None:
            document.body[name] = body[name]


def _apply_payment(document: Document, body: Mapping[str, Any], *, at: datetime) -> None:
    """What a payment response leaves out is cleared; a missing date becomes today."""
    for name in _PAYMENT_ON_THE_DOCUMENT:
        document.body[name] = body.get(name)
    said = {name: value for name, value in body.items() if name not in ("externalCode", "responseMessage")}
    document.payment = {"paymentDate": at.date().isoformat()} | {k: v for k, v in said.items() if v is not None}
