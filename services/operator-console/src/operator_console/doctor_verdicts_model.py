"""Judges Epicor's data model for one connection: method parameters, columns, dates, account segments. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlc_common.company_rules import CompanyPair, Segment
from mlc_common.connection import ConnectionDocument
from mlc_epicor.questions import DateForm
from mlc_epicor.service_metadata import PARAMETERS, UPDATE_MASTER, ServiceMetadata
from operator_console.doctor_checks import Check, failed, passed, unknown

_METHOD = "epicor UpdateMaster"
_DATES = "epicor dates"
_FORMS: Mapping[str, DateForm] = {"local": "plain", "zoned": "zulu"}


def columns(found: ServiceMetadata, needed: Mapping[str, frozenset[str]]) -> list[Check]:
    """The parameters of UpdateMaster, and the columns of its tables."""
    return [_parameters(found), *(_table(found, table, names) for table, names in needed.items())]


def no_metadata(why: str) -> list[Check]:
    """A tenant that does not tell."""
    remedy = "see in Epicor's REST help that APInvoiceSvc/UpdateMaster takes the seven: " + ", ".join(PARAMETERS)
    return [unknown(_METHOD, why, remedy)]


def _parameters(found: ServiceMetadata) -> Check:
    taken = found.methods.get(UPDATE_MASTER)
    if not taken:
        return no_metadata("the metadata holds no methods")[0]
    missing = [each for each in PARAMETERS if each not in taken]
    if missing:
        return failed(
            _METHOD,
            f"it does not take {', '.join(missing)}",
            "this version of Epicor is not known: tell the maintainers",
        )
    return passed(_METHOD, "takes the seven parameters")


def _table(found: ServiceMetadata, table: str, needed: frozenset[str]) -> Check:
    name, held = f"epicor columns {table}", found.columns(table)
    if not held:
        return unknown(
            name, "the metadata does not show this table", "see in Epicor's REST help that it has its columns"
        )
    missing = sorted(needed - held)
    if not missing:
        return passed(name, f"{len(needed)} needed, all there")
    own = [each for each in missing if each.endswith("_c")]
    remedy = "tell the maintainers; this version of Epicor is not known"
    if own == missing:
        remedy = (
            f"add {', '.join(own)} in Epicor's extended table maintenance and regenerate the data model, or take it out"
        )
    return failed(
        name, f"missing: {', '.join(missing)}", f"{remedy} (header_fields and line_fields of the connection file)"
    )


def pinned(document: ConnectionDocument) -> tuple[DateForm, ...]:
    """The forms of dates that the connection insists on."""
    found = []
    if document.payments.mode == "follow" and document.payments.date_literal != "probed":
        found.append(_FORMS[document.payments.date_literal])
    if document.masterdata.date_form != "found out":
        found.append(document.masterdata.date_form)
    return tuple(dict.fromkeys(found))


def dates(taken: Sequence[DateForm], *, insisted: Sequence[DateForm], follows: bool) -> Check:
    """The forms that a filter takes against those that the connection insists on."""
    refused = [each for each in insisted if each not in taken]
    shown = f"filters take: {', '.join(taken) or 'none of the known forms'}"
    if refused:
        remedy = "set payments.date_literal: probed and masterdata.date_form: found out, or name a form that is taken"
        return failed(_DATES, f"{shown}; the connection insists on {', '.join(refused)}", remedy)
    if not taken and follows:
        return failed(_DATES, shown, "read payments another way: payments.read GetRows or BAQ")
    if not taken:
        return unknown(_DATES, shown, "runs for changed master data cannot be asked by date; full runs work")
    return passed(_DATES, shown)


def segments(pair: CompanyPair, document: ConnectionDocument, rows: Sequence[Mapping[str, Any]]) -> Check:
    """The chart's segments (COASegment) against the mapping's, by number, place, length and kind."""
    name = f"epicor segments {pair.epicor}"
    if not rows:
        return failed(
            name, f"company {pair.epicor} has no chart {pair.chart}", "correct companies[].chart (Epicor's COACode)"
        )
    chart = sorted(rows, key=lambda row: int(row["SegmentNbr"]))
    wrong = [*_counts(pair, chart), *_pairs(pair, chart), *_places(pair, document)]
    shown = ", ".join(f"{row['SegmentNbr']} {row.get('SegmentName') or '?'}{_kind(row)}" for row in chart)
    if not wrong:
        return passed(name, f"chart {pair.chart}: {shown}")
    return failed(
        name, f"{'; '.join(wrong)} (chart {pair.chart}: {shown})", "correct companies[].segments, in the chart's order"
    )


def _kind(row: Mapping[str, Any]) -> str:
    return " (dynamic)" if row.get("Dynamic") else ""


def _counts(pair: CompanyPair, chart: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    beyond = chart[len(pair.segments) :]
    if len(pair.segments) > len(chart) or any(not row.get("Dynamic") for row in beyond):
        yield f"the mapping has {len(pair.segments)} segments, the chart {len(chart)}"


def _pairs(pair: CompanyPair, chart: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for number, (segment, row) in enumerate(zip(pair.segments, chart, strict=False), start=1):
        if segment.dynamic != bool(row.get("Dynamic")):
            said = "dynamic" if row.get("Dynamic") else "not dynamic"
            yield f"segment {number} is {said} in the chart"
        longest = row.get("MaxLength")
        if isinstance(longest, int) and 0 < longest < _length(segment):
            yield f"segment {number} takes {longest} characters, the mapping makes {_length(segment)}"


def _length(segment: Segment) -> int:
    return max(segment.pad_to, len(segment.constant or ""), len(segment.default or ""))


def _places(pair: CompanyPair, document: ConnectionDocument) -> Iterator[str]:
    """What master data says of a segment's meaning: accounts and cost centres come from numbered segments too."""
    kinds = document.kinds
    meant = {"costCenterCode": [each.segment for each in kinds.dimensions.values() if each.to == "costCenters"]}
    if kinds.accounts and kinds.accounts.of == "segment values":
        meant["accountCode"] = [kinds.accounts.segment]
    for member, numbers in meant.items():
        places = [place for place, each in enumerate(pair.segments, start=1) if each.field == member]
        if places and numbers and not set(numbers) & set(places):
            yield f"{member} is segment {places[0]} in the mapping, but `kinds` reads it from segment {numbers[0]}"
