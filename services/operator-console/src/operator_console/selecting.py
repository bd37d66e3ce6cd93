"""Which documents a plan or a replay is about, and what a replay of each comes to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.settings import Settings
from mlc_common.tables import document_status
from operator_console.deadletter_commands import Browsed, Filter, listing, numbered
from operator_console.document_commands import must_exist
from operator_console.exits import CommandError, Exit
from operator_console.letter_standing import buried
from operator_console.reach import database
from operator_console.replaying import ACTS, Planned, Verdict, planned
from operator_console.searching import Sought, conditions
from operator_console.view import DocumentStatus, Phase

PAGE = 500
NEVER_READ = ""
"""The attempt of a document that nobody has read yet."""


@dataclass(frozen=True)
class Selection:
    """Which documents: those of which all of it holds; or, when dead letters are meant, what these are about.

    Args:
        letters: dead letters by their numbers.
        buried: dead letters of which this holds.
    """

    sought: Sought
    documents: tuple[str, ...] = ()
    letters: tuple[int, ...] = ()
    buried: Filter | None = None

    def in_words(self) -> dict[str, str]:
        """What was asked for, for the record."""
        asked = {name: str(value) for name, value in vars(self.sought).items() if value is not None}
        named = {"documents": self.documents, "dead letters": self.letters}
        if self.buried is not None:
            narrowed = {name: str(value) for name, value in vars(self.buried).items() if value not in (None, False)}
            asked |= {"dead letters": "unresolved"} | {name: v for name, v in narrowed.items() if name != "unresolved"}
        return asked | {what: ", ".join(map(str, each)) for what, each in named.items() if each}


async def plan(settings: Settings, selection: Selection) -> AsyncIterator[Planned]:
    """What a replay of the selection would do, document by document; nothing is done.

    Raises:
        CommandError: a document or dead letter that was named is not known.
    """
    if selection.letters or selection.buried is not None:
        meant = selection.buried
        letters = await (numbered(settings, selection.letters) if meant is None else listing(settings, meant))
        for each in of_letters(letters):
            yield each
        return
    async with database(settings) as engine:
        async for status in selected(engine, selection):
            yield planned(status)


def of_letters(letters: Iterable[Browsed]) -> list[Planned]:
    """What replays of dead letters come to; what is done about a document is done once, reading it before all else.

    A message that goes to its durable again is handed out once, whatever else there is about its document.
    """
    found: dict[tuple[str, str], Planned] = {}
    for each in sorted(letters, key=lambda each: each.letter.sequence):
        message = buried(each.letter, each.event)
        made = Planned(_status(each), each.standing.verdict, each.standing.why, message)
        about = (made.status.connection, made.status.invoice_id)
        key = about if message is None else (each.letter.durable, str(message.sequence))
        known = found.get(key)
        if known is None or known.verdict not in ACTS or made.verdict in (Verdict.READ, Verdict.AGAIN):
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
