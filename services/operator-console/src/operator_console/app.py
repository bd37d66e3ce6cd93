"""The operator console's process: keeps the read model of documents up to date."""

from __future__ import annotations

from mlc_common.service import Runtime, Wiring, run
from operator_console.projector import project
from operator_console.stream_reader import StreamReader


async def wire(runtime: Runtime) -> Wiring:
    """The projection, and nothing else yet."""
    reader = StreamReader(runtime.nats, runtime.log, timeout=runtime.settings.timings.publish)

    async def projection() -> None:
        await project(runtime.engine, reader, now=runtime.now)

    return Wiring(background=(projection,))


def main() -> None:
    """Run until told to stop."""
    run("operator-console", wire)
