"""Memory of running programs, from proc(5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from mlc_common.ending import surely_ended

OFTEN = 0.5
"""Seconds between two samples."""


def held(pid: int) -> float:
    """Megabytes that a program holds now."""
    return _status(pid, "VmRSS")


def peak(pid: int) -> float:
    """Megabytes that a program held at most."""
    return _status(pid, "VmHWM")


@asynccontextmanager
async def sampled(programs: Mapping[str, int]) -> AsyncIterator[dict[str, list[float]]]:
    """Megabytes that each program (by process id) holds, looked at again and again while inside."""
    samples: dict[str, list[float]] = {name: [] for name in programs}

    async def look() -> None:
        while True:
            for name, pid in programs.items():
                samples[name].append(held(pid))
            await asyncio.sleep(OFTEN)

    looking = asyncio.create_task(look())
    try:
        yield samples
    finally:
        await surely_ended(looking)


def _status(pid: int, what: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{what}:")).split()[1]) / 1024
