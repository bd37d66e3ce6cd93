"""The catalogue: every sentence a clerk can see is whole, and fits what Basware shows."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlc_common.catalogue import CATALOGUE, LONGEST_ANSWER, SECTIONS, Finding, answer_text, finding
from mlc_common.events import InvoiceRefused

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
PATHS = [
    path
    for folder in ("services", "libs")
    for path in sorted((ROOT / folder).glob("*/src/**/*.py"))
    if path.parent.name != "sentences"
]
SOURCES = [path.read_text(encoding="utf-8") for path in PATHS]


def sentence(text: str) -> Finding:
    return Finding(code="X", sentence=text, owner="AP", remedy="Mend it.")


@given(st.lists(st.text(min_size=1, max_size=400), max_size=12))
def test_an_answer_is_never_empty_and_never_too_long(texts: list[str]) -> None:
    assert 1 <= len(answer_text(tuple(map(sentence, texts)))) <= LONGEST_ANSWER


def test_whole_sentences_are_told_and_the_rest_is_counted() -> None:
    findings = tuple(sentence("x" * 99 + ".") for _ in range(4))

    assert answer_text(findings) == f"{'x' * 99}. {'x' * 99}. (+2 more)"


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_entry_is_a_sentence_with_an_owner_and_a_remedy(code: str) -> None:
    entry = CATALOGUE[code]
    names = [name for _, name, _, _ in string.Formatter().parse(entry.sentence) if name]

    filled = finding(code, field="f", **dict.fromkeys(set(names) - {"field"}, "value"))

    assert filled.owner in ("AP", "finance systems", "integration")
    assert filled.remedy.endswith(".")
    assert "{" not in filled.sentence


def test_no_code_stands_in_two_places() -> None:
    assert sum(map(len, SECTIONS.values())) == len(CATALOGUE)


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_code_is_used_by_the_code_base(code: str) -> None:
    assert any(f'"{code}"' in text for text in SOURCES)


def test_every_code_that_is_used_is_in_the_catalogue() -> None:
    used = {match[1] for text in SOURCES for match in re.finditer(r'\bfinding\(\s*"([A-Z_]+)"', text)}

    assert used
    assert used <= CATALOGUE.keys()


@pytest.mark.parametrize("findings", [(), []])
def test_no_refusal_leaves_without_a_reason(findings: Any) -> None:
    with pytest.raises(ValidationError, match="findings"):
        InvoiceRefused(connection="demo", at=AT, invoice_id="i1", attempt="a1", connection_version=1, findings=findings)


def test_no_reason_leaves_without_what_the_catalogue_has_of_it() -> None:
    """Findings are made in one place, so that code, sentence, owner and remedy always belong together."""
    made = {path.name for path, text in zip(PATHS, SOURCES, strict=True) if re.search(r"\bFinding\(\n?\s*code", text)}

    assert made == {"catalogue.py"}
    with pytest.raises(KeyError):
        finding("UNHEARD_OF")
