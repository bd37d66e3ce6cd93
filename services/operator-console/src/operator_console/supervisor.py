"""Keeps programs running: one that dies comes back after a growing pause; stopping asks first and kills last."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from operator_console.processes import birth

LARGEST_LOG = 20 * 1024 * 1024
KEPT_LOGS = 3


@dataclass(frozen=True)
class Patience:
    """Pauses in seconds: before restarts, until a program counts as healthy, and for a clean end."""

    first_pause: float = 0.5
    longest_pause: float = 30.0
    healthy_after: float = 60.0
    graceful: float = 140.0

    def pause(self, deaths: int) -> float:
        """The pause before the next start after so many deaths in a row: doubled each time, up to the longest."""
        return min(self.first_pause * float(2 ** min(deaths - 1, 16)), self.longest_pause)


@dataclass(frozen=True)
class Program:
    """What to run. `environment` is added to that of this process; `user` is a system user to run as."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    address: str | None = None
    port_file: Path | None = None


class Supervised:
    """One program, kept running between `start` and `stop`.

    Args:
        say: told one sentence when something happens that an operator wants to know.
        changed: called when process id or restarts changed.
    """

    def __init__(
        self, program: Program, *, patience: Patience, say: Callable[[str], None], changed: Callable[[], None]
    ) -> None:
        self.program = program
        self.restarts = 0
        self.born: str | None = None
        self._patience = patience
        self._say = say
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start the program and watch it from now on.

        Raises:
            OSError: it cannot be started at all.
        """
        await self._spawn()
        self._watching = asyncio.create_task(self._watch(), name=f"watch {self.program.name}")

    async def stop(self) -> None:
        """Ask it to end, wait, kill it if it will not; it does not come back."""
        self._stopping.set()
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(self.program.stop_signal)
            try:
                await asyncio.wait_for(process.wait(), self._patience.graceful)
            except TimeoutError:
                self._say(f"{self.program.name} did not end within {self._patience.graceful:g} s and was killed.")
                self._kill(process)
                await process.wait()
        if self._watching is not None:
            await self._watching

    async def _watch(self) -> None:
        deaths = 0
        clock = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            started = clock()
            how = await self._end()
            if self._stopping.is_set():
                return
            deaths = 1 if clock() - started >= self._patience.healthy_after else deaths + 1
            pause = self._patience.pause(deaths)
            self._say(f"{self.program.name} {how}; it is started again in {pause:g} s.")
            await self._pause(pause)
            await self._again()

    async def _end(self) -> str:
        process = self._process
        if process is None:
            return "could not be started"
        code = await process.wait()
        self._kill(process)
        self._changed()
        return ended(code)

    async def _again(self) -> None:
        if self._stopping.is_set():
            return
        self._process = None
        with contextlib.suppress(OSError):
            await self._spawn()
        self.restarts += 1
        self._changed()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _spawn(self) -> None:
        program = self.program
        if program.port_file is not None:
            program.port_file.unlink(missing_ok=True)
        run_as = {"user": program.user, "group": program.user, "extra_groups": []} if program.user else {}
        with program.log.open("ab") as log:
            # A session of its own: Ctrl-C reaches this process only, which then stops the others in order.
            self._process = await asyncio.create_subprocess_exec(
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=program.folder,
                env={**os.environ, **program.environment},
                start_new_session=True,
                **run_as,  # type: ignore[arg-type]
            )
        self.born = birth(self._process.pid)

    @staticmethod
    def _kill(process: asyncio.subprocess.Process) -> None:
        # The whole group: a program that dies leaves no helper of its own behind.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def ended(code: int) -> str:
    """How a process ended, in words."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


async def keep_logs_bounded(logs: Sequence[Path], *, every: float = 5.0, largest: int = LARGEST_LOG) -> None:
    """Shorten logs that grew too large, for ever; the last few generations stay beside them."""
    while True:
        await asyncio.sleep(every)
        for log in logs:
            if log.exists() and log.stat().st_size > largest:
                await asyncio.to_thread(turn_over, log)


def turn_over(log: Path) -> None:
    """Move a log's content to `<name>.1` (older ones to `.2`, `.3`) while its process goes on writing to it."""
    for number in range(KEPT_LOGS - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    # Copied and cut, not renamed: the writer holds the file open and appends at its end, wherever that is.
    with log.open("r+b") as file, log.with_name(f"{log.name}.1").open("wb") as kept:
        while block := file.read(1024 * 1024):
            kept.write(block)
        file.truncate(0)
