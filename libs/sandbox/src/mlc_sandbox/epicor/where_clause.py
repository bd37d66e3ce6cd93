"""The where clauses of GetRows, SQL-like, as far as they are used: a clause -> the rows that meet it."""

import re
from collections.abc import Iterable

from mlc_sandbox.epicor.odata_filter import predicate
from mlc_sandbox.epicor.tables import columns, full
from mlc_sandbox.epicor.wire import KineticError, Row

NOTHING = "1=0"
_OPERATORS = {"=": "eq", "<>": "ne", ">": "gt", ">=": "ge", "<": "lt", "<=": "le"}
_PART = re.compile(r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<operator><>|>=|<=|=|>|<)|(?P<word>[\w.-]+)|(?P<mark>[()]))")
_WORDS = {"AND": "and", "OR": "or", "NOT": "not", "TRUE": "true", "FALSE": "false"}


def matching(table: str, rows: Iterable[Row], clause: str) -> list[Row]:
    """The rows of a table that a clause lets through: "" all of them, "1=0" none. Raises KineticError (400)."""
    if clause.replace(" ", "") == NOTHING:
        return []
    if not clause.strip():
        return list(rows)
    holds = predicate(_as_filter(table, clause), columns(table), entity=table)
    return [row for row in rows if holds(full(table, row))]


def _as_filter(table: str, clause: str) -> str:
    found: list[str] = []
    position, text, column = 0, clause.rstrip(), ""
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            raise KineticError(f"Syntax error in the where clause at position {position}.")
        position = match.end()
        if match["operator"]:
            found.append(_OPERATORS[match["operator"]])
        elif match["string"]:
            # A date is quoted like any text; what its column is tells them apart.
            found.append(match["string"][1:-1] if columns(table).get(column) == "date" else match["string"])
        elif match["word"]:
            column = match["word"] if match["word"] in columns(table) else column
            found.append(_WORDS.get(match["word"].upper(), match["word"]))
        else:
            found.append(match["mark"])
    return " ".join(found)
