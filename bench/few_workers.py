"""A program: an epicor-writer that has at most `MLC_WORKERS` documents in hand, and is the product in all else.

By itself a writer takes as many as its connection's cap allows, so that one process fills the cap while Epicor is
slow, and more of them have nothing to add. To see them share the work, each must be able to do less.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields

from epicor_writer.app import wire
from mlc_common.retries import Handler
from mlc_common.service import Runtime, Wiring, run
from mlc_common.streams import Durable


class Few(Runtime):
    """A runtime that hands out no more messages at once than the setting says."""

    @asynccontextmanager
    async def consuming(self, durable: Durable, handler: Handler, *, workers: int | None = None) -> AsyncIterator[None]:
        """As every runtime."""
        most = self.settings.workers
        async with super().consuming(durable, handler, workers=min(workers or most, most)):
            yield


async def wire_few(runtime: Runtime) -> Wiring:
    """The writer's own wiring."""
    return await wire(Few(**{each.name: getattr(runtime, each.name) for each in fields(runtime)}))


if __name__ == "__main__":
    run("epicor-writer", wire_few)
