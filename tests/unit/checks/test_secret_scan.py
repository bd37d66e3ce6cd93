"""A planted secret is found, whatever it looks like and wherever it stands; made-up ones are not in the way.

The secrets of this file are put together while it runs: it is scanned like any other.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from checks.secret_scan import HOUSE, MADE_UP, look

ROOT = Path(__file__).parents[3]
RANDOM = os.urandom(32)
HARD = "Tr0ub4dor&3"

PLANTED = {
    "a password in a file of settings": ("site.yaml", f"pass{''}word: {HARD}"),
    "a client secret in code": ("client.py", "client_sec" + 'ret = "Zq8~kP2vLw9xRt4nBm7y"'),
    "an API key in a fixture": ("row.json", '{"api_' + 'key": "Zq8kP2vLw9xRt4nBm7y"}'),
    "a master key in an environment": ("site.env", "MLC_MASTER_KEYS=k1:" + base64.b64encode(RANDOM).decode()),
    "a master key in a test": ("test_x.py", 'KEY = "2026-a:' + base64.b64encode(RANDOM).decode() + '"'),
    "a webhook secret in hex": ("test_y.py", 'WEBHOOK = "' + RANDOM.hex() + '"'),
    "a private key": ("chain.pem", "-----BEGIN " + "PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n"),
    "a password in an address": ("notes.md", "postgresql://ledger:" + "Zq8kP2vLw9@db.example/ledger"),
    "a cloud's key": ("notes.txt", "AKIA" + "Q3EGRZ7XWPDV5KLM"),
    "a token": (
        "notes.md",
        "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiJlcGljb3IifQ.dBjftJeZ4CVPmB92K27uhbUJU1p1r" + "_wW1gFWFOEjXk",
    ),
}


@pytest.mark.parametrize(("name", "text"), PLANTED.values(), ids=PLANTED)
def test_a_planted_secret_is_found(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(f"# the first line\n{text}\n")

    found = look(str(path), harmless=frozenset())

    assert {each.line for each in found} == {2}
    assert str(found[0]).startswith(f"{path}:2: looks like a secret")


def test_what_is_said_of_a_secret_does_not_repeat_it(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(f"pass{''}word: {HARD}")

    assert HARD not in "".join(map(str, look(str(path), harmless=frozenset())))


def test_a_made_up_one_and_a_harmless_one_pass(tmp_path: Path) -> None:
    path = tmp_path / "test_x.py"
    path.write_text(f"password = '{MADE_UP}any'\n" + "api_" + "key = 'Zq8kP2vLw9xRt4nBm7y'\n")

    assert look(str(path), harmless=frozenset({"Zq8kP2vLw9xRt4nBm7y"})) == []


def test_plain_words_pass_in_tests_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("tests", "services"):
        Path(folder).mkdir()
        Path(folder, "x.py").write_text("pass" + "word = 'not-the-word'\n")

    assert look("tests/x.py", harmless=frozenset()) == []
    assert len(look("services/x.py", harmless=frozenset())) == 1


def test_among_identifiers_a_secret_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    golden = Path("tests/golden/case.json")
    golden.parent.mkdir(parents=True)
    golden.write_text('{"invoiceId": "' + RANDOM.hex() + '",\n"pass' + f'word": "{HARD}"}}')

    assert {each.line for each in look(str(golden), harmless=frozenset())} == {2}


def test_the_program_fails_on_a_planted_secret_and_says_where(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(f"pass{''}word: {HARD}")

    done = subprocess.run(
        [sys.executable, "-m", "checks.secret_scan", path], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert f"{path}:1: looks like a secret" in done.stdout


def test_what_counts_as_harmless_is_sorted_and_still_stands_somewhere() -> None:
    words = HOUSE.read_text().splitlines()
    assert words == sorted(set(words))
    for word in words:
        command = ["git", "grep", "-qF", "-e", word, "--", ".", f":!{HOUSE.relative_to(ROOT)}"]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, f"{word} can be taken off the list"
