"""The Epicor Kinetic emulator as an ASGI application."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mlc_sandbox.calls import CALL_KEY, CallLog
from mlc_sandbox.dating import Dated
from mlc_sandbox.epicor import control, master_control, master_reads, payment_control, payment_reads
from mlc_sandbox.epicor.access import authorise, claim_licence, issue_token, within_scope
from mlc_sandbox.epicor.business_objects import SERVICES
from mlc_sandbox.epicor.entity_sets import SETS, list_entities, one_entity
from mlc_sandbox.epicor.entity_writes import create_entity
from mlc_sandbox.epicor.posting import work_off
from mlc_sandbox.epicor.rpc import Call, arguments_of_body, arguments_of_query
from mlc_sandbox.epicor.service_metadata import metadata
from mlc_sandbox.epicor.wire import KineticError, Row, answer
from mlc_sandbox.epicor.world import EpicorWorld
from mlc_sandbox.exact_json import loads
from mlc_sandbox.faults import FaultInjector, fault_in

Clock = Callable[[], datetime]
_BY_KEY = re.compile(r"(?P<name>\w+)\((?P<keys>.*)\)")
_KEY = re.compile(r"\s*(?:'((?:[^']|'')*)'|(-?\d+))\s*(?:,|$)")


def create_app(world: EpicorWorld | None = None, *, now: Clock) -> Starlette:
    """An Epicor Kinetic to run against: strict where a refusal is documented, open to inspection at `/_sandbox`.

    Its REST API is at `/sandbox/api/v2/odata/{Company}/{Service}/...`, its token endpoint at `/connect/token`.
    Without a world it starts with Northwind's master data and no invoice. `now` is the clock.
    """
    world = world or EpicorWorld()

    async def call(request: Request) -> Response:
        return await _serve(world, request, now())

    async def token(request: Request) -> Response:
        kind = request.headers.get("content-type", "")
        status, body = issue_token(world, content_type=kind, body=await request.body(), now=now())
        return answer(body, status=status, headers={"Cache-Control": "no-store"})

    path = "/sandbox/api/v2/odata/{company}/{service}/{rest:path}"
    return Starlette(
        routes=[
            Route("/connect/token", token, methods=["POST"]),
            Route(path, call, methods=["GET", "POST", "PATCH", "PUT", "DELETE"]),
            *control.routes(world),
            *payment_control.routes(world, now=now),
            *master_control.routes(world, now=now),
        ],
        middleware=[
            Middleware(Dated, now=now),
            Middleware(CallLog, world=world, now=now),
            Middleware(FaultInjector, script=world.faults),
        ],
        exception_handlers={KineticError: _refused, HTTPException: _framework_refused},
    )


async def _serve(world: EpicorWorld, request: Request, now: datetime) -> Response:
    company, service, rest = (request.path_params[name] for name in ("company", "service", "rest"))
    key = request.query_params.get("api-key", "")
    user = authorise(world, request.headers, company=company, key_in_query=key, now=now)
    claim_licence(world, request.headers.get("license", ""), company=company)
    work_off(world, now)
    name = rest.partition("(")[0]
    is_set = name in SETS.get(service, {})
    within_scope(
        world, service, name, method=("GetRows" if request.method == "GET" else "UpdateExt") if is_set else name
    )
    if rest == "$metadata":
        return Response(metadata(world, service), media_type="application/xml")
    fault = fault_in(request.scope)
    call = Call(world, company, user, now, arguments={}, fault=fault.kind if fault else None)
    if service == "BaqSvc":
        read = payment_reads.baq if rest.startswith("MLPayments") else master_reads.baq
        return answer(read(world, company, rest, dict(request.query_params)))
    if is_set:
        return await _entity_set(call, service, rest, request)
    return await _method(call, service, rest, request)


async def _method(call: Call, service: str, name: str, request: Request) -> Response:
    method = SERVICES.get(service, {}).get(name)
    if method is None:
        raise KineticError(f"Resource not found: {service}/{name}", status=404, kind="Epicor.RESTApi.ApiException")
    if request.method not in method.verbs:
        raise KineticError(f"{name} does not support {request.method}.", status=405)
    if request.method == "GET":
        arguments = arguments_of_query(method, request.query_params)
    else:
        arguments = arguments_of_body(method, await _json_body(request))
    request.scope[CALL_KEY].update(_subject(call.company, arguments))
    return answer(method.run(Call(call.world, call.company, call.user, call.now, arguments, call.fault)))


async def _entity_set(call: Call, service: str, rest: str, request: Request) -> Response:
    world, company = call.world, call.company
    if service in world.settings.broken_reads and request.method == "GET":
        raise KineticError("An unexpected internal problem occurred.", status=500, kind="System.Exception")
    by_key = _BY_KEY.fullmatch(rest)
    if request.method == "GET" and by_key:
        return answer(one_entity(world, company, service, by_key["name"], _keys(by_key["keys"])))
    if request.method == "GET":
        return answer(list_entities(world, company, service, rest, dict(request.query_params)))
    if request.method != "POST" or by_key:
        raise KineticError(f"This sandbox does not support {request.method} on {rest}.", status=405)
    body = await _json_body(request)
    request.scope[CALL_KEY].update(_subject(company, body))
    return answer(create_entity(call, service, rest, body), status=201)


def _keys(text: str) -> list[Any]:
    keys, position = [], 0
    while position < len(text):
        match = _KEY.match(text, position)
        if match is None:
            raise KineticError(f"Bad key: ({text}).")
        keys.append(int(match[2]) if match[2] else match[1].replace("''", "'"))
        position = match.end()
    return keys


async def _json_body(request: Request) -> Any:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != "application/json":
        raise KineticError("The request must have Content-Type application/json.", status=415)
    try:
        return loads(await request.body())
    except ValueError:
        raise KineticError("The body is not valid JSON.") from None


def _subject(company: str, arguments: Any) -> Row:
    """What a call was about, for the log: company, vendor and invoice number as far as they were named."""
    if not isinstance(arguments, Mapping):
        return {"company": company}
    tableset = arguments.get("ds")
    rows = tableset.get("APInvHed") if isinstance(tableset, Mapping) else None
    row = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], Mapping) else {}
    vendor = row.get("VendorNum", arguments.get("vendorNum", arguments.get("VendorNum")))
    invoice = row.get("InvoiceNum", arguments.get("invoiceNum", arguments.get("InvoiceNum")))
    return {"company": company, "vendor": vendor, "invoice": invoice}


async def _refused(request: Request, refusal: Exception) -> Response:
    del request
    assert isinstance(refusal, KineticError)  # noqa: S101 - registered for this type only
    return answer(refusal.body(), status=refusal.status, headers=refusal.headers)


async def _framework_refused(request: Request, refusal: Exception) -> Response:
    del request
    assert isinstance(refusal, HTTPException)  # noqa: S101 - registered for this type only
    error = KineticError(refusal.detail, status=refusal.status_code, kind="Epicor.RESTApi.ApiException")
    return answer(error.body(), status=error.status)
