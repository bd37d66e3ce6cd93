"""`ml-connector projections`: the words for read models. Each command is thin."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from operator_console import output
from operator_console.cli_words import AsJson, DataDir
from operator_console.reach import settings_for

projections = typer.Typer(no_args_is_help=True, help="Read models, which are folds of the streams.")


@projections.command(name="list")
def projections_list(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Every read model, and how far it has come."""
    from operator_console import projection_commands

    rows = asyncio.run(projection_commands.listing(settings_for(data_dir)))
    if as_json:
        output.show_json(rows)
        return
    columns = ("projection", "stream", "rows", "position", "behind", "moved", "rebuilt by")
    cells = [tuple(vars(each).values()) for each in rows]
    output.console().print(output.table("", columns, cells))


@projections.command(name="rebuild")
def projections_rebuild(
    name: Annotated[str | None, typer.Argument(help="Only this one; without it each of them.")] = None,
    patience: Annotated[
        float, typer.Option(min=1, max=86_400, help="Seconds that masterdata-sync has for the records of a connection.")
    ] = 300,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Fold a read model from the first message on, while everything runs and readers see the old rows till the end."""
    from operator_console import projection_commands
    from operator_console.projection_commands import Done

    out = output.quiet_console() if as_json else output.console()

    async def made() -> list[Done]:
        done = []
        async for each in projection_commands.made_anew(
            settings_for(data_dir),
            name,
            patience=patience,
            progress=lambda messages: out.print(f"{messages} messages folded"),
        ):
            done.append(each)
            out.print(f"{each.name}: {each.sentence}")
        return done

    done = asyncio.run(made())
    if as_json:
        output.show_json(done)
