"""The books of both emulators in a file, so that a rehearsal goes on after a restart.

Kept: documents, vendors and subscriptions of Basware; groups, AP invoices and payments of Epicor; the settings of
neither, nor tokens, calls or faults. The file is written on stop and every few seconds while something happens; a
killed sandbox loses what came after the last writing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlc_sandbox.basware import BaswareWorld, Document
from mlc_sandbox.epicor import EpicorWorld, Invoice
from mlc_sandbox.exact_json import dumps, loads

FILE_NAME = "sandbox.json"
PAUSE = 5.0
"""Seconds between two writings."""


@asynccontextmanager
async def kept(folder: Path | None, *, basware: BaswareWorld, epicor: EpicorWorld) -> AsyncIterator[None]:
    """Fill the worlds from the folder, and keep the folder up to date; does nothing without a folder."""
    if folder is None:
        yield
        return
    file = _opened(folder, basware=basware, epicor=epicor)
    writing = asyncio.create_task(_write_now_and_then(file, basware=basware, epicor=epicor))
    try:
        yield
    finally:
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
        _write(file, basware=basware, epicor=epicor)


def _opened(folder: Path, *, basware: BaswareWorld, epicor: EpicorWorld) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE_NAME
    if file.exists():
        restore(loads(file.read_bytes()), basware=basware, epicor=epicor)
    return file


async def _write_now_and_then(file: Path, *, basware: BaswareWorld, epicor: EpicorWorld) -> None:
    written = (-1, -1, -1)
    while True:
        await asyncio.sleep(PAUSE)
        seen = (basware.calls.total, len(basware.documents), epicor.calls.total)
        if seen != written:
            _write(file, basware=basware, epicor=epicor)
            written = seen


def _write(file: Path, *, basware: BaswareWorld, epicor: EpicorWorld) -> None:
    new = file.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(dumps(snapshot(basware=basware, epicor=epicor)), encoding="utf-8")
    new.replace(file)


def snapshot(*, basware: BaswareWorld, epicor: EpicorWorld) -> dict[str, Any]:
    """The books as one JSON value."""
    return {
        "basware": {
            "documents": [asdict(document) for document in basware.documents.values()],
            "vendors": basware.vendors,
            "subscriptions": basware.subscriptions,
        },
        "epicor": {
            "revision": epicor.revision,
            "legal_number": epicor.legal_number,
            "groups": list(epicor.groups.values()),
            "invoices": [invoice.tables() for invoice in epicor.invoices.values()],
            "head": epicor.head,
            "cheques": list(epicor.cheques.values()),
            "transactions": epicor.transactions,
        },
    }


def restore(value: dict[str, Any], *, basware: BaswareWorld, epicor: EpicorWorld) -> None:
    """Fill the worlds from what `snapshot` made. Raises KeyError or TypeError for anything else."""
    documents = [Document(**{**document, "acknowledging": False}) for document in value["basware"]["documents"]]
    basware.documents = {document.invoice_id: document for document in documents}
    basware.vendors = value["basware"]["vendors"]
    basware.subscriptions = value["basware"]["subscriptions"]
    epicor.revision = value["epicor"]["revision"]
    epicor.legal_number = value["epicor"]["legal_number"]
    epicor.groups = {(row["Company"], row["GroupID"].casefold()): row for row in value["epicor"]["groups"]}
    invoices = [_invoice(tables) for tables in value["epicor"]["invoices"]]
    epicor.invoices = {invoice.key: invoice for invoice in invoices}
    epicor.head = value["epicor"].get("head", epicor.head)
    epicor.cheques = {(row["Company"], row["HeadNum"]): row for row in value["epicor"].get("cheques", [])}
    epicor.transactions = value["epicor"].get("transactions", [])


def _invoice(tables: dict[str, list[dict[str, Any]]]) -> Invoice:
    def place(row: dict[str, Any]) -> tuple[int, int]:
        return row["InvoiceLine"], row["InvExpSeq"]

    accounts = {(*place(row), row.get("BookID", ""), row["RecordType"]): row for row in tables["APInvExpTGLC"]}
    taxes = {(row["TaxCode"], row["RateCode"], row["ECAcquisitionSeq"]): row for row in tables["APInvTax"]}
    return Invoice(
        header=tables["APInvHed"][0],
        lines={row["InvoiceLine"]: row for row in tables["APInvDtl"]},
        expenses={place(row): row for row in tables["APInvExp"]},
        accounts=accounts,
        taxes=taxes,
        attachments={row["DrawingSeq"]: row for row in tables.get("APInvHedAttch", [])},
    )
