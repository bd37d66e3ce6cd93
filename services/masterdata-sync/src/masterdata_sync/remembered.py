"""What was last seen in Epicor and sent to Basware of every record, a few hundred at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from masterdata_sync.changes import Known
from masterdata_sync.progress import Owner
from mlc_common.tables import masterdata_records

_MINE = "connection = :connection AND kind = :kind AND company = :company"

_KNOWN = f"""
    SELECT code, key, missing, seen, sent, refused, retired FROM {{table}}
    WHERE {_MINE} AND code = ANY(CAST(:codes AS text[]))
"""  # noqa: S608 - no value is in the text

_SEEN = """
    INSERT INTO {table}
        (connection, kind, company, code, key, run, missing, seen, sent, refused, retired)
    SELECT :connection, :kind, :company, r.code, r.key, :run, r.missing, r.seen, r.sent, r.refused, r.retired
    FROM unnest(CAST(:codes AS text[]), CAST(:keys AS text[]), CAST(:missing AS integer[]), CAST(:seen AS text[]),
                CAST(:sent AS text[]), CAST(:refused AS text[]), CAST(:retired AS boolean[]))
        AS r(code, key, missing, seen, sent, refused, retired)
    ON CONFLICT (connection, kind, company, code) DO UPDATE
    SET key = excluded.key, run = excluded.run, missing = excluded.missing, seen = excluded.seen, sent = excluded.sent,
        refused = excluded.refused, retired = excluded.retired
"""

_MISSED = text(f"""
    UPDATE masterdata_records SET missing = missing + 1 WHERE {_MINE} AND run < :run AND NOT retired
""")  # noqa: S608

_COUNTS = text(f"""
    SELECT count(*) AS held, count(*) FILTER (WHERE missing >= 2) AS gone
    FROM masterdata_records WHERE {_MINE} AND NOT retired AND sent IS NOT NULL
""")  # noqa: S608

_GONE = text(f"""
    SELECT code, key, missing, seen, sent, refused, retired FROM masterdata_records
    WHERE {_MINE} AND NOT retired AND missing >= 2 AND code > :after ORDER BY code LIMIT :most
""")  # noqa: S608

_RETIRED = text(f"""
    UPDATE masterdata_records SET retired = true, seen = r.digest, sent = coalesce(r.digest, masterdata_records.sent),
        refused = CASE WHEN r.digest IS NULL THEN masterdata_records.refused END
    FROM unnest(CAST(:codes AS text[]), CAST(:digests AS text[])) AS r(code, digest)
    WHERE {_MINE} AND masterdata_records.code = r.code
""")  # noqa: S608

_THERE = text(f"""
    UPDATE masterdata_records SET key = r.key, run = :run, missing = 0, seen = r.seen, retired = false
    FROM unnest(CAST(:codes AS text[]), CAST(:keys AS text[]), CAST(:seen AS text[])) AS r(code, key, seen)
    WHERE {_MINE} AND masterdata_records.code = r.code
""")  # noqa: S608

_MISSING = text(f"""
    SELECT code FROM masterdata_records
    WHERE {_MINE} AND NOT retired AND sent IS NOT NULL AND missing >= 1 AND code > :after ORDER BY code LIMIT :most
""")  # noqa: S608


_REFUSED = text(f"""
    UPDATE masterdata_records SET sent = NULL, refused = r.digest
    FROM unnest(CAST(:codes AS text[]), CAST(:digests AS text[])) AS r(code, digest)
    WHERE {_MINE} AND masterdata_records.code = r.code AND masterdata_records.sent = r.digest
""")  # noqa: S608


async def known(
    db: AsyncConnection, owner: Owner, codes: Sequence[str], *, table: Table = masterdata_records
) -> dict[str, Known]:
    """What is remembered of these codes."""
    query = text(_KNOWN.format(table=table.name))
    rows = (await db.execute(query, {**owner._asdict(), "codes": list(codes)})).mappings()
    return {row["code"]: Known(**row) for row in rows}


async def remember(
    db: AsyncConnection, owner: Owner, records: Sequence[Known], *, run: int, table: Table = masterdata_records
) -> None:
    """They were seen by this run, and are as they are said to be."""
    if records:
        await db.execute(
            text(_SEEN.format(table=table.name)),
            {
                **owner._asdict(),
                "run": run,
                "codes": [each.code for each in records],
                "keys": [each.key for each in records],
                "missing": [each.missing for each in records],
                "seen": [each.seen for each in records],
                "sent": [each.sent for each in records],
                "refused": [each.refused for each in records],
                "retired": [each.retired for each in records],
            },
        )


async def there(db: AsyncConnection, owner: Owner, records: Sequence[Known], *, run: int) -> None:
    """They were seen by this run; what Basware was told of them is left alone, others may be writing that down."""
    if records:
        await db.execute(
            _THERE,
            {
                **owner._asdict(),
                "run": run,
                "codes": [each.code for each in records],
                "keys": [each.key for each in records],
                "seen": [each.seen for each in records],
            },
        )


async def count_missed(db: AsyncConnection, owner: Owner, *, run: int) -> None:
    """A complete reading has ended; what it has not seen was missing once more."""
    await db.execute(_MISSED, {**owner._asdict(), "run": run})


async def held_and_gone(db: AsyncConnection, owner: Owner) -> tuple[int, int]:
    """How many records Basware was sent and not told gone, and how many of them were missing twice."""
    row = (await db.execute(_COUNTS, owner._asdict())).one()
    return row.held, row.gone


async def gone(db: AsyncConnection, owner: Owner, *, after: str, most: int) -> list[Known]:
    """Records that were missing twice, by code."""
    rows = (await db.execute(_GONE, {**owner._asdict(), "after": after, "most": most})).mappings()
    return [Known(**row) for row in rows]


async def retired(db: AsyncConnection, owner: Owner, digests: Mapping[str, str | None]) -> None:
    """Basware was told that these are no longer active; a digest is of what it was sent, None when nothing was."""
    if digests:
        await db.execute(_RETIRED, {**owner._asdict(), "codes": list(digests), "digests": list(digests.values())})


async def missing(db: AsyncConnection, owner: Owner, *, after: str, most: int) -> list[str]:
    """Codes of records that the last complete reading did not have, in order."""
    rows = await db.execute(_MISSING, {**owner._asdict(), "after": after, "most": most})
    return [row.code for row in rows]


async def refused_later(db: AsyncConnection, owner: Owner, digests: Mapping[str, str]) -> None:
    """P2P did not save these, which its API layer had taken; they are sent when they change or are asked for again."""
    if digests:
        await db.execute(_REFUSED, {**owner._asdict(), "codes": list(digests), "digests": list(digests.values())})
