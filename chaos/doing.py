"""Carries faults out: on the processes of a site, on its clocks, on its broker's disk, on its far sides."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import signal
from collections import defaultdict
from dataclasses import dataclass, field

import httpx

from bench.place import Place, Say
from chaos.crew import CONNECTION, Crew
from chaos.far_faults import script
from chaos.schedule import BASWARE, BROKER, EPICOR, SERVICES, Fault
from mlc_common.streams import DOCUMENTS, NOTIFICATIONS, document_subject, notification_subject
from mlc_sandbox.basware.webhook import sign
from operator_console.demo_scenario import WEBHOOK_SECRET
from operator_console.exits import CommandError
from operator_console.reach import broker

OFFSETS = (-86_400, -7200, -90, 90, 7200, 43_200)
"""Seconds that a clock jumps."""

POISON = "poison"
"""What the ids of poisoned messages begin with."""

NONSENSE = (
    b"\xff\xfe\x00 not even text",
    b'{"type": "document_approved"}',
    b'{"type": "told_by_nobody", "at": 0}',
    b"[]",
)


@dataclass
class Done:
    """What was carried out; `poisoned` counts the messages that nobody can understand."""

    faults: list[str] = field(default_factory=list)
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
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(fault.lasts):
                while True:
                    self._crew.signal(fault.target, signal.SIGKILL, children=False)
                    await asyncio.sleep(0.05)

    async def _disk_full(self, fault: Fault) -> None:
        """No file of the broker may grow; afterwards there is room, and a person starts the broker anew.

        A file that may not grow fails in the middle of a write, as on a full disk; but what is short already still
        takes something, so some streams go on while others do not. After such a failure nats-server does not try
        again: the stream stays deaf until the server is started anew.
        """
        pids = self._crew.pids(BROKER)
        limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
        for pid, (_, hard) in limits.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
        try:
            await asyncio.sleep(fault.lasts)
        finally:
            for pid, both in limits.items():
                with contextlib.suppress(ProcessLookupError):
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, both)
            self._crew.signal(BROKER, signal.SIGTERM, children=False)

    async def _clock(self, fault: Fault) -> None:
        self._crew.move_clock(fault.target, OFFSETS[int(fault.chance * len(OFFSETS)) % len(OFFSETS)])
        try:
            await asyncio.sleep(fault.lasts)
        finally:
            self._crew.move_clock(fault.target, 0)

    async def _answers(self, fault: Fault) -> None:
        await self._control("POST", fault.target, "faults", list(script(fault.kind, fault.target)))
        try:
            await asyncio.sleep(fault.lasts)
        finally:
            await self._control("DELETE", fault.target, "faults")

    async def _revoke(self, fault: Fault) -> None:
        """Every token is dead; for a while there is no new one either."""
        none = [{"kind": "status", "path": "token", "status": 503, "times": -1}]
        await self._control("POST", fault.target, "faults", none)
        try:
            await self._control("DELETE", fault.target, "tokens")
            await asyncio.sleep(fault.lasts)
        finally:
            await self._control("DELETE", fault.target, "faults")

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
            with contextlib.suppress(httpx.TransportError):
                await self._place.http.post(hook, content=body, headers=sign(body, WEBHOOK_SECRET))

    async def end_all(self) -> None:
        """Whatever is left of any fault."""
        for service in SERVICES:
            self._crew.move_clock(service, 0)
        for side in (BASWARE, EPICOR):
            await self._control("DELETE", side, "faults")

    async def _control(self, method: str, side: str, what: str, body: object = None) -> None:
        ports = self._place.ports
        root = ports.epicor_root if side == EPICOR else ports.basware_url
        answer = await self._place.http.request(method, f"{root}/_sandbox/{what}", json=body, timeout=60)
        answer.raise_for_status()
