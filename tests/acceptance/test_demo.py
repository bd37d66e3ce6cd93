"""`ml-connector demo` as a newcomer runs it: the real program, to its end, and interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).parent / "ml-connector")
LONGEST = 60


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mlc-") as name:
        yield Path(name).resolve() / "data"


def environment() -> dict[str, str]:
    """The caller's, without settings of ours; but with the mark by which CI finds what a run left behind."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MLC_") or name == "MLC_CI_RUN"}


def processes_of(folder: Path) -> list[str]:
    """Command lines and environments of running processes that name this directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in text and int(process.name) != os.getpid():
            found.append(text.replace(b"\0", b" ").decode(errors="replace")[:100])
    return found


@pytest.mark.timeout(200)
def test_the_demo_ends_with_three_books_that_agree_within_a_minute(folder: Path) -> None:
    started = time.monotonic()
    done = subprocess.run(
        [PROGRAM, "demo", "--data-dir", str(folder)], env=environment(), capture_output=True, text=True, timeout=190
    )
    seconds = time.monotonic() - started

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == ("approved=82 posted=71 refused=11 answered=82 duplicates=0 unanswered=0"), (
        done.stdout
    )
    assert done.stderr == ""
    before, after = (
        done.stdout.index("Basware holds 10 payment terms, 5 tax codes, 40 vendors"),
        done.stdout.index("paid"),
    )
    assert before < done.stdout.index("approved invoices are on their way") < after
    assert "Basware holds 0 USD as paid." in done.stdout
    assert seconds < LONGEST
    assert processes_of(folder) == []
    for log in folder.glob("logs/*"):
        if log.name != "sandbox.log":
            assert "sandbox-only" not in log.read_text(), log.name


@pytest.mark.timeout(100)
def test_the_demo_interrupted_leaves_nothing_behind(folder: Path) -> None:
    program = subprocess.Popen(
        [PROGRAM, "demo", "--data-dir", str(folder)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _until(lambda: (folder / "run.json").exists() and "webhook-gateway" in (folder / "run.json").read_text())
    program.send_signal(signal.SIGINT)
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=60)

    assert program.returncode == 130
    assert "Traceback" not in errors
    assert processes_of(folder) == []


@pytest.mark.timeout(100)
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next demo ends what was left")
def test_the_demo_killed_leaves_no_process_and_the_next_one_throws_its_data_away(folder: Path) -> None:
    folder.mkdir()
    own = environment() | {"TMPDIR": str(folder)}
    program = subprocess.Popen([PROGRAM, "demo"], env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _until(lambda: any("webhook-gateway" in path.read_text() for path in folder.glob("mlc-demo-*/run.json")))
    [left] = folder.glob("mlc-demo-*")
    program.kill()
    program.wait()
    _until(lambda: processes_of(left) == [], seconds=20)

    again = subprocess.Popen([PROGRAM, "demo"], env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _until(lambda: not left.exists(), seconds=20)
    again.send_signal(signal.SIGTERM)
    again.wait(timeout=60)

    assert list(folder.glob("mlc-demo-*")) == []


def test_the_demo_does_not_begin_in_a_directory_that_was_used(folder: Path) -> None:
    folder.mkdir()
    (folder / "something").write_text("precious")
    done = subprocess.run(
        [PROGRAM, "demo", "--json", "--data-dir", str(folder)], env=environment(), capture_output=True, text=True
    )

    assert done.returncode == 4
    assert done.stdout == ""
    assert "is not empty" in done.stderr
    assert json.dumps([path.name for path in folder.iterdir()]) == '["something"]'


def _until(holds: object, seconds: float = 40) -> None:
    assert callable(holds)
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
