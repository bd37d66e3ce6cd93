"""`ml-connector replay` and `replays`: transfers are taken up anew, planned first. Each command is thin."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from operator_console import output
from operator_console.cli_words import AsJson, DataDir, Reason, as_moment
from operator_console.exits import CommandError, Exit
from operator_console.reach import settings_for
from operator_console.view import Phase

if TYPE_CHECKING:
    from operator_console.selecting import Selection

replays = typer.Typer(no_args_is_help=True, help="Replays: occasions on which transfers were taken up anew.")
Name = Annotated[str, typer.Argument(help="Name of the replay.")]


def replay(
    document: Annotated[list[str] | None, typer.Option(help="A document, by id or number; may be repeated.")] = None,
    code: Annotated[str | None, typer.Option(help="Documents whose first reason has this code.")] = None,
    stuck: Annotated[bool, typer.Option("--stuck", help="Documents with a dead letter that nobody handled.")] = False,
    dead_letter: Annotated[
        list[int] | None, typer.Option(help="What this dead letter is about, by its number; may be repeated.")
    ] = None,
    unresolved: Annotated[
        bool, typer.Option("--unresolved", help="What every dead letter is about that got no further since.")
    ] = False,
    durable: Annotated[
        str | None,
        typer.Option(help="The same of this durable only, with or without its connection: basware-payments."),
    ] = None,
    connection: Annotated[str | None, typer.Option(help="Only those of this connection.")] = None,
    since: Annotated[str | None, typer.Option(help="Changed, or buried, at or after this day or time.")] = None,
    until: Annotated[str | None, typer.Option(help="Changed, or buried, before this day or time.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All documents.")] = False,
    compare: Annotated[
        bool, typer.Option(help="Plan what would be posted by the mapping of then and of now, offline.")
    ] = True,
    commit: Annotated[bool, typer.Option("--commit", help="Do it; without it, it is only planned.")] = False,
    name: Annotated[str | None, typer.Option(help="Name of the replay; the same name goes on with it.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", "-m", help="Why; it is recorded with your name.")] = None,
    rate: Annotated[float, typer.Option(min=0.01, max=1000, help="Transfers a second, at most.")] = 5,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Take transfers, or what was buried, up anew from what is recorded: what Basware knows is left alone."""
    from operator_console import replay_commands, replay_told

    within = (connection, as_moment(since), as_moment(until))
    if unresolved or durable:
        if document or code or stuck or dead_letter or everything:
            raise CommandError(
                "--unresolved and --durable are narrowed by --connection, --since and --until only.", code=Exit.USAGE
            )
        selection = _of_buried(durable, *within)
    else:
        selection = _selection((document, code, stuck, *within), dead_letter, everything=everything)
    settings = settings_for(data_dir)
    if not commit:
        asyncio.run(replay_told.show_plan(settings, selection, compare=compare, as_json=as_json))
        return
    if not (name and name.strip() and reason and reason.strip()):
        raise CommandError("Give the replay a --name and a --reason; both are recorded.", code=Exit.USAGE)
    out = output.quiet_console() if as_json else output.console()
    order = replay_commands.Order(name, reason, rate)
    done = asyncio.run(
        replay_commands.commit(settings, selection, order, progress=lambda n, of: out.print(f"{n} of {of} requested"))
    )
    output.show_json(done) if as_json else out.print(f"Replay {done.name}: {done.state}, {done.requested} requested.")


_Narrowed = tuple[list[str] | None, str | None, bool, str | None, datetime | None, datetime | None]


def _selection(narrowed: _Narrowed, letters: list[int] | None, *, everything: bool) -> Selection:
    from operator_console.searching import Sought
    from operator_console.selecting import Selection

    documents, code, stuck, connection, since, until = narrowed
    if letters and (any(narrowed) or everything):
        raise CommandError("--dead-letter says which by itself: leave the others out.", code=Exit.USAGE)
    if not (any(narrowed) or letters or everything):
        raise CommandError(
            "Say which: --document, --code, --stuck, --dead-letter, --unresolved, --durable, --connection, --since, "
            "--until or --all.",
            code=Exit.USAGE,
        )
    sought = Sought(phase=Phase.STUCK if stuck else None, connection=connection, reason=code, since=since, until=until)
    return Selection(sought, tuple(documents or ()), tuple(letters or ()))


def _of_buried(
    durable: str | None, connection: str | None, since: datetime | None, until: datetime | None
) -> Selection:
    from operator_console.deadletter_commands import Filter
    from operator_console.searching import Sought
    from operator_console.selecting import Selection

    return Selection(Sought(), buried=Filter(durable, connection, since, until, unresolved=True))


@replays.command(name="list")
def replays_list(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Every replay, with what became of it."""
    from operator_console import replay_commands

    rows = asyncio.run(replay_commands.listing(settings_for(data_dir)))
    if as_json:
        output.show_json(rows)
        return
    cells = [(row.name, row.state, f"{row.requested} of {row.documents}", row.by, row.reason) for row in rows]
    output.console().print(output.table("", ("replay", "state", "requested", "by", "why"), cells))


@replays.command(name="pause")
def replays_pause(name: Name, reason: Reason, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Stop a running replay; started again under its name, it goes on."""
    from operator_console import replay_commands

    done = asyncio.run(replay_commands.stop(settings_for(data_dir), name, how="paused", reason=reason))
    output.show_json(done) if as_json else output.console().print(f"Replay {done.name} is paused.")


@replays.command(name="cancel")
def replays_cancel(name: Name, reason: Reason, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Stop a replay for good."""
    from operator_console import replay_commands

    done = asyncio.run(replay_commands.stop(settings_for(data_dir), name, how="cancelled", reason=reason))
    output.show_json(done) if as_json else output.console().print(f"Replay {done.name} is cancelled.")
