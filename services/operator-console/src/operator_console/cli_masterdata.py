"""`ml-connector masterdata`: the words for looking at Epicor's records in Basware. Thin."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer

from operator_console import output
from operator_console.cli_words import AsJson, ConnectionName, DataDir, Reason
from operator_console.exits import CommandError, Exit
from operator_console.reach import settings_for

masterdata = typer.Typer(no_args_is_help=True, help="Epicor's master data on its way into Basware.")

KindOption = Annotated[str | None, typer.Option("--kind", help="Only this kind: vendor, account, ...")]
KindName = Annotated[str, typer.Argument(help="Kind of record: vendor, account, ...")]
CompanyOption = Annotated[str | None, typer.Option("--company", help="Only this Basware company.")]
VendorCode = Annotated[str, typer.Argument(help="The vendor's code (VendorID).")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; both sides are shown all the same.")]
Most = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Records, at most.")]


class _Rest(NamedTuple):
    reason: str
    yes: bool
    data_dir: Path | None
    as_json: bool


@masterdata.command(name="list")
def list_(
    connection: ConnectionName,
    kind: KindOption = None,
    company: CompanyOption = None,
    state: Annotated[
        list[str] | None,
        typer.Option(help="Only these: changed, sent, accepted, retired, refused, held. May be given several times."),
    ] = None,
    after: Annotated[int, typer.Option(min=0, help="Go on where the last page ended.")] = 0,
    limit: Most = 50,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Records with their state, in the order in which something happened to them last."""
    from operator_console import masterdata_command
    from operator_console.masterdata_records import Wanted
    from operator_console.record_states import STATES

    states = [each for each in STATES if each in (state or ())]
    if state and len(states) < len(set(state)):
        raise CommandError(f"A state is one of {', '.join(STATES)}.", code=Exit.USAGE)
    wanted = Wanted(connection, kind, company, tuple(states))
    found = asyncio.run(masterdata_command.page(settings_for(data_dir), wanted, after=after, most=limit))
    if as_json:
        records = [masterdata_command.as_json(each) for each in found.records]
        output.show_json({"records": records, "next": found.next})
        return
    output.console().print(masterdata_command.listed(found))
    if found.next is not None:
        output.console().print(f"There may be more: --after {found.next}")


@masterdata.command()
def show(
    connection: ConnectionName,
    kind: KindName,
    code: Annotated[str, typer.Argument(help="The code people know the record by.")],
    company: CompanyOption = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """One record field by field: in Epicor, as it was sent, as it was accepted; and which invoices used it."""
    from operator_console import masterdata_command
    from operator_console.masterdata_records import Wanted

    wanted = Wanted(connection, kind, company)
    found = asyncio.run(masterdata_command.show_with_uses(settings_for(data_dir), wanted, code))
    if as_json:
        output.show_json([masterdata_command.shown_as_json(each) for each in found])
        return
    for each in found:
        output.console().print(masterdata_command.field_by_field(each.record))
        output.console().print(masterdata_command.used(each.used), markup=False)
        if each.record.why:
            output.console().print(each.record.why, markup=False)


@masterdata.command()
def drift(
    connection: ConnectionName,
    kind: KindName,
    code: Annotated[str | None, typer.Argument(help="Only the record with this code.")] = None,
    company: CompanyOption = None,
    limit: Most = 100,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Records that Basware's API holds otherwise than they were sent last. Nothing is changed."""
    from operator_console import drift_command
    from operator_console.masterdata_records import Wanted

    wanted = Wanted(connection, kind, company)
    found = asyncio.run(drift_command.drift(settings_for(data_dir), wanted, code=code, most=limit))
    if as_json:
        output.show_json([drift_command.as_json(each) for each in found])
    else:
        output.console().print(drift_command.table(found) if found else "Basware holds what it was sent.")
    if found:
        raise typer.Exit(Exit.PROBLEM)


def _decide(
    connection: str, code: str, company: str | None, verdict: Literal["approved", "rejected"], rest: _Rest
) -> None:
    from operator_console import bank_commands

    settings = settings_for(rest.data_dir)
    change = asyncio.run(bank_commands.waiting(settings, connection, code, company=company))
    out = output.quiet_console() if rest.as_json else output.console()
    out.print(bank_commands.table(change))
    if not rest.yes and not typer.confirm("Are the new ones right?" if verdict == "approved" else "Keep the old ones?"):
        raise typer.Exit(1)
    event = asyncio.run(bank_commands.decide(settings, change, verdict, reason=rest.reason))
    out.print(f"The bank accounts of vendor {code} are {event.verdict}.")
    if rest.as_json:
        output.show_json(event)


@masterdata.command()
def approve(
    connection: ConnectionName,
    code: VendorCode,
    reason: Reason,
    company: CompanyOption = None,
    yes: Yes = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Send a vendor's changed bank accounts to Basware; your name is recorded."""
    _decide(connection, code, company, "approved", _Rest(reason, yes, data_dir, as_json))


@masterdata.command()
def reject(
    connection: ConnectionName,
    code: VendorCode,
    reason: Reason,
    company: CompanyOption = None,
    yes: Yes = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Keep the bank accounts that Basware was sent; your name is recorded."""
    _decide(connection, code, company, "rejected", _Rest(reason, yes, data_dir, as_json))
