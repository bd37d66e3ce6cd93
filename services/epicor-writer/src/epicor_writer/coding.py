"""Which GL account a coding row means, by the connection's segments and look-up tables. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from epicor_writer.lookups import looked_up
from mlc_basware.documents import AccountingDocument, CodingRow
from mlc_common.catalogue import Finding, finding
from mlc_common.company_rules import CompanyPair, LookUpTable, Segment


@dataclass(frozen=True)
class GlAccount:
    """A GL account by its segments, in the chart's physical order; `dynamic` are the places of dynamic segments.

    A dynamic segment is not part of the account itself (Epicor reference, expense distribution and GL accounts).
    """

    segments: tuple[str, ...]
    dynamic: frozenset[int] = frozenset()

    @property
    def internal(self) -> str:
        """The form Epicor stores: 6100|10|200."""
        return "|".join(self._fixed)

    @property
    def display(self) -> str:
        """The form people read: 6100-10-200."""
        return "-".join(self._fixed)

    @property
    def _fixed(self) -> tuple[str, ...]:
        return tuple(value for place, value in enumerate(self.segments) if place not in self.dynamic)


@dataclass(frozen=True)
class Chart:
    """How coding rows name GL accounts in one company on one day; without a day, validity is not looked at."""

    pair: CompanyPair
    tables: Mapping[str, LookUpTable] = field(default_factory=dict)
    day: date | None = None

    def account(self, row: CodingRow) -> GlAccount | None:
        """The row's GL account, or None when a segment is missing or not in its table."""
        values = [self._value(row, segment) for segment in self.pair.segments]
        dynamic = frozenset(place for place, segment in enumerate(self.pair.segments) if segment.dynamic)
        return None if None in values else GlAccount(tuple(value for value in values if value is not None), dynamic)

    def findings(self, name: str, row: CodingRow) -> Iterator[Finding]:
        """What keeps the row, known to people as `name`, from having a GL account."""
        for segment in self.pair.segments:
            if self._value(row, segment) is not None:
                continue
            given = row.value(segment.field or "")
            if given is None:
                yield finding("ROW_WITHOUT_CODE", field=segment.field, row=name)
            else:
                values = {"value": given, "table": segment.table, "company": self.pair.basware}
                yield finding("NOT_IN_TABLE", field=segment.field, row=name, **values)

    def _value(self, row: CodingRow, segment: Segment) -> str | None:
        if segment.constant is not None:
            return segment.constant
        value = row.value(segment.field or "")
        if value is None:
            value = segment.default
        elif segment.table is not None:
            value = looked_up(self.tables[segment.table], value, company=self.pair.basware, day=self.day)
        # A segment that is blank on purpose stays blank.
        return value.rjust(segment.pad_to, "0") if value else value


def rows_in_order(document: AccountingDocument) -> tuple[tuple[str, CodingRow], ...]:
    """The coding rows in their own order, each with the name people know it by: its rowIndex, else its place."""
    rows = list(enumerate(document.codingRows, start=1))
    if all(row.rowIndex is not None for _, row in rows):
        rows.sort(key=lambda each: each[1].rowIndex or 0)
    return tuple((str(place if row.rowIndex is None else row.rowIndex), row) for place, row in rows)
