"""A reconciliation as CSV and XLSX. Names and numbers come from outside: no cell is ever a formula."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import IO

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from operator_console.exits import CommandError, Exit
from operator_console.reconciliation.report import BREAK_COLUMNS, SUM_COLUMNS, break_cells, sum_cells
from operator_console.reconciliation.run import Outcome

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet program may take for the beginning of a formula, in wide letters too."""

LONGEST_CELL = 32_000
"""Characters; a spreadsheet program takes 32,767."""

MOST_ROWS = 1_048_000
EXACT_DIGITS = 15
"""Digits that a spreadsheet program keeps of a number; a longer amount is written as text."""


def inert(text: str) -> str:
    """The text as a cell that no spreadsheet program runs: an apostrophe stands before what may be a formula."""
    clean = "".join(character for character in text if character.isprintable() or character in "\t\n\r")
    return ("'" + clean if clean.lstrip(" ").startswith(FORMULA_STARTS) else clean)[:LONGEST_CELL]


def sums_beside(path: Path) -> Path:
    """Where the counts and sums go that belong to a CSV file of breaks."""
    return path.with_name(f"{path.stem}.sums{path.suffix}")


def must_be_new(*paths: Path) -> None:
    """Make sure, before the books are read, that the files can be written and overwrite nothing.

    Raises:
        CommandError: one is there already, or its folder is not, or two are the same.
    """
    if len({path.resolve() for path in paths}) < len(paths):
        raise CommandError("Two of the files have the same name; name a file for each.", code=Exit.USAGE)
    for path in paths:
        if path.exists():
            raise CommandError(f"{path} is there already; name a new file.", code=Exit.USAGE)
        if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise CommandError(f"{path} cannot be written: its folder is missing or closed.", code=Exit.USAGE)


def write_csv(path: Path, outcomes: Sequence[Outcome]) -> None:
    """The breaks in one file, counts and sums in another beside it; UTF-8 with a mark, so that Excel reads it.

    Raises:
        CommandError: it cannot be written.
    """
    with _new(path) as file:
        _rows(file, BREAK_COLUMNS, _breaks(outcomes))
    with _new(sums_beside(path)) as file:
        _rows(file, ("connection", *SUM_COLUMNS), _sums(outcomes))


def write_xlsx(path: Path, outcomes: Sequence[Outcome]) -> None:
    """A workbook: sums, then breaks; its rows are written as they come, so that memory stays small.

    Raises:
        CommandError: it cannot be written.
    """
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    try:
        with xlsxwriter.Workbook(str(path), options) as book:
            _sheet(book.add_worksheet("sums"), ("connection", *SUM_COLUMNS), _sums(outcomes))
            _sheet(book.add_worksheet("breaks"), BREAK_COLUMNS, _breaks(outcomes))
    except (OSError, xlsxwriter.exceptions.FileCreateError) as error:
        raise CommandError(f"{path} cannot be written: {error}.", code=Exit.USAGE) from error


def _breaks(outcomes: Sequence[Outcome]) -> Iterable[Sequence[object]]:
    return (break_cells(each.connection, found) for each in outcomes for found in each.breaks)


def _sums(outcomes: Sequence[Outcome]) -> Iterable[Sequence[object]]:
    return ((each.connection, *sum_cells(line)) for each in outcomes for line in each.lines)


def _new(path: Path) -> IO[str]:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.", code=Exit.USAGE) from error
    return os.fdopen(handle, "w", encoding="utf-8-sig", newline="")


def _rows(file: IO[str], columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([_plain(cell) for cell in row] for row in rows)


def _plain(cell: object) -> str:
    """Amounts with a decimal point and a sign, as numbers; everything else is made inert."""
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case Decimal() | int():
            return format(cell, "f") if isinstance(cell, Decimal) else str(cell)
        case _:
            return inert(str(cell))


def _sheet(sheet: Worksheet, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    for place, column in enumerate(columns):
        sheet.write_string(0, place, column)
    for number, row in enumerate(rows, 1):
        if number > MOST_ROWS:
            return
        for place, cell in enumerate(row):
            if isinstance(cell, Decimal | int) and not isinstance(cell, bool) and _is_exact(cell):
                sheet.write_number(number, place, cell)
            elif cell is not None:
                sheet.write_string(number, place, _plain(cell))


def _is_exact(number: Decimal | int) -> bool:
    return len(Decimal(number).normalize().as_tuple().digits) <= EXACT_DIGITS
