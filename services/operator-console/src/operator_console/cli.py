"""`ml-connector`: the words a person types. Each command is thin, and loads only the module that does it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from operator_console import (
    cli_audit,
    cli_backup,
    cli_deadletters,
    cli_deploy,
    cli_doctor,
    cli_documents,
    cli_masterdata,
    cli_people,
    cli_plan,
    cli_projections,
    cli_reconcile,
    cli_replay,
    cli_setting_up,
    cli_sync,
    edge,
    output,
)
from operator_console.cli_words import AsJson, DataDir, SiteDir
from operator_console.data_folder import DataFolder
from operator_console.exits import EPILOG, Exit
from operator_console.reach import DEFAULT_FOLDER, settings_for

app = typer.Typer(no_args_is_help=True, epilog=EPILOG, rich_markup_mode=None, add_completion=False)
app.add_typer(cli_setting_up.connection, name="connection")
app.add_typer(cli_setting_up.credentials, name="credentials")
app.add_typer(cli_documents.documents, name="documents")
app.add_typer(cli_deadletters.deadletters, name="deadletters")
app.add_typer(cli_setting_up.keys, name="keys")
app.add_typer(cli_masterdata.masterdata, name="masterdata")
app.command()(cli_doctor.doctor)
app.add_typer(cli_doctor.subscription, name="subscription")
app.command(name="sync")(cli_sync.sync)
app.add_typer(cli_audit.audit, name="audit")
app.add_typer(cli_deploy.deploy, name="deploy")
cli_people.add_to(app)
cli_backup.add_to(app)
app.command()(cli_documents.explain)
app.command()(cli_reconcile.reconcile)
app.command()(cli_plan.plan)
app.command()(cli_replay.replay)
app.add_typer(cli_replay.replays, name="replays")
app.add_typer(cli_projections.projections, name="projections")


@app.callback()
def root(
    debug: Annotated[bool, typer.Option(help="Show where an error of the program itself happened.")] = False,
) -> None:
    """Approved Basware P2P invoices become Epicor Kinetic AP invoices, exactly once, with an audit trail."""
    edge.speak_plainly(debug=debug)


@app.command()
def up(
    data_dir: SiteDir = DEFAULT_FOLDER,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port that Basware's pushes come to.")] = 8080,
) -> None:
    """Run everything on this machine: broker, database and all services. Ctrl-C stops it; start again, all is there."""
    from operator_console import up_command

    asyncio.run(up_command.up(DataFolder(data_dir.resolve()), port=port))


@app.command()
def demo(
    data_dir: Annotated[
        Path | None, typer.Option(help="Keep the demo's data here; without it, it is thrown away.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Watch approved invoices become Epicor AP invoices, against the sandbox, in about a minute."""
    from operator_console import demo_command

    raise typer.Exit(asyncio.run(demo_command.demo(data_dir.resolve() if data_dir else None, as_json=as_json)))


@app.command()
def sandbox(
    basware_port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port of the Basware sandbox; 0 picks one.")
    ] = 9001,
    epicor_port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port of the Epicor sandbox; 0 picks one.")
    ] = 9002,
) -> None:
    """Run a Basware and an Epicor to rehearse against, in the foreground."""
    from mlc_sandbox import serve

    serve.main(["--basware-port", str(basware_port), "--epicor-port", str(epicor_port)])


@app.command(name="status")
def status_(data_dir: SiteDir = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Each process of an embedded site, with its pid, address, health and version."""
    from operator_console import status

    rows = asyncio.run(status.rows(DataFolder(data_dir.resolve())))
    if as_json:
        output.show_json(rows)
    else:
        columns = ("process", "pid", "address", "public", "health", "version", "restarts")
        cells = [(row.name, row.pid, row.address, row.public, row.health, row.version, row.restarts) for row in rows]
        output.console().print(output.table("", columns, cells))
    if not status.healthy(rows):
        raise typer.Exit(Exit.PROBLEM)


@app.command()
def migrate(
    grant: Annotated[bool, typer.Option(help="Also give each service's database role the rights it needs.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Bring the database to this version's tables."""
    from operator_console import servers

    applied = asyncio.run(servers.migrated(settings_for(data_dir), grant=grant))
    if as_json:
        output.show_json({"applied": applied})
        return
    output.console().print(f"Applied: {', '.join(applied)}" if applied else "The database is up to date.")


@app.command()
def topology(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Declare streams, the object store and every connection's durables; also brings the database up to date."""
    from operator_console import servers

    declared = asyncio.run(servers.prepare_servers(settings_for(data_dir)))
    if as_json:
        output.show_json(declared)
        return
    output.console().print("Streams and durables are declared.")


def main() -> None:
    """The console script."""
    edge.run(app)
