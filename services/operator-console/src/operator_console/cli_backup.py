"""`ml-connector backup` and `restore`. Each command is thin."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from mlc_common.settings import Settings
from operator_console import output
from operator_console.cli_words import AsJson, DataDir
from operator_console.data_folder import DataFolder
from operator_console.reach import settings_for


def add_to(app: typer.Typer) -> None:
    """Add the words to the command line."""
    app.command()(backup)
    app.command()(restore)


def backup(
    folder: Annotated[Path, typer.Option("--output", "-o", help="The folder to make; it must not be there yet.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Back up streams, object stores and database while everything runs. THE MASTER KEYS ARE NOT IN IT."""
    from operator_console.backup import commands

    manifest = asyncio.run(commands.backup(settings_for(data_dir), folder, say=output.complain))
    if as_json:
        output.show_json({"folder": folder, "manifest": manifest})
        return
    held = (
        f"{sum(each.messages for each in manifest.streams)} messages, {sum(each.rows for each in manifest.tables)} rows"
    )
    keys = ", ".join(manifest.master_keys) or "none"
    output.console().print(f"{folder} holds {held}.", markup=False, soft_wrap=True)
    output.complain(
        f"THE MASTER KEYS ARE NOT IN IT (needed: {keys}). Keep a copy of them elsewhere: without them nobody opens "
        "the credentials in this backup."
    )


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The backup.")],
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Directory of an embedded site that holds nothing but `master-keys`; else MLC_ environment."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into an empty place; no service may run there. Then start the services."""
    from mlc_common.service import master_keys
    from operator_console.backup import commands

    if data_dir is not None:
        manifest = asyncio.run(
            commands.restore_site(DataFolder(data_dir.resolve()), folder.resolve(), say=output.complain)
        )
    else:
        settings = Settings()
        manifest = asyncio.run(commands.restore(settings, folder, keys=master_keys(settings), say=output.complain))
    if as_json:
        output.show_json({"folder": folder, "manifest": manifest})
    else:
        output.console().print(
            f"{folder} is restored as it was at {output.cell(manifest.made_at)}.", markup=False, soft_wrap=True
        )
