"""Vendors: posted in batches of complete records, read back as they were posted."""

from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mlc_sandbox.basware.access import Clock
from mlc_sandbox.basware.documents import TOKEN_HEADER
from mlc_sandbox.basware.fields import violations
from mlc_sandbox.basware.paging import moment, page_size, take_slice
from mlc_sandbox.basware.requests import record_request
from mlc_sandbox.basware.wire import RefusedError, answer, error, instant, json_body, refuse, request_id
from mlc_sandbox.basware.world import BaswareWorld

MOST_PER_POST = 200
MOST_BYTES = 6 * 1024 * 1024


async def post_vendors(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`POST /v1/vendors`: an array; creates or overwrites by `externalCode`, all or nothing; echoes the array."""
    records = await _checked(request)
    at = now()
    items: list[tuple[str, str | None, str]] = []
    for record in records:
        code = record["externalCode"]
        known = {k: v for k, v in world.vendors.get(code, {}).items() if k != "lastUpdated"}
        items.append((code, None, "NotProcessed" if known == record else "Success"))
        world.vendors[code] = record | {"lastUpdated": instant(at)}
    record_request(world, request_id(request), "Vendor", items=items, at=at)
    return answer(records)


async def list_vendors(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /v1/vendors`: pages in the envelope `vendorEntities`, 404 when there is nothing."""
    del now
    query = request.query_params
    try:
        size = page_size(query.get("pageSize", "100"), most=500)
        after = moment(query.get("lastUpdated", ""))
        found = [
            vendor
            for vendor in world.vendors.values()
            if query.get("companyCode", "") in ("", *(company["companyCode"] for company in vendor["companies"]))
            and (after is None or (moment(vendor["lastUpdated"]) or after) > after)
        ]
        token = request.headers.get(TOKEN_HEADER, "")
        size = min(size, world.settings.page_cap)
        page = take_slice(world, found, raw_query=request.url.query, token=token, size=size)
    except ValueError as wrong:
        raise refuse(request, 400, error("PARAMETER_VALIDATION_ERROR", str(wrong))) from wrong
    if not page.documents:
        raise RefusedError(404)
    return answer({"vendorEntities": page.documents}, headers={TOKEN_HEADER: page.token} if page.token else {})


async def _checked(request: Request) -> list[dict[str, Any]]:
    if len(await request.body()) > MOST_BYTES:
        raise RefusedError(413, {"message": "Request Entity Too Large"})
    records = await json_body(request)
    if not isinstance(records, list):
        raise refuse(request, 400, error("SCHEMA_VALIDATION_ERROR", "The body must be an array."))
    if len(records) > MOST_PER_POST:
        raise refuse(request, 400, error("SCHEMA_VALIDATION_ERROR", f"At most {MOST_PER_POST} records per request."))
    wrong = [
        error("SCHEMA_VALIDATION_ERROR", text, external_code=_code(record))
        for record in records
        for text in violations("VendorEntity", record)
    ]
    if wrong:
        raise refuse(request, 400, *wrong)
    twice = [code for code, count in Counter(record["externalCode"] for record in records).items() if count > 1]
    if twice:
        conflicts = [error("CONFLICT_IN_POST", "More than once in this request.", external_code=code) for code in twice]
        raise refuse(request, 409, *conflicts)
    return records


def _code(record: object) -> str | None:
    return record.get("externalCode") if isinstance(record, dict) else None
