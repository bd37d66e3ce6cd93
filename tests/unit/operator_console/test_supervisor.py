"""The supervisor on real processes: deaths, growing pauses, a clean end, a full disk, bounded logs."""

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
from operator_console.supervisor import Patience, Program, Supervised, ended, keep_logs_bounded, turn_over

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


async def test_stopping_while_a_program_is_just_started_again_leaves_no_process(tmp_path: Path) -> None:
    flag = tmp_path / "died-once"
    script = f"if [ -e {flag} ]; then exec sleep 600; else touch {flag}; exit 1; fi"
    program = Program(name="sleeper", command=("/bin/sh", "-c", script), log=tmp_path / "sleeper.log")
    each = Supervised(program, patience=QUICK, say=lambda _: None, changed=lambda: None)
    await each.start()
    while each._process is not None:  # until the moment between the old process and the next one
        await asyncio.sleep(0)

    await each.stop()

    assert each.restarts == 1
    assert each.pid is None


async def test_a_full_disk_ends_neither_the_watch_nor_the_stopping(tmp_path: Path) -> None:
    def full(*_: str) -> None:
        raise OSError(28, "No space left on device", "ml-connector.log")

    program = Program(name="sleeper", command=(sys.executable, "-c", STUBBORN), log=tmp_path / "sleeper.log")
    each = Supervised(program, patience=QUICK, say=full, changed=full)
    await each.start()
    assert each.pid is not None
    os.kill(each.pid, signal.SIGKILL)
    await until(lambda: each.restarts == 1 and each.pid is not None)

    await each.stop()

    assert each.pid is None


async def test_stopping_says_whom_it_waits_for_and_in_a_hurry_takes_seconds(tmp_path: Path) -> None:
    said: list[str] = []
    hurry = asyncio.Event()
    patience = Patience(graceful=140, silent=0.05, hurried=0.1)
    program = Program(name="sleeper", command=(sys.executable, "-c", STUBBORN), log=tmp_path / "sleeper.log")
    each = Supervised(program, patience=patience, say=said.append, changed=lambda: None, hurry=hurry)
    await each.start()
    await until(lambda: "up" in program.log.read_text())

    stopping = asyncio.create_task(each.stop())
    await until(lambda: bool(said))
    assert not stopping.done()
    hurry.set()
    async with asyncio.timeout(10):
        await stopping

    assert said[0] == (
        "Waiting for sleeper to finish what it has in hand, 140 s at most; Ctrl-C once more ends it at once."
    )
    assert said[1].startswith("sleeper did not end within")
    assert each.pid is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends what was left")
async def test_a_killed_supervisor_takes_its_programs_with_it(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    parent = f"""
import asyncio, pathlib, sys
from operator_console.supervisor import Patience, Program, Supervised
async def main():
    program = Program("sleeper", (sys.executable, "-c", {SLEEPS!r}), pathlib.Path({str(tmp_path / "log")!r}))
    each = Supervised(program, patience=Patience(), say=print, changed=lambda: None)
    await each.start()
    pathlib.Path({str(noted)!r}).write_text(str(each.pid))
    await asyncio.sleep(600)
asyncio.run(main())
"""
    supervisor = await asyncio.create_subprocess_exec(sys.executable, "-c", parent)
    await until(lambda: noted.exists() and noted.read_text() != "")
    pid = int(noted.read_text())
    assert birth(pid) is not None

    supervisor.kill()
    await supervisor.wait()

    await until(lambda: birth(pid) is None, seconds=10)


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


async def test_a_log_that_cannot_be_copied_stays_whole_and_is_told_once(tmp_path: Path) -> None:
    said: list[str] = []
    log = tmp_path / "service.log"
    log.write_text("precious\n")
    former = log.with_name("service.log.1")
    former.write_text("former\n")
    log.with_name("service.log.new").mkdir()  # nothing can be written there, as on a full disk

    task = asyncio.create_task(keep_logs_bounded([log], say=said.append, every=0.01, largest=1))
    await until(lambda: bool(said))
    await asyncio.sleep(0.1)
    assert not task.done()
    assert (log.read_text(), former.read_text()) == ("precious\n", "former\n")
    assert said == [f"{log} cannot be shortened: Is a directory."]

    log.with_name("service.log.new").rmdir()
    await until(lambda: former.read_text() == "precious\n")
    task.cancel()
