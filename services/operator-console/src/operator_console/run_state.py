"""What runs on a data directory now, kept in `run.json`: for `status`, and for recovering after a crash."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from operator_console.data_folder import DataFolder
from operator_console.processes import end
from operator_console.supervisor import Supervised


class RunningProcess(BaseModel):
    """One process; `born` tells it from a later one with the same id; `address` is None for a service, see its port."""

    model_config = ConfigDict(frozen=True)

    name: str
    pid: int | None
    born: str | None
    restarts: int
    address: str | None = None
    stop_signal: int = signal.SIGTERM


class RunState(BaseModel):
    """A running site."""

    model_config = ConfigDict(frozen=True)

    pid: int
    version: str
    processes: tuple[RunningProcess, ...] = ()


def note(folder: DataFolder, *, pid: int, version: str, processes: Sequence[Supervised]) -> None:
    """Write down what runs; replaces the file whole."""
    state = RunState(
        pid=pid,
        version=version,
        processes=tuple(
            RunningProcess(
                name=each.program.name,
                pid=each.pid,
                born=each.born,
                restarts=each.restarts,
                address=each.program.address,
                stop_signal=each.program.stop_signal,
            )
            for each in processes
        ),
    )
    beside = folder.state.with_name(f".{folder.state.name}.new")
    beside.write_text(state.model_dump_json(indent=1))
    beside.replace(folder.state)


def read(folder: DataFolder) -> RunState | None:
    """What was last written down, or None when nothing was, or nothing readable."""
    try:
        return RunState.model_validate(json.loads(folder.state.read_text()))
    except (FileNotFoundError, ValidationError, ValueError):
        return None


async def end_left_overs(folder: DataFolder, *, patience: float) -> list[str]:
    """End what a killed run left behind, services before the servers they need; returns the names."""
    state = read(folder)
    ended = []
    for each in reversed(state.processes if state else ()):
        if each.pid is None or each.born is None:
            continue
        if await end(each.pid, each.born, ask_with=signal.Signals(each.stop_signal), patience=patience):
            ended.append(each.name)
    return ended


def port_of(folder: DataFolder, service: str) -> int | None:
    """The port of a service's health and metrics, as it noted it; None until it listens."""
    return _noted(folder.port_file(service))


def public_port_of(folder: DataFolder, service: str) -> int | None:
    """The port of a service that is for everybody; None until it listens, or when it has none."""
    return _noted(folder.public_port_file(service))


def _noted(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
