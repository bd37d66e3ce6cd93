"""What the documents promise is there, and what is there is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlc_common.settings import Settings, Timings

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "variable",
    [f"MLC_{name.upper()}" for name in Settings.model_fields if name != "timings"]
    + [f"MLC_TIMINGS__{name.upper()}" for name in Timings.model_fields],
)
def test_every_setting_is_documented(variable: str) -> None:
    assert f"`{variable}`" in (ROOT / "docs/operations.md").read_text()


@pytest.mark.parametrize(
    "document", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")), ids=lambda p: p.name
)
def test_every_file_a_document_names_exists(document: Path) -> None:
    text = document.read_text()
    named = re.findall(r"`((?:docs|tests|libs|services|deploy|bench|chaos)/[\w./-]+)`", text)
    linked = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]

    for path in (*(ROOT / each for each in named), *(document.parent / each for each in linked)):
        assert path.exists(), path


def test_every_decision_says_what_enforces_it_on_one_page() -> None:
    for decision in (ROOT / "docs/decisions").glob("*.md"):
        text = decision.read_text()
        assert len(text.splitlines()) <= 60, decision.name
        assert "Enforced by:" in text, decision.name
