"""Where the reading of each kind and company stands: begun, advanced page by page, finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mlc_common.tables import masterdata_runs

Mode = Literal["full", "delta"]


class Owner(NamedTuple):
    """Whose records: connection, kind, Basware company."""

    connection: str
    kind: str
    company: str


@dataclass(frozen=True)
class Run:
    """A row of `masterdata_runs`; see there. `progress` counts what this run has done and holds what it has seen."""

    run: int = 0
    mode: Mode | None = None
    started_at: datetime | None = None
    cursor: str | None = None
    progress: Mapping[str, Any] = field(default_factory=dict)
    full_at: datetime | None = None
    delta_at: datetime | None = None
    watermark: Mapping[str, Any] = field(default_factory=dict)
    stopped: str | None = None


async def run_of(db: AsyncConnection, owner: Owner) -> Run:
    """Where it stands; nothing at all before the first run."""
    columns = masterdata_runs.c
    query = select(masterdata_runs).where(
        columns.connection == owner.connection, columns.kind == owner.kind, columns.company == owner.company
    )
    row = (await db.execute(query)).mappings().one_or_none()
    return Run() if row is None else Run(**{name: row[name] for name in Run.__dataclass_fields__})


async def store(db: AsyncConnection, owner: Owner, run: Run) -> None:
    """Remember where it stands."""
    values = {name: getattr(run, name) for name in Run.__dataclass_fields__}
    values |= {"progress": dict(run.progress), "watermark": dict(run.watermark)}
    statement = insert(masterdata_runs).values(**owner._asdict(), **values)
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=list(Owner._fields), set_={name: statement.excluded[name] for name in values}
        )
    )
