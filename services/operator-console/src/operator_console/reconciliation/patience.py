"""A read of a far side that fails for a moment is made again: one hiccup among a thousand pages spoils nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from mlc_common.failures import TransientError

Result = TypeVar("Result")

PAUSES = (1.0, 5.0, 15.0)
"""Seconds between the tries of one read; a far side that names a longer pause gets that."""

LONGEST = 60.0


async def patiently(read: Callable[[], Awaitable[Result]], pauses: Sequence[float]) -> Result:
    """What the read gives, tried once more after each pause.

    Raises:
        TransientError: the last try failed too.
    """
    for pause in pauses:
        try:
            return await read()
        except TransientError as failure:
            await asyncio.sleep(min(max(pause, failure.retry_after or 0), LONGEST))
    return await read()
