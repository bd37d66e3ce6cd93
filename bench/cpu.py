"""CPU time of running programs, their children included, from proc(5)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def used(programs: Mapping[str, int]) -> dict[str, float]:
    """Seconds of CPU that each program (by process id) and all that descend from it have used so far."""
    seconds, parents = _all_processes()
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)

    def tree(pid: int) -> float:
        return seconds.get(pid, 0.0) + sum(tree(child) for child in children.get(pid, ()))

    return {name: tree(pid) for name, pid in programs.items()}


def _all_processes() -> tuple[dict[int, float], dict[int, int]]:
    seconds: dict[int, float] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # Fields 14 to 17 of proc(5) stat: user and system time, own and of children that have ended.
        seconds[int(folder.name)] = sum(int(each) for each in fields[11:15]) / TICKS
        parents[int(folder.name)] = int(fields[1])
    return seconds, parents
