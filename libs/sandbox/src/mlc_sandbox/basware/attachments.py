"""Attachments of documents: shown once a document is transferred, fetched through a pre-signed address."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mlc_sandbox.basware.access import Clock
from mlc_sandbox.basware.fields import violations
from mlc_sandbox.basware.storage import FileAnswer, stored_at
from mlc_sandbox.basware.wire import RefusedError, answer
from mlc_sandbox.basware.world import Attachment, BaswareWorld, Document
from mlc_sandbox.exact_json import loads
from mlc_sandbox.faults import fault_in

AFTER_TRANSFER = frozenset({"Transferred", "Paid"})


def available(document: Document, world: BaswareWorld, *, at: datetime) -> Sequence[Attachment]:
    """The attachments that the API shows now: none before the transfer, nor in a tenant that hides them."""
    transferred = [change["at"] for change in document.history if change["processingStatus"] in AFTER_TRANSFER]
    if document.status not in AFTER_TRANSFER or not transferred or world.settings.attachments_api == "hidden":
        return ()
    shown_at = datetime.fromisoformat(transferred[0]) + timedelta(seconds=world.settings.attachments_after)
    return world.attachments.get(document.invoice_id, ()) if at >= shown_at else ()


async def read_attachment(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET …/attachments/{code}`: 302 to a pre-signed address, or the file itself; 404 while it is not available."""
    at, document = now(), world.documents.get(request.path_params["invoice_id"])
    files = () if document is None else available(document, world, at=at)
    file = next((each for each in files if each.code == request.path_params["code"]), None)
    if file is None:
        raise RefusedError(404)
    if world.settings.attachments_api == "refused":
        raise RefusedError(403, {"message": "Forbidden"})
    if not world.settings.attachment_redirects:
        return FileAnswer(file, short=fault_in(request.scope) is not None)
    location = stored_at(request, "", world=world, at=at, headers={}, file=file)
    for _ in range(world.settings.attachment_redirects - 1):
        location = stored_at(request, "", world=world, at=at, headers={"location": location})
    return RedirectResponse(location, status_code=302)


async def add_attachments(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`POST /_sandbox/attachments/{invoiceId}`: a list of `Attachment` members, each with `content` (base64).

    Instead of `content` there may be `size`: so many bytes.
    """
    del now
    invoice_id = request.path_params["invoice_id"]
    if invoice_id not in world.documents:
        raise RefusedError(404, {"message": "the invoice is not known"})
    try:
        listed = loads(await request.body())
        files = [file_of(each) for each in listed] if isinstance(listed, list) else None
    except (ValueError, binascii.Error, AttributeError) as wrong:
        raise RefusedError(400, {"message": str(wrong)}) from wrong
    if files is None:
        raise RefusedError(400, {"message": "send a list of attachments"})
    world.attachments.setdefault(invoice_id, []).extend(files)
    return answer({"attached": [file.code for file in files]})


def file_of(value: dict[str, Any]) -> Attachment:
    """An attachment as a test or a rehearsal describes it. Raises ValueError for a member that is not known."""
    meta = {name: member for name, member in value.items() if name not in ("content", "size")}
    wrong = violations("Attachment", meta)
    if not meta.get("externalCode"):
        wrong.append("externalCode is needed.")
    if wrong:
        raise ValueError(" ".join(wrong))
    if "size" in value:
        return Attachment(meta, bytes(range(256)), int(value["size"]))
    content = base64.b64decode(value.get("content", ""), validate=True)
    return Attachment(meta, content, len(content))
