"""Both emulators on loopback: `python -m mlc_sandbox.serve` for people, `running()` for tests."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from mlc_sandbox import basware, epicor
from mlc_sandbox.basware import BaswareWorld
from mlc_sandbox.epicor import EpicorWorld
from mlc_sandbox.keeping import kept

Clock = Callable[[], datetime]
PATIENCE = 2.0
"""Seconds that a call under way gets to finish when the servers stop."""


@dataclass(frozen=True)
class Running:
    """Two emulators that listen: base URLs (Epicor's ends in `/sandbox`) and their worlds."""

    basware: str
    epicor: str
    basware_world: BaswareWorld
    epicor_world: EpicorWorld

    @property
    def epicor_root(self) -> str:
        """Where Epicor's `/_sandbox` and `/connect/token` are."""
        return self.epicor.removesuffix("/sandbox")


def _utc_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def running(
    *,
    basware_world: BaswareWorld | None = None,
    epicor_world: EpicorWorld | None = None,
    basware_port: int = 0,
    epicor_port: int = 0,
    now: Clock = _utc_now,
) -> AsyncIterator[Running]:
    """Serve both on 127.0.0.1, on free ports unless they are given. The worlds may be read and changed in process."""
    one, other = basware_world or BaswareWorld(), epicor_world or EpicorWorld()
    async with (
        _listening(basware.create_app(one, now=now), basware_port) as basware_url,
        _listening(epicor.create_app(other, now=now), epicor_port) as epicor_url,
    ):
        yield Running(basware_url, f"{epicor_url}/sandbox", one, other)


@asynccontextmanager
async def _listening(app: ASGIApp, port: int) -> AsyncIterator[str]:
    """uvicorn without its own signal handling, since two servers share this process."""
    # A client may keep an idle connection a while; closed too early, its next write would end without an answer.
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=75,
        ws="none",
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    (listener,) = server.servers
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        await _close_connections(server)


async def _close_connections(server: uvicorn.Server) -> None:
    connections = server.server_state.connections
    for connection in list(connections):
        connection.shutdown()
    for _ in range(int(PATIENCE / 0.01)):
        if not connections:
            return
        await asyncio.sleep(0.01)
    for task in list(server.server_state.tasks):
        task.cancel()
    await asyncio.gather(*server.server_state.tasks, return_exceptions=True)


async def _serve_until_told(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    one, other = BaswareWorld(), EpicorWorld()
    async with (
        kept(arguments.data_dir, basware=one, epicor=other),
        running(
            basware_world=one,
            epicor_world=other,
            basware_port=arguments.basware_port,
            epicor_port=arguments.epicor_port,
        ) as urls,
    ):
        sys.stdout.write(json.dumps({"basware": urls.basware, "epicor": urls.epicor}) + "\n")
        sys.stdout.flush()
        await stop.wait()


def main(argv: Sequence[str] | None = None) -> None:
    """Serve both emulators until SIGTERM or SIGINT; print one JSON line with their URLs once both listen."""
    parser = argparse.ArgumentParser(prog="mlc_sandbox.serve", description=main.__doc__)
    parser.add_argument("--basware-port", type=int, default=0, help="0 = a free one")
    parser.add_argument("--epicor-port", type=int, default=0, help="0 = a free one")
    parser.add_argument("--data-dir", type=Path, help="keep the books in this folder from one run to the next")
    arguments = parser.parse_args(argv)
    loop_factory = uvicorn.Config(running).get_loop_factory()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_serve_until_told(arguments))


if __name__ == "__main__":
    main()
