"""What a person sees: tables by rich, or JSON on request; errors go to standard error as one sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

NOTHING = "–"  # noqa: RUF001 - a dash, on purpose
WIDE = 200


def console() -> Console:
    """Standard output; wide enough for a table when it is no terminal."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=WIDE)


def quiet_console() -> Console:
    """A console that shows nothing, where JSON is all that may be printed."""
    return Console(quiet=True)


def complain(sentence: str) -> None:
    """One sentence on standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(escape(sentence))


def show_json(value: Any) -> None:
    """One JSON value on standard output; amounts are strings, instants ISO 8601."""
    Console(highlight=False, soft_wrap=True).print(
        json.dumps(value, default=_plain, ensure_ascii=False, indent=2), markup=False
    )


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return value.model_dump(mode="json")
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case Mapping():
            return dict(value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            return asdict(value)
        case _:
            return str(value)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A table; None shows as a dash."""
    made = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in {"gross", "pid", "restarts", "version no."} else "left")
    for row in rows:
        made.add_row(*(cell(value) for value in row))
    return made


def cell(value: object) -> str:
    """A value as text in a table."""
    match value:
        case None | "":
            return NOTHING
        case datetime():
            return value.astimezone().isoformat(sep=" ", timespec="milliseconds")[:23]
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value:,.2f}"
        case _:
            return escape(str(value))
