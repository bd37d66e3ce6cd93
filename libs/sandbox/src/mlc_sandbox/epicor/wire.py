"""The bodies of Epicor's REST API: errors as it words them, answers with exact decimals."""

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from starlette.responses import Response

from mlc_sandbox.exact_json import dumps

Row = dict[str, Any]
Tableset = dict[str, list[Row]]

BUSINESS = "Ice.Common.BusinessObjectException"
NOT_FOUND = "Ice.Common.RecordNotFoundException"
DUPLICATE = "Ice.Common.DuplicateRecordException"
UNAUTHORISED = "System.UnauthorizedAccessException"
BAD_QUERY = "Microsoft.OData.ODataException"


class KineticError(Exception):
    """The call is refused with HTTP `status` and Epicor's error body; `table` and `field` say where it hurts."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = BUSINESS,
        table: str = "",
        field: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.table = table
        self.field = field
        self.headers = dict(headers or {})

    def body(self) -> Row:
        """The error body; `ErrorDetails` only where a table is to blame, as Epicor does."""
        body: Row = {
            "HttpStatus": self.status,
            "ReasonPhrase": "REST API Exception",
            "ErrorMessage": self.message,
            "ErrorType": self.kind,
        }
        if self.table:
            where = {"Table": self.table, "Field": self.field}
            body["ErrorDetails"] = [{"Message": self.message, "Type": "Error", **where}]
        return {**body, "CorrelationId": str(uuid.uuid4())}


class QuestionError(KineticError):
    """What the save asks a person: nothing is saved, and the answer is HTTP 200 all the same."""


def answer(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response with exact decimals."""
    return Response(dumps(value), status, dict(headers or {}), media_type="application/json")


def sortable(value: Any) -> tuple[bool, Any]:
    """A value as the database orders it: nothing first, text without case."""
    return (False, "") if value is None else (True, value.casefold() if isinstance(value, str) else value)


def day(value: date) -> str:
    """A business date as Epicor writes it: midnight, no zone."""
    return f"{value.isoformat()}T00:00:00"


def instant(moment: datetime) -> str:
    """`2026-11-22T08:31:00.412Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
