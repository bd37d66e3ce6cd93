"""The page about reconciliation is written from the table of breaks: each kind, whose it is, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from operator_console.reconciliation.breaks import BREAKS

PAGE = Path(__file__).parents[2] / "docs" / "reconciliation.md"
HEAD = """# Reconciliation
`ml-connector reconcile` compares Basware, the stream and Epicor invoice by invoice, and says what does not agree,
whose it is and what to do. It only reads; that it was done is recorded, with counts (`reconciliation_done` in the
stream `OPERATIONS`).

    ml-connector reconcile                                        # the last 31 days, every connection
    ml-connector reconcile --from 2026-03-01 --to 2026-03-31 --company US01
    ml-connector reconcile --csv breaks.csv --xlsx march.xlsx     # new files; sums go to breaks.sums.csv
    ml-connector reconcile --json                                 # all of it, for programs

| exit code | means |
|---|---|
| 0 | every side was read to its end, and there is no break |
| 1 | there are breaks |
| 2 | a day, a company or a file is wrong |
| 3 | there is no break in what was read, but a side could not be read to its end |

## What is compared
- **Basware**: documents of every status of a transfer that changed since the first day (`lastUpdated`), with the
  latest answer, voucher and payment response. Companies that the connection does not name are left out.
- **Here**: documents to which something happened in the window or that were in work then, by the read model; what
  became of each is read from the stream itself. What the read model has not folded yet is folded from the stream.
- **Epicor**: AP invoices whose apply or invoice date lies in the window and that carry a Basware id (`ExternalID`),
  stand in a group named as ours or were entered by our user; through `APInvSearchSvc`, 100 a page, each page under
  one of the connection's slots.

A document that one side shows and another's window does not is looked up there by its key, so that an edge of the
window is no break. `--from` and `--to` are days of this machine's zone, both included.

**Counts and sums** stand side by side by company, currency, period (month of the apply date, where Epicor has it;
else of the invoice date) and state. Sums are exact; Basware's and ours have the sign of the posted invoice, since a
tenant's credit notes may be positive. `agrees` is "no" where sides that have such invoices differ; the breaks say
why.

**In motion.** What moved within the last hour (`--quiet`, minutes) may have been read before and after; it is counted
and not judged. Run it again later.

**Not read to its end.** When a side fails half-way it is tried again after 1, 5 and 15 seconds; then it is named in
the report, nothing is told that rests on something missing there, and the sums of that side are what was read.
Answered documents that Basware does not list any more are no break: it may clean up.

**Unposted** AP invoices are a break after three days (`--post-within`), and at once when the month of their apply
date is over.

**A deep look.** `--deep N` also reads N posted AP invoices, drawn by lot, line by line: as many lines as were posted,
an account on every part, parts that add up to their line, and the accounts that the document is coded on, by the
mapping version that it was posted with (planned anew, offline).

**Files.** Texts come from suppliers: one that a spreadsheet program could take for a formula gets an apostrophe
before it, in CSV and XLSX. Amounts are numbers; one of more than 15 digits is text.

## Breaks
This table is written from `services/operator-console/src/operator_console/reconciliation/breaks.py` by `make golden`;
do not edit it by hand. Words in {braces} are filled in.
"""


def page() -> str:
    groups = dict.fromkeys(kind.group for kind in BREAKS.values())
    parts = [HEAD]
    for group in groups:
        rows = (
            f"| `{code}` | {kind.sentence} | {kind.owner} | {kind.remedy} |"
            for code, kind in BREAKS.items()
            if kind.group == group
        )
        title = f"### {group[0].upper()}{group[1:]}"
        parts.append(
            "\n".join((title, "| code | what is wrong | whose | what to do |", "|---|---|---|---|", *rows, ""))
        )
    return "\n".join(parts)


def test_the_page_about_reconciliation_is_the_table_of_breaks(golden: Callable[[Path, str], None]) -> None:
    golden(PAGE, page())


def test_the_page_has_every_break_once_and_no_sentence_breaks_the_table() -> None:
    assert all(page().count(f"| `{code}` |") == 1 for code in BREAKS)
    assert not [code for code, kind in BREAKS.items() if {"|", "\n"} & {*kind.sentence, *kind.remedy}]
