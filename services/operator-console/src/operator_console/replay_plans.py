"""What a replay would do, with what each posting was by the mapping of then and would be by that of now."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from mlc_common.settings import Settings
from operator_console.plan_commands import AT_ONCE, Key, Planning, planning
from operator_console.planned import Planned as Mapped
from operator_console.replaying import Planned, Verdict
from operator_console.selecting import Selection, plan


@dataclass(frozen=True)
class Compared:
    """What a replay of a document comes to; `mapped` is its posting, then and now, where it is to be posted."""

    planned: Planned
    mapped: Mapped | None = None


async def compared(settings: Settings, selection: Selection) -> AsyncIterator[Compared]:
    """The plan of a replay, document by document, with one planning process for all that would be posted.

    Raises:
        CommandError: a document that was named is not known.
    """
    async with AsyncExitStack() as stack:
        plans: Planning | None = None
        async for batch in _batches(plan(settings, selection)):
            keys = [_key(each) for each in batch if each.verdict is Verdict.POST]
            if keys and plans is None:
                plans = await stack.enter_async_context(planning(settings))
            mapped = {} if plans is None else await _mapped(plans, keys)
            for each in batch:
                yield Compared(each, mapped.get(_key(each)))


async def _mapped(plans: Planning, keys: Sequence[Key]) -> dict[Key, Mapped]:
    async def once() -> AsyncIterator[list[Key]]:
        yield list(keys)

    return {(each.asked.connection, each.asked.invoice_id): each async for each in plans.of(once())}


def _key(each: Planned) -> Key:
    return each.status.connection, each.status.invoice_id


async def _batches(plans: AsyncIterator[Planned]) -> AsyncIterator[list[Planned]]:
    """Some at a time: as many as hold AT_ONCE postings, or ten times as many without."""
    batch: list[Planned] = []
    postings = 0
    async for each in plans:
        batch.append(each)
        postings += each.verdict is Verdict.POST
        if postings == AT_ONCE or len(batch) == 10 * AT_ONCE:
            yield batch
            batch, postings = [], 0
    if batch:
        yield batch
