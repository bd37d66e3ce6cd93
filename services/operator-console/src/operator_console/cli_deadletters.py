"""`ml-connector deadletters`: the words for looking at messages that nobody could handle. Each command is thin."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from operator_console import output
from operator_console.cli_words import AsJson, DataDir, as_moment
from operator_console.reach import settings_for

if TYPE_CHECKING:
    from operator_console.deadletter_commands import Browsed

deadletters = typer.Typer(no_args_is_help=True, help="Dead letters: messages that nobody could handle.")


@deadletters.command(name="list")
def deadletters_list(
    durable: Annotated[
        str | None, typer.Option(help="Only those of this durable, with or without its connection: epicor-writer.")
    ] = None,
    connection: Annotated[str | None, typer.Option(help="Only those of this connection.")] = None,
    since: Annotated[str | None, typer.Option(help="Buried at or after this day or time.")] = None,
    unresolved: Annotated[
        bool, typer.Option("--unresolved", help="Only those whose document got no further since.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Every message that nobody could handle, why, and whether it got further since."""
    from operator_console import deadletter_commands

    wanted = deadletter_commands.Filter(durable, connection, as_moment(since), unresolved=unresolved)
    rows = asyncio.run(deadletter_commands.listing(settings_for(data_dir), wanted))
    if as_json:
        output.show_json([_as_json(each) for each in rows])
        return
    columns = ("no.", "when", "durable", "connection", "document", "tries", "resolved", "why")
    cells = [
        (
            each.letter.sequence,
            each.letter.buried_at,
            each.letter.durable,
            each.letter.connection,
            each.letter.document,
            each.letter.tries,
            each.resolved,
            each.letter.failure,
        )
        for each in rows
    ]
    output.console().print(output.table("", columns, cells))


@deadletters.command(name="show")
def deadletters_show(
    number: Annotated[int, typer.Argument(metavar="N", help="The dead letter's number, as `list` has it.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """One dead letter: what was buried, secrets removed; why, by whom, and what a replay would do."""
    from operator_console import deadletter_commands

    shown = asyncio.run(deadletter_commands.shown(settings_for(data_dir), number))
    if as_json:
        output.show_json(_as_json(shown.browsed) | {"payload": shown.payload})
        return
    letter, stands = shown.browsed.letter, shown.browsed.standing
    told = (
        ("why", f"{letter.failure} ({letter.failure_class}, try {letter.tries})"),
        ("when", letter.buried_at),
        ("durable", f"{letter.durable}, which {stands.task}"),
        ("message", f"{letter.stream} {letter.stream_sequence}, {letter.subject}"),
        ("document", letter.document),
        ("where it stands", shown.browsed.status.phase if shown.browsed.status else None),
        ("resolved", shown.browsed.resolved),
        ("a replay would", f"{stands.verdict}: {stands.why}"),
    )
    out = output.console()
    out.print(output.table(f"dead letter {number}", ("", ""), told))
    output.show_json(shown.payload)


def _as_json(each: Browsed) -> dict[str, Any]:
    further = each.standing.further
    return {
        **vars(each.letter),
        "task": each.standing.task,
        "resolved": each.resolved,
        "further": None if further is None else {"sequence": further.sequence, "type": further.event.type},
        "verdict": each.standing.verdict,
        "advice": each.standing.why,
        "phase": each.status.phase if each.status else None,
    }
