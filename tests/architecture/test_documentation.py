"""What the documents promise is there, and what is there is documented."""

from __future__ import annotations

import ast
import re
from functools import cache
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


def claims() -> list[str]:
    """The rows of the threat model."""
    model = (ROOT / "SECURITY.md").read_text().partition("## Threat model")[2].partition("\n## ")[0]
    rows = [line for line in model.splitlines() if line.startswith("|")]
    return [row for row in rows if not re.match(r"\|( \| claim|---| between )", row)]


@cache
def names_in(file: str) -> set[str]:
    nodes = ast.walk(ast.parse((ROOT / file).read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("claim", claims(), ids=lambda row: row[2:70])
def test_a_claim_of_the_threat_model_names_tests_that_exist(claim: str) -> None:
    who, _, shown_by = claim.strip("| ").split(" | ")
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", shown_by)

    assert re.search(r"\bcan(not)?\b", who)
    assert named, "name the test behind it"
    assert len(named) == shown_by.count("::")
    for file, test in named:
        assert test in names_in(file), f"{file}::{test}"


def test_the_threat_model_has_a_section_for_everything_that_can_be_stolen() -> None:
    model = (ROOT / "SECURITY.md").read_text().partition("## Threat model")[2].partition("\n## ")[0]
    sections = re.split(r"\n### ", model)[1:]

    assert len(sections) == 9
    for section in sections:
        assert " cannot" in section, "what is still safe"
        assert re.search(r"\bcan\b(?!not)", section), "and, honestly, what is not"
