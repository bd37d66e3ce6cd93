"""Three interchangeable ways to read many rows page by page: OData entity set, GetRows, BAQ.

Which one a tenant's Epicor answers well is not known beforehand (Epicor reference, heavy services). None of them takes
a short page for the last one: the server may cap every page (100 rows), so only a page without rows ends a reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from mlc_common.failures import PermanentError, TransientError
from mlc_epicor.client import EpicorClient
from mlc_epicor.odata import both
from mlc_epicor.questions import (
    DATE_FORMS,
    Cursor,
    DateForm,
    Page,
    Question,
    is_moment,
    odata_after,
    odata_condition,
    sql_where,
)
from mlc_epicor.tablesets import TABLESETS

LONGEST_ADDRESS = 1800
"""Characters of a query; a longer GetRows is posted."""

Paging = Literal["key", "skip"]


class Way(Protocol):
    """How rows are read."""

    async def page(self, company: str, question: Question, after: Cursor | None) -> Page:
        """The rows that follow a cursor; None is the beginning.

        Raises:
            TransientError: Epicor cannot be asked now.
            PermanentError: Epicor does not understand the question, or does not page.
        """
        ...


@dataclass
class Dates:
    """How this server wants dates in filters: said by a person, or found out with the first filter that has one."""

    form: DateForm | None = None

    @property
    def tried(self) -> tuple[DateForm, ...]:
        """The forms worth trying, best first."""
        return DATE_FORMS if self.form is None else (self.form,)


@dataclass(frozen=True)
class ODataWay:
    """Pages of an entity set, in order of the full key.

    Args:
        paging: `key` asks for what follows the last key, `skip` counts rows, for servers that take no such filter.
    """

    client: EpicorClient
    paging: Paging = "key"
    dates: Dates = field(default_factory=Dates)

    async def page(self, company: str, question: Question, after: Cursor | None) -> Page:
        """See `Way`."""
        names = {column: question.aliases.get(column, column) for column in question.wanted}
        path = f"{question.service}/{question.entity_set}"
        return await read_list(self, company, question, after, path=path, names=names)


@dataclass(frozen=True)
class BaqWay:
    """Pages of a BAQ whose result columns stand for the dataset's (Epicor reference, paging).

    Args:
        query: the BAQ's id.
        names: dataset column -> the BAQ's column, where it is not `Table_Column`.
        parameters: dataset column -> the BAQ's parameter that a lower bound of it goes to, since `$filter` is applied
            only after the query has run.
    """

    client: EpicorClient
    query: str
    names: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    paging: Paging = "key"
    dates: Dates = field(default_factory=Dates)

    async def page(self, company: str, question: Question, after: Cursor | None) -> Page:
        """See `Way`."""
        names = {column: self.names.get(column, f"{question.table}_{column}") for column in question.wanted}
        names |= {each[0]: self.names.get(each[0], f"{question.table}_{each[0]}") for each in question.where}
        return await read_list(self, company, question, after, path=f"BaqSvc/{self.query}/Data", names=names)


async def read_list(
    way: ODataWay | BaqWay,
    company: str,
    question: Question,
    after: Cursor | None,
    *,
    path: str,
    names: Mapping[str, str],
) -> Page:
    """One page of a list that takes OData's options; `names` are the columns' names there."""
    position = dict(after or {})
    parameters = way.parameters if isinstance(way, BaqWay) else {}
    bounds = {each[0]: str(each[2]) for each in question.where if each[0] in parameters and each[1] in ("ge", "gt")}
    base = {parameters[column]: value for column, value in bounds.items()}
    base |= {"$select": ",".join(names[column] for column in question.wanted)}
    base |= {"$orderby": ",".join(names[column] for column in question.key), "$top": str(question.size)}
    if way.paging == "skip":
        base["$skip"] = str(position.get("skip", 0))
    found = await _filtered(way, company, question, path=path, base=base, names=names, position=position)
    rows = [{column: row.get(names[column]) for column in question.wanted} for row in found]
    return _advanced(question, rows, position, skips=way.paging == "skip")


async def _filtered(
    way: ODataWay | BaqWay,
    company: str,
    question: Question,
    *,
    path: str,
    base: Mapping[str, str],
    names: Mapping[str, str],
    position: Mapping[str, Any],
) -> list[dict[str, Any]]:
    last = position.get("after") if way.paging == "key" else None
    has_dates = any(is_moment(each[2]) for each in question.where) or any(map(is_moment, last or ()))
    forms = way.dates.tried if has_dates else DATE_FORMS[:1]
    for form in forms:
        conditions = [odata_condition(names.get(each[0], each[0]), each[1], each[2], form) for each in question.where]
        follows = None if last is None else odata_after([names[each] for each in question.key], last, form)
        if follows and conditions:
            follows = f"({follows})"
        filtered = both(*conditions, follows)
        try:
            found = await _rows(way.client, company, path, {**base, **({"$filter": filtered} if filtered else {})})
        except PermanentError:
            if form == forms[-1]:
                raise
            continue
        if has_dates:
            way.dates.form = form
        return found
    raise AssertionError("there is always a form to try")  # pragma: no cover - DATE_FORMS is not empty


async def _rows(client: EpicorClient, company: str, path: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
    try:
        value = await client.ask(company, path, params=params)
    except TransientError as failure:
        hint = f"{failure} If that stays so, let the connection read this kind another way (odata, getrows, baq)."
        raise TransientError(hint, retry_after=failure.retry_after) from failure
    found = value.get("value") if isinstance(value, Mapping) else None
    if not isinstance(found, list):
        raise TransientError(f"Epicor {path}: the answer holds no rows; check epicor.base_url.")
    return found


def _advanced(question: Question, rows: Sequence[dict[str, Any]], position: Mapping[str, Any], *, skips: bool) -> Page:
    """The page with the cursor that follows it; a server that does not page would be read for ever."""
    if not rows:
        return Page((), position, more=False)
    last = list(question.key_of(rows[-1]))
    if skips:
        first = list(question.key_of(rows[0]))
        if first == position.get("first"):
            raise PermanentError(f"Epicor {question.entity_set} gives the same page again and again.")
        return Page(rows, {"skip": position.get("skip", 0) + len(rows), "first": first}, more=True)
    if last == position.get("after"):
        raise PermanentError(f"Epicor {question.entity_set} gives the same page again and again.")
    return Page(rows, {"after": last}, more=True)


@dataclass(frozen=True)
class GetRowsWay:
    """Pages of the method GetRows; they come in the server's order, and are pages of the service's first table.

    Where its pages begin is not documented: 0 and 1 may be the same page, so both are asked for and the second is left
    out when it repeats the first (Epicor reference, paging).
    """

    client: EpicorClient

    async def page(self, company: str, question: Question, after: Cursor | None) -> Page:
        """See `Way`."""
        number = int((after or {}).get("page", 0))
        tableset = await self._tableset(company, question, number)
        pages_of = TABLESETS[question.service].tables[0]
        paged = _table(tableset, pages_of, question.service)
        seen = [str(each.get("SysRowID") or each) for each in paged]
        if not paged and number > 0:
            return Page((), dict(after or {}), more=False)
        if seen and seen == list((after or {}).get("seen", ())):
            # Page 1 is page 0 by another name, or the server repeats its last page for ever.
            return Page((), {"page": number + 1, "seen": seen}, more=number == 1)
        rows = paged if question.table == pages_of else _table(tableset, question.table, question.service)
        wanted = [{column: row.get(column) for column in question.wanted} for row in rows]
        return Page(wanted, {"page": number + 1, "seen": seen}, more=True)

    async def _tableset(self, company: str, question: Question, number: int) -> Mapping[str, Any]:
        arguments = arguments_of(question) | {"pageSize": question.size, "absolutePage": number}
        path = f"{question.service}/GetRows"
        length = sum(len(name) + len(str(value)) + 2 for name, value in arguments.items())
        if length > LONGEST_ADDRESS:
            value = await self.client.ask(company, path, body=arguments)
        else:
            value = await self.client.ask(company, path, params={name: str(v) for name, v in arguments.items()})
        found = value.get("returnObj") if isinstance(value, Mapping) else None
        if not isinstance(found, Mapping):
            raise TransientError(f"Epicor {path}: the answer holds no tables; check epicor.base_url.")
        return found


def arguments_of(question: Question) -> dict[str, Any]:
    """A where-clause for every table: ours, its parent's as far as it is known, and `1=0` for those not wanted.

    Raises:
        PermanentError: the service's tables are not known.
    """
    tableset = TABLESETS.get(question.service)
    if tableset is None:
        raise PermanentError(f"{question.service} cannot be read by GetRows; choose odata or baq.")
    parent, *_ = tableset.tables
    clauses = {f"whereClause{table}": "1=0" for table in tableset.tables}
    if question.table != parent:
        leading = tableset.leading
        known = [(leading, op, value) for name, op, value in question.where if name.casefold() == leading.casefold()]
        clauses[f"whereClause{parent}"] = sql_where(known)
    clauses[f"whereClause{question.table}"] = sql_where(question.where)
    return dict(clauses)


def _table(tableset: Mapping[str, Any], table: str, service: str) -> list[dict[str, Any]]:
    rows = tableset.get(table)
    if not isinstance(rows, list):
        raise TransientError(f"Epicor {service}/GetRows: the answer has no table {table}.")
    return rows
