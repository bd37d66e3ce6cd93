"""Values that a person has overridden, laid over a document's text; what was recorded never changes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from mlc_basware import members
from mlc_basware.documents import text_of
from mlc_common.failures import PermanentError
from mlc_common.http import load_json
from mlc_common.people_events import Change

_PLACE = re.compile(r"(?:codingRows\[(?P<row>[1-9][0-9]{0,4})\]\.)?(?P<member>\w+)")
_ITS_IDENTITY = frozenset(
    {"invoiceId", "processingStatus", "companyCode", "supplierCode", "invoiceNumber", "currencyCode"}
)
"""What others know the document by; it is corrected in Basware and transferred anew."""


def changed(text: str, place: str, value: str) -> Change:
    """The change of one text member of a document; `place` as paymentTermCode, or codingRows[2].accountCode.

    Raises:
        ValueError: what is wrong with the place or the value, in one sentence.
    """
    entity, member = _find(load_json(text), place)
    if member in _ITS_IDENTITY:
        raise ValueError(f"{member} is what the document is known by; correct it in Basware and transfer it again.")
    if member in members.PERSONAL:
        raise ValueError(f"{member} holds personal data, which is recorded sealed only; correct it in Basware.")
    old = entity.get(_spelled_in(entity, member))
    if old is not None and not isinstance(old, str):
        raise ValueError(f"{place} is no text; sums and flags are corrected in Basware.")
    return Change(place=place, old=old, new=value)


def overridden(text: str, changes: Iterable[Change]) -> str:
    """The document's text with the changes in it.

    Raises:
        PermanentError: a change does not fit the document.
    """
    document = load_json(text)
    for change in changes:
        try:
            entity, member = _find(document, change.place)
        except ValueError as error:
            raise PermanentError(f"An override does not fit the document: {error}") from error
        entity[_spelled_in(entity, member)] = change.new
    return text_of(document)


def _find(document: Any, place: str) -> tuple[dict[str, Any], str]:
    found = _PLACE.fullmatch(place)
    if found is None:
        raise ValueError(f"{place} is no place; write paymentTermCode or codingRows[2].accountCode.")
    known = members.PLAIN_IN_DOCUMENT if found["row"] is None else members.CODING_ROW
    member = members.spelling(known).get(found["member"].lower())
    if member is None:
        raise ValueError(
            f"{found['member']} is no member of Basware's {'document' if found['row'] is None else 'rows'}."
        )
    if found["row"] is None:
        return document, member
    rows = document.get(_spelled_in(document, "codingRows")) or []
    if int(found["row"]) > len(rows):
        raise ValueError(f"The document has {len(rows)} coding rows; there is no row {found['row']}.")
    return rows[int(found["row"]) - 1], member


def _spelled_in(entity: dict[str, Any], member: str) -> str:
    """The member as this document spells it."""
    return next((name for name in entity if name.lower() == member.lower()), member)
