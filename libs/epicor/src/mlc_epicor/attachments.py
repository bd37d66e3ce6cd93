"""Attachments of AP invoices over REST v2: their rows in APInvHedAttch, and the files that AttachmentSvc keeps.

What is known of it: the table, GetNewAPInvHedAttch and Update are in the published schema of APInvoiceSvc; UploadFile
and FileExists in that of Ice.BO.AttachmentSvc. Inferred from clients of other business objects: that `data` is base64,
that the path UploadFile answers belongs into the row's FileName, and that Update takes the row beside its header. The
entity set APInvHedAttches answers 500 on some tenants, so rows are read with GetByID.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

import httpx

from mlc_common.failures import TransientError
from mlc_common.http import dump_json
from mlc_epicor.errors import Refusal
from mlc_epicor.transport import Transport, value_of

INVOICES = "Erp.BO.APInvoiceSvc"
FILES = "Ice.BO.AttachmentSvc"
HEADER = "APInvHed"
TABLE = "APInvHedAttch"
PIECE = 48 * 1024
"""Bytes of a file in hand; a multiple of three, so that the pieces of base64 join."""

Row = dict[str, Any]


@dataclass(frozen=True)
class HeldInvoice:
    """An AP invoice's header and the rows of its attachments, as Epicor wrote them."""

    header: Row
    rows: tuple[Row, ...]

    @property
    def posted(self) -> bool:
        return bool(self.header.get("Posted"))

    @property
    def group_id(self) -> str:
        return str(self.header.get("GroupID") or "")


class FileInJson:
    """A JSON object whose last member is a file in base64, made piece by piece whenever it is sent.

    Args:
        size: bytes of the file.
    """

    def __init__(self, members: Mapping[str, str], name: str, file: IO[bytes], *, size: int) -> None:
        self._head = dump_json(dict(members))[:-1] + f',"{name}":"'.encode()
        self._tail = b'"}'
        self._file = file
        self._size = size

    def __len__(self) -> int:
        return len(self._head) + 4 * ((self._size + 2) // 3) + len(self._tail)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._file.seek(0)
        yield self._head
        while piece := await asyncio.to_thread(self._file.read, PIECE):
            yield base64.b64encode(piece)
        yield self._tail


class EpicorAttachments:
    """The attachments of one connection's AP invoices."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def invoice(self, company: str, vendor_num: int, invoice_num: str) -> HeldInvoice | None:
        """The AP invoice with its attachments, or None when there is none.

        Raises:
            TransientError: Epicor cannot be asked now.
        """
        params = {"vendorNum": str(vendor_num), "invoiceNum": invoice_num}
        answer = await self._transport.call("GET", company, f"{INVOICES}/GetByID", writes=False, params=params)
        if refusal := self._transport.refusal(answer):
            if answer.status == httpx.codes.NOT_FOUND and refusal.is_absence:
                return None
            raise TransientError(f"{answer.what} answered {answer.status}: {refusal.message}")
        tables = _member(value_of(answer), "returnObj")
        headers, rows = _rows(tables, HEADER), _rows(tables, TABLE)
        return HeldInvoice(headers[0], tuple(rows)) if headers else None

    async def new_row(self, company: str, vendor_num: int, held: HeldInvoice) -> Row | Refusal:
        """A row with Epicor's defaults, not saved yet.

        Raises:
            TransientError, UnclearAnswerError: it is not there; nothing was saved either way.
        """
        value = {
            "ds": {HEADER: [held.header], TABLE: list(held.rows)},
            "vendorNum": vendor_num,
            "invoiceNum": str(held.header["InvoiceNum"]),
        }
        answer = await self._post(company, f"{INVOICES}/GetNewAPInvHedAttch", dump_json(value))
        if refusal := self._transport.refusal(answer):
            return refusal
        rows = _rows(_member(_member(value_of(answer), "parameters"), "ds"), TABLE)
        fresh = [row for row in rows if row.get("RowMod") == "A"]
        if not fresh:
            raise TransientError(f"{answer.what}: the answer holds no new row.")
        return fresh[-1]

    async def save_row(self, company: str, held: HeldInvoice, row: Row) -> Refusal | None:
        """Save one new row; None when Epicor did not object. Read it back whatever the answer is.

        Raises:
            TransientError: nothing was sent, or Epicor does not let us in.
            UnclearAnswerError: it may or may not have been saved.
        """
        value = {"ds": {HEADER: [held.header | {"RowMod": ""}], TABLE: [row]}}
        return self._transport.refusal(await self._post(company, f"{INVOICES}/Update", dump_json(value)))

    async def has_file(self, company: str, document_type: str, file_name: str) -> bool | Refusal:
        """Whether the server keeps a file of this name.

        Raises:
            TransientError, UnclearAnswerError: Epicor cannot be asked now.
        """
        answer = await self._post(company, f"{FILES}/FileExists", dump_json(_file(document_type, file_name)))
        return self._transport.refusal(answer) or _member_is_true(value_of(answer))

    async def upload(
        self, company: str, document_type: str, file_name: str, file: IO[bytes], *, size: int
    ) -> str | Refusal:
        """Give the server a file: the path under which it keeps it.

        Raises:
            TransientError: nothing was sent, or Epicor does not let us in.
            UnclearAnswerError: it may have been kept; no row names it yet.
        """
        body = FileInJson(_file(document_type, file_name), "data", file, size=size)
        answer = await self._post(company, f"{FILES}/UploadFile", body)
        if refusal := self._transport.refusal(answer):
            return refusal
        value = value_of(answer)
        path = value.get("returnObj") if isinstance(value, Mapping) else None
        if not isinstance(path, str) or not path:
            raise TransientError(f"{answer.what}: the answer holds no path.")
        return path

    async def _post(self, company: str, method: str, content: bytes | FileInJson) -> Any:
        return await self._transport.call("POST", company, method, writes=True, content=content)


def _file(document_type: str, file_name: str) -> dict[str, str]:
    return {"docTypeID": document_type, "parentTable": HEADER, "fileName": file_name}


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else None


def _member_is_true(value: object) -> bool:
    return _member(value, "returnObj") is True


def _rows(tables: object, name: str) -> list[Row]:
    rows = _member(tables, name)
    return [dict(row) for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
