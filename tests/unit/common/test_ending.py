"""A task ends when it is told to, even where a library swallows the first telling."""

from __future__ import annotations

import asyncio

from mlc_common.ending import surely_ended


async def deaf(times: int) -> None:
    """Goes on after so many cancellations, as a task in the NATS client's flush does."""
    for _ in range(times):
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue
    await asyncio.sleep(3600)


async def fails() -> None:
    raise ValueError("it failed before")


async def test_a_swallowed_cancellation_is_said_again() -> None:
    tasks = [asyncio.create_task(deaf(times)) for times in (0, 1)]
    await asyncio.sleep(0)

    await asyncio.wait_for(surely_ended(*tasks), timeout=10)

    assert all(task.cancelled() for task in tasks)


async def test_a_task_that_failed_before_does_not_disturb() -> None:
    failed = asyncio.create_task(fails())
    await asyncio.sleep(0)

    await surely_ended(failed)

    assert isinstance(failed.exception(), ValueError)
