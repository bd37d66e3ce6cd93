"""`ml-connector deploy`: prints what a cluster needs to know of the connections, derived from the code. Thin."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any

import typer
import yaml

from operator_console.cli_words import DataDir
from operator_console.exits import CommandError, Exit

deploy = typer.Typer(no_args_is_help=True, help="Files for Kubernetes, NATS and PostgreSQL, made from the topology.")

Names = Annotated[
    list[str] | None, typer.Argument(help="Connections; without any, those that are applied in the database.")
]


@deploy.command()
def keda(connections: Names = None, data_dir: DataDir = None) -> None:
    """KEDA ScaledObjects: readers, writers and masterdata-sync scale on the lag of each connection's durables."""
    from operator_console.keda import scaled_objects

    _print(yaml.safe_dump_all(scaled_objects(_names(connections, data_dir)), sort_keys=False))


@deploy.command()
def nats(
    connections: Names = None,
    server_file: Annotated[
        bool, typer.Option("--server-file", help="For `include` in nats.conf instead of values of the Helm chart.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Users and permissions at NATS: each service its own facts and durables; passwords stay references."""
    from operator_console import nats_accounts

    names = _names(connections, data_dir)
    if server_file:
        _print(nats_accounts.server_file(names))
    else:
        _print(yaml.safe_dump(nats_accounts.chart_values(names), sort_keys=False, width=200))


@deploy.command()
def roles(
    database: Annotated[str, typer.Argument(help="The database's name.")] = "ml_connector",
) -> None:
    """SQL that makes the roles in PostgreSQL, for an administrator to run once; `migrate --grant` gives them rights."""
    from mlc_common.database_roles import creation

    if re.fullmatch(r"[A-Za-z_]\w{0,62}", database) is None:
        raise CommandError(f"{database} is no name of a database that stands without quotes.", code=Exit.USAGE)
    _print(creation(database))


def _names(connections: list[str] | None, data_dir: Any) -> list[str]:
    from mlc_common.connection import NAME

    for each in connections or ():
        if re.fullmatch(NAME, each) is None:
            raise CommandError(f"{each} is no name of a connection.", code=Exit.USAGE)
    if connections:
        return connections
    from operator_console import connection_commands
    from operator_console.reach import settings_for

    return [row.name for row in asyncio.run(connection_commands.rows(settings_for(data_dir)))]


def _print(text: str) -> None:
    typer.echo(text, nl=False)
