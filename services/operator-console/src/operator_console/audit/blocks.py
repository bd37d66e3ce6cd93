"""The links of a chain in PostgreSQL: a run of sequences a row, appended only, each row begins where the last ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_common.failures import TransientError
from mlc_common.tables import chain_blocks
from operator_console.audit.chain import LINK, fold, genesis


@dataclass(frozen=True, slots=True)
class Block:
    """The links of the sequences `first` to `last`, with the running digest before and after them."""

    stream: str
    first: int
    last: int
    before: bytes
    after: bytes
    links: bytes

    @classmethod
    def of(cls, stream: str, first: int, before: bytes, links: bytes) -> Block:
        """Links, folded."""
        last = first + len(links) // LINK - 1
        return cls(stream, first, last, before, fold(before, first, links), links)

    def head_at(self, sequence: int) -> bytes:
        """The running digest after a sequence of this block, or after the one before it."""
        return fold(self.before, self.first, self.links[: (sequence - self.first + 1) * LINK])


async def end_of_chain(db: AsyncConnection, stream: str) -> tuple[int, bytes]:
    """The last sequence that is chained, and the running digest there; 0 and the stream's own beginning at first."""
    columns = chain_blocks.c
    newest = select(columns.last, columns.after).filter_by(stream=stream).order_by(columns.first.desc()).limit(1)
    found = (await db.execute(newest)).one_or_none()
    return (found.last, found.after) if found else (0, genesis(stream))


async def append(db: AsyncConnection, block: Block) -> None:
    """Add a block in the caller's transaction.

    Raises:
        TransientError: somebody else has chained these sequences meanwhile.
    """
    values = {name: getattr(block, name) for name in ("stream", "first", "last", "before", "after", "links")}
    added = await db.execute(insert(chain_blocks).values(values).on_conflict_do_nothing())
    if added.rowcount != 1:
        raise TransientError(f"The chain of {block.stream} was carried on by somebody else meanwhile.")


async def blocks(engine: AsyncEngine, stream: str, *, first: int) -> AsyncIterator[Block]:
    """The blocks of a stream from the one that holds `first` on, one at a time."""
    columns = chain_blocks.c
    while True:
        query = select(chain_blocks).filter_by(stream=stream).where(columns.last >= first)
        async with engine.connect() as db:
            row = (await db.execute(query.order_by(columns.first).limit(1))).mappings().one_or_none()
        if row is None:
            return
        yield Block(**row)
        first = int(row["last"]) + 1


async def head_at(engine: AsyncEngine, stream: str, sequence: int) -> bytes | None:
    """The running digest after a sequence; None when it is not chained yet."""
    if sequence == 0:
        return genesis(stream)
    async for block in blocks(engine, stream, first=sequence):
        return block.head_at(sequence)
    return None
