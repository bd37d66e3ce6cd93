"""Processes of the operating system: is this still the one we started, and end it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

LOOK_AGAIN = 0.05
PR_SET_PDEATHSIG = 1
"""prctl(2): the signal a process gets when the one that started it is gone."""


def die_with_parent(ask_with: signal.Signals) -> Callable[[], None] | None:
    """What a child does before it becomes its program, so that it is asked to end when this process is killed.

    None where the system knows no such thing; there the next start ends what was left.
    """
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def between_fork_and_exec() -> None:
        prctl(PR_SET_PDEATHSIG, int(ask_with), 0, 0, 0)
        if os.getppid() != parent:  # it was killed just now, before anybody could be told
            os._exit(1)

    return between_fork_and_exec


def birth(pid: int) -> str | None:
    """When a process started, in a form that tells it from a later one with the same id; None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else _birth_by_ps(pid)
    state, *fields = stat.rpartition(")")[2].split()
    # The 22nd field of proc(5) stat: start time in ticks since boot. A zombie has ended already.
    return None if state == "Z" else f"{_boot()}:{fields[18]}"


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _birth_by_ps(pid: int) -> str | None:
    return completed(("ps", "-o", "lstart=", "-p", str(pid))).stdout.strip() or None


def command_line(pid: int) -> str:
    """The command line of a process; empty when it is gone or not ours to see."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return completed(("ps", "-o", "command=", "-p", str(pid))).stdout.strip()


def working_in(folder: Path, program: Path) -> list[int]:
    """The processes of a program that have this folder as their own; those that we may not look at are not ours.

    Empty where the system has no /proc.
    """
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if place.joinpath("cwd").samefile(folder) and place.joinpath("exe").samefile(program):
                found.append(int(place.name))
        except OSError:  # gone meanwhile, or somebody else's
            continue
    return found


def completed(
    command: Sequence[str], *, folder: Path | None = None, user: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a short program to its end and keep what it said; a missing program is one that failed."""
    try:
        return subprocess.run(  # noqa: S603 - fixed programs with our own arguments, never through a shell
            command, cwd=folder, user=user, group=user, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as missing:
        return subprocess.CompletedProcess(command, 127, stdout="", stderr=str(missing))


async def end(pid: int, born: str, *, ask_with: signal.Signals, patience: float) -> bool:
    """End the process that had this id and birth: ask, wait so many seconds, then kill. False when it was gone."""
    if birth(pid) != born:
        return False
    os.kill(pid, ask_with)
    if not await _gone(pid, born, patience):
        os.kill(pid, signal.SIGKILL)
        await _gone(pid, born, patience)
    return True


async def _gone(pid: int, born: str, patience: float) -> bool:
    until = asyncio.get_running_loop().time() + patience
    while birth(pid) == born:
        if asyncio.get_running_loop().time() > until:
            return False
        await asyncio.sleep(LOOK_AGAIN)
    return True
