"""What people decide, in one word each: pause and resume flows; hold, release, return and link a document."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from mlc_common.connection_flows import Flow
from operator_console import output
from operator_console.cli_words import AsJson, ConnectionName, DataDir, Reason
from operator_console.exits import CommandError, Exit
from operator_console.reach import settings_for

Flows = Annotated[list[Flow] | None, typer.Option("--flow", help="Only this flow; may be given several times.")]
Document = Annotated[str, typer.Argument(metavar="ID", help="Basware invoice id, or an invoice number.")]
Where = Annotated[str | None, typer.Option("--connection", help="The connection, when several know the document.")]


def add_to(app: typer.Typer) -> None:
    """Add the words to the command line."""
    for command in (pause, resume, hold, release, override):
        app.command()(command)
    app.command(name="return")(return_)
    app.command()(link)


def pause(
    connection: ConnectionName, reason: Reason, flow: Flows = None, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Leave a connection's flows alone until they are resumed; pushes are stored all the same."""
    from operator_console import pause_commands

    settings = settings_for(data_dir)
    done = asyncio.run(pause_commands.pause(settings, connection, tuple(flow or Flow), reason=reason))
    output.show_json(done) if as_json else output.console().print(f"Paused: {', '.join(done.flows)}.")


def resume(
    connection: ConnectionName, reason: Reason, flow: Flows = None, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Go on with a connection's flows, and with all that waited."""
    from operator_console import pause_commands

    settings = settings_for(data_dir)
    done = asyncio.run(pause_commands.resume(settings, connection, tuple(flow or Flow), reason=reason))
    output.show_json(done) if as_json else output.console().print(f"Resumed: {', '.join(done.flows)}.")


def hold(
    identifier: Document, reason: Reason, connection: Where = None, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Keep a document from being entered in Epicor until it is released."""
    from operator_console import people_commands

    event = asyncio.run(people_commands.hold(settings_for(data_dir), identifier, connection=connection, reason=reason))
    output.show_json(event) if as_json else output.console().print(f"Document {event.invoice_id} is held back.")


def release(
    identifier: Document, reason: Reason, connection: Where = None, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Let a document that was held be entered in Epicor."""
    from operator_console import people_commands

    event = asyncio.run(
        people_commands.release(settings_for(data_dir), identifier, connection=connection, reason=reason)
    )
    output.show_json(event) if as_json else output.console().print(f"Document {event.invoice_id} is released.")


def return_(
    identifier: Document, reason: Reason, connection: Where = None, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Refuse a document's transfer in Basware, with your reason."""
    from operator_console import people_commands

    event = asyncio.run(
        people_commands.give_back(settings_for(data_dir), identifier, connection=connection, reason=reason)
    )
    output.show_json(event) if as_json else output.console().print(f"Document {event.invoice_id} goes back to Basware.")


def override(
    identifier: Document,
    reason: Reason,
    values: Annotated[
        list[str], typer.Option("--set", help="As paymentTermCode=N30 or codingRows[2].accountCode=6100; repeatable.")
    ],
    connection: Where = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Enter a document with other values than Basware's; what was recorded stays, the difference is recorded."""
    from operator_console import people_commands

    named = dict(each.partition("=")[::2] for each in values if "=" in each)
    if len(named) != len(values):
        raise CommandError("Write each value once, as --set paymentTermCode=N30.", code=Exit.USAGE)
    event = asyncio.run(
        people_commands.override(settings_for(data_dir), identifier, named, connection=connection, reason=reason)
    )
    if as_json:
        output.show_json(event)
        return
    rows = [(each.place, each.old, each.new) for each in event.changes]
    output.console().print(output.table("in force", ("", "Basware", "instead"), rows))


def link(
    identifier: Document,
    reason: Reason,
    number: Annotated[str | None, typer.Option(help="Invoice number in Epicor, if it is another one.")] = None,
    vendor: Annotated[str | None, typer.Option(help="Vendor (VendorID) in Epicor, if it is another one.")] = None,
    company: Annotated[str | None, typer.Option(help="Company in Epicor, if it is another one.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; both sides are shown all the same.")] = False,
    connection: Where = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """The document is in Epicor already: confirm it by that AP invoice, without entering anything."""
    from operator_console import link_commands

    settings, named = settings_for(data_dir), link_commands.Named(number, vendor, company)
    sides = asyncio.run(link_commands.both_sides(settings, identifier, named, connection=connection))
    out = output.quiet_console() if as_json else output.console()
    out.print(link_commands.table(sides))
    if not yes and not typer.confirm("Is this the same invoice?"):
        raise typer.Exit(1)
    event = asyncio.run(link_commands.link(settings, sides, reason=reason))
    out.print(f"Document {event.invoice_id} is linked.")
    if as_json:
        output.show_json(event)
