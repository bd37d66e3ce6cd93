"""`ml-connector doctor` and `ml-connector subscription`: the words for setting a connection right. Thin."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from operator_console import output
from operator_console.cli_words import AsJson, ConnectionName, DataDir
from operator_console.exits import Exit
from operator_console.reach import DEFAULT_FOLDER, settings_for

subscription = typer.Typer(no_args_is_help=True, help="Basware's push subscriptions of a connection.")
COLUMNS = ("type", "sub-type", "address", "last updated", "ours")


def doctor(
    connection: Annotated[str | None, typer.Argument(help="Name of the connection; without it, all of them.")] = None,
    write_probe: Annotated[
        bool, typer.Option("--write-probe", help="Also make and delete an empty AP invoice group MLDOCTOR in Epicor.")
    ] = False,
    patience: Annotated[float, typer.Option(min=1, max=600, help="Seconds that one check may take.")] = 30,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Whether everything is in place, from DNS to account segments, and the exact remedy for what is not."""
    from operator_console import doctor_command
    from operator_console.doctor_checks import any_failed
    from operator_console.doctor_checks import as_json as in_json

    checks = asyncio.run(_examined(connection, write_probe=write_probe, patience=patience, data_dir=data_dir))
    if as_json:
        output.show_json({"checks": in_json(checks)})
    else:
        output.console().print(doctor_command.table(checks))
        output.console().print(doctor_command.summary(checks))
    if any_failed(checks):
        raise typer.Exit(Exit.PROBLEM)


async def _examined(connection: str | None, *, write_probe: bool, patience: float, data_dir: Path | None) -> list:  # type: ignore[type-arg]
    from datetime import UTC, datetime

    from operator_console import doctor_command
    from operator_console.data_folder import DataFolder
    from operator_console.doctor_connection import Examiner
    from operator_console.doctor_limits import Limit

    folder = data_dir or (DEFAULT_FOLDER if DEFAULT_FOLDER.is_dir() else None)
    site = DataFolder(folder.resolve()) if folder else None
    # The edge: a command knows no other clock.
    examiner = Examiner(settings_for(data_dir), Limit(patience), lambda: datetime.now(UTC), write_probe=write_probe)
    return await doctor_command.examine(examiner, connection, folder=site)


@subscription.command(name="list")
def list_(connection: ConnectionName, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Every subscription of the tenant, without its secret."""
    from operator_console import subscription_commands

    shown = asyncio.run(subscription_commands.listing(settings_for(data_dir), connection))
    if as_json:
        output.show_json(subscription_commands.as_json(shown))
        return
    output.console().print(output.table("", COLUMNS, subscription_commands.cells(shown)))


@subscription.command()
def ensure(
    connection: ConnectionName,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also where the same pushes go to another address now.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Subscribe what the connection needs, if it is not subscribed yet; others' subscriptions stay."""
    from operator_console import subscription_commands

    changed, shown = asyncio.run(subscription_commands.ensure(settings_for(data_dir), connection, replace=replace))
    if as_json:
        output.show_json(
            {"changed": [str(each) for each in changed], "subscriptions": subscription_commands.as_json(shown)}
        )
        return
    told = f"Subscribed: {', '.join(map(str, changed))}." if changed else "Everything is subscribed already."
    output.console().print(told)


@subscription.command()
def remove(connection: ConnectionName, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Delete the subscriptions that lead to this connection's address, and no other; refused where that cannot be."""
    from operator_console import subscription_commands

    gone, left = asyncio.run(subscription_commands.remove(settings_for(data_dir), connection))
    if as_json:
        output.show_json({"removed": gone, "subscriptions": subscription_commands.as_json(left)})
        return
    output.console().print(f"Removed: {gone}. Left in the tenant: {len(left)}.")
