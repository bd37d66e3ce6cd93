"""A whole site on one machine: broker, database and every service, started in order and stopped in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

from mlc_common.ending import surely_ended
from mlc_common.settings import Settings
from operator_console import run_state
from operator_console.data_folder import (
    BrokerAccess,
    DataFolder,
    broker_access,
    locked,
    port_is_free,
    prepare,
    settings_of,
)
from operator_console.embedded import broker_program
from operator_console.embedded_database import (
    database_answers,
    database_program,
    database_url,
    forget_ambient_database,
)
from operator_console.exits import CommandError, Exit
from operator_console.reach import broker_answers
from operator_console.servers import prepare_servers
from operator_console.service_health import service_answers
from operator_console.supervisor import Patience, Program, Supervised, keep_logs_bounded

GATEWAY = "webhook-gateway"
SERVICES = (GATEWAY, "basware-reader", "epicor-writer", "masterdata-sync", "operator-console")
LOOK_AGAIN = 0.1


@dataclass(frozen=True)
class Options:
    """How to run a site. `port` is the gateway's public one, 0 picks one; `environment` is added to every service's;
    `programs` run beside the services.
    """

    port: int = 8080
    environment: Mapping[str, str] = field(default_factory=dict)
    programs: Sequence[Program] = ()
    services: Sequence[str] = SERVICES
    patience: Patience = field(default_factory=Patience)
    start_within: float = 60.0


@dataclass(frozen=True)
class Site:
    """A running site, ready to be used."""

    folder: DataFolder
    settings: Settings
    processes: Sequence[Supervised]
    fresh_key: bool

    @property
    def gateway(self) -> str:
        """The address that Basware's pushes go to."""
        return f"http://127.0.0.1:{run_state.public_port_of(self.folder, GATEWAY)}"


@asynccontextmanager
async def running(
    folder: DataFolder, options: Options, *, say: Callable[[str], None], hurry: asyncio.Event | None = None
) -> AsyncIterator[Site]:
    """Run a site until the block is left; leaving stops the services first, then the servers; in a hurry, in seconds.

    Raises:
        CommandError: the directory is in use, a port is taken, or a process does not come up.
    """
    forget_ambient_database()
    with locked(folder):
        fresh_key = prepare(folder)
        for name in await run_state.end_left_overs(folder, patience=options.patience.graceful):
            say(f"{name} was left over from a run that was killed; it was ended.")
        _free_gateway_port(options)
        async with contextlib.AsyncExitStack() as stack:
            crew = _Crew(folder, options, say=say, stack=stack, hurry=hurry)
            access = broker_access(folder)
            settings = settings_of(folder, database_url(folder))
            await crew.start([broker_program(folder, access), await database_program(folder)])
            await crew.until("nats-server", partial(broker_answers, settings))
            await crew.until("postgresql", partial(database_answers, folder))
            say("Bringing tables, streams and durables up to date ...")
            await prepare_servers(settings)
            say("Starting the services ...")
            await crew.start(options.programs)
            await crew.start([_service(folder, name, options, access) for name in options.services])
            await asyncio.gather(
                *(crew.until(name, partial(service_answers, folder, name)) for name in options.services)
            )
            yield Site(folder, settings, tuple(crew.processes), fresh_key)


class _Crew:
    """The processes of one site; every group that is started is stopped together, the last group first."""

    def __init__(
        self,
        folder: DataFolder,
        options: Options,
        *,
        say: Callable[[str], None],
        stack: contextlib.AsyncExitStack,
        hurry: asyncio.Event | None,
    ) -> None:
        self.processes: list[Supervised] = []
        self._folder = folder
        self._options = options
        self._say = say
        self._stack = stack
        self._hurry = hurry
        logs = asyncio.create_task(keep_logs_bounded(self._logs(), say=say), name="keep logs bounded")
        stack.push_async_callback(surely_ended, logs)

    def _logs(self) -> list[Path]:
        names = (
            "ml-connector",
            "nats-server",
            "postgresql",
            *(each.name for each in self._options.programs),
            *self._options.services,
        )
        return [self._folder.log(name) for name in names]

    async def start(self, programs: Sequence[Program]) -> None:
        group = [
            Supervised(each, patience=self._options.patience, say=self._say, changed=self._note, hurry=self._hurry)
            for each in programs
        ]
        self._stack.push_async_callback(_stop_all, group)
        for each in group:
            self.processes.append(each)
            await each.start()
            self._note()

    async def until(self, name: str, answers: Callable[[], Awaitable[str | None]]) -> None:
        patience = self._options.start_within
        try:
            async with asyncio.timeout(patience):
                while await answers() is None:  # noqa: ASYNC110 - another process cannot set an event here
                    await asyncio.sleep(LOOK_AGAIN)
        except TimeoutError:
            raise CommandError(
                f"{name} did not come up within {patience:g} s; look into {self._folder.log(name)}.",
                code=Exit.UNREACHABLE,
            ) from None
        self._say(f"{name} is up.")

    def _note(self) -> None:
        run_state.note(self._folder, pid=os.getpid(), version=version("ml-connector"), processes=self.processes)


async def _stop_all(group: Sequence[Supervised]) -> None:
    await asyncio.gather(*(each.stop() for each in group))


def _free_gateway_port(options: Options) -> None:
    if options.port and not port_is_free(options.port):
        raise CommandError(
            f"Port {options.port} is in use on this machine; choose another with --port.", code=Exit.REFUSED
        )


def _service(folder: DataFolder, name: str, options: Options, access: BrokerAccess) -> Program:
    executable = Path(sys.executable).parent / name
    return Program(
        name=name,
        command=(str(executable),),
        log=folder.log(name),
        port_files=(folder.port_file(name), folder.public_port_file(name)),
        environment={
            "MLC_NATS_URL": access.url,
            "MLC_NATS_USER": access.user,
            "MLC_NATS_PASSWORD": access.password.get_secret_value(),
            "MLC_DATABASE_URL": database_url(folder),
            "MLC_MASTER_KEYS_FILE": str(folder.master_keys),
            "MLC_HOST": "127.0.0.1",
            "MLC_PORT": "0",
            "MLC_PORT_FILE": str(folder.port_file(name)),
            "MLC_PUBLIC_HOST": "127.0.0.1",
            "MLC_PUBLIC_PORT": str(options.port),
            "MLC_PUBLIC_PORT_FILE": str(folder.public_port_file(name)),
            **options.environment,
        },
    )
