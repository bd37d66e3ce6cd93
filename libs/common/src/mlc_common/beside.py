"""A read model made anew: folded into a table beside it, then put in its place, while readers go on reading."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Column, MetaData, Table, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


@asynccontextmanager
async def beside(engine: AsyncEngine, table: Table) -> AsyncIterator[tuple[AsyncConnection, Table]]:
    """A session, and an empty table of its own that is like this one; both go with the block, whatever happens."""
    new = table.to_metadata(MetaData(), name=f"{table.name}_beside")
    async with engine.connect() as db:
        try:
            key = ", ".join(_key(table))
            await db.execute(
                text(f"CREATE TEMPORARY TABLE {new.name} (LIKE {table.name} INCLUDING DEFAULTS, PRIMARY KEY ({key}))")
            )
            await db.commit()
            yield db, new
        finally:
            await db.invalidate()


async def hold_off(db: AsyncConnection, table: Table) -> None:
    """Whoever writes the table waits for the end of the caller's transaction; whoever reads does not."""
    await db.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))


async def put_in_place(
    db: AsyncConnection,
    table: Table,
    new: Table,
    *,
    among: str = "true",
    about: Mapping[str, Any] | None = None,
    aside: Collection[str] = (),
) -> tuple[int, int]:
    """Give the table the new rows, in the caller's transaction; how many it lost, and how many were put in anew.

    Args:
        among: which of its rows, called `old`, are made anew, as SQL; `about` are the values it names.
        aside: columns that are not folded: a row that differs in nothing else stays as it is.
    """
    await db.execute(text(f"ANALYZE {new.name}"))
    removed = await db.execute(text(_removal(table, new, among)), dict(about or {}))
    changed = await db.execute(text(_entry(table, new, aside)))
    return removed.rowcount, changed.rowcount


def _removal(table: Table, new: Table, among: str) -> str:
    same = " AND ".join(f"new.{name} = old.{name}" for name in _key(table))
    return (
        f"DELETE FROM {table.name} AS old WHERE ({among}) AND NOT EXISTS (SELECT FROM {new.name} AS new WHERE {same})"  # noqa: S608 - names of our own tables
    )


def _entry(table: Table, new: Table, aside: Collection[str]) -> str:
    key, columns = _key(table), [each.name for each in table.columns]
    folded = [each for each in table.columns if each.name not in aside]
    others = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    return f"""
        INSERT INTO {table.name} ({", ".join(columns)})
        SELECT {", ".join(f"new.{name}" for name in columns)}
        FROM {new.name} AS new LEFT JOIN {table.name} AS old USING ({", ".join(key)})
        WHERE old.{key[0]} IS NULL OR ROW({_of("old", folded)})::text <> ROW({_of("new", folded)})::text
        ON CONFLICT ({", ".join(key)}) DO UPDATE SET {others}
    """  # noqa: S608 - names of our own tables


def _key(table: Table) -> list[str]:
    return [each.name for each in table.primary_key]


def _of(alias: str, columns: list[Column[Any]]) -> str:
    return ", ".join(f"{alias}.{each.name}" for each in columns)
