"""`ml-connector reconcile`: every connection asked for is compared, and that it was is recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_basware.client import open_client
from mlc_common.connection import ConnectionDocument
from mlc_common.connections import Connection, MissingCredentialError, load
from mlc_common.eventlog import EventLog
from mlc_common.events import ReconciliationDone
from mlc_common.service import master_keys
from mlc_common.settings import Settings
from mlc_common.vault import VaultError
from mlc_epicor.slots import Slots
from operator_console.connection_commands import operator
from operator_console.epicor_reach import epicor_client
from operator_console.exits import CommandError, Exit
from operator_console.reach import broker, database
from operator_console.reconciliation.accounts import coded_accounts
from operator_console.reconciliation.deep import Sample
from operator_console.reconciliation.epicor_side import EpicorBooks, Window
from operator_console.reconciliation.invoice_sides import Rules, same
from operator_console.reconciliation.patience import PAUSES
from operator_console.reconciliation.run import Outcome, Reconciliation, Scope
from operator_console.reconciliation.stream_side import StreamSide
from operator_console.stream_reader import StreamReader

USUAL_DAYS = 31
PATIENCE = 30
"""Seconds for an answer of the broker: hundreds of facts are asked for at once."""


@dataclass(frozen=True)
class Asked:
    """What a person asked for.

    Attributes:
        first, last: days, both included, of this machine's zone; the last 31 days without them.
        company: Basware's or Epicor's company; None for all.
        quiet: what moved within this time is in motion, and is not judged.
        post_within: days after which an unposted AP invoice is a break.
        deep: how many posted AP invoices, drawn by lot, are read line by line.
        pauses: seconds between the tries of one read of a far side.
    """

    first: date | None = None
    last: date | None = None
    company: str | None = None
    connection: str | None = None
    quiet: timedelta = timedelta(hours=1)
    post_within: int = 3
    deep: int = 0
    pauses: tuple[float, ...] = PAUSES


async def reconcile(settings: Settings, asked: Asked, *, now: datetime) -> list[Outcome]:
    """Compare the three sides of every connection asked for.

    Raises:
        CommandError: there is no such connection or company, or the days are the wrong way round.
        TransientError: broker or database are away.
    """
    window = _window(asked, now)
    async with database(settings) as engine, broker(settings) as client:
        connections = _chosen(await load(engine, master_keys(settings)), asked)
        return [
            await _one(settings, asked, each, window=window, engine=engine, client=client, now=now)
            for each in connections
        ]


async def record(settings: Settings, asked: Asked, outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """Store that it was done, with counts; after the report was given, which must not be lost for want of this.

    Raises:
        CommandError, TransientError: the broker is away.
    """
    window = _window(asked, now)
    async with broker(settings) as client:
        log = EventLog(client, timeout=settings.timings.publish)
        for each in outcomes:
            await log.append(_done(each, asked, window, at=now))


def exit_code(outcomes: Sequence[Outcome]) -> Exit:
    """Clean, breaks found, or a side that could not be read."""
    if any(each.breaks for each in outcomes):
        return Exit.PROBLEM
    return Exit.UNREACHABLE if any(each.incomplete for each in outcomes) else Exit.OK


def rules_of(document: ConnectionDocument, asked: Asked, *, user: str | None, now: datetime) -> Rules:
    """What is expected of a connection."""
    rules = {pair.epicor: document.rules(pair) for pair in document.companies}
    return Rules(
        quiet_since=now - asked.quiet,
        today=now.astimezone().date(),
        post_within=asked.post_within,
        companies={pair.basware: pair.epicor for pair in document.companies},
        prebooking=document.posting.prebooking == "create",
        payments=document.payments.mode == "follow",
        user=user,
        prefixes={company: each.group_prefix for company, each in rules.items()},
    )


async def _one(
    settings: Settings,
    asked: Asked,
    connection: Connection,
    *,
    window: Window,
    engine: AsyncEngine,
    client: Client,
    now: datetime,
) -> Outcome:
    """One connection that cannot be opened does not keep the others from being compared."""
    try:
        return await _compared(settings, asked, connection, window=window, engine=engine, client=client, now=now)
    except (MissingCredentialError, VaultError) as error:
        return Outcome(connection.name, (), (), 0, 0, (str(error),))


async def _compared(
    settings: Settings,
    asked: Asked,
    connection: Connection,
    *,
    window: Window,
    engine: AsyncEngine,
    client: Client,
    now: datetime,
) -> Outcome:
    document = connection.document
    user = connection.secret("epicor.username") if document.epicor.sign_in == "basic" else None
    scope = Scope(window, _moment(window.first), _moment(window.last + timedelta(days=1)), asked.company)
    log = EventLog(client, timeout=PATIENCE)
    stream = StreamSide(engine, log, StreamReader(client, log, timeout=PATIENCE), connection.name)
    async with AsyncExitStack() as stack:
        clock = lambda: datetime.now(UTC)  # noqa: E731 - the edge: tokens age while it runs
        basware = await stack.enter_async_context(open_client(connection, timings=settings.timings, now=clock))
        epicor = await stack.enter_async_context(epicor_client(settings, connection))
        slots = Slots(engine, connection.name, cap=document.epicor.calls_in_flight)
        rules = rules_of(document, asked, user=user, now=now)
        books = EpicorBooks(epicor, slots, user, asked.pauses)
        return await Reconciliation(
            connection,
            scope,
            rules,
            basware,
            books,
            stream,
            sample=Sample(asked.deep),
            expect=coded_accounts(settings, engine, log, connection.name),
        ).run()


def _done(outcome: Outcome, asked: Asked, window: Window, *, at: datetime) -> ReconciliationDone:
    return ReconciliationDone(
        connection=outcome.connection,
        at=at,
        by=operator(),
        first=window.first,
        last=window.last,
        company=asked.company,
        invoices=outcome.invoices,
        moving=outcome.moving,
        breaks=dict(sorted(Counter(each.code for each in outcome.breaks).items())),
        incomplete=outcome.incomplete,
    )


def _window(asked: Asked, now: datetime) -> Window:
    last = asked.last or now.astimezone().date()
    first = asked.first or last - timedelta(days=USUAL_DAYS - 1)
    if first > last:
        raise CommandError(f"--from {first} is after --to {last}.", code=Exit.USAGE)
    return Window(first, last)


def _chosen(connections: dict[str, Connection], asked: Asked) -> list[Connection]:
    if asked.connection is not None and asked.connection not in connections:
        raise CommandError(f"There is no connection {asked.connection}.", code=Exit.USAGE)
    chosen = [each for name, each in sorted(connections.items()) if asked.connection in (None, name)]
    if not chosen:
        raise CommandError("There is no connection to reconcile.", code=Exit.USAGE)
    having = [each for each in chosen if asked.company is None or _has(each.document, asked.company)]
    if not having:
        raise CommandError(f"No connection has a company {asked.company}.", code=Exit.USAGE)
    return having


def _has(document: ConnectionDocument, company: str) -> bool:
    return any(same(name, company) for pair in document.companies for name in (pair.basware, pair.epicor))


def _moment(day: date) -> datetime:
    return datetime.combine(day, time()).astimezone()
