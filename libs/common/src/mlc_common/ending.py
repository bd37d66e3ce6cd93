"""Ends tasks for certain."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN = 1.0
"""Seconds between two cancellations of one task."""


async def surely_ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel the tasks and wait until every one of them has ended, however it ended.

    A cancellation is said again while a task lives: the NATS client's flush swallows one that meets it
    (`Client._flush_pending`), and the task would go on for ever.
    """
    alive = {task for task in tasks if not task.done()}
    while alive:
        for task in alive:
            task.cancel()
        _, alive = await asyncio.wait(alive, timeout=AGAIN)
    await asyncio.gather(*tasks, return_exceptions=True)
