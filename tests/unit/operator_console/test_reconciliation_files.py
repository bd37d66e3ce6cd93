"""A reconciliation as CSV, XLSX and JSON: every cell as meant, none of them a formula, no file overwritten."""

from __future__ import annotations

import csv
import json
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from operator_console import output
from operator_console.cli import app
from operator_console.exits import CommandError, Exit
from operator_console.reconciliation import files, report
from operator_console.reconciliation.command import exit_code
from operator_console.reconciliation.reconciling import judge
from operator_console.reconciliation.run import Outcome
from operator_console.reconciliation.sums import Sums

from .reconciled import CLEAN, RULES, basware, here

EVIL = "=HYPERLINK(1)|cmd"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def outcome(*, supplier: str = EVIL, gross: Decimal = Decimal("-12345678901234.56")) -> Outcome:
    case = here(basware(here(supplier_name=supplier), gross=Decimal("1.00")), gross=gross)
    sums = Sums()
    sums.add(CLEAN, RULES)
    return Outcome("demo", tuple(sums.lines()), tuple(judge(case, RULES)), 1, 0, ())


def cells(path: Path, sheet: int) -> list[list[tuple[str, str]]]:
    """Type and text of every cell of a sheet."""
    with zipfile.ZipFile(path) as book:
        strings = (
            ["".join(each.itertext()) for each in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))]  # noqa: S314 - our own file
            if "xl/sharedStrings.xml" in book.namelist()
            else []
        )
        rows = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{sheet}.xml")).iter(f"{SHEET}row")  # noqa: S314 - our own file
        found = []
        for row in rows:
            line = []
            for cell in row:
                assert cell.find(f"{SHEET}f") is None, "a formula"
                kind, text = cell.get("t", "n"), "".join(cell.itertext())
                line.append((kind, strings[int(text)] if kind == "s" else text))
            found.append(line)
    return found


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", " =", "\n+", "＝", "＠"])  # noqa: RUF001 - wide letters
def test_a_text_that_could_be_a_formula_is_made_inert(start: str) -> None:
    assert files.inert(f"{start}cmd|' /C calc'!A0").startswith("'")


@given(st.text())
def test_no_text_whatever_begins_as_a_formula_or_holds_what_a_sheet_cannot(text: str) -> None:
    made = files.inert(text)

    assert not made.lstrip(" ").startswith(files.FORMULA_STARTS)
    assert "\x00" not in made
    assert len(made) <= files.LONGEST_CELL


def test_a_csv_file_holds_the_breaks_and_one_beside_it_the_sums(tmp_path: Path) -> None:
    files.write_csv(tmp_path / "b.csv", [outcome()])

    with (tmp_path / "b.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["code"], row["supplier"], row["amount"]) == ("AMOUNT_CHANGED", f"'{EVIL}", "-12345678901234.56")
    assert row["what to do"]
    with (tmp_path / "b.sums.csv").open(encoding="utf-8-sig", newline="") as file:
        (line,) = csv.DictReader(file)
    assert (line["connection"], line["sum in Epicor"], line["agrees"]) == ("demo", "240.10", "yes")
    assert (tmp_path / "b.csv").stat().st_mode & 0o077 == 0


def test_a_workbook_holds_sums_and_breaks_with_amounts_as_numbers_only_where_they_stay_exact(tmp_path: Path) -> None:
    exact, long = outcome(gross=Decimal("-240.10")), outcome()
    files.write_xlsx(tmp_path / "b.xlsx", [exact, long])

    sums, breaks = cells(tmp_path / "b.xlsx", 1), cells(tmp_path / "b.xlsx", 2)
    assert [text for _, text in sums[0]] == ["connection", *report.SUM_COLUMNS]
    assert ("n", "240.10") in sums[1]
    amount = report.BREAK_COLUMNS.index("amount")
    assert breaks[1][amount] == ("n", "-240.10")
    assert breaks[2][amount][1] == "-12345678901234.56"
    assert breaks[2][amount][0] != "n"
    assert breaks[1][report.BREAK_COLUMNS.index("supplier")][1] == f"'{EVIL}"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    there = tmp_path / "there.csv"
    there.write_text("mine")

    for path in (there, tmp_path / "no-such-folder" / "x.csv"):
        with pytest.raises(CommandError) as refused:
            files.must_be_new(path)
        assert refused.value.code == Exit.USAGE
    with pytest.raises(CommandError, match="cannot be written"):
        files.write_csv(there, [outcome()])
    assert there.read_text() == "mine"


def test_the_json_says_all_with_amounts_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_json(report.as_json([outcome()]))

    (said,) = json.loads(capsys.readouterr().out)
    assert said["counts"] == {"AMOUNT_CHANGED": 1}
    assert said["breaks"][0]["amount"] == "-12345678901234.56"
    assert said["sums"][0]["agrees"] is True


def test_what_came_out_decides_the_exit_code() -> None:
    clean = replace(outcome(), breaks=())
    torn = replace(clean, incomplete=("Basware: away",))

    assert exit_code([clean]) == Exit.OK
    assert exit_code([clean, torn]) == Exit.UNREACHABLE
    assert exit_code([torn, outcome()]) == Exit.PROBLEM
    assert "nothing is told that rests on it" in " ".join(report.last_words([torn]))


def test_a_supplier_cannot_write_markup_on_the_screen() -> None:
    case = here(basware(here(number="[bold]x[/]"), gross=Decimal(1), number="[bold]x[/]"))
    found = replace(outcome(), breaks=tuple(judge(case, RULES)))
    screen = Console(width=300)

    with screen.capture() as captured:
        screen.print(report.breaks(found))
        screen.print(report.summary(found))
    assert "[bold]x[/]" in captured.get()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--from", "yesterday"], "yesterday is no day"),
        (["--to", "2026-13-01"], "2026-13-01 is no day"),
        (["--csv", "no-such-folder/x.csv"], "cannot be written"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_two(words: list[str], sentence: str) -> None:
    result = CliRunner().invoke(app, ["reconcile", *words])

    assert isinstance(result.exception, CommandError)
    assert (sentence in str(result.exception), result.exception.code) == (True, Exit.USAGE)
