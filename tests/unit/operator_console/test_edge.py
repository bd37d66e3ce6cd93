"""What a person sees when something breaks that nobody thought of; and the sandbox in the foreground."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

BROKEN = """
import typer
from operator_console import edge

app = typer.Typer()

@app.command()
def broken(debug: bool = False) -> None:
    raise ZeroDivisionError("sandbox-only-detail")

edge.run(app)
"""


def test_a_bug_is_one_sentence_that_names_the_file_with_the_trace(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", BROKEN], env=environment, capture_output=True, text=True)

    [written] = tmp_path.glob("ml-connector-*.log")
    assert done.returncode == 70
    assert done.stderr == (
        f"This is an error of ml-connector itself (ZeroDivisionError); what happened is written in {written}.\n"
    )
    assert "ZeroDivisionError: sandbox-only-detail" in written.read_text()


def test_with_debug_a_bug_shows_its_trace() -> None:
    done = subprocess.run([sys.executable, "-c", BROKEN, "--debug"], capture_output=True, text=True)

    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr


def test_the_sandbox_runs_in_the_foreground_and_ends_cleanly() -> None:
    program = [
        str(Path(sys.executable).parent / "ml-connector"),
        "sandbox",
        "--basware-port",
        "0",
        "--epicor-port",
        "0",
    ]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        urls = json.loads(running.stdout.readline())
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=20)

    assert set(urls) == {"basware", "epicor"}
    assert running.returncode == 0
    assert errors == ""
