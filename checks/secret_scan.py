"""Is there a secret among the files that are tracked, or about to be? detect-secrets looks; nothing is sent anywhere.

python -m checks.secret_scan [FILE ...]
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

HOUSE = Path(__file__).with_name("harmless.txt")
MADE_UP = "sandbox-only-"
"""How a made-up secret begins in our files; nobody's real one does."""

BY_RANDOMNESS = {"Base64HighEntropyString", "HexHighEntropyString"}
IDENTIFIERS = ("tests/golden/",)
"""Where random-looking values are ids and digests by the hundred: there a secret is known by its name or form only."""

HASHES = (".lock",)
"""Files of hashes, whose form the installers check."""

WORDS = re.compile(r"[a-z]+(?:[ '-][a-z]+)*")
"""What a test calls a secret to be refused: `another`, `not-the-password`. Plain words pass, and in tests only."""

MASTER_KEY = re.compile(r"(?<![\w.-])[\w.-]{1,40}:[A-Za-z0-9+/]{43}=(?![A-Za-z0-9+/=])")


@dataclass(frozen=True, slots=True)
class Found:
    """Where something stands that looks like a secret."""

    path: str
    line: int
    kind: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: looks like a secret ({self.kind})"


def look(path: str, *, harmless: frozenset[str]) -> list[Found]:
    """All that looks like a secret in a file and is not known to be harmless."""
    if path.endswith(HASHES) or not Path(path).is_file():
        return []
    every: set[str] = {each.__name__ for each in get_mapping_from_secret_type_to_class().values()}
    plugins = every - BY_RANDOMNESS if path.startswith(IDENTIFIERS) else every
    with transient_settings({"plugins_used": [{"name": name} for name in sorted(plugins)]}):
        seen = {(each.line_number, each.type, each.secret_value or "") for each in scan_file(path)}
    text = Path(path).read_text(errors="replace")
    seen |= {(text.count("\n", 0, key.start()) + 1, "Master Key", key[0]) for key in MASTER_KEY.finditer(text)}
    suspect = {(line, kind) for line, kind, value in seen if not _made_up(path, value, harmless)}
    return [Found(path, line, kind) for line, kind in sorted(suspect)]


def _made_up(path: str, value: str, harmless: frozenset[str]) -> bool:
    words = path.startswith("tests/") and WORDS.fullmatch(value)
    return value in harmless or value.startswith(MADE_UP) or bool(words)


def scan(paths: Iterable[str]) -> Iterator[Found]:
    """The same for many files."""
    harmless = frozenset(HOUSE.read_text().splitlines())
    with ProcessPoolExecutor(max_workers=2) as pool:
        for found in pool.map(partial(look, harmless=harmless), paths, chunksize=50):
            yield from found


def published() -> list[str]:
    """Files of the repository: tracked, or new and not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [path for path in listed.split("\0") if path]


def main(arguments: list[str]) -> int:
    """Exit code 1: something was found."""
    paths = arguments or published()
    found = list(scan(paths))
    for each in found:
        print(each)
    if found:
        print(
            f"A real one: change it wherever it is used. Made up: begin it with {MADE_UP}, or name it in {HOUSE.name}."
        )
    print(f"Secrets: {len(paths)} files, {len(found)} found.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
