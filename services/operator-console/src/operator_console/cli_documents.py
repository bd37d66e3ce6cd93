"""`ml-connector documents` and `deadletters`: the words for looking at what happened. Each command is thin."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from operator_console import output
from operator_console.cli_words import AsJson, DataDir
from operator_console.reach import settings_for
from operator_console.view import Phase

deadletters = typer.Typer(no_args_is_help=True, help="Dead letters: messages that nobody could handle.")
documents = typer.Typer(no_args_is_help=True, help="Accounting documents: where they stand and what happened to them.")


@documents.command(name="list")
def documents_list(
    phase: Annotated[Phase | None, typer.Option(help="Only documents that stand there.")] = None,
    connection: Annotated[str | None, typer.Option(help="Only documents of this connection.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the last changed first.")] = 50,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Where documents stand."""
    from operator_console import document_commands

    rows = asyncio.run(document_commands.rows(settings_for(data_dir), phase=phase, connection=connection, limit=limit))
    if as_json:
        output.show_json(rows)
    else:
        output.console().print(document_commands.table(rows))


@documents.command(name="show")
def documents_show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Basware invoice id, or an invoice number.")],
    connection: Annotated[str | None, typer.Option(help="The connection, when several know the document.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """One document: its state, and everything that ever happened to it."""
    from operator_console import document_commands

    shown = asyncio.run(document_commands.shown(settings_for(data_dir), identifier, connection=connection))
    if as_json:
        output.show_json(document_commands.as_json(shown))
        return
    out = output.console()
    out.print(document_commands.summary(shown.status))
    if (files := document_commands.attachments_table(shown)) is not None:
        out.print(files)
    out.print(document_commands.timeline(shown))


@documents.command(name="attachment")
def documents_attachment(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Basware invoice id, or an invoice number.")],
    code: Annotated[str, typer.Argument(metavar="CODE", help="The attachment's code, as `documents show` has it.")],
    into: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A file that is not there yet.")],
    connection: Annotated[str | None, typer.Option(help="The connection, when several know the document.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Write a stored attachment to a file; a confidential one only where the connection says `as others`."""
    from operator_console import attachment_command

    written = asyncio.run(
        attachment_command.write(settings_for(data_dir), identifier, code, into=into, connection=connection)
    )
    output.console().print(f"{into}: {written.size} bytes, SHA-256 {written.sha256}", markup=False)


@deadletters.command(name="list")
def deadletters_list(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Every message that nobody could handle, and why."""
    from operator_console import dead_letters

    rows = asyncio.run(dead_letters.listing(settings_for(data_dir)))
    if as_json:
        output.show_json(rows)
        return
    columns = ("no.", "when", "durable", "connection", "document", "tries", "why")
    cells = [
        (row.sequence, row.buried_at, row.durable, row.connection, row.document, row.tries, row.failure) for row in rows
    ]
    output.console().print(output.table("", columns, cells))
