"""`ml-connector documents` and `explain`: the words for looking at what happened. Each command is thin."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from operator_console import output
from operator_console.cli_words import AsJson, DataDir, as_amount, as_moment
from operator_console.reach import settings_for
from operator_console.view import Phase

documents = typer.Typer(no_args_is_help=True, help="Accounting documents: where they stand and what happened to them.")


@documents.command(name="list")
def documents_list(
    phase: Annotated[Phase | None, typer.Option(help="Only documents that stand there.")] = None,
    connection: Annotated[str | None, typer.Option(help="Only documents of this connection.")] = None,
    number: Annotated[
        str | None, typer.Option(help="The supplier's invoice number; with * at its end what begins so.")
    ] = None,
    supplier: Annotated[str | None, typer.Option(help="The supplier's code.")] = None,
    amount: Annotated[str | None, typer.Option(help="The gross sum, as 1240.50.")] = None,
    order: Annotated[str | None, typer.Option(help="A purchase order that it names.")] = None,
    batch: Annotated[str | None, typer.Option(help="Basware's InvoiceBatchId.")] = None,
    voucher: Annotated[str | None, typer.Option(help="The voucher, or the AP invoice group.")] = None,
    reason: Annotated[str | None, typer.Option(help="The code of its first reason, as UNKNOWN_VENDOR.")] = None,
    since: Annotated[str | None, typer.Option(help="Changed at or after this day or time.")] = None,
    until: Annotated[str | None, typer.Option(help="Changed before this day or time.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the last changed first.")] = 50,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Where documents stand, and those that are sought."""
    from operator_console import document_commands
    from operator_console.searching import Sought

    sought = Sought(
        phase=phase,
        connection=connection,
        number=number,
        supplier=supplier,
        amount=as_amount(amount),
        order=order,
        batch=batch,
        voucher=voucher,
        reason=reason,
        since=as_moment(since),
        until=as_moment(until),
    )
    rows = asyncio.run(document_commands.rows(settings_for(data_dir), sought, limit=limit))
    if as_json:
        output.show_json(rows)
    else:
        output.console().print(document_commands.table(rows))


@documents.command(name="show")
def documents_show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Basware invoice id, or an invoice number.")],
    connection: Annotated[str | None, typer.Option(help="The connection, when several know the document.")] = None,
    at: Annotated[str | None, typer.Option(help="As it was on that day or at that time.")] = None,
    payloads: Annotated[
        bool, typer.Option(help="With the documents and pushes as they came, secrets removed.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """One document: its state, and everything that ever happened to it."""
    from operator_console import document_commands

    settings, moment = settings_for(data_dir), as_moment(at)
    shown = asyncio.run(document_commands.shown(settings, identifier, connection=connection, at=moment))
    if as_json:
        output.show_json(document_commands.as_json(shown, payloads=payloads))
        return
    out = output.console()
    out.print(document_commands.summary(shown.status))
    if (files := document_commands.attachments_table(shown)) is not None:
        out.print(files)
    out.print(document_commands.timeline(shown))
    if payloads:
        output.show_json(document_commands.payloads(shown))


def explain(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Basware invoice id, or an invoice number.")],
    connection: Annotated[str | None, typer.Option(help="The connection, when several know the document.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Why a document stands where it stands: the sentence, whose it is, what to do, and what says so."""
    from operator_console import record_evidence

    found = asyncio.run(record_evidence.explained(settings_for(data_dir), identifier, connection=connection))
    if as_json:
        output.show_json(found)
        return
    out = output.console()
    out.print(found.sentence, markup=False)
    told = (("whose", found.owner), ("field", found.field), ("what to do", found.remedy), ("code", found.code))
    rows = [each for each in told if each[1]] + [("also", each.sentence) for each in found.also]
    out.print(output.table("", ("", ""), rows))
    facts = [(each.sequence, each.what, each.says, each.connection_version) for each in found.evidence]
    out.print(output.table("evidence", ("no.", "fact", "says", "mapping version"), facts))


@documents.command(name="attachment")
def documents_attachment(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Basware invoice id, or an invoice number.")],
    code: Annotated[str, typer.Argument(metavar="CODE", help="The attachment's code, as `documents show` has it.")],
    into: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A file that is not there yet.")],
    connection: Annotated[str | None, typer.Option(help="The connection, when several know the document.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write a stored attachment to a file; a confidential one only where the connection says `as others`."""
    from operator_console import attachment_command

    written = asyncio.run(
        attachment_command.write(settings_for(data_dir), identifier, code, into=into, connection=connection)
    )
    if as_json:
        output.show_json({"file": str(into), "size": written.size, "sha256": written.sha256})
        return
    output.console().print(f"{into}: {written.size} bytes, SHA-256 {written.sha256}", markup=False)
