"""Has anything locked a known weakness? pip-audit asks the database OSV; what was not asked is never called clean.

python -m checks.dependencies [--needed] [--lock FILE] [--database URL]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCK = Path("requirements.lock")
"""Of everything, so also of the images: their locks hold the same pins."""

PATIENCE = 300
ACCEPTED: dict[str, str] = {}
"""Ids of weaknesses that do not concern us, each with the reason. Whoever adds one says when to look again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the database knows: how many packages it was asked about, and a line for each weakness and each gap."""

    asked: int
    weaknesses: tuple[str, ...]
    gaps: tuple[str, ...]


def read(report: str) -> Answer | None:
    """The report that pip-audit wrote; None when it wrote none, because it could not ask."""
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError):
        return None
    weaknesses = [
        f"{each['name']} {each['version']}: {known['id']}, mended in {', '.join(known['fix_versions']) or 'no version'}"
        for each in packages
        for known in each.get("vulns", ())
    ]
    gaps = [f"{each['name']}: {each['skip_reason']}" for each in packages if "skip_reason" in each]
    return Answer(len(packages) - len(gaps), tuple(weaknesses), tuple(gaps))


def ask(lock: Path, database: str | None) -> tuple[Answer | None, str]:
    """What the database says of a lock; or None, and why it could not be asked."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--disable-pip", "--require-hashes"]
    command += ["--vulnerability-service", "osv", "--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    command += ["--osv-url", database] if database else []
    command += [part for weakness in ACCEPTED for part in ("--ignore-vuln", weakness)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return None, f"no answer within {PATIENCE} seconds"
    return read(done.stdout), (done.stderr.strip().splitlines() or ["pip-audit wrote no report"])[-1]


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1: there are weaknesses. 3: not everything could be asked about, and --needed was said."""
    parser = argparse.ArgumentParser(prog="python -m checks.dependencies")
    parser.add_argument("--needed", action="store_true", help="fail where the database cannot be asked")
    parser.add_argument("--lock", type=Path, default=LOCK)
    parser.add_argument("--database", help="another address of OSV's query interface, for example a mirror's")
    options = parser.parse_args(arguments)
    answer, why = ask(options.lock, options.database)
    if answer is None:
        print(f"DEPENDENCIES NOT AUDITED: the database of weaknesses could not be asked ({why:.120}...).")
        return 3 if options.needed else 0
    for gap in answer.gaps:
        print(f"NOT AUDITED: {gap}")
    for weakness in answer.weaknesses:
        print(f"KNOWN WEAKNESS: {weakness}")
    counts = f"{answer.asked} asked about, {len(answer.weaknesses)} known weaknesses, {len(ACCEPTED)} accepted"
    print(f"Dependencies: {counts}.")
    if answer.weaknesses:
        return 1
    return 3 if answer.gaps and options.needed else 0


if __name__ == "__main__":
    sys.exit(main())
