"""`ml-connector`: the words a person types. Each command is thin, and loads only the module that does it."""

from __future__ import annotations

import asyncio
import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from mlc_common.connection import CREDENTIAL_FIELDS
from operator_console import edge, output
from operator_console.data_folder import DataFolder
from operator_console.exits import EPILOG, Exit
from operator_console.reach import DEFAULT_FOLDER, settings_for
from operator_console.view import Phase

DataDir = Annotated[
    Path | None,
    typer.Option(help="Directory of an embedded site; without it ./data when it exists, else the MLC_ environment."),
]
SiteDir = Annotated[Path, typer.Option(help="Directory that holds everything of this site.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
ConnectionName = Annotated[str, typer.Argument(help="Name of the connection.")]

app = typer.Typer(no_args_is_help=True, epilog=EPILOG, rich_markup_mode=None, add_completion=False)
connection = typer.Typer(no_args_is_help=True, help="Connections: one Basware tenant joined to one Epicor environment.")
credentials = typer.Typer(no_args_is_help=True, help="Credentials of a connection; values are never shown.")
documents = typer.Typer(no_args_is_help=True, help="Accounting documents: where they stand and what happened to them.")
keys = typer.Typer(no_args_is_help=True, help="Master keys that seal the credentials.")
for name, group in (("connection", connection), ("credentials", credentials), ("documents", documents), ("keys", keys)):
    app.add_typer(group, name=name)


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
        columns = ("process", "pid", "address", "health", "version", "restarts")
        cells = [(row.name, row.pid, row.address, row.health, row.version, row.restarts) for row in rows]
        output.console().print(output.table("", columns, cells))
    if not status.healthy(rows):
        raise typer.Exit(Exit.PROBLEM)


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to this version's tables."""
    from operator_console import servers

    applied = asyncio.run(servers.migrated(settings_for(data_dir)))
    output.console().print(f"Applied: {', '.join(applied)}" if applied else "The database is up to date.")


@app.command()
def topology(data_dir: DataDir = None) -> None:
    """Declare streams, the object store and every connection's durables; also brings the database up to date."""
    from operator_console import servers

    asyncio.run(servers.prepare_servers(settings_for(data_dir)))
    output.console().print("Streams and durables are declared.")


@connection.command(name="apply")
def connection_apply(
    file: Annotated[Path, typer.Option("--file", "-f", help="Connection file in YAML; - reads standard input.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Check a connection file and make it the current version."""
    from operator_console import connection_commands

    applied = asyncio.run(connection_commands.apply_file(settings_for(data_dir), file))
    if as_json:
        output.show_json(applied)
        return
    what = "is now" if applied["changed"] else "is unchanged at"
    output.console().print(f"Connection {applied['name']} {what} version {applied['version']}.")


@connection.command(name="list")
def connection_list(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Every connection with its current version and which credentials are set."""
    from operator_console import connection_commands

    rows = asyncio.run(connection_commands.rows(settings_for(data_dir)))
    if as_json:
        output.show_json(rows)
        return
    cells = [
        (row.name, row.version, row.paused, row.applied_at, row.applied_by, ", ".join(row.credentials)) for row in rows
    ]
    output.console().print(
        output.table("", ("connection", "version no.", "paused", "applied", "by", "credentials set"), cells)
    )


@connection.command(name="show")
def connection_show(
    name: ConnectionName,
    version: Annotated[int | None, typer.Option(min=1, help="A former version instead of the current one.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """A connection's file as it was applied."""
    from operator_console import connection_commands

    stored = asyncio.run(connection_commands.shown(settings_for(data_dir), name, version))
    if as_json:
        output.show_json(stored)
        return
    out = output.console()
    out.print(f"# version {stored.version}, applied {output.cell(stored.applied_at)} by {stored.applied_by}")
    out.print(connection_commands.as_yaml(stored.document), markup=False, end="")


@connection.command(name="schema")
def connection_schema() -> None:
    """The JSON Schema of a connection file, for editors."""
    from operator_console import connection_commands

    output.show_json(connection_commands.schema())


@credentials.command(name="set")
def credentials_set(
    connection: ConnectionName,
    field: Annotated[str | None, typer.Argument(help="One field only, as epicor.password.")] = None,
    from_file: Annotated[
        Path | None, typer.Option(help="YAML mapping of field to value or list of values; - reads standard input.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Set credentials: asked for one by one with hidden input, or taken from a file."""
    from operator_console import credential_commands

    settings = settings_for(data_dir)
    if from_file is not None:
        fields = asyncio.run(credential_commands.set_from_file(settings, connection, from_file))
    else:
        fields = asyncio.run(credential_commands.set_asked(settings, connection, field, _ask))
    output.console().print(f"Set: {', '.join(fields)}." if fields else "Nothing was set.")


def _ask(field: str) -> SecretStr | None:
    question = f"{field} ({CREDENTIAL_FIELDS[field]}; empty leaves it as it is): "
    answer = getpass.getpass(question) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    return SecretStr(answer) if answer else None


@credentials.command(name="list")
def credentials_list(connection: ConnectionName, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Which credentials are set, and since when; never their values."""
    from operator_console import credential_commands

    rows = asyncio.run(credential_commands.rows(settings_for(data_dir), connection))
    if as_json:
        output.show_json(rows)
        return
    cells = [(row.field, row.meaning, row.needed, row.values, row.set_at, row.set_by) for row in rows]
    output.console().print(output.table("", ("field", "meaning", "needed", "values", "set", "by"), cells))


@keys.command(name="new")
def keys_new(data_dir: DataDir = None) -> None:
    """Add a master key that can open from now on; `keys rotate` makes it the one that seals."""
    from operator_console import key_commands

    output.console().print(key_commands.new(settings_for(data_dir)), markup=False)


@keys.command(name="rotate")
def keys_rotate(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Seal everything under the newest master key, while services run."""
    from operator_console import key_commands

    rotation = asyncio.run(key_commands.rotate(settings_for(data_dir), say=output.complain))
    if as_json:
        output.show_json(rotation)
    else:
        output.console().print(key_commands.told(rotation))


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
    from operator_console import document_commands, telling

    shown = asyncio.run(document_commands.shown(settings_for(data_dir), identifier, connection=connection))
    if as_json:
        output.show_json(document_commands.as_json(shown))
        return
    out = output.console()
    out.print(document_commands.summary(shown.status))
    cells = [(recorded.stored_at, *telling.tell(recorded.event)) for recorded in shown.timeline]
    out.print(output.table("", ("when", "what", "details"), cells))


def main() -> None:
    """The console script."""
    edge.run(app)
