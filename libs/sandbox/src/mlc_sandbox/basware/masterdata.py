"""Master data: posted in batches of complete records, read back as they were posted, settled in P2P afterwards."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mlc_sandbox.basware.access import Clock, Handler
from mlc_sandbox.basware.documents import TOKEN_HEADER
from mlc_sandbox.basware.fields import violations
from mlc_sandbox.basware.p2p import Fate, Place, settle
from mlc_sandbox.basware.paging import moment, page_size, take_slice
from mlc_sandbox.basware.requests import record_fates
from mlc_sandbox.basware.wire import RefusedError, answer, error, instant, json_body, refuse, request_id
from mlc_sandbox.basware.world import BaswareWorld
from mlc_sandbox.faults import fault_in

MOST_BYTES = 6 * 1024 * 1024
LISTS = (
    *(f"ACC_LIST_{number}" for number in range(1, 36)),
    *(f"INV_LIST_{number}" for number in range(1, 21)),
    *(f"CUST_RESOLVER_{number}" for number in range(1, 6)),
)


@dataclass(frozen=True)
class Kind:
    """One record type: its path, schema, envelope of lists, name in request statuses, limits."""

    path: str
    schema: str
    envelope: str
    entity_type: str
    scope: str
    most: int = 500
    page: int = 500


KINDS = (
    Kind("/v1/vendors", "VendorEntity", "vendorEntities", "Vendor", "vendors", most=200, page=100),
    Kind("/v1/accounts", "AccountEntity", "accounts", "Account", "accounts"),
    Kind("/v1/costCenters", "CostCenterEntity", "costCenters", "CostCenter", "costCenters"),
    Kind("/v2/projects", "ProjectEntityV2", "projects", "Project", "projects"),
    Kind("/v1/taxCodes", "TaxCodeEntity", "taxCodes", "TaxCode", "taxCodes"),
    Kind("/v1/paymentTerms", "PaymentTermEntity", "paymentTerms", "PaymentTerm", "paymentTerms"),
    Kind("/v1/exchangeRates", "ExchangeRateEntity", "exchangeRates", "ExchangeRate", "exchangeRates"),
    Kind("/v1/matchingOrders", "OrderEntity", "matchingOrders", "MatchingOrder", "matchingOrders"),
    Kind(
        *("/v1/matchingOrderLines", "OrderLineEntity", "matchingOrderLines", "MatchingOrderLine", "matchingOrderLines"),
        most=100,
        page=100,
    ),
    *(Kind(f"/v1/lists/{key}", "GenericListEntity", "listItems", "GenericList", "lists") for key in LISTS),
)


def routes_of(kind: Kind) -> Iterator[tuple[str, str, str, Handler]]:
    """Method, path, scope and handler of every call that a record type knows; deleting and patching are not here."""

    async def post(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
        return await _post(request, kind, world=world, at=now())

    async def listing(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
        del now
        return _list(request, kind, world=world)

    async def read(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
        del now
        found = world.records[kind.path].get(request.path_params["external_code"])
        if found is None:
            raise refuse(request, 404, error("ENTITY_NOT_FOUND", "There is no such record.", kind="BUSINESS"))
        return answer(found)

    yield "POST", kind.path, f"{kind.scope}.write", post
    yield "GET", kind.path, f"{kind.scope}.read", listing
    yield "GET", f"{kind.path}/{{external_code}}", f"{kind.scope}.read", read


async def _post(request: Request, kind: Kind, *, world: BaswareWorld, at: datetime) -> Response:
    """An array; creates or overwrites by `externalCode`, all or nothing; echoes the array."""
    records = await _checked(request, kind, world, at=at)
    fates = _store(world, kind, records, at=at, fault=fault_in(request.scope))
    record_fates(world, request_id(request), kind.entity_type, fates=fates, at=at, list_key=_list_key(kind))
    return answer(records)


def _store(world: BaswareWorld, kind: Kind, records: list[dict[str, Any]], *, at: datetime, fault: Any) -> list[Fate]:
    fates: list[Fate] = []
    for record in records:
        code = record["externalCode"]
        held = world.records[kind.path].get(code)
        same = held is not None and {k: v for k, v in held.items() if k != "lastUpdated"} == record
        world.records[kind.path][code] = record | {"lastUpdated": instant(at)}
        place = Place(kind.path, same=same, checks_references=world.settings.checks_references)
        fates.append(settle(world.p2p, place, record, fault=fault))
        if not same and held is not None and (at - datetime.fromisoformat(held["lastUpdated"])).total_seconds() < 1:
            _supersede(world, kind, code)
    return fates


def _supersede(world: BaswareWorld, kind: Kind, code: str) -> None:
    """A newer version within a second: the older one is told to have expired (§7)."""
    expired = {"type": "RecordExpired", "message": "A newer version was posted.", "category": "Unknown"}
    older = [each for each in world.requests.values() if each["entityType"] == kind.entity_type]
    for item in older[-1]["systems"][0]["items"] if older else ():
        if item["externalCode"] == code:
            item |= {"status": "RecordExpired", "errors": [expired]}


def _list(request: Request, kind: Kind, *, world: BaswareWorld) -> Response:
    """Pages in the record type's envelope, 404 when there is nothing."""
    query = request.query_params
    by_order = kind.entity_type == "MatchingOrderLine"
    order = query.get("orderExternalCode", "") if by_order else ""
    try:
        if by_order and not order:
            raise ValueError("orderExternalCode is required.")
        size = min(page_size(query.get("pageSize", str(kind.page)), most=500), world.settings.page_cap)
        after = moment(query.get("lastUpdated", ""))
        found = [
            record
            for record in world.records[kind.path].values()
            if query.get("companyCode", "") in ("", *_companies(record))
            and order in ("", record.get("orderExternalCode"))
            and (after is None or (moment(record["lastUpdated"]) or after) > after)
        ]
        token = request.headers.get(TOKEN_HEADER, "")
        page = take_slice(world, found, raw_query=request.url.query, token=token, size=size)
    except ValueError as wrong:
        raise refuse(request, 400, error("PARAMETER_VALIDATION_ERROR", str(wrong))) from wrong
    if not page.documents:
        raise RefusedError(404)
    return answer({kind.envelope: page.documents}, headers={TOKEN_HEADER: page.token} if page.token else {})


def _companies(record: dict[str, Any]) -> list[str]:
    return [str(each["companyCode"]) for each in record.get("companies") or [record] if "companyCode" in each]


async def _checked(request: Request, kind: Kind, world: BaswareWorld, *, at: datetime) -> list[dict[str, Any]]:
    if len(await request.body()) > MOST_BYTES:
        raise RefusedError(413, {"message": "Request Entity Too Large"})
    records = await json_body(request)
    if not isinstance(records, list):
        raise refuse(request, 400, error("SCHEMA_VALIDATION_ERROR", "The body must be an array."))
    if len(records) > kind.most:
        raise refuse(request, 400, error("SCHEMA_VALIDATION_ERROR", f"At most {kind.most} records per request."))
    wrong = [(record, text) for record in records for text in violations(kind.schema, record)]
    if wrong:
        if world.settings.keeps_good_of_refused:
            bad = [record for record, _ in wrong]
            _store(world, kind, [record for record in records if record not in bad], at=at, fault=None)
        named = world.settings.names_refused
        codes = [(_code(record) if named else None, text) for record, text in wrong]
        raise refuse(
            request, 400, *(error("SCHEMA_VALIDATION_ERROR", text, external_code=code) for code, text in codes)
        )
    twice = [code for code, count in Counter(record["externalCode"] for record in records).items() if count > 1]
    if twice:
        conflicts = [error("CONFLICT_IN_POST", "More than once in this request.", external_code=code) for code in twice]
        raise refuse(request, 409, *conflicts)
    return records


def _code(record: object) -> str | None:
    return record.get("externalCode") if isinstance(record, dict) else None


def _list_key(kind: Kind) -> str | None:
    return kind.path.rsplit("/", 1)[-1] if kind.entity_type == "GenericList" else None
