"""The control plane: look into the world, and stage a rehearsal. For loopback only; it knows no credentials."""

import json
from collections import Counter
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mlc_sandbox.basware.access import Clock, Endpoint, Handler
from mlc_sandbox.basware.fields import entities, violations
from mlc_sandbox.basware.pushes import PushOrder, announce, carry_out
from mlc_sandbox.basware.settings import Settings
from mlc_sandbox.basware.wire import RefusedError, answer
from mlc_sandbox.basware.world import BaswareWorld, Document
from mlc_sandbox.exact_json import loads

Model = TypeVar("Model", bound=BaseModel)


def routes(world: BaswareWorld, *, now: Clock) -> list[Route]:
    """The routes under `/_sandbox`; they need no credential."""

    def route(method: str, path: str, handler: Handler) -> Route:
        return Route(f"/_sandbox/{path}", bound(handler, world=world, now=now), methods=[method])

    return [
        route("GET", "state", state),
        route("GET", "calls", calls),
        route("POST", "documents", add_documents),
        route("POST", "retransfer/{invoice_id}", retransfer),
        route("POST", "status/{invoice_id}", force_status),
        route("POST", "push", push_notifications),
        route("POST", "settings", change_settings),
        route("DELETE", "tokens", revoke_tokens),
        route("GET", "faults", list_faults),
        route("POST", "faults", add_faults),
        route("DELETE", "faults", clear_faults),
        route("POST", "reset", reset),
    ]


async def state(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /_sandbox/state`: every document with its responses, subscriptions without secrets, counts."""
    del request, now
    return answer(
        {
            "summary": summary(world),
            "documents": [_shown(document) for document in world.documents.values()],
            "vendors": list(world.vendors.values()),
            "records": {path: list(records.values()) for path, records in world.records.items() if records},
            "p2p": {path: sorted(records) for path, records in world.p2p.items()},
            "subscriptions": [_without_secret(subscription) for subscription in world.subscriptions],
            "tasks": list(world.tasks.values()),
        }
    )


def summary(world: BaswareWorld) -> dict[str, Any]:
    """The world in numbers, to be compared with somebody else's books."""
    documents = world.documents.values()
    answers = [given for document in documents for given in document.answers]
    transfers = [given for given in answers if given["kind"] == "transferResponses"]
    open_statuses = ("WaitingForTransfer", "TransferInProgress")
    return {
        "documents": len(world.documents),
        "by_status": dict(Counter(document.status for document in documents)),
        "acknowledgements": sum(document.acknowledgements for document in documents),
        "refused_acknowledgements": sum(document.refused_acknowledgements for document in documents),
        "transferred": sum(1 for given in transfers if given["success"]),
        "transfer_failed": sum(1 for given in transfers if not given["success"]),
        "unanswered": sum(1 for document in documents if document.status in open_statuses),
        "refused_answers": dict(world.refused_answers),
        "calls": world.calls.total,
        "max_in_flight": world.calls.max_in_flight,
    }


async def calls(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /_sandbox/calls`: the last 20,000 calls of the API; status 0 = no answer was sent."""
    del request, now
    return answer(world.calls.counters() | {"calls": list(world.calls.log)})


async def add_documents(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`POST /_sandbox/documents` `{"accountingDocuments": […]}`: put them at WaitingForTransfer."""
    documents = (await object_in(request)).get("accountingDocuments")
    if not isinstance(documents, list):
        raise RefusedError(400, {"message": "accountingDocuments must be an array"})
    placed = [{"processingStatus": "WaitingForTransfer"} | d if isinstance(d, dict) else d for d in documents]
    wrong = [text for document in placed for text in violations("AccountingDocumentEntity", document, strict=False)]
    if wrong:
        raise RefusedError(400, {"message": " ".join(wrong[:20])})
    try:
        added = world.add(placed, at=now())
    except ValueError as known:
        raise RefusedError(409, {"message": str(known)}) from known
    return announced({"added": [document.invoice_id for document in added]}, added, world=world, now=now)


async def retransfer(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`POST /_sandbox/retransfer/{invoiceId}`: a user corrects (`{"changes": {…}}`, optional) and transfers again."""
    body = await object_in(request)
    document = _found(request, world)
    try:
        world.retransfer(document.invoice_id, at=now(), changes=body.get("changes"))
    except ValueError as wrong:
        raise RefusedError(409, {"message": str(wrong)}) from wrong
    return announced(_shown(document), [document], world=world, now=now)


async def force_status(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`POST /_sandbox/status/{invoiceId}` `{"processingStatus": …}`."""
    status = str((await object_in(request)).get("processingStatus"))
    document = _found(request, world)
    if status not in entities()["AccountingDocumentEntity"]["processingStatus"]["enum"]:
        raise RefusedError(400, {"message": "processingStatus is not one of the public values"})
    document.move(status, at=now())
    return answer(_shown(document))


async def push_notifications(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`POST /_sandbox/push`: send signed notifications as a `PushOrder` says; the HTTP status of every push."""
    order = parsed(PushOrder, await object_in(request))
    try:
        return answer(await carry_out(order, world=world, now=now))
    except KeyError as unknown:
        raise RefusedError(404, {"message": f"invoice {unknown} is not known"}) from unknown
    except ValueError as wrong:
        raise RefusedError(400, {"message": str(wrong)}) from wrong


async def change_settings(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`POST /_sandbox/settings`: change some settings, by their names; the answer masks the secrets."""
    del now
    changes = await object_in(request)
    current = {name: getattr(world.settings, name) for name in Settings.model_fields}
    world.settings = parsed(Settings, current | changes)
    return Response(world.settings.model_dump_json(), media_type="application/json")


async def revoke_tokens(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`DELETE /_sandbox/tokens`: every access token is dead from now on; new ones are issued as before."""
    del request, now
    revoked = len(world.tokens)
    world.tokens.clear()
    return answer({"revoked": revoked})


async def list_faults(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /_sandbox/faults`: each fault with how often it was seen and fired."""
    del request, now
    return answer({"faults": world.faults.state()})


async def add_faults(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`POST /_sandbox/faults`: a list of faults, appended; all or none."""
    del now
    try:
        faults = json.loads(await request.body())
        world.faults.add_json(faults if isinstance(faults, list) else [faults])
    except ValueError as wrong:
        raise RefusedError(400, {"message": str(wrong)}) from wrong
    return answer({"faults": world.faults.state()})


async def clear_faults(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`DELETE /_sandbox/faults`: from now on nothing goes wrong."""
    del request, now
    world.faults.clear()
    return answer({"faults": []})


async def reset(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`POST /_sandbox/reset`: an empty world with its first settings and no faults."""
    del request, now
    world.reset()
    return answer({"status": "reset"})


def bound(handler: Handler, *, world: BaswareWorld, now: Clock) -> Endpoint:
    """The handler with what it needs, and no credential asked for."""

    async def endpoint(request: Request) -> Response:
        return await handler(request, world=world, now=now)

    return endpoint


def announced(body: dict[str, Any], documents: list[Document], *, world: BaswareWorld, now: Clock) -> Response:
    """Answer first, then push: whoever asked must not wait for the receiver."""
    response = answer(body)
    response.background = BackgroundTask(announce, documents, world=world, now=now)
    return response


def _shown(document: Document) -> dict[str, Any]:
    body = document.body
    names = ("invoiceId", "invoiceNumber", "companyCode", "supplierCode", "currencyCode", "grossSum")
    results = ("voucherNumber1", "voucherNumber2", "paymentBlock", "transferResponses", "paymentResponses")
    return {
        **{name: body.get(name) for name in (*names, "processingStatus", "lastUpdated", *results)},
        "invoiceBatchId": document.batch,
        "acknowledgements": document.acknowledgements,
        "refusedAcknowledgements": document.refused_acknowledgements,
        "answers": document.answers,
        "payment": document.payment,
        "history": document.history,
    }


def _without_secret(subscription: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in subscription.items() if name != "webhookAuthenticationToken"}


def _found(request: Request, world: BaswareWorld) -> Document:
    document = world.documents.get(request.path_params["invoice_id"])
    if document is None:
        raise RefusedError(404, {"message": "the invoice is not known"})
    return document


async def object_in(request: Request) -> dict[str, Any]:
    """The JSON object in the body, {} without one. Raises RefusedError (400)."""
    text = await request.body()
    try:
        body = loads(text) if text else {}
    except ValueError as broken:
        raise RefusedError(400, {"message": "the body is not valid JSON"}) from broken
    if not isinstance(body, dict):
        raise RefusedError(400, {"message": "the body must be an object"})
    return body


def parsed(model: type[Model], body: dict[str, Any]) -> Model:
    """The body as a model; the refusal repeats no value. Raises RefusedError (400)."""
    try:
        return model.model_validate(body)
    except ValidationError as wrong:
        found = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong.errors(include_input=False)]
        raise RefusedError(400, {"message": "; ".join(found)}) from None
