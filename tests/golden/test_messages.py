"""The page of messages is the catalogue: what a person can be told, who has to act, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from mlc_common.catalogue import CATALOGUE, SECTIONS, posted_text
from mlc_common.sentences.entry import Owner

PAGE = Path(__file__).parents[2] / "docs" / "messages.md"
OWNERS: dict[Owner, str] = {
    "AP": "Accounts payable",
    "finance systems": "Finance systems",
    "integration": "Integration",
}
HEAD = f"""# Messages
Every reason a person can be given, by who has to act. The same sentence stands in Basware's response message (as many
as fit 250 characters), in the console and in the log; its code stands in the facts. Words in {{braces}} are filled in.
An invoice that was entered is answered with
"{posted_text(company="{company}", group="{group}", number="{number}")}".

This page is written from the catalogue, `libs/common/src/mlc_common/catalogue.py`, by `make golden`; do not edit it by
hand.
"""


def rows(owner: Owner) -> Iterator[str]:
    for where, entries in SECTIONS.items():
        for code, entry in sorted(entries.items()):
            if entry.owner == owner:
                yield f"| `{code}` | {entry.sentence} | {entry.remedy} | {where} |"


def page() -> str:
    parts = [HEAD]
    for owner, title in OWNERS.items():
        table = "\n".join(("| code | sentence | what to do | found |", "|---|---|---|---|", *rows(owner)))
        parts.append(f"## {title}\n{table}\n")
    return "\n".join(parts)


def test_the_page_of_messages_is_the_catalogue(golden: Callable[[Path, str], None]) -> None:
    golden(PAGE, page())


def test_the_page_has_every_code_once() -> None:
    assert all(page().count(f"| `{code}` |") == 1 for code in CATALOGUE)


def test_no_sentence_breaks_the_table() -> None:
    assert not [code for code, entry in CATALOGUE.items() if {"|", "\n"} & {*entry.sentence, *entry.remedy}]
