"""The operator console's process: keeps the read model up to date, chains the streams, and tells what waits."""

from __future__ import annotations

from mlc_common.service import Runtime, Wiring, master_keys, run
from operator_console.audit.follower import Chains, keep_chained
from operator_console.backlog import watch
from operator_console.projector import project
from operator_console.stream_reader import StreamReader


async def wire(runtime: Runtime) -> Wiring:
    """The projection, the hash chains, and the look at what waits."""
    timings = runtime.settings.timings
    reader = StreamReader(runtime.nats, runtime.log, timeout=timings.publish)

    async def projection() -> None:
        await project(runtime.engine, reader, now=runtime.now)

    async def watching() -> None:
        await watch(runtime)

    async def chains() -> None:
        made = Chains(
            runtime.engine,
            runtime.nats,
            reader,
            keys=lambda: master_keys(runtime.settings),
            now=runtime.now,
            timeout=timings.publish,
        )
        broken = runtime.metrics.gauges.chain_broken
        await keep_chained(made, pause=timings.anchor, broken=lambda stream, is_it: broken.labels(stream).set(is_it))

    return Wiring(background=(projection, watching, chains))


def main() -> None:
    """Run until told to stop."""
    run("operator-console", wire)
