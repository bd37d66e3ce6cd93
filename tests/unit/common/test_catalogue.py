"""The catalogue: every sentence a clerk can see is whole, and fits what Basware shows."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_common.catalogue import CATALOGUE, LONGEST_ANSWER, Finding, answer_text, finding


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
