"""Error feedbacks, the older way to hear of records that P2P did not save (Basware API reference, §9.2)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mlc_sandbox.basware.access import Clock
from mlc_sandbox.basware.documents import TOKEN_HEADER
from mlc_sandbox.basware.paging import moment, page_size, take_slice
from mlc_sandbox.basware.wire import RefusedError, answer, error, refuse
from mlc_sandbox.basware.world import BaswareWorld
from mlc_sandbox.exact_json import dumps


async def list_feedbacks(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /v1/errorFeedbacks`: pages; 404 when there is nothing."""
    query = request.query_params
    try:
        after = moment(query.get("lastUpdated", ""))
        size = min(page_size(query.get("pageSize", "500"), most=500), world.settings.page_cap)
        found = [
            each
            for each in _all(world, at=now())
            if query.get("entityType", "") in ("", each["entityType"])
            and query.get("targetSystem", "") in ("", each["targetSystem"])
            and (after is None or datetime.fromisoformat(each["errorStamp"]) > after)
        ]
        token = request.headers.get(TOKEN_HEADER, "")
        page = take_slice(world, found, raw_query=request.url.query, token=token, size=size)
    except ValueError as wrong:
        raise refuse(request, 400, error("PARAMETER_VALIDATION_ERROR", str(wrong))) from wrong
    return _told(page.documents, headers={TOKEN_HEADER: page.token} if page.token else {})


async def of_request(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /v1/errorFeedbacks/{requestId}`."""
    wanted = request.path_params["request_id"]
    return _told([each for each in _all(world, at=now()) if each["requestId"] == wanted])


async def of_record(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /v1/errorFeedbacks/{entityType}/{externalCode}`."""
    kind, code = request.path_params["entity_type"], request.path_params["code"]
    return _told(
        [each for each in _all(world, at=now()) if each["entityType"] == kind and each["externalCode"] == code]
    )


def _told(found: list[dict[str, Any]], headers: dict[str, str] | None = None) -> Response:
    if not found:
        raise RefusedError(404)
    return answer({"errorList": found}, headers=headers)


def _all(world: BaswareWorld, *, at: datetime) -> Iterator[dict[str, Any]]:
    """Every error of every request that has ended, in the form of a feedback."""
    delivery = world.settings.delivery
    for request_id, told in world.requests.items():
        if (at - datetime.fromisoformat(told["lastUpdated"])).total_seconds() < delivery.takes:
            continue
        for item in told["systems"][0]["items"]:
            if item["status"] == "Error":
                yield {
                    "id": f"{request_id}-{item['externalCode']}",
                    "requestId": request_id,
                    "externalCode": item["externalCode"],
                    # A string that holds the record in another spelling; nobody should lean on it.
                    "errorEntity": dumps({"ExternalCode": item["externalCode"]}),
                    "entityType": told["entityType"],
                    "errorStamp": told["lastUpdated"],
                    "errors": [each["message"] for each in item["errors"]],
                    "targetSystem": told["systems"][0]["system"],
                }
