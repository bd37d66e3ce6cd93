"""Which documents a plan or a replay is about, and what a replay of each comes to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.settings import Settings
from mlc_common.tables import document_status
from operator_console.deadletter_commands import Browsed, numbered
from operator_console.document_commands import must_exist
from operator_console.exits import CommandError, Exit
from operator_console.reach import database
from operator_console.replaying import ACTS, Planned, Verdict, planned
from operator_console.searching import Sought, conditions
from operator_console.view import DocumentStatus, Phase

PAGE = 500
NEVER_READ = ""
"""The attempt of a document that nobody has read yet."""


@dataclass(frozen=True)
class Selection:
    """Which documents: those of which all of it holds; or, when dead letters are named, those that these are about."""

    sought: Sought
    documents: tuple[str, ...] = ()
    letters: tuple[int, ...] = ()

    def in_words(self) -> dict[str, str]:
        """What was asked for, for the record."""
        asked = {name: str(value) for name, value in vars(self.sought).items() if value is not None}
        named = {"documents": self.documents, "dead letters": self.letters}
        return asked | {what: ", ".join(map(str, each)) for what, each in named.items() if each}


async def plan(settings: Settings, selection: Selection) -> AsyncIterator[Planned]:
    """What a replay of the selection would do, document by document; nothing is done.

    Raises:
        CommandError: a document or dead letter that was named is not known.
    """
    if selection.letters:
        for each in of_letters(await numbered(settings, selection.letters)):
            yield each
        return
    async with database(settings) as engine:
        async for status in selected(engine, selection):
            yield planned(status)


def of_letters(letters: Iterable[Browsed]) -> list[Planned]:
    """What replays of dead letters come to; what is done about a document is done once, reading it before all else."""
    found: dict[tuple[str, str], Planned] = {}
    for each in letters:
        made = Planned(_status(each), each.standing.verdict, each.standing.why)
        key = (made.status.connection, made.status.invoice_id)
        known = found.get(key)
        if known is None or known.verdict not in ACTS or made.verdict is Verdict.READ:
            found[key] = made
    return list(found.values())


def _status(browsed: Browsed) -> DocumentStatus:
    """Where its document stands; of one that was never read, only what the dead letter says."""
    letter = browsed.letter
    return browsed.status or DocumentStatus(
        connection=letter.connection or "",
        invoice_id=letter.document or f"dead letter {letter.sequence}",
        attempt=NEVER_READ,
        phase=Phase.NOTICED,
        first_seen=letter.buried_at,
        last_change=letter.buried_at,
        last_sequence=0,
    )


async def selected(engine: AsyncEngine, selection: Selection) -> AsyncIterator[DocumentStatus]:
    """The documents of a selection by key, page by page: a replay of everything must not hold everything.

    Raises:
        CommandError: a document that was named is not known, or nothing is, not even the connection or the code.
    """
    columns = document_status.c
    key = tuple_(columns.connection, columns.invoice_id)
    wanted = list(conditions(selection.sought))
    if selection.documents:
        wanted.append(columns.invoice_id.in_(selection.documents) | columns.invoice_number.in_(selection.documents))
    last, found = ("", ""), set[str]()
    while True:
        query = select(document_status).where(*wanted, key > last)
        async with engine.connect() as db:
            rows = (await db.execute(query.order_by(columns.connection, columns.invoice_id).limit(PAGE))).mappings()
            page = [DocumentStatus.of(row) for row in rows]
        for status in page:
            if selection.documents:
                found |= {status.invoice_id, status.invoice_number or ""}
            yield status
        if len(page) < PAGE:
            break
        last = (page[-1].connection, page[-1].invoice_id)
    if last == ("", "") and not page:
        await must_exist(engine, selection.sought)
    missing = [each for each in selection.documents if each not in found]
    if missing:
        raise CommandError(f"No accounting document is known as: {', '.join(missing)}.", code=Exit.USAGE)
