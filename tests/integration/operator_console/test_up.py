"""`ml-connector up` as a person runs it: killed, interrupted, started again; and the commands beside it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from operator_console.cli import app
from operator_console.exits import CommandError, Exit

PROGRAM = str(Path(sys.executable).parent / "ml-connector")
NAMES = [
    *("nats-server", "postgresql"),
    *("webhook-gateway", "basware-reader", "epicor-writer", "masterdata-sync", "operator-console"),
]
CONNECTION = """
name: northwind
basware: {base_url: "http://127.0.0.1:9"}
epicor: {base_url: "http://127.0.0.1:9/live"}
companies:
  - {basware: US01, epicor: NWM, currency: USD, segments: [{field: accountCode}]}
"""
CREDENTIALS = """
basware.client_id: sandbox-client
basware.client_secret: sandbox-only-secret
basware.webhook_secret: [sandbox-only-webhook-secret, sandbox-only-former-secret]
epicor.username: bwlink
epicor.password: sandbox-only-password
epicor.api_key: sandbox-only-api-key
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mlc-") as name:
        yield Path(name).resolve() / "data"


def environment() -> dict[str, str]:
    """The caller's, without settings of ours; but with the mark by which CI finds what a run left behind."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLC_") or name == "MLC_CI_RUN"}
    return kept | {"MLC_TIMINGS__REFRESH": "0.3", "MLC_TIMINGS__GRACEFUL": "5"}


def run(folder: Path, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """The program itself, in a process of its own."""
    return subprocess.run(
        [PROGRAM, *words, "--data-dir", str(folder)],
        env=environment(),
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
    )


def say(folder: Path, *words: str, text: str | None = None) -> str:
    """A command in this process, which is quicker; it must end well. Returns what it printed."""
    result = CliRunner(env=environment()).invoke(app, [*words, "--data-dir", str(folder)], input=text)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@contextmanager
def up(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [PROGRAM, "up", "--data-dir", str(folder), "--port", str(free_port())]
    before = log_of(folder).count("Ctrl-C stops")
    program = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        until(lambda: log_of(folder).count("Ctrl-C stops") > before, of=program)
        yield program
    finally:
        if program.poll() is None:
            program.send_signal(signal.SIGTERM)
        program.communicate(timeout=60)


def log_of(folder: Path) -> str:
    log = folder / "logs/ml-connector.log"
    return log.read_text() if log.exists() else ""


def until(holds: Callable[[], bool], seconds: float = 60, *, of: subprocess.Popen[str] | None = None) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert of is None or of.poll() is None, of.stdout.read() if of.stdout else "it ended"
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def state(folder: Path) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads((folder / "run.json").read_text())["processes"]}


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    result = CliRunner(env=environment()).invoke(app, ["status", "--json", "--data-dir", str(folder)])
    return {row["name"]: row for row in json.loads(result.stdout)}


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.timeout(200)
def test_a_site_survives_every_death_and_ends_without_a_trace(folder: Path) -> None:
    with up(folder) as program:
        found = run(folder, "status", "--json")
        assert found.returncode == 0, found.stdout + found.stderr
        assert [row["name"] for row in json.loads(found.stdout)] == NAMES
        assert {row["health"] for row in json.loads(found.stdout)} == {"ok"}

        second = run(folder, "up")
        assert second.returncode == 4
        assert "in use by another ml-connector" in second.stderr

        killed = ("epicor-writer", "nats-server", "postgresql")
        first = state(folder)
        for name in killed:
            os.kill(first[name]["pid"], signal.SIGKILL)
        until(lambda: all(state(folder)[name]["restarts"] == 1 and state(folder)[name]["pid"] for name in killed))
        until(lambda: {row["health"] for row in rows(folder).values()} == {"ok"}, seconds=30)
        assert state(folder)["nats-server"]["address"] == first["nats-server"]["address"]
        assert state(folder)["webhook-gateway"]["restarts"] == 0, "the others reconnect by themselves"

        pids = [each["pid"] for each in state(folder).values()]
        os.killpg(program.pid, signal.SIGINT)
        output, _ = program.communicate(timeout=60)
    assert program.returncode == 0, output
    assert "Stopped." in output
    assert not [pid for pid in pids if alive(pid)]
    gone = run(folder, "status")
    assert gone.returncode == 3
    assert "Nothing runs" in gone.stderr


@pytest.mark.timeout(200)
def test_what_was_set_up_is_there_after_the_supervisor_was_killed(folder: Path) -> None:
    with up(folder) as program:
        applied = run(folder, "connection", "apply", "-f", "-", text=CONNECTION)
        assert applied.stdout == "Connection northwind is now version 1.\n", applied.stderr
        unchanged = say(folder, "connection", "apply", "-f", "-", text=CONNECTION)
        assert unchanged == "Connection northwind is unchanged at version 1.\n"
        done = run(folder, "credentials", "set", "northwind", "--from-file", "-", text=CREDENTIALS)
        assert done.returncode == 0, done.stderr
        asked = say(folder, "credentials", "set", "northwind", "epicor.password", text="sandbox-only-other\n")
        assert asked == "Set: epicor.password.\n"
        left = state(folder)
        program.kill()
        program.wait()
        until(lambda: not [name for name, each in left.items() if alive(each["pid"])], seconds=45)

    with up(folder):
        listed = say(folder, "credentials", "list", "northwind", "--json")
        values = {row["field"]: row["values"] for row in json.loads(listed)}
        assert values["basware.webhook_secret"] == 2
        assert set(values.values()) == {1, 2}

        rotated = json.loads(say(folder, "keys", "rotate", "--json"))
        assert (rotated["moved"], rotated["removable"]) == (1, ["k1"])
        until(lambda: rows(folder)["epicor-writer"]["health"] == "ok")
        (folder / "master-keys").write_text((folder / "master-keys").read_text().splitlines()[0] + "\n")
        again = json.loads(
            say(folder, "credentials", "set", "northwind", "--from-file", "-", "--json", text=CREDENTIALS)
        )
        assert len(again["set"]) == 6
        until(lambda: rows(folder)["epicor-writer"]["health"] == "ok")

        shown = say(folder, "connection", "show", "northwind")
        assert "name: northwind" in shown
        assert say(folder, "documents", "list", "--json").strip() == "[]"
        assert say(folder, "deadletters", "list", "--json").strip() == "[]"
        assert json.loads(say(folder, "migrate", "--json")) == {"applied": []}
        assert "epicor-writer_northwind" in json.loads(say(folder, "topology", "--json"))["durables"]
        for words in (("documents", "show", "no-such-document"), ("connection", "show", "southwind")):
            with pytest.raises(CommandError) as caught:
                say(folder, *words)
            assert caught.value.code == Exit.USAGE

    everything = "".join(path.read_text(errors="replace") for path in folder.glob("logs/*"))
    everything += "".join((done.stdout, done.stderr, asked, listed, shown))
    assert "sandbox-only" not in everything
    assert "does not open" not in everything


def test_a_wrong_file_is_a_list_of_mistakes_and_not_a_traceback(folder: Path) -> None:
    folder.mkdir(parents=True)
    found = subprocess.run(
        [PROGRAM, "connection", "apply", "-f", "-"],
        env=environment(),
        input="name: northwind\nepicor: {base_url: 'http://kinetic.example.com'}\n",
        capture_output=True,
        text=True,
        cwd=folder,
    )

    assert found.returncode == 2
    assert "line 2, epicor.base_url is 'http://kinetic.example.com': use https" in found.stderr
    assert "companies: it is missing" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("words", [("documents", "list"), ("status",)])
def test_a_site_that_does_not_run_is_one_sentence(folder: Path, words: tuple[str, ...]) -> None:
    found = run(folder, *words)

    assert found.returncode == 3
    assert found.stderr == f"Nothing runs in {folder}; start it with: ml-connector up --data-dir {folder}\n"
