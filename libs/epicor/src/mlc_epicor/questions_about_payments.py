"""The questions about payments in both of Epicor's languages: OData filters and where clauses of GetRows. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from mlc_epicor.odata import Value, literal
from mlc_epicor.payables import InvoiceKey

A_DAY = timedelta(days=1)

InstantForm = Literal["local", "zoned"]
"""2026-01-31T08:00:00, or the same with Z; which of them a tenant takes is not documented (Epicor reference, 8.1)."""


@dataclass(frozen=True)
class Language:
    """The words of a question."""

    equal: str
    greater: str
    at_least: str
    both: str
    either: str
    instants_quoted: bool


ODATA = Language("eq", "gt", "ge", "and", "or", instants_quoted=False)
WHERE = Language("=", ">", ">=", "AND", "OR", instants_quoted=True)

Key = tuple[tuple[str, Value], ...]


def changed_since(language: Language, column: str, instant: str) -> str:
    """Rows changed at this instant or later; many share one, so the instant itself is included."""
    said = f"'{instant}'" if language.instants_quoted else instant
    return f"{column} {language.at_least} {said}"


def of_invoices(language: Language, keys: Iterable[InvoiceKey], *, vendor: str, number: str) -> str:
    """Rows of these invoices."""
    eq = language.equal
    each = (
        f"({vendor} {eq} {literal(vendor_num)} {language.both} {number} {eq} {literal(invoice)})"
        for vendor_num, invoice in keys
    )
    return "(" + f" {language.either} ".join(each) + ")"


def of_heads(language: Language, heads: Iterable[int]) -> str:
    """Payments by their key."""
    return "(" + f" {language.either} ".join(f"HeadNum {language.equal} {head}" for head in heads) + ")"


def after(key: Key) -> str:
    """OData: rows that follow this one in the order of its key; "" when none can. A flag is ordered false, true."""
    (column, value), *rest = key
    deeper = after(tuple(rest)) if rest else ""
    further = [] if value is True else [f"{column} eq true" if value is False else f"{column} gt {literal(value)}"]
    same = [f"({column} eq {literal(value)} and {deeper})"] if deeper else []
    parts = [*further, *same]
    return f"({' or '.join(parts)})" if parts else ""


def moment(changed: str) -> datetime:
    """A ChangeDate as something to compare; one without a zone counts as UTC, which orders those of one server.

    Raises:
        ValueError: it is no date.
    """
    found = datetime.fromisoformat(changed)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def newest(*changes: str) -> str:
    """The newest of some ChangeDates, as it was written; empty ones do not count, and none is an empty text."""
    return max((each for each in changes if each), key=moment, default="")


def start_of(watermark: str, overlap: timedelta, form: InstantForm) -> str:
    """Where the next look begins: so far before the newest change that was seen, written in a form.

    A day at least where the watermark is a day only, or where it and the form disagree about having a zone: how the
    server reads it then is not known (Epicor reference, 8.3).
    """
    found = datetime.fromisoformat(watermark)
    day_only = found.time() == datetime.min.time()
    if day_only or (found.tzinfo is not None) != (form == "zoned"):
        overlap = max(overlap, A_DAY)
    if form == "zoned":
        return f"{(moment(watermark) - overlap).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return f"{found.replace(tzinfo=None) - overlap:%Y-%m-%dT%H:%M:%S}"
