"""The comparer of golden tests: expected files are reviewed text, and only `make golden` rewrites them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

Golden = Callable[[Path, str], None]


@pytest.fixture
def golden() -> Golden:
    """Compares a text with its expected file; MLC_GOLDEN=write writes it instead, to be read as a diff."""

    def compare(path: Path, text: str) -> None:
        if os.environ.get("MLC_GOLDEN") == "write":
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path.name} is missing: run make golden and read the diff"
        assert text == path.read_text(encoding="utf-8")

    return compare
