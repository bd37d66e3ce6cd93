"""A command that runs in the foreground: stopped by a signal, in order; what it says goes to screen and log."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


SAME_WISH = 1.0
"""Seconds in which further signals are the same wish: a terminal and a wrapper may both pass Ctrl-C on."""


class Asked:
    """Whether a signal asked this process to stop, and whether another one asked it to hurry."""

    def __init__(self) -> None:
        self.by: signal.Signals | None = None
        self.hurry = asyncio.Event()


@asynccontextmanager
async def stoppable() -> AsyncIterator[Asked]:
    """Leave the block when a signal asks to stop; a second wish makes it hurry, and still nothing is left running."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    asked = Asked()
    since = loop.time()

    def ask(number: signal.Signals) -> None:
        nonlocal since
        if asked.by is None and task is not None:
            asked.by, since = number, loop.time()
            task.cancel()
        elif loop.time() - since > SAME_WISH:
            asked.hurry.set()

    # What the caller ignores stays ignored: `nohup` lets a site outlive its terminal.
    heeded = [each for each in STOPPING if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN]
    for number in heeded:
        loop.add_signal_handler(number, ask, number)
    try:
        yield asked
    except asyncio.CancelledError:
        if asked.by is None:
            raise
        if task is not None:
            task.uncancel()
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)


def announcer(log: Path, console: Console) -> Callable[[str], None]:
    """A function that says one sentence, with the time, on the screen and in a log file."""
    log.parent.mkdir(parents=True, exist_ok=True)

    def say(sentence: str) -> None:
        now = datetime.now(UTC)  # the edge: a person reads along
        with contextlib.suppress(OSError), log.open("a", encoding="utf-8") as file:  # the disk may be full
            file.write(f"{now.isoformat(timespec='milliseconds')} {sentence}\n")
        with contextlib.suppress(OSError):  # the terminal may be gone; stopping goes on
            console.print(f"[dim]{now.astimezone():%H:%M:%S}[/] {escape(sentence)}")

    return say
