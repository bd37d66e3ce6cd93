"""The attachments that an accounting document names (Basware API reference, attachments). Pure.

They are read apart from the document, so that nothing odd in them ever hinders its invoice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlc_common.failures import PermanentError
from mlc_common.http import load_json

LONGEST_NAME = 255


@dataclass(frozen=True)
class Attachment:
    """One attachment; one that does not say that it is not confidential is."""

    code: str
    filename: str
    category: str
    confidential: bool


def attachments_in(text: str | bytes) -> tuple[Attachment, ...]:
    """The attachments of a document's JSON text that have a code, each code once; names without regard to case.

    Raises:
        PermanentError: it is no JSON object, or the attachments are no list.
    """
    try:
        document = load_json(text)
    except ValueError as error:
        raise PermanentError("The accounting document is no JSON text.") from error
    if not isinstance(document, dict):
        raise PermanentError("The accounting document is no JSON object.")
    listed = _lower(document).get("attachments") or []
    if not isinstance(listed, list):
        raise PermanentError("The accounting document's attachments are no list.")
    found = [_attachment(_lower(each)) for each in listed if isinstance(each, dict)]
    return tuple({each.code: each for each in found if each.code}.values())


def _attachment(members: dict[str, Any]) -> Attachment:
    return Attachment(
        code=str(members.get("externalcode") or "").strip(),
        filename=str(members.get("filename") or "")[:LONGEST_NAME],
        category=str(members.get("category") or "").strip()[:LONGEST_NAME],
        confidential=members.get("isconfidential") is not False,
    )


def _lower(value: dict[str, Any]) -> dict[str, Any]:
    return {name.lower(): member for name, member in value.items()}
