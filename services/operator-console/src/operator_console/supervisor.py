"""Keeps programs running: one that dies comes back after a growing pause; stopping asks first and kills last."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from operator_console.processes import birth, die_with_parent, working_in

LARGEST_LOG = 20 * 1024 * 1024
KEPT_LOGS = 3


@dataclass(frozen=True)
class Patience:
    """Pauses in seconds: before restarts, until a program counts as healthy, and for a clean end.

    Whoever stops is told after `silent` which program is waited for; in a hurry it has `hurried` left to end cleanly.
    """

    first_pause: float = 0.5
    longest_pause: float = 30.0
    healthy_after: float = 60.0
    graceful: float = 140.0
    silent: float = 3.0
    hurried: float = 3.0

    def pause(self, deaths: int) -> float:
        """The pause before the next start after so many deaths in a row: doubled each time, up to the longest."""
        return min(self.first_pause * float(2 ** min(deaths - 1, 16)), self.longest_pause)


@dataclass(frozen=True)
class Program:
    """What to run. `environment` is added to that of this process; `user` is a system user to run as.

    A `folder` belongs to the program alone: what a killed one left working in it is ended before it starts again.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    address: str | None = None
    port_files: Sequence[Path] = ()


class Supervised:
    """One program, kept running between `start` and `stop`.

    Args:
        say: told one sentence when something happens that an operator wants to know.
        changed: called when process id or restarts changed.
        hurry: once it is set, stopping takes seconds, whatever the program has in hand.
    """

    def __init__(
        self,
        program: Program,
        *,
        patience: Patience,
        say: Callable[[str], None],
        changed: Callable[[], None],
        hurry: asyncio.Event | None = None,
    ) -> None:
        self.program = program
        self.restarts = 0
        self.born: str | None = None
        self._patience = patience
        self._say = say
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._hurry = hurry or asyncio.Event()
        self._starting = asyncio.Lock()
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
        async with self._starting:  # a start under way becomes a process, and that one must end too
            process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(self.program.stop_signal)
            await self._see_it_end(process)
        if self._watching is not None:
            await self._watching

    async def _see_it_end(self, process: asyncio.subprocess.Process) -> None:
        patience, clock = self._patience, asyncio.get_running_loop().time
        asked = clock()
        if await self._ends(process, within=min(patience.silent, patience.graceful)):
            return
        if not self._hurry.is_set() and patience.graceful > patience.silent:
            self._tell(
                f"Waiting for {self.program.name} to finish what it has in hand, {patience.graceful:g} s at most; "
                f"Ctrl-C once more ends it at once."
            )
            if await self._ends(process, within=patience.graceful - patience.silent):
                return
        if self._hurry.is_set() and await self._ends(process, within=patience.hurried, hurry=False):
            return
        self._tell(f"{self.program.name} did not end within {clock() - asked:.0f} s and was killed.")
        self._kill(process)
        await process.wait()

    async def _ends(self, process: asyncio.subprocess.Process, *, within: float, hurry: bool = True) -> bool:
        """Whether it ends within so many seconds; looks no longer when there is a hurry, unless told to."""
        waiting = [asyncio.ensure_future(process.wait())]
        if hurry:
            waiting.append(asyncio.ensure_future(self._hurry.wait()))
        await asyncio.wait(waiting, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()
        return process.returncode is not None

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
            self._tell(f"{self.program.name} {how}; it is started again in {pause:g} s.")
            await self._pause(pause)
            await self._again()

    async def _end(self) -> str:
        process = self._process
        if process is None:
            return "could not be started"
        code = await process.wait()
        self._kill(process)
        self._note()
        return ended(code)

    async def _again(self) -> None:
        async with self._starting:
            if self._stopping.is_set():
                return
            self._process = None
            with contextlib.suppress(OSError):
                await self._spawn()
        self.restarts += 1
        self._note()

    # A full disk must end neither the watch nor the stopping: what cannot be written down is not written down.
    def _tell(self, sentence: str) -> None:
        with contextlib.suppress(OSError):
            self._say(sentence)

    def _note(self) -> None:
        with contextlib.suppress(OSError):
            self._changed()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _spawn(self) -> None:
        program = self.program
        for file in program.port_files:
            file.unlink(missing_ok=True)
        self._end_orphans()
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
                preexec_fn=die_with_parent(program.stop_signal),
                **run_as,  # type: ignore[arg-type]
            )
        self.born = birth(self._process.pid)

    def _end_orphans(self) -> None:
        """End what outlived its own parent: PostgreSQL does not start while one of its old processes is there, and one
        that waits for another may be there for ever.
        """
        folder, program = self.program.folder, Path(self.program.command[0])
        for pid in working_in(folder, program) if folder else []:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

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


async def keep_logs_bounded(
    logs: Sequence[Path], *, say: Callable[[str], None], every: float = 5.0, largest: int = LARGEST_LOG
) -> None:
    """Shorten logs that grew too large, for ever; the last few generations stay beside them.

    One that cannot be shortened, on a full disk for example, is told once and tried again.
    """
    told: set[Path] = set()
    while True:
        await asyncio.sleep(every)
        for log in logs:
            try:
                if log.exists() and log.stat().st_size > largest:
                    await asyncio.to_thread(turn_over, log)
                told.discard(log)
            except OSError as error:
                if log not in told:
                    told.add(log)
                    say(f"{log} cannot be shortened: {error.strerror}.")


def turn_over(log: Path) -> None:
    """Move a log's content to `<name>.1` (older ones to `.2`, `.3`) while its process goes on writing to it.

    Raises:
        OSError: it cannot be copied, and all is as it was.
    """
    copy = log.with_name(f"{log.name}.new")
    # Copied and cut, not renamed: the writer holds the file open and appends at its end, wherever that is.
    with log.open("r+b") as file:
        try:
            with copy.open("wb") as kept:
                shutil.copyfileobj(file, kept, 1024 * 1024)
        except OSError:
            copy.unlink(missing_ok=True)
            raise
        file.truncate(0)
    for number in range(KEPT_LOGS - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    copy.replace(log.with_name(f"{log.name}.1"))
