"""`ml-connector connection`, `credentials` and `keys`: the words for setting up. Each command is thin."""

from __future__ import annotations

import asyncio
import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from mlc_common.connection import CREDENTIAL_FIELDS
from operator_console import output
from operator_console.cli_words import AsJson, ConnectionName, DataDir
from operator_console.reach import settings_for

connection = typer.Typer(no_args_is_help=True, help="Connections: one Basware tenant joined to one Epicor environment.")
credentials = typer.Typer(no_args_is_help=True, help="Credentials of a connection; values are never shown.")
keys = typer.Typer(no_args_is_help=True, help="Master keys that seal the credentials.")


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
    version: Annotated[
        int | None, typer.Option(min=1, max=2**31 - 1, help="A former version instead of the current one.")
    ] = None,
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
    as_json: AsJson = False,
) -> None:
    """Set credentials: asked for one by one with hidden input, or taken from a file."""
    from operator_console import credential_commands

    settings = settings_for(data_dir)
    if from_file is not None:
        fields = asyncio.run(credential_commands.set_from_file(settings, connection, from_file))
    else:
        fields = asyncio.run(credential_commands.set_asked(settings, connection, field, _ask))
    if as_json:
        output.show_json({"connection": connection, "set": fields})
    else:
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


@credentials.command(name="discard")
def credentials_discard(connection: ConnectionName, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Remove the credentials that no master key opens, after one was lost for good; then set them again."""
    from operator_console import credential_commands

    fields = asyncio.run(credential_commands.discard(settings_for(data_dir), connection))
    if as_json:
        output.show_json({"connection": connection, "discarded": fields})
    else:
        output.console().print(f"To be set again: {', '.join(fields)}." if fields else "Every credential opens.")


@keys.command(name="new")
def keys_new(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Prepare a master key: added to the key file, or, for keys from the environment, printed (it is a secret)."""
    from operator_console import key_commands

    prepared = key_commands.new(settings_for(data_dir))
    if as_json:
        output.show_json(prepared)
    else:
        output.console().print(key_commands.told_new(prepared), markup=False, soft_wrap=True)


@keys.command(name="rotate")
def keys_rotate(
    to: Annotated[str | None, typer.Option(help="A key that `keys new` prepared; without it a fresh one.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Seal everything under a fresh master key, while services run; keys from the environment: under the first one."""
    from operator_console import key_commands

    rotation = asyncio.run(key_commands.rotate(settings_for(data_dir), to=to, say=output.complain))
    if as_json:
        output.show_json(rotation)
    else:
        output.console().print(key_commands.told(rotation))
