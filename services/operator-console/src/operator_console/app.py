"""The operator console's process: keeps the read model of documents up to date, and chains the streams."""

from __future__ import annotations

from prometheus_client import Gauge

from mlc_common.service import Runtime, Wiring, master_keys, run
from operator_console.audit.follower import Chains, keep_chained
from operator_console.projector import project
from operator_console.stream_reader import StreamReader


async def wire(runtime: Runtime) -> Wiring:
    """The projection and the hash chains."""
    timings = runtime.settings.timings
    reader = StreamReader(runtime.nats, runtime.log, timeout=timings.publish)

    async def projection() -> None:
        await project(runtime.engine, reader, now=runtime.now)

    broken = Gauge(
        "mlc_chain_broken",
        "1 when a stream is not what it was when it was chained",
        ["stream"],
        registry=runtime.metrics.registry,
    )

    async def chains() -> None:
        made = Chains(
            runtime.engine,
            runtime.nats,
            reader,
            keys=lambda: master_keys(runtime.settings),
            now=runtime.now,
            timeout=timings.publish,
        )
        await keep_chained(made, pause=timings.anchor, broken=lambda stream, is_it: broken.labels(stream).set(is_it))

    return Wiring(background=(projection, chains))


def main() -> None:
    """Run until told to stop."""
    run("operator-console", wire)
