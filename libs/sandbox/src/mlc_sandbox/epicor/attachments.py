"""Attachments of AP invoices: rows of APInvHedAttch, and the files that AttachmentSvc keeps."""

import base64
import binascii
import hashlib
from typing import Any

from mlc_sandbox.epicor.draft import MODIFIED_TEXT, duplicate
from mlc_sandbox.epicor.groups import use_group
from mlc_sandbox.epicor.rpc import Call, Method
from mlc_sandbox.epicor.wire import NOT_FOUND, KineticError, Row, Tableset
from mlc_sandbox.epicor.world import EpicorWorld, Invoice

TABLE = "APInvHedAttch"
PARENT = "APInvHed"
DESCRIPTION_CUT = 30


def refused(message: str, field: str) -> KineticError:
    """A business refusal that names a column of the attachment."""
    return KineticError(message, table=TABLE, field=field)


def new_row(call: Call) -> Row:
    """What GetNewAPInvHedAttch adds: the key of an invoice that is there, and nothing else."""
    invoice = _invoice(call.world, call.company, call.arguments["vendorNum"], call.arguments["invoiceNum"])
    keys = {name: invoice.header[name] for name in ("VendorNum", "InvoiceNum")}
    return {**keys, "DrawingSeq": 0, "XFileRefNum": 0, "ForeignSysRowID": invoice.header["SysRowID"]}


def only_attachments(tableset: Tableset) -> bool:
    """Whether attachments are all that a save is about."""
    changed = {table for table, rows in tableset.items() for row in rows if row.get("RowMod")}
    return changed == {TABLE}


def save_attachments(call: Call, tableset: Tableset) -> Invoice:
    """Apply the changed rows of APInvHedAttch; all of them belong to one invoice.

    Raises KineticError for a posted invoice where the settings say so, and for a group that somebody else has open.
    """
    rows = [row for row in tableset[TABLE] if row.get("RowMod")]
    invoice = _invoice(call.world, call.company, rows[0].get("VendorNum", 0), rows[0].get("InvoiceNum", ""))
    if invoice.posted and call.world.settings.attachments_on_posted == "refuse":
        raise refused("The invoice is posted and cannot be changed.", "InvoiceNum")
    if not invoice.posted:
        use_group(call, invoice.group)
    for row in rows:
        _save(call, invoice, row)
    return invoice


def _invoice(world: EpicorWorld, company: str, vendor_num: int, invoice_num: str) -> Invoice:
    invoice = world.invoice(company, vendor_num, invoice_num)
    if invoice is None:
        raise KineticError("Record not found.", status=404, kind=NOT_FOUND)
    return invoice


def _save(call: Call, invoice: Invoice, row: Row) -> None:
    world, number = call.world, row.get("DrawingSeq", 0)
    if row["RowMod"] == "A":
        _add(call, invoice, row)
        return
    stored = invoice.attachments.get(number)
    if stored is None or row.get("SysRevID") != stored["SysRevID"]:
        raise refused(MODIFIED_TEXT, "SysRevID")
    if row["RowMod"] == "D":
        del invoice.attachments[number]
        return
    stored |= {**row, "SysRevID": world.next_revision(), "RowMod": ""}


def _add(call: Call, invoice: Invoice, row: Row) -> None:
    world, settings = call.world, call.world.settings
    if not row.get("FileName"):
        raise refused("File Name is required.", "FileName")
    if row.get("DocTypeID") and row["DocTypeID"] not in settings.document_types:
        raise refused("A valid Document Type is required.", "DocTypeID")
    if row.get("DrawingSeq", 0) in invoice.attachments:
        raise duplicate(world, TABLE, "DrawingSeq")
    number = max(invoice.attachments, default=0) + 1
    world.file_ref += 1
    description = str(row.get("DrawDesc", ""))
    cut = description[:DESCRIPTION_CUT] if settings.attachment_descriptions == "cut" else description
    invoice.attachments[number] = {
        **row, "Company": call.company, "DrawingSeq": number, "XFileRefNum": world.file_ref, "DrawDesc": cut,
        "ForeignSysRowID": invoice.header["SysRowID"], **world.stamp(), "RowMod": "",
    }  # fmt: skip


def _upload(call: Call) -> Row:
    """Keep a file under its name; its path is the answer. A file that is there is overwritten, or refused."""
    name, settings = call.arguments["fileName"], call.world.settings
    if not name or {"/", "\\"} & set(name):
        raise KineticError("The file name must have no path.")
    _known_place(call)
    try:
        content = base64.b64decode(call.arguments["data"], validate=True)
    except (binascii.Error, ValueError):
        raise KineticError("Parameter data is not a binary value.") from None
    if settings.largest_upload is not None and len(content) > settings.largest_upload:
        raise KineticError("Maximum request length exceeded.", status=413, kind="System.Web.HttpException")
    key = _key(call)
    if key in call.world.files and settings.same_file_name == "refuse":
        raise KineticError(f"File {name} already exists.")
    call.world.files[key] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return {"returnObj": "\\".join(("", "", "appserver", "attachments", *key))}


def _exists(call: Call) -> Row:
    _known_place(call)
    return {"returnObj": _key(call) in call.world.files}


def _known_place(call: Call) -> None:
    kind, table = call.arguments["docTypeID"], call.arguments["parentTable"]
    if kind and kind not in call.world.settings.document_types:
        raise KineticError("A valid Document Type is required.")
    if table != PARENT:
        raise KineticError(f"This sandbox keeps no attachments of {table}.")


def _key(call: Call) -> tuple[str, ...]:
    names = ("docTypeID", "parentTable", "fileName")
    return (call.company, *(str(call.arguments[name]) or "default" for name in names))


_FILE: dict[str, str] = {"docTypeID": "string", "parentTable": "string", "fileName": "string"}

METHODS: dict[str, Any] = {
    "UploadFile": Method(_upload, {**_FILE, "data": "string"}),
    "FileExists": Method(_exists, _FILE),
}
