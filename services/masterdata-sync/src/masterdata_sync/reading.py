"""Reads a kind's rows of one company page by page, with the rows of other tables that belong to them."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from masterdata_sync.kind import Detail, Kind, Source
from masterdata_sync.sides import Sides
from mlc_common.masterdata_rules import Reading
from mlc_epicor.questions import REVISION, Condition, Cursor, Page, Question
from mlc_epicor.ways import BaqWay, GetRowsWay, ODataWay, Way

DETAILS_AT_ONCE = 1000


@dataclass(frozen=True)
class Reader:
    """How the rows of a kind of one Epicor company are read."""

    kind: Kind
    company: str
    rules: Reading
    sides: Sides

    @property
    def way_name(self) -> str:
        """Tells whether a cursor is one of ours: that of another way says nothing here."""
        return f"{self.rules.way}/{self.rules.paging}/{self.rules.page_size}"

    async def pages(self, conditions: Sequence[Condition] = (), *, after: Cursor | None = None) -> AsyncIterator[Page]:
        """Every page that follows the cursor, until there is none.

        Raises:
            TransientError: Epicor is away.
            PermanentError: Epicor does not understand the question.
        """
        question = question_of(self.kind.source, self.rules, conditions)
        way = way_of(self.kind.source, self.rules, self.sides)
        while True:
            # A slot per page, not for the whole run: posting invoices goes on in between.
            async with self.sides.slots.hold():
                page = await way.page(self.company, question, after)
                rows = await self._with_details(page.rows)
            yield replace(page, rows=rows)
            if not page.more:
                return
            after = page.cursor
            await asyncio.sleep(self.rules.pause)

    async def _with_details(self, rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        for detail in self.kind.details if rows else ():
            found = await self._details(detail, rows)
            keys = self.kind.source.key[: len(detail.on)]
            for row in rows:
                row[detail.name] = tuple(found.get(tuple(row[key] for key in keys), ()))
        return rows

    async def _details(
        self, detail: Detail, rows: Sequence[Mapping[str, Any]]
    ) -> Mapping[tuple[Any, ...], list[Mapping[str, Any]]]:
        """The rows of another table for a page of parents, by the columns that join them."""
        way = way_of(detail.source, _of_details(self.rules), self.sides)
        question = replace(question_of(detail.source, self.rules), size=DETAILS_AT_ONCE)
        found: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
        question = question.narrowed(*narrowing(detail.on[0], sorted({row[self.kind.source.key[0]] for row in rows})))
        page = Page((), {}, more=True)
        while page.more:
            page = await way.page(self.company, question, page.cursor or None)
            for each in page.rows:
                found[tuple(each[column] for column in detail.on)].append(each)
        return found


def _of_details(rules: Reading) -> Reading:
    """A BAQ shows one table; those beside it are read from their entity sets."""
    same = "odata" if rules.way == "baq" else rules.way
    return rules.model_copy(update={"way": same if rules.details == "same way" else rules.details, "baq": None})


def narrowing(column: str, values: Sequence[Any]) -> tuple[Condition, ...]:
    """What a question has to say so that its rows hold these values: a range of numbers, which may hold more.

    Tables that hang on texts (terms, taxes, segments) are small, and how a server orders texts is its own affair: they
    are read whole.
    """
    if all(isinstance(value, int) for value in values):
        return ((column, "ge", values[0]), (column, "le", values[-1]))
    return ()


def question_of(source: Source, rules: Reading, conditions: Sequence[Condition] = ()) -> Question:
    """What is asked for the rows of a source."""
    extra = [source.changed] if source.changed else []
    extra += [REVISION] if rules.revisions else []
    fixed = [(each.column, each.operator, each.value) for each in source.where]
    return Question(
        service=source.service,
        entity_set=source.entity_set,
        table=source.table,
        key=source.key,
        columns=tuple(dict.fromkeys((*source.columns, *extra))),
        aliases=source.aliases,
        where=(*fixed, *conditions),
        size=rules.page_size,
    )


def way_of(source: Source, rules: Reading, sides: Sides) -> Way:
    """The way that the connection has chosen."""
    match rules.way:
        case "odata":
            return ODataWay(sides.epicor, paging=rules.paging, dates=sides.dates)
        case "getrows":
            return GetRowsWay(sides.epicor)
        case "baq":
            assert rules.baq is not None  # noqa: S101 - the section makes sure of it
            bound = (
                {source.changed: rules.baq.changed_parameter} if source.changed and rules.baq.changed_parameter else {}
            )
            return BaqWay(
                sides.epicor,
                query=rules.baq.id,
                names=rules.baq.columns,
                parameters=bound,
                paging=rules.paging,
                dates=sides.dates,
            )


def key_text(source: Source, row: Mapping[str, Any]) -> str:
    """A row's key as it is remembered, a JSON list."""
    return json.dumps([row[column] for column in source.key], ensure_ascii=False, separators=(",", ":"), default=str)


def conditions_of(source: Source, key: str) -> tuple[Condition, ...]:
    """What the row with this key meets."""
    return tuple((column, "eq", value) for column, value in zip(source.key, json.loads(key), strict=True))
