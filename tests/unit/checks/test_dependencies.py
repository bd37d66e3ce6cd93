"""Weaknesses fail the check, and what was not asked is never called clean: against a database that is a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from checks.dependencies import Answer, read

ROOT = Path(__file__).parents[3]


@contextmanager
def database(knows: dict[str, list[dict[str, Any]]], *, status: int = 200, text: str | None = None) -> Iterator[str]:
    """OSV's query interface, which knows these weaknesses by package; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = knows.get(asked["package"]["name"])
            body = (text or json.dumps({"vulns": found} if found else {})).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def weakness(package: str, *, mended: str | None) -> dict[str, Any]:
    events = [{"introduced": "0"}] + ([{"fixed": mended}] if mended else [])
    ranges = [{"type": "ECOSYSTEM", "events": events}]
    affected = [{"package": {"name": package, "ecosystem": "PyPI"}, "ranges": ranges}]
    return {"id": "PYSEC-2026-1", "summary": "It leaks.", "affected": affected, "published": "2026-01-01T00:00:00Z"}


def check(lock: Path, address: str, *more: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "checks.dependencies", "--lock", lock, "--database", address, *more]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "some.lock"
    path.write_text("".join(f"{name}==1.0 \\\n    --hash=sha256:{'ab' * 32}\n" for name in ("alpha", "beta")))
    return path


def test_nothing_known_passes_and_says_how_much_was_asked(lock: Path) -> None:
    with database({}) as address:
        assert check(lock, address, "--needed") == (
            0,
            "Dependencies: 2 asked about, 0 known weaknesses, 0 accepted.\n",
        )


@pytest.mark.parametrize(("mended", "said"), [("1.1", "1.1"), (None, "no version")])
def test_a_known_weakness_fails_and_is_named_with_its_remedy(lock: Path, mended: str | None, said: str) -> None:
    with database({"beta": [weakness("beta", mended=mended)]}) as address:
        code, words = check(lock, address)

    assert code == 1
    assert f"KNOWN WEAKNESS: beta 1.0: PYSEC-2026-1, mended in {said}\n" in words


@pytest.mark.parametrize(("more", "code"), [((), 0), (("--needed",), 3)])
def test_a_database_that_is_away_is_said_and_fails_only_where_it_is_needed(
    lock: Path, more: tuple[str, ...], code: int
) -> None:
    with database({}) as address:
        pass
    found, words = check(lock, address, *more)

    assert found == code
    assert words.startswith("DEPENDENCIES NOT AUDITED: ")
    assert "known weaknesses" not in words


@pytest.mark.parametrize("answer", [{"status": 503}, {"text": "<html>sign in</html>"}])
def test_what_is_no_answer_of_the_database_is_no_audit(lock: Path, answer: dict[str, Any]) -> None:
    with database({}, **answer) as address:
        code, words = check(lock, address)

    assert code == 0
    assert words.startswith("DEPENDENCIES NOT AUDITED: ")


def test_a_package_that_was_skipped_is_a_gap_and_not_clean() -> None:
    report = {
        "dependencies": [{"name": "alpha", "skip_reason": "not found"}, {"name": "b", "version": "1", "vulns": []}]
    }

    assert read(json.dumps(report)) == Answer(asked=1, weaknesses=(), gaps=("alpha: not found",))
