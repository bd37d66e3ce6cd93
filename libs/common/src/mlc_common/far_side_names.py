"""Names of the far sides that a connection file uses: coding-row members, templates of them, columns to fill. Pure.

Names are checked when a file is applied, by the `KnownNames` that the caller gives as the validation's context. A
stored version is read without them: an upgrade of this program must not make a connection unreadable.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

OF_DOCUMENT = "document."
PLACEHOLDER = re.compile(rf"\{{(?P<of_document>{re.escape(OF_DOCUMENT)})?(?P<name>\w+)\}}")
"""A member in a template. In a template of a line, `{text1}` is the coding row's and `{document.text1}` the document's;
a name that only the document has needs no prefix."""

ROW_MEMBER = "basware-coding-row-member"
"""The format that the JSON Schema gives such a name, for who lists the names there are."""

_MOST_HINTS = 2
_CLOSE = 0.75


@dataclass(frozen=True)
class KnownNames:
    """The names there are: members by the vendor's spelling, and whether a column is the product's own to fill."""

    document: Collection[str]
    row: Collection[str]
    header_is_ours: Callable[[str], bool]
    line_is_ours: Callable[[str], bool]


def _names(info: ValidationInfo) -> KnownNames | None:
    return info.context if isinstance(info.context, KnownNames) else None


def _row_member(name: str, info: ValidationInfo) -> str:
    names = _names(info)
    if names and not _is_one(name, names.row):
        raise ValueError(f"this is no member of a coding row{_hint(name, names.row)}")
    return name


def _header_template(template: str, info: ValidationInfo) -> str:
    names = _names(info)
    if names:
        _check(template, plain=names.document, prefixed=(), of="a document")
    return template


def _line_template(template: str, info: ValidationInfo) -> str:
    names = _names(info)
    if names:
        both = {*names.row, *names.document}
        _check(template, plain=both, prefixed=names.document, of="a coding row or document")
    return template


def _check(template: str, *, plain: Collection[str], prefixed: Collection[str], of: str) -> None:
    if re.search(r"[{}]", PLACEHOLDER.sub("", template)):
        raise ValueError("write members of the document as {invoiceNumber}; a brace has no other meaning")
    wrong = [
        f"{match[0]} is no member of {of} that can stand here{_hint(match['name'], known)}"
        for match in PLACEHOLDER.finditer(template)
        if not _is_one(match["name"], known := prefixed if match["of_document"] else plain)
    ]
    if wrong:
        raise ValueError("; ".join(wrong))


def _header_column(name: str, info: ValidationInfo) -> str:
    names = _names(info)
    return _column(name, ours=names is not None and names.header_is_ours(name))


def _line_column(name: str, info: ValidationInfo) -> str:
    names = _names(info)
    return _column(name, ours=names is not None and names.line_is_ours(name))


def _column(name: str, *, ours: bool) -> str:
    if ours:
        raise ValueError(
            "the connector fills or computes this column itself; allowed are other columns and your own _c"
        )
    return name


def _is_one(name: str, names: Collection[str]) -> bool:
    return name in names or name.lower() in {each.lower() for each in names}


def _hint(name: str, names: Collection[str]) -> str:
    spelled = {each.lower(): each for each in sorted(names)}
    close = difflib.get_close_matches(name.lower(), spelled, n=_MOST_HINTS, cutoff=_CLOSE)
    if not close:
        return "; `ml-connector connection schema` lists them"
    return f"; did you mean {' or '.join(spelled[each] for each in close)}?"


RowMember = Annotated[str, Field(min_length=1, json_schema_extra={"format": ROW_MEMBER}), AfterValidator(_row_member)]
HeaderTemplate = Annotated[str, AfterValidator(_header_template)]
LineTemplate = Annotated[str, AfterValidator(_line_template)]

_COLUMN = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,99}$")
HeaderColumn = Annotated[str, _COLUMN, AfterValidator(_header_column)]
LineColumn = Annotated[str, _COLUMN, AfterValidator(_line_column)]
