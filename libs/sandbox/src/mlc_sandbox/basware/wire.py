"""Answers of the Basware P2P API, above all its error bodies."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mlc_sandbox.exact_json import dumps, loads


class RefusedError(Exception):
    """The call is refused: HTTP `status`, a JSON `body` (None = empty body), extra `headers`."""

    def __init__(self, status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"refused with HTTP {status}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def answer(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response with exact decimals."""
    return Response(dumps(value), status, dict(headers or {}), media_type="application/json")


def instant(moment: datetime) -> str:
    """`2026-03-05T08:31:00.412Z`, the form in which the API writes instants."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def error(code: str, message: str, *, kind: str = "VALIDATION", external_code: str | None = None) -> dict[str, Any]:
    """One `ErrorEntity`; `kind` is BUSINESS, VALIDATION, TECHNICAL or SECURITY."""
    info = {"SCHEMA_VALIDATION_ERROR": "Schema validation failed"}.get(code, "")
    return {"externalCode": external_code, "type": kind, "code": code, "message": message, "info": info}


def errors_body(request: Request, errors: list[dict[str, Any]]) -> dict[str, Any]:
    """`ResponseEntityList`, the error body of the P2P endpoints."""
    return {"requestId": request_id(request), "hasErrors": True, "errors": errors}


def refuse(request: Request, status: int, *errors: dict[str, Any]) -> RefusedError:
    """A refusal in the P2P form, to be raised by the caller."""
    return RefusedError(status, errors_body(request, list(errors)))


def request_id(request: Request) -> str:
    """The id that this call got on arrival; also the response header `x-amzn-RequestId`."""
    found = request.scope.setdefault("state", {}).setdefault("request_id", str(uuid.uuid4()))
    return str(found)


async def json_body(request: Request) -> Any:
    """The JSON body of a P2P write.

    Raises RefusedError (400) unless it is declared and readable as JSON.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise refuse(request, 400, error("SCHEMA_VALIDATION_ERROR", "The body must be sent as application/json."))
    try:
        return loads(await request.body())
    except ValueError as broken:
        raise refuse(request, 400, error("SCHEMA_VALIDATION_ERROR", "The body is not valid JSON.")) from broken
