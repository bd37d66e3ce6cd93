"""Reading purchase orders with their lines, releases and receipts: a few calls for all that a document names.

Epicor reference, heavy services: the sets of POSvc answer 500 on some tenants, and PODetails comes back empty on
others, so lines are read with their order, and one order at a time by its methods where the sets do not answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from pydantic import ValidationError

from mlc_common.failures import PermanentError, TransientError
from mlc_epicor.odata import KEYS_PER_CALL, any_of
from mlc_epicor.orders import (
    ORDERS,
    RECEIPT_COLUMNS,
    RECEIPTS,
    RELEASE_COLUMNS,
    RELEASES,
    OrderRows,
    order_rows,
)
from mlc_epicor.set_reading import PageReader

Row = dict[str, Any]


class Reader(PageReader, Protocol):
    """The part of the Epicor client that this needs."""

    async def record(self, company: str, service: str, params: Mapping[str, str]) -> Any: ...

    async def asked(self, company: str, method: str, value: Mapping[str, Any]) -> Any: ...


async def read_orders(client: Reader, company: str, numbers: Iterable[int]) -> OrderRows:
    """What Epicor holds of these orders now.

    Raises:
        TransientError: Epicor cannot be asked now, or its answer cannot be read.
    """
    headers: list[Row] = []
    releases: list[Row] = []
    receipts: list[Row] = []
    wanted = sorted(set(numbers))
    for start in range(0, len(wanted), KEYS_PER_CALL):
        some = wanted[start : start + KEYS_PER_CALL]
        found = await _headers(client, company, some)
        headers += found
        if held := [int(row["PONum"]) for row in found]:
            releases += await _releases(client, company, held)
            receipts += await _receipts(client, company, held)
    lines = [line for header in headers for line in header.get("PODetails") or ()]
    try:
        return order_rows(headers, lines, releases, receipts)
    except ValidationError as error:
        raise TransientError("Epicor POSvc: purchase orders cannot be read. Nothing is decided before.") from error


async def _headers(client: Reader, company: str, numbers: Sequence[int]) -> list[Row]:
    """The orders with their lines in PODetails; one whose lines are missing is read by its method."""
    where = any_of("PONum", numbers)
    try:
        found = await _all(client, company, ORDERS, where, key="PONum", expand="PODetails")
    except (TransientError, PermanentError):
        return [row for number in numbers if (row := await _by_method(client, company, number))]
    return [
        row if row.get("PODetails") else await _by_method(client, company, int(row["PONum"])) or row for row in found
    ]


async def _by_method(client: Reader, company: str, number: int) -> Row | None:
    tables = await client.record(company, "Erp.BO.POSvc", {"poNum": str(number)})
    if not tables or not tables.get("POHeader"):
        return None
    header: Row = tables["POHeader"][0]
    return header | {"PODetails": tables.get("PODetail") or []}


async def _releases(client: Reader, company: str, numbers: Sequence[int]) -> list[Row]:
    key = "PONum,POLine,PORelNum"
    try:
        return await _all(client, company, RELEASES, any_of("PONum", numbers), key=key, select=RELEASE_COLUMNS)
    except (TransientError, PermanentError):
        each = [await client.record(company, "Erp.BO.POSvc", {"poNum": str(number)}) for number in numbers]
        return [row for tables in each if tables for row in tables.get("PORel") or ()]


async def _receipts(client: Reader, company: str, numbers: Sequence[int]) -> list[Row]:
    key = "VendorNum,PurPoint,PackSlip,PackLine"
    try:
        return await _all(client, company, RECEIPTS, any_of("PONum", numbers), key=key, select=RECEIPT_COLUMNS)
    except (TransientError, PermanentError):
        found: list[Row] = []
        for number in numbers:
            answer = await client.asked(company, "Erp.BO.POSvc/GetPOReceipts", {"ipPONum": number})
            found += ((answer or {}).get("returnObj") or {}).get("POReceipts") or []
        return found


async def _all(
    client: Reader,
    company: str,
    entity_set: str,
    where: str,
    *,
    key: str,
    select: Sequence[str] = (),
    expand: str | None = None,
) -> list[Row]:
    """Every row, in order of the full key; the server may cap a page at any size, so only an empty one ends it."""
    found: list[Row] = []
    while True:
        page = await client.rows(
            company, entity_set, where=where, select=select, order_by=key, skip=len(found), expand=expand
        )
        if not page:
            return found
        found += page
