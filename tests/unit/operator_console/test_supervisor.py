"""The supervisor on real processes: deaths, growing pauses, a clean end, bounded logs."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from operator_console.processes import birth, end
from operator_console.supervisor import Patience, Program, Supervised, ended, turn_over

QUICK = Patience(first_pause=0.05, longest_pause=0.4, healthy_after=60, graceful=1.0)
SLEEPS = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"


@asynccontextmanager
async def supervised(
    folder: Path, code: str, said: list[str], *, patience: Patience = QUICK
) -> AsyncIterator[Supervised]:
    program = Program(name="sleeper", command=(sys.executable, "-c", code), log=folder / "sleeper.log")
    each = Supervised(program, patience=patience, say=said.append, changed=lambda: None)
    await each.start()
    try:
        yield each
    finally:
        await each.stop()


async def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


async def test_a_killed_program_comes_back_as_another_process(tmp_path: Path) -> None:
    said: list[str] = []
    async with supervised(tmp_path, SLEEPS, said) as each:
        first = each.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: each.restarts == 1 and each.pid not in (None, first))

    assert said == ["sleeper was ended by SIGKILL; it is started again in 0.05 s."]


async def test_pauses_grow_while_a_program_keeps_dying(tmp_path: Path) -> None:
    said: list[str] = []
    async with supervised(tmp_path, "raise SystemExit(3)", said) as each:
        await until(lambda: len(said) >= 5)

    assert [sentence.rsplit(" in ")[1] for sentence in said[:5]] == ["0.05 s.", "0.1 s.", "0.2 s.", "0.4 s.", "0.4 s."]
    assert "ended with code 3" in said[0]
    assert each.pid is None


async def test_a_program_that_was_healthy_starts_again_with_the_shortest_pause(tmp_path: Path) -> None:
    said: list[str] = []
    patience = Patience(first_pause=0.05, longest_pause=0.4, healthy_after=0.0)
    async with supervised(tmp_path, "raise SystemExit(3)", said, patience=patience):
        await until(lambda: len(said) >= 3)

    assert {sentence.rsplit(" in ")[1] for sentence in said} == {"0.05 s."}


async def test_stopping_leaves_no_process_and_no_restart(tmp_path: Path) -> None:
    said: list[str] = []
    async with supervised(tmp_path, SLEEPS, said) as each:
        pid = each.pid
        await until(lambda: "up" in each.program.log.read_text())

    assert pid is not None
    assert birth(pid) is None
    assert said == []


async def test_a_program_that_will_not_end_is_killed(tmp_path: Path) -> None:
    said: list[str] = []
    async with supervised(tmp_path, STUBBORN, said) as each:
        pid = each.pid
        await until(lambda: "up" in each.program.log.read_text())

    assert pid is not None
    assert birth(pid) is None
    assert said == ["sleeper did not end within 1 s and was killed."]


async def test_stopping_during_a_pause_does_not_wait_for_it(tmp_path: Path) -> None:
    said: list[str] = []
    patience = Patience(first_pause=30, longest_pause=30)
    async with asyncio.timeout(10):
        async with supervised(tmp_path, "raise SystemExit(1)", said, patience=patience):
            await until(lambda: bool(said))


async def test_a_program_that_vanished_from_disk_is_tried_again(tmp_path: Path) -> None:
    said: list[str] = []
    script = tmp_path / "program"
    script.write_text("#!/bin/sh\nexit 4\n")
    script.chmod(0o755)
    program = Program(name="gone", command=(str(script),), log=tmp_path / "gone.log")
    each = Supervised(program, patience=QUICK, say=said.append, changed=lambda: None)
    await each.start()
    script.unlink()
    await until(lambda: any("could not be started" in sentence for sentence in said))
    script.write_text(f"#!{sys.executable}\n{SLEEPS}\n")
    script.chmod(0o755)
    await until(lambda: each.pid is not None and "up" in program.log.read_text())
    await each.stop()


async def test_ending_a_process_spares_a_later_one_with_the_same_number(tmp_path: Path) -> None:
    async with supervised(tmp_path, SLEEPS, []) as each:
        assert each.pid is not None
        assert not await end(each.pid, "another birth", ask_with=signal.SIGTERM, patience=1)
        assert each.pid is not None


def test_the_pause_doubles_up_to_the_longest() -> None:
    patience = Patience()

    assert [patience.pause(deaths) for deaths in (1, 2, 3, 7, 8, 1000)] == [0.5, 1.0, 2.0, 30.0, 30.0, 30.0]


@pytest.mark.parametrize(("code", "words"), [(-9, "was ended by SIGKILL"), (0, "ended with code 0")])
def test_an_end_is_told_in_words(code: int, words: str) -> None:
    assert ended(code) == words


def test_a_log_is_turned_over_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    with log.open("ab", buffering=0) as writer:
        for generation in range(5):
            writer.write(b"line %d\n" % generation)
            turn_over(log)
        writer.write(b"last\n")

    assert log.read_text() == "last\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "service.log",
        "service.log.1",
        "service.log.2",
        "service.log.3",
    ]
    kept = [log.with_name(f"service.log.{number}").read_text() for number in (1, 2, 3)]
    assert kept == ["line 4\n", "line 3\n", "line 2\n"]
