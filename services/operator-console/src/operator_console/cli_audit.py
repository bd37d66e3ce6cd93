"""`ml-connector audit`: the words for tamper evidence. Each command is thin."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from operator_console import output
from operator_console.cli_words import AsJson, DataDir, Reason
from operator_console.exits import Exit
from operator_console.reach import settings_for

if TYPE_CHECKING:
    from operator_console.audit.export import Written
    from operator_console.audit.verification import Report

audit = typer.Typer(no_args_is_help=True, help="Tamper evidence: bundles that a third party checks offline.")
keys = typer.Typer(no_args_is_help=True, help="Keys that sign anchors and bundles; their public halves verify.")
audit.add_typer(keys, name="keys")


@audit.command(name="export")
def audit_export(
    file: Annotated[Path, typer.Option("--output", "-o", help="The bundle to write.")],
    document: Annotated[str | None, typer.Option(help="Basware invoice id, or an invoice number.")] = None,
    connection: Annotated[str | None, typer.Option(help="The connection of the document, if several know it.")] = None,
    stream: Annotated[str | None, typer.Option(help="One stream only.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="Stored at this date or time or later.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Stored before this date or time.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write a bundle: events as they are, with the proof that none is missing or changed."""
    from operator_console.audit import commands

    asked = commands.Asked(document, connection, stream, since, until)
    written = asyncio.run(commands.export(settings_for(data_dir), asked, file=file))
    _told([written], as_json=as_json)


@audit.command(name="archive")
def audit_archive(
    before: Annotated[str, typer.Option(help="Everything that was stored before this date or time.")],
    folder: Annotated[Path, typer.Option("--output", "-o", help="The folder of bundles; what it holds is kept.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write what is old into bundles, a stream each, going on where the folder's last ones ended; and check them."""
    from operator_console.audit import commands

    _told(asyncio.run(commands.archive(settings_for(data_dir), before=before, folder=folder)), as_json=as_json)


@audit.command(name="verify")
def audit_verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The file to check.")],
    key: Annotated[list[Path], typer.Option(help="Public key in PEM form; may be given several times.")],
    as_json: AsJson = False,
) -> None:
    """Check a bundle offline, with nothing but the file and the public key. 0: sound; 1: not; 2: wrong file."""
    from operator_console.audit import commands

    report = commands.verified(bundle, key)
    if as_json:
        output.show_json({"sound": report.sound, "report": report})
    else:
        _tell(bundle, report)
    if not report.sound:
        raise typer.Exit(Exit.PROBLEM)


@audit.command(name="erase")
def audit_erase(
    document: Annotated[str, typer.Option(help="Basware invoice id, or an invoice number.")],
    reason: Reason,
    connection: Annotated[str | None, typer.Option(help="The connection of the document, if several know it.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Erase the personal data of a document for good; the erasure is recorded, and the chain stays valid."""
    from operator_console.audit import erasure

    done = asyncio.run(erasure.erase(settings_for(data_dir), document, connection=connection, reason=reason))
    if as_json:
        output.show_json(done)
    else:
        what = "had been erased before" if done.already else "are erased; no backup is changed by that"
        output.console().print(f"The personal data of {done.invoice_id} {what}.", soft_wrap=True)


@keys.command(name="list")
def keys_list(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Every signing key there ever was."""
    from operator_console.audit import commands

    rows = asyncio.run(commands.public_keys(settings_for(data_dir)))
    if as_json:
        output.show_json(rows)
        return
    cells = [(row.id, row.created_at, row.retired_at) for row in rows]
    output.console().print(output.table("", ("key", "since", "retired"), cells))


@keys.command(name="export")
def keys_export(
    file: Annotated[Path, typer.Option("--output", "-o", help="The PEM file to write; give it to auditors.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write the public halves of all keys; that file is all that `audit verify` needs beside a bundle."""
    from operator_console.audit import commands

    rows = asyncio.run(commands.public_keys(settings_for(data_dir)))
    file.write_text("".join(row.public for row in rows))
    if as_json:
        output.show_json({"file": file, "keys": [row.id for row in rows]})
    else:
        output.console().print(f"Written: {file} with {', '.join(row.id for row in rows)}.", soft_wrap=True)


@keys.command(name="new")
def keys_new(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Add a key that signs beside the present one; hand its public half out, then retire the old one."""
    from operator_console.audit import commands

    key_id = asyncio.run(commands.new_key(settings_for(data_dir)))
    if as_json:
        output.show_json({"key": key_id})
    else:
        output.console().print(f"{key_id} signs from now on, beside the others.")


@keys.command(name="retire")
def keys_retire(
    key: Annotated[str, typer.Argument(help="Id of the key that is to sign no more.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Let a key sign no more; keep its public half, it verifies what it signed."""
    from operator_console.audit import commands

    asyncio.run(commands.retire_key(settings_for(data_dir), key))
    if as_json:
        output.show_json({"retired": key})
    else:
        output.console().print(f"{key} signs no more.")


def _told(written: list[Written], *, as_json: bool) -> None:
    if as_json:
        output.show_json(written)
    elif not written:
        output.console().print("Nothing new to archive.")
    else:
        for each in written:
            _tell(each.file, each.report)
    if not all(each.report.sound for each in written):
        raise typer.Exit(Exit.PROBLEM)


def _tell(file: Path, report: Report) -> None:
    out = output.console()
    for each in report.covered:
        what = f"all {each.messages} events" if each.owner is None else f"all {each.messages} events of {each.owner}"
        out.print(
            f"{each.stream} {each.first} to {each.last}: {what}; anchored {each.anchored_at}",
            markup=False,
            soft_wrap=True,
        )
    for problem in report.problems:
        out.print(f"WRONG  {problem}", markup=False, soft_wrap=True)
    if report.more:
        out.print(f"... and {report.more} more.")
    verdict = "is sound: nothing is missing, nothing was changed" if report.sound else "IS NOT SOUND"
    out.print(f"{file} {verdict}.", markup=False, soft_wrap=True)
