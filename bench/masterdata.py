"""Twenty thousand vendors and fifty thousand accounts: all, nothing, one in a hundred; seconds and memory."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import httpx

from bench import memory as memories
from bench.figure import Figure
from bench.place import CONNECTION, GATEWAY, Place, Say, document, running
from mlc_common.connection import ConnectionDocument
from mlc_common.events import SyncFinished
from operator_console import connection_commands
from operator_console.sync_command import ask

SERVICE = "masterdata-sync"
COMPANY, EPICOR = "US01", "NWM"
VENDORS, ACCOUNTS = 20_000, 50_000
EVERY = 100
NEVER = {"cron": "0 0 29 2 *"}
"""The bench asks for every run by itself."""

PATIENCE = 900


async def measure(runs: int, say: Say) -> list[Figure]:
    """One site for each run, for a first full sync is the first only once."""
    first, second, few, memory, cpu, broker, everything = [], [], [], [], [], [], []
    for number in range(1, runs + 1):
        say(f"master data, run {number} of {runs}")
        async with running(say, services=(GATEWAY, SERVICE)) as place:
            await stage(place)
            before = place.cpu()
            first.append(await timed(place, sent=VENDORS + ACCOUNTS))
            after = place.cpu()
            second.append(await timed(place, sent=0))
            await change(place)
            few.append(await timed(place, sent=VENDORS // EVERY + ACCOUNTS // EVERY))
            memory.append(peak_memory(place))
        used = {name: after[name] - before[name] for name in after}
        cpu.append(used[SERVICE])
        broker.append(next(spent for name, spent in used.items() if "nats" in name))
        everything.append(sum(used.values()))
    return [
        Figure(f"first full sync, {VENDORS:,} vendors and {ACCOUNTS:,} accounts", "s", first),
        Figure(f"  CPU of {SERVICE}", "s", cpu),
        Figure("  CPU of nats-server", "s", broker),
        Figure("  CPU of all programs, both far sides included", "s", everything),
        Figure("second full sync, sends nothing", "s", second),
        Figure(f"full sync after 1 in {EVERY} has changed, sends exactly those", "s", few),
        Figure(f"peak memory of {SERVICE}", "MB", memory),
    ]


async def stage(place: Place) -> None:
    """Fill Epicor, and connect both kinds of the one company."""
    given = document(place.ports).model_dump(mode="json")
    kinds = ("vendors", "accounts", "requestStatus")
    given["basware"]["scopes"] += [f"{name}.{right}" for name in kinds for right in ("read", "write")]
    given["companies"] = given["companies"][:1]
    given["kinds"] = {"accounts": {"of": "gl accounts"}}
    given["masterdata"] = {"default": {"full": NEVER, "largest_removal": 0.05}}
    await connection_commands.apply(
        place.here.settings, ConnectionDocument.model_validate(given), by="bench", now=datetime.now(UTC)
    )
    # The few records of the sandbox are brought over first; what is measured are the many.
    await asked(place)
    amount = {"company": EPICOR, "vendors": VENDORS, "accounts": ACCOUNTS}
    await control(place, "seed", amount)


async def timed(place: Place, *, sent: int) -> float:
    """Seconds of a full sync of both kinds.

    Raises:
        RuntimeError: it sent something else, or Basware does not hold what it must.
    """
    started = time.perf_counter()
    found = await asked(place)
    took = time.perf_counter() - started
    if sum(run.sent for run in found) != sent or any(run.refused for run in found):
        raise RuntimeError(f"{sent} records were to be sent; {found}")
    return took


async def asked(place: Place) -> list[SyncFinished]:
    """The runs of both kinds, ended."""
    answered = await ask(place.here.settings, connection=CONNECTION, patience=PATIENCE, full=True)
    if answered.problem or answered.stopped or {run.kind for run in answered.runs} != {"vendor", "account"}:
        raise RuntimeError(f"the sync failed: {answered}")
    return answered.runs


async def change(place: Place) -> None:
    """One in a hundred of those that were added gets another name."""
    many = {"company": EPICOR, "every": EVERY}
    await control(place, "change", {**many, "table": "Vendor", "count": VENDORS, "set": {"City": "Elsewhere"}})
    set_to = {"AccountDesc": "Renamed account", "GLAcctDispAccountDesc": "Renamed account"}
    await control(place, "change", {**many, "table": "GLAccount", "count": ACCOUNTS, "set": set_to})


async def control(place: Place, what: str, body: dict[str, Any]) -> Any:
    """The sandbox Epicor's control plane for master data."""
    address = f"{place.ports.epicor_root}/_sandbox/master/{what}"
    answer = await place.http.post(address, json=body, timeout=httpx.Timeout(60))
    answer.raise_for_status()
    return json.loads(answer.content)


def peak_memory(place: Place) -> float:
    """Megabytes that the service held at most."""
    return memories.peak(next(each.pid for each in place.here.processes if each.program.name == SERVICE and each.pid))
