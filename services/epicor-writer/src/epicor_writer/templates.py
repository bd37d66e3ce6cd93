"""Texts and columns that the connection's templates make of a document. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation

from epicor_writer.coding import rows_in_order
from epicor_writer.invoice import Extra
from mlc_basware.documents import AccountingDocument, CodingRow, business_date
from mlc_common.catalogue import Finding, finding
from mlc_common.far_side_names import OF_DOCUMENT, PLACEHOLDER
from mlc_common.posting_rules import ExtraField, ExtraFields, Posting

Value = Callable[[str], str | None]
"""The text of a member by its Basware name; None when there is none."""

_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_LONGEST_SHOWN = 40


def fill(template: str, value: Value) -> str:
    """A template with {member} replaced by the members' values; blanks left by missing ones are closed up."""
    return " ".join(PLACEHOLDER.sub(lambda match: value(match[0][1:-1]) or "", template).split())


def of_line(row: CodingRow, document: AccountingDocument) -> Value:
    """The members that a template of a line may name: the row's, and those that only the document has.

    A name that both have, as `text1`, is the row's, also where the row leaves it empty; `document.text1` is the other.
    """

    def value(name: str) -> str | None:
        if name.startswith(OF_DOCUMENT):
            return document.value(name.removeprefix(OF_DOCUMENT))
        return row.value(name) if name.lower() in CodingRow.spelled else document.value(name)

    return value


def cut(text: str, longest: int) -> str:
    """The text, or its beginning with an ellipsis."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def extra_columns(fields: ExtraFields, value: Value) -> Extra:
    """More columns of a row; one whose text is empty, or does not read as its type, is left out."""
    made = {name: _typed(text, each) for name, each, text in _texts(fields, value)}
    return {name: found for name, found in made.items() if found is not None}


def extra_findings(fields: ExtraFields, value: Value, *, place: str) -> Iterator[Finding]:
    """The columns whose text does not read as their type; `place` names the row or the invoice to a person."""
    for name, each, text in _texts(fields, value):
        if _typed(text, each) is None:
            values = {"place": place, "text": cut(text, _LONGEST_SHOWN), "kind": each.type, "column": name}
            yield finding("NOT_OF_THE_COLUMNS_KIND", **values)


def column_findings(document: AccountingDocument, posting: Posting) -> Iterator[Finding]:
    """What keeps the connection's own columns of header and lines from being filled."""
    yield from extra_findings(posting.header_fields, document.value, place="The invoice")
    for name, row in rows_in_order(document):
        yield from extra_findings(posting.line_fields, of_line(row, document), place=f"Coding row {name}")


def _texts(fields: ExtraFields, value: Value) -> Iterator[tuple[str, ExtraField, str]]:
    for name, each in fields.items():
        if text := fill(each.template, value):
            yield name, each, text


def _typed(text: str, meant: ExtraField) -> str | Decimal | date | bool | None:
    match meant.type:
        case "text":
            return cut(text, meant.longest)
        case "flag":
            return _FLAGS.get(text.casefold())
        case "number":
            return _number(text)
        case "date":
            return _day(text)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _day(text: str) -> date | None:
    try:
        day = business_date(text)
    except ValueError:
        return None
    return day if isinstance(day, date) else None
