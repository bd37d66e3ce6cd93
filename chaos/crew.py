"""The services of a site under fault: each a supervised process that can be killed, frozen, or rolled over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.place import Place, Say, service_program, until
from chaos.schedule import GATEWAY, SERVICES
from operator_console.data_folder import free_port
from operator_console.service_health import service_answers
from operator_console.supervisor import Patience, Supervised

CONNECTION = "chaos"
PATIENCE = Patience(longest_pause=3, healthy_after=10, graceful=15)
"""Of the supervisor: a crash loop must not outlast the run."""

COMES_UP = 60.0
"""Seconds for a new replica to be ready; while broker or database are away it is not, and the roll goes on."""


class Crew:
    """The services that run now, by name; during a roll there is a second one of a service."""

    def __init__(self, place: Place, timings: Mapping[str, str], say: Say) -> None:
        self._place = place
        self._say = say
        self._environment = {f"MLC_TIMINGS__{name.upper()}": value for name, value in timings.items()}
        self._public = {self._name(GATEWAY, turn): free_port() for turn in (0, 1)}
        self._turns = dict.fromkeys(SERVICES, 0)
        self._newer = dict.fromkeys(SERVICES, False)
        self.running: dict[str, list[Supervised]] = {service: [] for service in SERVICES}

    async def start(self) -> None:
        """Start every service and wait until each is ready."""
        for service in SERVICES:
            self.running[service] = [await self._started(service)]
        await asyncio.gather(*(self._ready(service) for service in SERVICES))

    async def stop(self) -> None:
        """Stop all of them."""
        await asyncio.gather(*(each.stop() for group in self.running.values() for each in group))

    @property
    def hooks(self) -> list[str]:
        """Where pushes may go, the newest gateway first."""
        ports = [self._public[each.program.name] for each in reversed(self.running[GATEWAY])]
        return [f"http://127.0.0.1:{port}/hooks/basware/{CONNECTION}" for port in ports]

    def pids(self, target: str) -> list[int]:
        """The processes of a service or a server; a server's own children too, for they outlive its freezing."""
        group = self.running.get(target) or [e for e in self._place.here.processes if e.program.name == target]
        parents = [each.pid for each in group if each.pid]
        return [*parents, *(child for parent in parents for child in _children(parent))]

    def signal(self, target: str, number: signal.Signals, *, children: bool) -> None:
        """Send a signal to what runs now; what is between two starts gets none."""
        pids = self.pids(target)
        group = self.running.get(target) or [e for e in self._place.here.processes if e.program.name == target]
        for pid in pids if children else [each.pid for each in group if each.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def move_clock(self, service: str, seconds: float) -> None:
        """What the service takes for the time from now on."""
        beside = self._clock(service).with_suffix(".new")
        beside.write_text(str(seconds))
        beside.replace(self._clock(service))

    async def roll(self, service: str, *, together: float) -> None:
        """Start the other version beside the running one, let both work for a while, then stop the old one."""
        self._turns[service] ^= 1
        self._newer[service] = not self._newer[service]
        fresh = await self._started(service)
        self.running[service].append(fresh)
        with contextlib.suppress(TimeoutError):
            await self._ready(service)
        await asyncio.sleep(together)
        await self.running[service][0].stop()
        self.running[service] = [fresh]

    def _name(self, service: str, turn: int) -> str:
        return f"{service}-2" if turn else service

    def _clock(self, service: str) -> Path:
        return self._place.here.folder.ports / f"{service}.clock"

    async def _started(self, service: str) -> Supervised:
        name = self._name(service, self._turns[service])
        command = [sys.executable, "-m", "chaos.service", service, "--clock", str(self._clock(service))]
        command += ["--newer"] if self._newer[service] else []
        program = service_program(self._place, name, command)
        own = {"MLC_PUBLIC_PORT": str(self._public.get(name, 0))}
        program = replace(program, environment={**program.environment, **self._environment, **own})
        made = Supervised(program, patience=PATIENCE, say=self._say, changed=lambda: None)
        await made.start()
        return made

    async def _ready(self, service: str) -> None:
        name = self.running[service][-1].program.name
        answers = partial(service_answers, self._place.here.folder, name, path="/readyz")
        await until(answers, what=f"{name} is ready", within=COMES_UP)


def _children(parent: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError):
        return [int(each) for each in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return []


@asynccontextmanager
async def crew(place: Place, timings: Mapping[str, str], say: Say) -> AsyncIterator[Crew]:
    """All services, running; leaving stops them."""
    made = Crew(place, timings, say)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()
