"""One run: a site against the sandboxes, load and faults for some time, then quiet, and the books compared."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.place import Place, Say, running_in, takes_pushes, until
from chaos.books import Evidence, violations
from chaos.crew import CONNECTION, PATIENCE, Crew, crew
from chaos.doing import POISON, Doer
from chaos.load import Load
from chaos.schedule import Fault
from mlc_common.connection import Basware, ConnectionDocument
from mlc_common.eventlog import EventLog
from mlc_common.events import InvoicePosted, NotificationReceived, OutcomeAnswered
from mlc_common.failures import TransientError
from mlc_common.stored_event import FactOfDocument
from mlc_common.streams import DOCUMENTS, NOTIFICATIONS
from mlc_common.topology import declare_connection
from operator_console import document_commands, site
from operator_console.dead_letters import buried, dead_letter
from operator_console.demo_books import Books
from operator_console.demo_far_sides import Ports
from operator_console.demo_scenario import CREDENTIALS as BASIC
from operator_console.demo_scenario import EPICOR_COMPANY
from operator_console.exits import CommandError
from operator_console.reach import broker
from operator_console.reconciliation.command import Asked, reconcile
from operator_console.searching import Sought
from operator_console.stream_reader import StreamReader

CAP = 4
"""Calls in flight to Epicor that are allowed."""

ACK_WAIT = 5.0
TIMINGS = {
    "sweep": "10",
    "retry_base": "0.2",
    "retry_ceiling": "3",
    "unclear_pauses": "[0.5, 1, 2]",
    "delivery_pauses": "[0.5, 1, 2]",
    "refresh": "1",
    "masterdata": "2",
    "anchor": "5",
    "basware_connect": "2",
    "basware_read": "4",
    "epicor_connect": "2",
    "epicor_read": "4",
    "epicor_write": "4",
    "reference_cache": "5",
    "breaker": "1",
    "graceful": "10",
}
"""Real life in seconds: patience with a far side is shorter than what a slow one takes."""

CREDENTIALS = {
    **{name: value for name, value in BASIC.items() if name not in ("epicor.username", "epicor.password")},
    "epicor.client_id": "bw-sync",
    "epicor.client_secret": "sandbox-only-secret",
}
SEGMENTS = [{"field": "accountCode"}, {"field": "dimCode1"}, {"field": "costCenterCode"}]

STANDSTILL = 90.0
"""Seconds without one more answer, after the faults, until nothing more is waited for."""

LOOKS, BETWEEN_LOOKS = 15, 2.0
"""How often the books are compared before what is wrong counts as wrong: deliveries and unlocking take a moment."""

BATCH = 500

NOBODY_POSTS = "UNPOSTED"
"""The one break that is no fault here: there is no accounts payable that posts the groups."""


@dataclass(frozen=True)
class Report:
    """How a run went.

    Attributes:
        promised: documents of which a push was answered 200; `answers` is what the gateway answered, by status.
        unclear: look-ups of a lost answer that found nothing yet; `found` those that found what was done.
        spoiled: calls to far sides that were delayed, refused, cut, or answered with garbage.
        wrong: what must not be, in sentences.
    """

    seed: int
    seconds: float
    faults: Counter[str]
    offered: int
    posted: int
    refused: int
    promised: int
    answers: Counter[int]
    unclear: int
    found: int
    spoiled: int
    poisoned: int
    restarts: int
    awaited: int
    in_flight: int
    settled: float
    wrong: tuple[str, ...]
    ids: tuple[str, ...]


def connection(ports: Ports) -> ConnectionDocument:
    """The connection to both sandboxes; Epicor is signed in to with a token, so that it can be revoked."""
    return ConnectionDocument.model_validate(
        {
            "name": CONNECTION,
            "basware": {
                "base_url": ports.basware_url,
                "calls_per_second": 500,
                "calls_in_flight": 8,
                "scopes": Basware().scopes,
            },
            "epicor": {
                "base_url": ports.epicor_url,
                "calls_in_flight": CAP,
                "sign_in": "oauth2",
                "token_url": f"{ports.epicor_root}/connect/token",
            },
            "posting": {"validate_accounts": True},
            "companies": [
                {"basware": ours, "epicor": theirs, "currency": currency, "segments": SEGMENTS}
                for (ours, theirs), currency in zip(EPICOR_COMPANY.items(), ("USD", "EUR"), strict=True)
            ],
        }
    )


def options() -> site.Options:
    """Servers only; the services are the crew's."""
    return site.Options(port=0, services=(), patience=PATIENCE)


class Chaos:
    """A site that faults can be tried on, again and again; every trial compares the books of its own invoices."""

    def __init__(self, place: Place, made: Crew, say: Say) -> None:
        self.place = place
        self.crew = made
        self.doer = Doer(place, made, say)
        self._say = say

    async def trial(self, faults: Collection[Fault], *, seed: int, seconds: float, rate: float) -> Report:
        """Load and faults for so long, then quiet, and what is wrong."""
        load = Load(self.place, self.crew, seed=seed, rate=rate, say=self._say)
        before, spoiled = len(self.doer.done.faults), self.doer.done.spoiled
        async with asyncio.TaskGroup() as running:
            running.create_task(load.run(seconds))
            for fault in faults:
                running.create_task(self._at(fault))
        await self.doer.end_all()
        ended = time.monotonic()
        self._say(f"The faults are over; {load.offered} invoices were offered.")
        await self._until_answered(load)
        found, wrong = await self._compared(load)
        counts: Counter[str] = sum(found.facts.values(), Counter())
        calls = await self.place.epicor("calls")
        return Report(
            seed=seed,
            seconds=seconds,
            faults=Counter(self.doer.done.faults[before:]),
            offered=load.offered,
            posted=counts["invoice_posted"],
            refused=counts["invoice_refused"],
            promised=len(load.promised),
            answers=load.statuses,
            unclear=counts["posting_unclear"],
            found=counts["found"],
            spoiled=self.doer.done.spoiled - spoiled,
            poisoned=self.doer.done.poisoned,
            restarts=sum(each.restarts for each in self.place.here.processes),
            awaited=found.awaited,
            in_flight=calls["max_in_flight"],
            settled=time.monotonic() - ended,
            wrong=tuple(wrong),
            ids=(*load.posted, *load.refused),
        )

    async def _at(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at)
        await self.doer.do(fault)

    async def _until_answered(self, load: Load) -> None:
        """Wait until Basware holds an answer to everything, or nothing moves any more."""
        ids, seen, moved = {*load.posted, *load.refused}, -1, time.monotonic()
        while time.monotonic() - moved < STANDSTILL:
            asked = time.monotonic()
            documents = [each for each in await self.place.far_sides.documents() if each["invoiceId"] in ids]
            final = sum(each["processingStatus"] in ("Transferred", "TransferFailed") for each in documents)
            if final == len(ids):
                return
            if final != seen:
                seen, moved = final, time.monotonic()
                self._say(f"{final} of {len(ids)} are answered.")
            # Whoever asks for all documents keeps the sandbox from answering the services meanwhile.
            await asyncio.sleep(max(1, 5 * (time.monotonic() - asked)))

    async def _compared(self, load: Load) -> tuple[Evidence, list[str]]:
        for look in range(LOOKS):
            found = await self._evidence(load)
            wrong = violations(found)
            if not wrong or look == LOOKS - 1:
                break
            self._say(f"Look {look + 1}: {len(wrong)} things are not as they must be yet, {wrong[0]}.")
            await asyncio.sleep(BETWEEN_LOOKS)
        return found, wrong

    async def _evidence(self, load: Load) -> Evidence:
        ids, settings = {*load.posted, *load.refused}, self.place.here.settings
        far_sides = self.place.far_sides
        async with broker(settings) as client:
            log = EventLog(client, timeout=30)
            reader = StreamReader(client, log, timeout=30)
            facts = await _facts(reader, ids)
            pushed = await _pushed(reader)
            letters = [dead_letter(each) for each in await buried(reader)]
        ours = await document_commands.rows(settings, Sought(connection=CONNECTION), limit=1_000_000)
        state = await far_sides.epicor_state()
        books = Books(
            [each for each in ours if each.invoice_id in ids],
            [each for each in await far_sides.documents() if each["invoiceId"] in ids],
            [each for each in await far_sides.invoices() if each["ExternalID"] in ids],
            state["groups"],
        )
        return Evidence(
            posted=tuple(load.posted.values()),
            refused=frozenset(load.refused),
            promised=frozenset(load.promised),
            pushed=pushed,
            books=books,
            facts=facts,
            letters=tuple(
                f"dead letter {each.sequence}: {each.subject} at {each.durable}: {each.failure}"
                for each in letters
                if POISON not in each.subject
            ),
            awaited=state["calls"]["max_awaited"],
            cap=CAP,
            breaks=await self._breaks(),
        )

    async def _breaks(self) -> tuple[str, ...]:
        now = datetime.now(UTC)
        asked = Asked(
            first=now.date() - timedelta(days=400),
            last=now.date() + timedelta(days=2),
            connection=CONNECTION,
            quiet=timedelta(0),
        )
        try:
            outcomes = await reconcile(self.place.here.settings, asked, now=now)
        except (CommandError, TransientError) as failure:
            return (f"the books cannot be reconciled: {failure}",)
        breaks = (each for outcome in outcomes for each in outcome.breaks if each.code != NOBODY_POSTS)
        found = [f"reconcile: {each.code} {each.invoice_id}: {each.sentence}" for each in breaks]
        return (*found, *(f"reconcile: {why}" for o in outcomes for why in o.incomplete))


async def _facts(reader: StreamReader, ids: Collection[str]) -> dict[str, Counter[str]]:
    facts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    at = 0
    while batch := await reader.after(DOCUMENTS, at, most=BATCH, subject=f"documents.{CONNECTION}.>"):
        at = batch[-1].sequence
        for each in batch:
            if isinstance(each.event, FactOfDocument) and each.event.invoice_id in ids:
                own = facts[each.event.invoice_id]
                own[each.event.type] += 1
                own["found"] += isinstance(each.event, InvoicePosted | OutcomeAnswered) and each.event.found
    return dict(facts)


async def _pushed(reader: StreamReader) -> frozenset[str]:
    pushed: set[str] = set()
    at = 0
    while batch := await reader.after(NOTIFICATIONS, at, most=BATCH, subject=f"notifications.{CONNECTION}.>"):
        at = batch[-1].sequence
        pushed |= {each.event.document_id for each in batch if isinstance(each.event, NotificationReceived)}
    return frozenset(pushed)


@asynccontextmanager
async def chaos(root: Path, say: Say) -> AsyncIterator[Chaos]:
    """A site in this directory, ready for faults; leaving ends all of it."""
    async with running_in(root, say, options=options(), connection=connection, credentials=CREDENTIALS) as place:
        await declare_connection(place.nats, CONNECTION, ack_wait=ACK_WAIT)
        async with crew(place, TIMINGS, say) as made:
            await until(lambda: takes_pushes(place, made.hooks[0]), what="the gateway knows the connection")
            yield Chaos(place, made, say)
