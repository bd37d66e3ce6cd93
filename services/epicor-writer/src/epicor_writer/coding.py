"""Which GL account a coding row means, by the connection's segments. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from mlc_basware.documents import AccountingDocument, CodingRow
from mlc_common.company_rules import CompanyPair, Segment


@dataclass(frozen=True)
class GlAccount:
    """A GL account by its segments, in the chart's physical order."""

    segments: tuple[str, ...]

    @property
    def internal(self) -> str:
        """The form Epicor stores: 6100|10|200 (Epicor reference, GL accounts)."""
        return "|".join(self.segments)

    @property
    def display(self) -> str:
        """The form people read: 6100-10-200."""
        return "-".join(self.segments)


def rows_in_order(document: AccountingDocument) -> tuple[tuple[str, CodingRow], ...]:
    """The coding rows in their own order, each with the name people know it by: its rowIndex, else its place."""
    rows = list(enumerate(document.codingRows, start=1))
    if all(row.rowIndex is not None for _, row in rows):
        rows.sort(key=lambda each: each[1].rowIndex or 0)
    return tuple((str(place if row.rowIndex is None else row.rowIndex), row) for place, row in rows)


def segment_value(row: CodingRow, segment: Segment) -> str | None:
    """What stands in one segment for this row; None when the row leaves it open and there is no default."""
    if segment.constant is not None:
        return segment.constant
    value = row.value(segment.field or "") or segment.default
    return None if value is None else value.rjust(segment.pad_to, "0")


def account(row: CodingRow, pair: CompanyPair) -> GlAccount | None:
    """The row's GL account, or None when a segment is missing."""
    values = [segment_value(row, segment) for segment in pair.segments]
    return GlAccount(tuple(value for value in values if value is not None)) if None not in values else None


def missing_fields(row: CodingRow, pair: CompanyPair) -> tuple[str, ...]:
    """The fields of the row that a segment needs and the row leaves empty."""
    return tuple(segment.field or "" for segment in pair.segments if segment_value(row, segment) is None)
