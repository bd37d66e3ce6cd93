"""The Basware P2P emulator as an ASGI application."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mlc_sandbox.basware import (
    attachments,
    control,
    documents,
    feedbacks,
    masterdata,
    requests,
    responses,
    staging,
    storage,
    subscriptions,
)
from mlc_sandbox.basware.access import Clock, Handler, guarded, issue_token
from mlc_sandbox.basware.request_ids import RequestIds
from mlc_sandbox.basware.wire import RefusedError, answer
from mlc_sandbox.basware.world import BaswareWorld
from mlc_sandbox.calls import CallLog
from mlc_sandbox.dating import Dated
from mlc_sandbox.faults import FaultInjector

_DOCUMENT = "/v1/accountingDocuments/{invoice_id}"


def create_app(world: BaswareWorld | None = None, *, now: Clock) -> Starlette:
    """A Basware P2P to run against: strict where the vendor documents a refusal, open to inspection at `/_sandbox`.

    Without a world it starts empty. `now` is the clock: token lives, pre-signed addresses, `lastUpdated`.
    """
    world = world or BaswareWorld()
    return Starlette(
        routes=[*_p2p(world, now), *_push_api(world, now), *_control(world, now)],
        middleware=[
            Middleware(Dated, now=now),
            Middleware(CallLog, world=world, now=now),
            # What a scripted fault answers is said by something in front of the API, which gives no request ids.
            Middleware(FaultInjector, script=world.faults),
            Middleware(RequestIds),
        ],
        exception_handlers={RefusedError: _refused, HTTPException: _framework_refused},
    )


def _p2p(world: BaswareWorld, now: Clock) -> list[Route]:
    def route(method: str, path: str, scope: str, handler: Handler) -> Route:
        return Route(path, guarded(handler, world=world, now=now, scope=scope), methods=[method])

    read, write = "accountingDocuments.read", "accountingDocuments.write"
    return [
        Route("/v1/tokens", control.bound(issue_token, world=world, now=now), methods=["POST"]),
        Route("/_storage/{name}", control.bound(storage.read_stored, world=world, now=now), methods=["GET"]),
        route("GET", "/v1/accountingDocuments", read, documents.list_documents),
        route("GET", "/v1/accountingDocuments/status", read, documents.search_status),
        route("GET", _DOCUMENT, read, documents.read_document),
        route("GET", f"{_DOCUMENT}/attachments/{{code}}", read, attachments.read_attachment),
        route("POST", f"{_DOCUMENT}/acknowledge", write, documents.acknowledge),
        *(route("POST", f"{_DOCUMENT}/{kind.member}", write, responses.take(kind)) for kind in responses.KINDS),
        route("GET", "/v1/requestStatus", "requestStatus.read", requests.list_requests),
        route("POST", "/v1/requestStatus/acknowledge", "requestStatus.write", requests.acknowledge_requests),
        route("GET", "/v1/requestStatus/{request_id}", "requestStatus.read", requests.read_request),
        *(route(*call) for kind in masterdata.KINDS for call in masterdata.routes_of(kind)),
        route("GET", "/v1/errorFeedbacks", "errorFeedbacks.read", feedbacks.list_feedbacks),
        route("GET", "/v1/errorFeedbacks/{request_id}", "errorFeedbacks.read", feedbacks.of_request),
        route("GET", "/v1/errorFeedbacks/{entity_type}/{code}", "errorFeedbacks.read", feedbacks.of_record),
    ]


def _push_api(world: BaswareWorld, now: Clock) -> list[Route]:
    def route(method: str, path: str, scope: str, handler: Handler) -> Route:
        return Route(path, guarded(handler, world=world, now=now, scope=scope, push_api=True), methods=[method])

    return [
        route("GET", "/v1/subscriptions", "subscriptions.read", subscriptions.list_subscriptions),
        route("POST", "/v1/subscriptions", "subscriptions.write", subscriptions.subscribe),
        route("DELETE", "/v1/subscriptions", "subscriptions.delete", subscriptions.unsubscribe),
        route("GET", "/v1/tasks", "tasks.read", subscriptions.list_tasks),
        route("GET", "/v1/tasks/{task_id}", "tasks.read", subscriptions.read_task),
    ]


def _control(world: BaswareWorld, now: Clock) -> list[Route]:
    samples = control.bound(staging.add_samples, world=world, now=now)
    attaching = control.bound(attachments.add_attachments, world=world, now=now)
    return [
        *control.routes(world, now=now),
        Route("/_sandbox/samples", samples, methods=["POST"]),
        Route("/_sandbox/attachments/{invoice_id}", attaching, methods=["POST"]),
    ]


async def _refused(request: Request, refusal: Exception) -> Response:
    del request
    if not isinstance(refusal, RefusedError):
        raise refusal
    match refusal.body:
        case None:
            return Response(status_code=refusal.status, headers=refusal.headers)
        case bytes():
            return Response(refusal.body, refusal.status, refusal.headers, media_type="application/xml")
        case _:
            return answer(refusal.body, status=refusal.status, headers=refusal.headers)


async def _framework_refused(request: Request, refusal: Exception) -> Response:
    """Unknown paths and methods, in the gateway's words."""
    del request
    if not isinstance(refusal, HTTPException):
        raise refusal
    return answer({"message": refusal.detail}, status=refusal.status_code, headers=refusal.headers)
