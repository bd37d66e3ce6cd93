"""Where the benches run: broker, database, services and sandbox as processes, in a directory that is thrown away."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from nats.aio.client import Client
from pydantic import SecretStr

from bench import cpu
from mlc_common.connection import ConnectionDocument
from mlc_sandbox.basware.webhook import notification, sign
from operator_console import connection_commands, credential_commands, site
from operator_console.data_folder import DataFolder, free_port
from operator_console.demo_far_sides import FarSides, Ports, sandbox_program
from operator_console.demo_scenario import CREDENTIALS, WEBHOOK_SECRET
from operator_console.exits import CommandError
from operator_console.reach import broker
from operator_console.run_state import public_port_of
from operator_console.service_health import service_answers
from operator_console.supervisor import Patience, Program, Supervised

CONNECTION = "bench"
CAP = 8
"""Calls in flight to Epicor."""

GATEWAY = "webhook-gateway"
READER, WRITER = "basware-reader", "epicor-writer"
SERVICES = (GATEWAY, READER, WRITER)
STATIC = "static-far-sides"
TIMINGS = {"refresh": "2", "graceful": "5"}
SEGMENTS = [{"field": "accountCode"}, {"field": "dimCode1"}, {"field": "costCenterCode"}]

Say = Callable[[str], None]


@dataclass(frozen=True)
class Hook:
    """What takes pushes: the address, and the process behind it."""

    url: str
    pid: int

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        return cpu.used({"": self.pid})[""]


@dataclass(frozen=True)
class Place:
    """The running system and its far sides; `static` ones have every document that is asked for."""

    here: site.Site
    ports: Ports
    far_sides: FarSides
    nats: Client
    http: httpx.AsyncClient
    static: bool = False

    @property
    def hook(self) -> str:
        """Where pushes go."""
        return f"{self.here.gateway}/hooks/basware/{CONNECTION}"

    @property
    def gateway(self) -> Hook:
        """The site's own gateway."""
        (pid,) = (each.pid for each in self.here.processes if each.program.name == GATEWAY)
        assert pid
        return Hook(self.hook, pid)

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to reach broker and database."""
        settings = self.here.settings
        assert settings.nats_user
        assert settings.nats_password
        return {
            "MLC_NATS_URL": settings.nats_url,
            "MLC_NATS_USER": settings.nats_user,
            "MLC_NATS_PASSWORD": settings.nats_password.get_secret_value(),
            "MLC_DATABASE_URL": settings.database_url.get_secret_value(),
            "MLC_MASTER_KEYS_FILE": str(settings.master_keys_file),
        }

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU by program so far."""
        return cpu.used({each.program.name: each.pid for each in self.here.processes if each.pid})

    async def epicor(self, what: str, change: dict[str, Any] | None = None) -> Any:
        """Epicor's control plane."""
        return await self._control(self.ports.epicor_root, what, change)

    async def basware(self, what: str, change: dict[str, Any] | None = None) -> Any:
        """Basware's control plane."""
        return await self._control(self.ports.basware_url, what, change)

    async def _control(self, root: str, what: str, change: dict[str, Any] | None) -> Any:
        method = "GET" if change is None else "POST"
        answer = await self.http.request(method, f"{root}/_sandbox/{what}", json=change, timeout=60)
        answer.raise_for_status()
        return json.loads(answer.content)


def document(ports: Ports, *, cap: int = CAP) -> ConnectionDocument:
    """The connection to the two sandboxes, with nothing that slows it down on purpose."""
    pairs = (("US01", "NWM", "USD"), ("FI01", "NWF", "EUR"))
    return ConnectionDocument.model_validate(
        {
            "name": CONNECTION,
            "basware": {
                "base_url": ports.basware_url,
                "calls_per_second": 2000,
                "calls_in_flight": 16,
                "webhook": {"pushes_per_second": None},
            },
            "epicor": {"base_url": ports.epicor_url, "calls_in_flight": cap},
            "companies": [
                {"basware": ours, "epicor": theirs, "currency": currency, "segments": SEGMENTS}
                for ours, theirs, currency in pairs
            ],
        }
    )


@asynccontextmanager
async def running(
    say: Say,
    *,
    services: Sequence[str] = SERVICES,
    static: bool = False,
    cap: int = CAP,
    timings: Mapping[str, str] | None = None,
) -> AsyncIterator[Place]:
    """Run the product against the sandbox, ready to be measured; leaving ends all of it.

    Args:
        static: against far sides that do the least work instead.
        cap: calls in flight to Epicor.
        timings: other ones than usual.
    """
    with _thrown_away() as root:
        environment = {f"MLC_TIMINGS__{name.upper()}": value for name, value in (TIMINGS | dict(timings or {})).items()}
        options = site.Options(port=0, environment=environment, services=services)
        chosen = partial(document, cap=cap)
        async with running_in(
            root, say, options=options, connection=chosen, credentials=CREDENTIALS, static=static
        ) as place:
            for service in services:
                ready = partial(service_answers, place.here.folder, service, path="/readyz")
                await until(ready, what=f"{service} is up")
            await until(partial(takes_pushes, place, place.hook), what="the gateway knows the connection")
            yield place


@asynccontextmanager
async def running_in(
    root: Path,
    say: Say,
    *,
    options: site.Options,
    connection: Callable[[Ports], ConnectionDocument],
    credentials: Mapping[str, str],
    static: bool = False,
) -> AsyncIterator[Place]:
    """Run a site in a directory, with the sandbox or static far sides beside it and the connection applied."""
    folder = DataFolder(root)
    program, ports = _static_program(folder) if static else sandbox_program(folder)
    folder.logs.mkdir(parents=True)
    async with (
        site.running(folder, replace(options, programs=(program,)), say=say) as here,
        httpx.AsyncClient(trust_env=False) as http,
        broker(here.settings) as nats,
    ):
        place = Place(here, ports, FarSides(http, ports), nats, http, static)
        await until(place.far_sides.answers, what="the far sides answer")
        await _connect(place, connection(ports), credentials)
        yield place


@contextmanager
def _thrown_away() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="mlc-bench-")).resolve()
    thrown_away = [root]
    try:
        yield root
    except (CommandError, RuntimeError, TimeoutError):
        # It could not go on, and the reason is in a log: the logs stay.
        thrown_away = [path for path in root.iterdir() if path.name != "logs"]
        raise
    finally:
        for path in thrown_away:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _static_program(folder: DataFolder) -> tuple[Program, Ports]:
    ports = Ports(free_port(), free_port())
    arguments = ("--basware-port", str(ports.basware), "--epicor-port", str(ports.epicor))
    command = (sys.executable, "-m", "bench.static_far_sides", *arguments)
    return Program(name=STATIC, command=command, log=folder.log(STATIC), address=ports.basware_url), ports


async def _connect(place: Place, chosen: ConnectionDocument, credentials: Mapping[str, str]) -> None:
    settings, now = place.here.settings, datetime.now(UTC)
    await connection_commands.apply(settings, chosen, by="bench", now=now)
    values = {field: [SecretStr(value)] for field, value in credentials.items()}
    await credential_commands.store(settings, chosen.name, values, by="bench", now=now)


def service_program(
    place: Place, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
) -> Program:
    """A service of the site as a program of its own, `name` among the site's logs and ports."""
    folder = place.here.folder
    return Program(
        name=name,
        command=command,
        log=folder.log(name),
        port_files=(folder.port_file(name), folder.public_port_file(name)),
        environment={
            **place.environment,
            "MLC_PORT_FILE": str(folder.port_file(name)),
            "MLC_PUBLIC_PORT_FILE": str(folder.public_port_file(name)),
            **(environment or {}),
        },
    )


@asynccontextmanager
async def second_gateway(place: Place, say: Say) -> AsyncIterator[Hook]:
    """One more gateway process."""
    name = "webhook-gateway-2"
    folder = place.here.folder
    async with replica(place, GATEWAY, name, say=say) as pid:
        hook = f"http://127.0.0.1:{public_port_of(folder, name)}/hooks/basware/{CONNECTION}"
        await until(partial(takes_pushes, place, hook), what="the second gateway knows the connection")
        yield Hook(hook, pid)


@asynccontextmanager
async def replica(
    place: Place,
    service: str,
    name: str,
    *,
    say: Say,
    command: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[int]:
    """One more process of a service, once it is ready; its process id.

    Args:
        command: what to run as that service instead.
        environment: added to what every service gets.
    """
    command = command or (str(Path(sys.executable).parent / service),)
    async with _beside(service_program(place, name, command, environment), say) as pid:
        await until(partial(service_answers, place.here.folder, name, path="/readyz"), what=f"{name} is up")
        yield pid


async def stop(place: Place, *services: str) -> list[Program]:
    """Stop services of the site; what to start to have them back."""
    theirs = [each for each in place.here.processes if each.program.name in services]
    await asyncio.gather(*(each.stop() for each in theirs))
    return [each.program for each in theirs]


@asynccontextmanager
async def started(programs: Sequence[Program], say: Say) -> AsyncIterator[dict[str, int]]:
    """Start programs at once, without waiting until they are ready; their process ids. Leaving stops them."""
    again = [Supervised(each, patience=Patience(), say=say, changed=lambda: None) for each in programs]
    try:
        await asyncio.gather(*(each.start() for each in again))
        yield {each.program.name: each.pid for each in again if each.pid}
    finally:
        await asyncio.gather(*(each.stop() for each in again))


@asynccontextmanager
async def bare_hook(place: Place, say: Say) -> AsyncIterator[Hook]:
    """The least possible gateway."""
    name = "floor-hook"
    file, log = place.here.folder.port_file(name), place.here.folder.log(name)
    command = (sys.executable, "-m", "bench.floor_hook", str(file))
    async with _beside(Program(name, command, log, environment=place.environment, port_files=(file,)), say) as pid:
        port = await until(partial(_written, file), what="the floor's hook listens")
        yield Hook(f"http://127.0.0.1:{port}/", pid)


@asynccontextmanager
async def _beside(program: Program, say: Say) -> AsyncIterator[int]:
    """One more program while inside; its process id."""
    process = Supervised(program, patience=Patience(), say=say, changed=lambda: None)
    await process.start()
    try:
        assert process.pid
        yield process.pid
    finally:
        await process.stop()


async def _written(file: Path) -> str | None:
    try:
        return file.read_text()
    except FileNotFoundError:
        return None


async def takes_pushes(place: Place, hook: str) -> str | None:
    """The hook, when it takes a signed push of a document that nobody knows."""
    body = json.dumps(notification("warm-up", task_id=str(uuid.uuid4()))).encode()
    answer = await place.http.post(hook, content=body, headers=sign(body, WEBHOOK_SECRET))
    return hook if answer.status_code == httpx.codes.OK else None


async def until(answers: Callable[[], Awaitable[str | None]], *, what: str, within: float = 60) -> str:
    """What it answers, once it answers. Raises TimeoutError that says what never came."""
    try:
        async with asyncio.timeout(within):
            while not (found := await answers()):
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise TimeoutError(f"after {within:g} s it is still not so that {what}") from None
    return found


async def program(module: str, *arguments: str, place: Place, given: bytes = b"") -> Any:
    """Run one of our own programs in a process of its own to its end; the JSON it printed.

    Raises:
        RuntimeError: it failed; what it said.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **place.environment},
        start_new_session=True,
    )
    try:
        said, complaint = await process.communicate(given)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"{module} failed: {complaint.decode()[-2000:]}")
    return json.loads(said)
