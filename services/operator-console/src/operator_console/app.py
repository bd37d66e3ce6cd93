"""The operator console's process: keeps the read model of documents up to date."""

from __future__ import annotations

from mlc_common.service import Runtime, Wiring, run
from operator_console.backlog import watch
from operator_console.projector import project
from operator_console.stream_reader import StreamReader


async def wire(runtime: Runtime) -> Wiring:
    """The projection, and the look at what waits."""
    reader = StreamReader(runtime.nats, runtime.log, timeout=runtime.settings.timings.publish)

    async def projection() -> None:
        await project(runtime.engine, reader, now=runtime.now)

    async def watching() -> None:
        await watch(runtime)

    return Wiring(background=(projection, watching))


def main() -> None:
    """Run until told to stop."""
    run("operator-console", wire)
