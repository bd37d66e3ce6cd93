"""Request status: what became of a write after it was accepted."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mlc_sandbox.basware.access import Clock
from mlc_sandbox.basware.documents import TOKEN_HEADER
from mlc_sandbox.basware.p2p import Fate
from mlc_sandbox.basware.paging import moment, page_size, take_slice
from mlc_sandbox.basware.settings import Delivery
from mlc_sandbox.basware.wire import RefusedError, answer, error, instant, json_body, refuse
from mlc_sandbox.basware.world import BaswareWorld

_KEPT = 20_000
_STATUSES = ("InProgress", "Success", "Error", "AcknowledgedSuccess", "AcknowledgedError")
_CLEAN = ("Success", "NotProcessed")


def record_request(
    world: BaswareWorld,
    request_id: str,
    entity_type: str,
    *,
    items: Sequence[tuple[str, str | None, str]],
    at: datetime,
    delivery: Delivery | None = None,
) -> None:
    """What becomes of a write. `items` are (externalCode, parentExternalCode, Success or NotProcessed)."""
    delivery = delivery or Delivery()
    listed = [_item(code, parent, status, delivery) for code, parent, status in items]
    _record(world, request_id, entity_type, listed=listed, at=at)


def record_fates(
    world: BaswareWorld,
    request_id: str,
    entity_type: str,
    *,
    fates: Sequence[Fate],
    at: datetime,
    list_key: str | None = None,
) -> None:
    """What becomes of a batch of master records, each by itself."""
    listed = [
        _item(
            fate.external_code,
            None,
            "Success",
            Delivery.model_validate({"status": fate.status, "category": fate.category, "message": fate.message}),
        )
        for fate in fates
        if fate.told
    ]
    _record(world, request_id, entity_type, listed=listed, at=at, list_key=list_key)


def _record(
    world: BaswareWorld,
    request_id: str,
    entity_type: str,
    *,
    listed: list[dict[str, Any]],
    at: datetime,
    list_key: str | None = None,
) -> None:
    ended = "Error" if any(item["status"] == "Error" for item in listed) else "Success"
    system = {"system": "P2P", "module": "IA", "systemStatus": ended, "lastUpdated": instant(at), "items": listed}
    world.requests[request_id] = {
        "requestId": request_id,
        "entityType": entity_type,
        "entityVersion": f"{entity_type}V1",
        "requestStatus": ended,
        "operationType": "POST",
        "lastUpdated": instant(at),
        "systems": [system],
    } | ({"genericListKey": list_key} if list_key else {})
    while len(world.requests) > _KEPT:
        del world.requests[next(iter(world.requests))]


def _item(code: str, parent: str | None, status: str, delivery: Delivery) -> dict[str, Any]:
    status = status if delivery.status == "Success" else delivery.status
    kind = {"Warning": "Warning", "RecordExpired": "RecordExpired"}.get(status, "Error")
    reason = {"type": kind, "message": delivery.message, "category": delivery.category}
    errors = [] if status in _CLEAN else [reason]
    return {"externalCode": code, "parentExternalCode": parent, "status": status, "errors": errors}


async def read_request(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /v1/requestStatus/{requestId}`: the wrapper with one record, 404 for an id that is unknown, or as yet."""
    record = world.requests.get(request.path_params["request_id"])
    found = None if record is None else _shown(record, world, at=now())
    if found is None:
        raise refuse(request, 404, error("ENTITY_NOT_FOUND", "The request id is not known.", kind="BUSINESS"))
    return answer({"requestStatus": [found]})


async def list_requests(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /v1/requestStatus`: failed ones unless the query names a status, a kind or a system; 404 when none is."""
    query, at = request.query_params, now()
    try:
        size = min(page_size(query.get("pageSize", "500"), most=500), world.settings.page_cap)
        told = [record for each in world.requests.values() if (record := _shown(each, world, at=at))]
        found = [record for record in told if _matches(record, query)]
        page = take_slice(
            world, found, raw_query=request.url.query, token=request.headers.get(TOKEN_HEADER, ""), size=size
        )
    except ValueError as wrong:
        raise refuse(request, 400, error("PARAMETER_VALIDATION_ERROR", str(wrong))) from wrong
    if not page.documents:
        raise RefusedError(404)
    headers = {TOKEN_HEADER: page.token} if page.token else {}
    # The list's own spelling of the parameter has three l's.
    bare = query.get("ignoreSuccessfullItems", "").lower() == "true"
    return answer({"requestStatus": [_failures(r) if bare else r for r in page.documents]}, headers=headers)


async def acknowledge_requests(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`POST /v1/requestStatus/acknowledge`: lists stop offering them; 405 for one that is acknowledged already."""
    del now
    body = await json_body(request)
    named = body.get("requestIds") if isinstance(body, dict) else None
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise refuse(request, 400, error("SCHEMA_VALIDATION_ERROR", "requestIds must be an array of strings."))
    if any(each not in world.requests for each in named):
        raise RefusedError(404)
    if any(str(world.requests[each]["requestStatus"]).startswith("Acknowledged") for each in named):
        raise refuse(request, 405, error("METHOD_NOT_ALLOWED", "Acknowledged already.", kind="BUSINESS"))
    for each in named:
        world.requests[each]["requestStatus"] = f"Acknowledged{world.requests[each]['requestStatus']}"
    return answer("Acknowledged.")


def _shown(record: dict[str, Any], world: BaswareWorld, *, at: datetime) -> dict[str, Any] | None:
    """The record as it is told now: not known yet, in progress, ended, forgotten."""
    delivery = world.settings.delivery
    age = (at - datetime.fromisoformat(record["lastUpdated"])).total_seconds()
    if age < delivery.unknown_for or age >= delivery.kept_for:
        return None
    return _under_way(record) if age < delivery.takes else record


def _under_way(record: Mapping[str, Any]) -> dict[str, Any]:
    systems = [
        system | {"systemStatus": "InProgress", "items": [_waiting(item) for item in system["items"]]}
        for system in record["systems"]
    ]
    return {**record, "requestStatus": "InProgress", "systems": systems}


def _waiting(item: Mapping[str, Any]) -> dict[str, Any]:
    return {**item, "status": "InProgress", "errors": []}


def _matches(record: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    narrowed = query.get("entityType") or query.get("system")
    status = query.get("status") or ("" if narrowed else "Error")
    if status and status not in _STATUSES:
        raise ValueError("The value of status is not valid.")
    after = moment(query.get("lastUpdated", ""))
    return (
        status in ("", record["requestStatus"])
        and query.get("entityType", "") in ("", record["entityType"])
        and query.get("system", "") in ("", *_names(record["systems"]))
        and (after is None or datetime.fromisoformat(record["lastUpdated"]) > after)
    )


def _names(systems: Iterable[Mapping[str, Any]]) -> list[str]:
    return [str(system["system"]) for system in systems]


def _failures(record: Mapping[str, Any]) -> dict[str, Any]:
    systems = [
        system | {"items": [item for item in system["items"] if item["status"] not in _CLEAN]}
        for system in record["systems"]
    ]
    return {**record, "systems": systems}
