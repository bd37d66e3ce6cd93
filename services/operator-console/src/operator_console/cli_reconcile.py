"""`ml-connector reconcile`: the word for comparing the books."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from operator_console import output
from operator_console.cli_words import AsJson, DataDir, as_day
from operator_console.reach import settings_for


def reconcile(
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="The first day; 31 days up to the last without it.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DAY", help="The last day; today without it.")] = None,
    company: Annotated[str | None, typer.Option(help="Only this company, of Basware or Epicor.")] = None,
    connection: Annotated[str | None, typer.Option(help="Only this connection.")] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write breaks to a new file, and sums to one beside it.")
    ] = None,
    xlsx: Annotated[Path | None, typer.Option(metavar="FILE", help="Write sums and breaks to a new workbook.")] = None,
    quiet: Annotated[
        int,
        typer.Option(min=0, max=525_600, metavar="MINUTES", help="What moved within these minutes is not judged yet."),
    ] = 60,
    post_within: Annotated[
        int,
        typer.Option(min=0, max=36_500, metavar="DAYS", help="An unposted AP invoice is a break after so many days."),
    ] = 3,
    deep: Annotated[
        int,
        typer.Option(
            min=0, max=1_000_000, metavar="N", help="Read N posted AP invoices, drawn by lot, line by line as well."
        ),
    ] = 0,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Compare Basware, the stream and Epicor: counts and sums, and every break with what to do. 1 means breaks."""
    from operator_console.reconciliation import command, files, report

    asked = command.Asked(as_day(first), as_day(last), company, connection, timedelta(minutes=quiet), post_within, deep)
    files.must_be_new(*(path for path in (csv, csv and files.sums_beside(csv), xlsx) if path))
    settings, now = settings_for(data_dir), datetime.now(UTC)
    outcomes = asyncio.run(command.reconcile(settings, asked, now=now))
    if as_json:
        output.show_json(report.as_json(outcomes))
    else:
        report.show(output.console(), outcomes)
    if csv:
        files.write_csv(csv, outcomes)
    if xlsx:
        files.write_xlsx(xlsx, outcomes)
    asyncio.run(command.record(settings, asked, outcomes, now=now))
    raise typer.Exit(command.exit_code(outcomes))
