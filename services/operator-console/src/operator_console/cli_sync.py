"""`ml-connector sync`: the words for bringing master data up to date now. Thin."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from operator_console import output
from operator_console.cli_words import AsJson, ConnectionName, DataDir
from operator_console.exits import Exit
from operator_console.reach import settings_for


def sync(
    connection: ConnectionName,
    kind: Annotated[str | None, typer.Option(help="Only this kind: vendor, account, ...")] = None,
    company: Annotated[str | None, typer.Option(help="Only this Basware company.")] = None,
    key: Annotated[str | None, typer.Option(help="Only the record with this code.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only show what would be sent.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Read everything; send again what Basware refused.")] = False,
    allow_removals: Annotated[
        bool, typer.Option("--allow-removals", help="Retire what is gone from Epicor, however much it is.")
    ] = False,
    patience: Annotated[float, typer.Option(min=1, max=86_400, help="Seconds to wait for the end.")] = 900,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Bring master data up to date now, or show what that would send."""
    from operator_console import sync_command

    wishes = {"kind": kind, "company": company, "key": key, "plan": plan, "full": full}
    settings = settings_for(data_dir)
    asyncio.run(sync_command.must_know(settings, connection, kind=kind, company=company))
    answered = asyncio.run(
        sync_command.ask(settings, connection=connection, patience=patience, **wishes, allow_removals=allow_removals)
    )
    if as_json:
        output.show_json(sync_command.as_json(answered))
    else:
        out = output.console()
        out.print(sync_command.runs(answered))
        if plan:
            out.print(sync_command.planned(answered))
        if answered.problem:
            output.complain(answered.problem)
    if answered.problem or answered.stopped:
        raise typer.Exit(Exit.PROBLEM)
