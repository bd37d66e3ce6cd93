"""`ml-connector documents attachment`: a stored attachment as a file, if its rule lets it leave the store."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from mlc_common.attachment_store import AttachmentStore
from mlc_common.connections import version
from mlc_common.events import AttachmentStored
from mlc_common.settings import Settings
from operator_console.document_commands import shown
from operator_console.exits import CommandError, Exit
from operator_console.reach import broker, database


async def write(
    settings: Settings, identifier: str, code: str, *, into: Path, connection: str | None
) -> AttachmentStored:
    """Write the attachment `code` of a document to a new file that only its owner can read.

    The name in the facts comes from outside and is never used: the person names the file.

    Raises:
        CommandError: there is no such document, attachment or stored file, or it may not leave the store.
    """
    document = await shown(settings, identifier, connection=connection)
    facts = [each.event for each in document.timeline]
    found = [each for each in facts if isinstance(each, AttachmentStored) and each.external_code == code]
    if not found:
        raise CommandError(
            f"No attachment {code} of {identifier} is stored; `ml-connector documents show` tells why.",
            code=Exit.USAGE,
        )
    await _may_leave(settings, found[-1])
    with TemporaryFile() as content:
        async with broker(settings) as client:
            store = AttachmentStore(client, timeout=settings.timings.publish)
            await store.fetch(found[-1].sha256, content)
        _copy(content, into)
    return found[-1]


async def _may_leave(settings: Settings, stored: AttachmentStored) -> None:
    async with database(settings) as engine:
        current = await version(engine, stored.connection)
    rules = None if current is None else current.document.attachments
    if stored.confidential and (rules is None or not rules.gives_away(confidential=True)):
        raise CommandError(
            f"Attachment {stored.external_code} is confidential, and connection {stored.connection} gives none away "
            "(attachments.confidential).",
            code=Exit.REFUSED,
        )


def _copy(content: IO[bytes], into: Path) -> None:
    """To a new file of the owner's; one that somebody made meanwhile is left alone."""
    try:
        handle = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{into} cannot be written: {error.strerror}.", code=Exit.USAGE) from error
    with os.fdopen(handle, "wb") as file:
        shutil.copyfileobj(content, file)
