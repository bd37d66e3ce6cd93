"""Carries faults out: on the processes of a site, on its clocks, on its broker's disk, on its far sides."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench.place import Place, Say
from chaos.crew import CONNECTION, Crew
from chaos.far_faults import Script, script
from chaos.schedule import BASWARE, BROKER, EPICOR, SERVICES, Fault
from mlc_common.streams import DOCUMENTS, NOTIFICATIONS, document_subject, notification_subject
from mlc_sandbox.basware.webhook import sign
from operator_console.demo_scenario import WEBHOOK_SECRET
from operator_console.exits import CommandError
from operator_console.reach import broker

OFFSETS = (-43_200, -7200, -90, 90, 7200, 43_200)
"""Seconds that a clock jumps; less than the part of Basware's window after which it is told `still working`."""

SMALL = 256 * 1024
"""Bytes, less than is stored already after some seconds."""

POISON = "poison"
"""What the ids of poisoned messages begin with."""

NONSENSE = (
    b"\xff\xfe\x00 not even text",
    b'{"type": "document_approved"}',
    b"[]",
)
"""Messages that become dead letters at once. One of a type that nobody has heard of waits a day for a newer version."""


@dataclass
class Done:
    """What was carried out: `spoiled` counts calls to far sides, `poisoned` messages that nobody can understand."""

    faults: list[str] = field(default_factory=list)
    spoiled: int = 0
    poisoned: int = 0


class Doer:
    """One fault at a time on each target; faults on different targets meet as they come."""

    def __init__(self, place: Place, crew: Crew, say: Say) -> None:
        self.done = Done()
        self._place = place
        self._crew = crew
        self._say = say
        self._one_at_a_time: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def do(self, fault: Fault) -> None:
        """Carry a fault out and end it, however this is left."""
        async with self._one_at_a_time[fault.target]:
            self._say(str(fault))
            match fault.kind:
                case "kill":
                    self._crew.signal(fault.target, signal.SIGKILL, children=False)
                case "stop":
                    await self._stop(fault)
                case "away":
                    await self._away(fault)
                case "disk_full":
                    await self._disk_full(fault)
                case "clock":
                    await self._clock(fault)
                case "roll":
                    await self._crew.roll(fault.target, together=fault.lasts)
                case "revoke":
                    await self._revoke(fault)
                case "poison":
                    await self._poison(fault)
                case _:
                    await self._answers(fault)
            self.done.faults.append(fault.kind)

    async def _stop(self, fault: Fault) -> None:
        self._crew.signal(fault.target, signal.SIGSTOP, children=True)
        try:
            await asyncio.sleep(fault.lasts)
        finally:
            self._crew.signal(fault.target, signal.SIGCONT, children=True)

    async def _away(self, fault: Fault) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(fault.lasts):
                while True:
                    self._crew.signal(fault.target, signal.SIGKILL, children=False)
                    await asyncio.sleep(0.05)

    async def _disk_full(self, fault: Fault) -> None:
        """The broker can store nothing more; afterwards there is room, and a person starts it anew.

        Either its files may not grow, so that it fails in the middle of a write, as on a disk that others have filled;
        or it has reached its own limit and refuses. Neither kind of nats-server's failure ends by itself.
        """
        full = self._files_may_not_grow() if fault.chance < 0.5 else self._store_is_small()
        with full:
            await asyncio.sleep(fault.lasts)
        self._crew.signal(BROKER, signal.SIGTERM, children=False)

    @contextmanager
    def _files_may_not_grow(self) -> Iterator[None]:
        pids = self._crew.pids(BROKER)
        limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
        for pid, (_, hard) in limits.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
        try:
            yield
        finally:
            for pid, both in limits.items():
                with suppress(ProcessLookupError):
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, both)

    @contextmanager
    def _store_is_small(self) -> Iterator[None]:
        file = self._place.here.folder.broker_config
        with_room = file.read_text()
        file.write_text(with_room.replace("sync_interval: always", f"sync_interval: always\n  max_file_store: {SMALL}"))
        try:
            self._crew.signal(BROKER, signal.SIGTERM, children=False)
            yield
        finally:
            file.write_text(with_room)

    async def _clock(self, fault: Fault) -> None:
        self._crew.move_clock(fault.target, OFFSETS[int(fault.chance * len(OFFSETS)) % len(OFFSETS)])
        try:
            await asyncio.sleep(fault.lasts)
        finally:
            self._crew.move_clock(fault.target, 0)

    async def _answers(self, fault: Fault) -> None:
        async with self._scripted(fault.target, script(fault.kind, fault.target)):
            await asyncio.sleep(fault.lasts)

    async def _revoke(self, fault: Fault) -> None:
        """Every token is dead; for a while there is no new one either."""
        none = [{"kind": "status", "path": "token", "status": 503, "times": -1}]
        async with self._scripted(fault.target, none):
            await self._control("DELETE", fault.target, "tokens")
            await asyncio.sleep(fault.lasts)

    @asynccontextmanager
    async def _scripted(self, side: str, faults: Script) -> AsyncIterator[None]:
        await self._control("POST", side, "faults", list(faults))
        try:
            yield
        finally:
            fired = (await self._control("GET", side, "faults"))["faults"]
            self.done.spoiled += sum(each["fired"] for each in fired)
            await self._control("DELETE", side, "faults")

    async def _poison(self, fault: Fault) -> None:
        """Messages past the program, on the streams themselves, and a signed push that says nothing readable."""
        name = f"{POISON}-{fault.at:g}".replace(".", "-")
        try:
            async with broker(self._place.here.settings) as client, asyncio.timeout(5):
                stream = client.jetstream(timeout=3)
                for number, payload in enumerate(NONSENSE):
                    push = notification_subject(CONNECTION, f"{name}-{number}", "0")
                    fact = document_subject(CONNECTION, f"{name}-{number}", "approved", "1")
                    await stream.publish(push, payload, stream=NOTIFICATIONS)
                    await stream.publish(fact, payload, stream=DOCUMENTS)
                    self.done.poisoned += 2
        except (CommandError, TimeoutError, OSError) as away:
            self._say(f"not poisoned: {away}")
        body = json.dumps({"documentId": name, "what": ["is", "this"]}).encode()
        for hook in self._crew.hooks[:1]:
            with suppress(httpx.TransportError):
                await self._place.http.post(hook, content=body, headers=sign(body, WEBHOOK_SECRET))

    async def end_all(self) -> None:
        """Whatever is left of any fault."""
        for service in SERVICES:
            self._crew.move_clock(service, 0)
        for side in (BASWARE, EPICOR):
            await self._control("DELETE", side, "faults")

    async def _control(self, method: str, side: str, what: str, body: object = None) -> Any:
        ports = self._place.ports
        root = ports.epicor_root if side == EPICOR else ports.basware_url
        answer = await self._place.http.request(method, f"{root}/_sandbox/{what}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()
