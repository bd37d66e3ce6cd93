"""Reading entity sets to the end: by keys, and page by page. Epicor may cap a page at any size."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Protocol

from mlc_common.failures import TransientError
from mlc_epicor.odata import any_of, both, chunks, collated, literal

Row = dict[str, Any]


class PageReader(Protocol):
    """The part of the Epicor client that reads one page."""

    async def rows(
        self,
        company: str,
        entity_set: str,
        *,
        where: str | None = None,
        select: Sequence[str] = (),
        order_by: str | None = None,
        top: int | None = None,
        skip: int = 0,
        expand: str | None = None,
    ) -> list[Row]: ...


async def find(
    reader: PageReader,
    company: str,
    entity_set: str,
    *,
    field: str,
    keys: Iterable[str],
    select: Sequence[str],
    also: str | None,
) -> list[Row]:
    """The rows whose `field` is one of `keys`; keys that a short page left out are asked for again."""
    found: list[Row] = []
    missing = sorted(set(keys))
    while missing:
        fresh: list[Row] = []
        for some in chunks(missing):
            fresh += await reader.rows(company, entity_set, where=both(also, any_of(field, some)), select=select)
        found += fresh
        seen = {collated(str(row.get(field) or "")) for row in fresh}
        left = [key for key in missing if collated(key) not in seen]
        missing = left if len(left) < len(missing) else []
    return found


async def pages(
    reader: PageReader, company: str, entity_set: str, *, key: str, select: Sequence[str], also: str | None, size: int
) -> AsyncIterator[list[Row]]:
    """Every row in order of the unique field `key`, until a page is empty.

    Raises:
        TransientError: a page repeats, as of a server that does not heed the filter.
    """
    last: str | int | None = None
    while True:
        after = None if last is None else f"{key} gt {literal(last)}"
        rows = await reader.rows(company, entity_set, where=both(also, after), select=select, order_by=key, top=size)
        if not rows:
            return
        if rows[-1][key] == last:
            raise TransientError(f"Epicor {entity_set}: the same page was given twice; it is read anew later.")
        yield rows
        last = rows[-1][key]
