"""`ml-connector replay` and `replays`: transfers are taken up anew, planned first. Each command is thin."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Annotated

import typer

from operator_console import output
from operator_console.cli_people import Reason
from operator_console.cli_words import AsJson, DataDir, as_moment
from operator_console.exits import CommandError, Exit
from operator_console.reach import settings_for
from operator_console.replaying import Planned
from operator_console.view import Phase

replays = typer.Typer(no_args_is_help=True, help="Replays: occasions on which transfers were taken up anew.")
Name = Annotated[str, typer.Argument(help="Name of the replay.")]


def replay(
    document: Annotated[list[str] | None, typer.Option(help="A document, by id or number; may be repeated.")] = None,
    code: Annotated[str | None, typer.Option(help="Documents whose first reason has this code.")] = None,
    stuck: Annotated[bool, typer.Option("--stuck", help="Documents with a dead letter that nobody handled.")] = False,
    connection: Annotated[str | None, typer.Option(help="Only documents of this connection.")] = None,
    since: Annotated[str | None, typer.Option(help="Changed at or after this day or time.")] = None,
    until: Annotated[str | None, typer.Option(help="Changed before this day or time.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All documents.")] = False,
    commit: Annotated[bool, typer.Option("--commit", help="Do it; without it, it is only planned.")] = False,
    name: Annotated[str | None, typer.Option(help="Name of the replay; the same name goes on with it.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", "-m", help="Why; it is recorded with your name.")] = None,
    rate: Annotated[float, typer.Option(min=0.01, max=1000, help="Transfers a second, at most.")] = 5,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Take transfers up anew from what is recorded: what has an outcome that Basware knows is left alone."""
    from operator_console import replay_commands
    from operator_console.searching import Sought

    moments = (as_moment(since), as_moment(until))
    if not (document or code or stuck or connection or any(moments) or everything):
        raise CommandError(
            "Say which: --document, --code, --stuck, --connection, --since, --until or --all.", code=Exit.USAGE
        )
    sought = Sought(
        phase=Phase.STUCK if stuck else None, connection=connection, reason=code, since=moments[0], until=moments[1]
    )
    selection = replay_commands.Selection(sought, tuple(document or ()))
    settings = settings_for(data_dir)
    if not commit:
        asyncio.run(_show_plan(replay_commands.plan(settings, selection), as_json=as_json))
        return
    if not name or not reason:
        raise CommandError("Give the replay a --name and a --reason; both are recorded.", code=Exit.USAGE)
    out = output.quiet_console() if as_json else output.console()
    order = replay_commands.Order(name, reason, rate)
    done = asyncio.run(
        replay_commands.commit(settings, selection, order, progress=lambda n, of: out.print(f"{n} of {of} requested"))
    )
    output.show_json(done) if as_json else out.print(f"Replay {done.name}: {done.state}, {done.requested} requested.")


async def _show_plan(plan: AsyncIterator[Planned], *, as_json: bool) -> None:
    rows = [each async for each in plan]
    if as_json:
        output.show_json([{"verdict": each.verdict, "why": each.why, "status": each.status} for each in rows])
        return
    counts = Counter(each.verdict for each in rows)
    told = [each for each in rows if each.verdict != "nothing"]
    cells = [
        (each.status.connection, each.status.invoice_id, each.status.invoice_number, each.verdict, each.why)
        for each in told
    ]
    out = output.console()
    out.print(output.table("", ("connection", "id", "invoice", "verdict", "why"), cells))
    out.print(", ".join(f"{verdict}: {number}" for verdict, number in sorted(counts.items())) or "nothing is selected")
    out.print("Nothing was sent; --commit with a --name and a --reason does it.")


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
def replays_pause(name: Name, reason: Reason, data_dir: DataDir = None) -> None:
    """Stop a running replay; started again under its name, it goes on."""
    from operator_console import replay_commands

    done = asyncio.run(replay_commands.stop(settings_for(data_dir), name, how="paused", reason=reason))
    output.console().print(f"Replay {done.name} is paused.")


@replays.command(name="cancel")
def replays_cancel(name: Name, reason: Reason, data_dir: DataDir = None) -> None:
    """Stop a replay for good."""
    from operator_console import replay_commands

    done = asyncio.run(replay_commands.stop(settings_for(data_dir), name, how="cancelled", reason=reason))
    output.console().print(f"Replay {done.name} is cancelled.")
