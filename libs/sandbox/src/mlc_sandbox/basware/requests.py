"""Request status: what became of a write after it was accepted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mlc_sandbox.basware.access import Clock
from mlc_sandbox.basware.wire import answer, error, instant, refuse
from mlc_sandbox.basware.world import BaswareWorld

_KEPT = 20_000


def record_request(
    world: BaswareWorld,
    request_id: str,
    entity_type: str,
    *,
    items: Sequence[tuple[str, str | None, str]],
    at: datetime,
) -> None:
    """Every accepted write succeeds here. `items` are (externalCode, parentExternalCode, Success or NotProcessed)."""
    listed: list[dict[str, Any]] = [
        {"externalCode": code, "parentExternalCode": parent, "status": status, "errors": []}
        for code, parent, status in items
    ]
    system = {"system": "P2P", "module": "IA", "systemStatus": "Success", "lastUpdated": instant(at), "items": listed}
    world.requests[request_id] = {
        "requestId": request_id,
        "entityType": entity_type,
        "entityVersion": f"{entity_type}V1",
        "requestStatus": "Success",
        "operationType": "POST",
        "lastUpdated": instant(at),
        "systems": [system],
    }
    while len(world.requests) > _KEPT:
        del world.requests[next(iter(world.requests))]


async def read_request(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /v1/requestStatus/{requestId}`: the wrapper with one record, 404 for an unknown id."""
    del now
    found = world.requests.get(request.path_params["request_id"])
    if found is None:
        raise refuse(request, 404, error("ENTITY_NOT_FOUND", "The request id is not known.", kind="BUSINESS"))
    return answer({"requestStatus": [found]})
