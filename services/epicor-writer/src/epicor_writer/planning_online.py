"""Plans a document with what Epicor knows: codes, orders, duplicates. Reads only; its calls count against the cap."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine

from epicor_writer.apply_dates import apply_date_of
from epicor_writer.checking import Before, Case, alike, check, numbered
from epicor_writer.decision import is_ours, place_of
from epicor_writer.draft import to_draft
from epicor_writer.far_side import far_side
from epicor_writer.invoice import Draft
from epicor_writer.mapping import to_dataset
from epicor_writer.planning import Given, Plan
from epicor_writer.ports import Ledger
from epicor_writer.reference import Vendor
from mlc_common.catalogue import Finding, finding
from mlc_common.connections import Connection, load
from mlc_common.database import make_engine
from mlc_common.posting_rules import Action
from mlc_common.service import master_keys
from mlc_common.settings import Settings
from mlc_epicor.slots import Slots


class Online:
    """The ledgers of the connections, each opened when it is first asked."""

    def __init__(self, settings: Settings, engine: AsyncEngine, found: Mapping[str, Connection]) -> None:
        self._settings = settings
        self._engine = engine
        self._found = found
        self._open: dict[str, Ledger] = {}
        self._stack = AsyncExitStack()

    async def close(self) -> None:
        """Leave every ledger."""
        await self._stack.aclose()

    async def plan(self, given: Given, name: str) -> Plan:
        """What a document becomes by the current version of a connection.

        Raises:
            TransientError: Epicor cannot be asked now.
            MissingCredentialError: a credential is not set.
        """
        connection = self._found[name]
        async with Slots(self._engine, name, cap=connection.document.epicor.calls_in_flight).hold():
            return await plan_with(given, Case(given.document, connection, await self._ledger(connection)))

    async def _ledger(self, connection: Connection) -> Ledger:
        if connection.name not in self._open:
            opened = await self._stack.enter_async_context(far_side(connection, self._settings.timings))
            self._open[connection.name] = opened.ledger
        return self._open[connection.name]


async def plan_with(given: Given, case: Case) -> Plan:
    """The same on an open ledger."""
    today = case.rules.day_of(given.at)
    day = apply_date_of(case.document, case.rules, today=today)
    checked = await check(case, apply_date=day, before=Before(given.match))
    draft = to_draft(case.document, case.pair, case.rules, today=today, tables=case.tables, match=checked.match)
    vendor = checked.reference.vendor
    if not isinstance(draft, Draft) or vendor is None or checked.findings:
        faults = () if isinstance(draft, Draft) else draft
        return Plan(findings=tuple(dict.fromkeys((*faults, *checked.findings))))
    draft = await numbered(draft.held_back(checked.holds), vendor, case)
    there, near = await _there(draft, vendor, case), await alike(draft, case)
    if there or (near and case.rules.near_duplicates is Action.REFUSE):
        return Plan(findings=(*there, *near))
    return Plan(dataset=to_dataset(draft.held_back((*checked.holds, *near)), vendor, group_id=""))


async def _there(draft: Draft, vendor: Vendor, case: Case) -> tuple[Finding, ...]:
    """Somebody else's invoice of this number; our own is found and confirmed, which changes nothing."""
    held = await case.ledger.look_up(draft.pair.epicor, vendor.num, draft.invoice_num)
    if held is None or is_ours(held.header, invoice_id=draft.invoice_id, group_id=""):
        return ()
    values = {"number": draft.invoice_num, "vendor": vendor.vendor_id, "where": place_of(held.header)}
    return (finding("DUPLICATE", field="invoiceNumber", **values),)


@asynccontextmanager
async def online(settings: Settings) -> AsyncIterator[Online]:
    """Every connection, with its credentials."""
    engine = make_engine(settings.database_url, pool_size=2, application_name="epicor-writer-plan")
    try:
        made = Online(settings, engine, await load(engine, master_keys(settings)))
        try:
            yield made
        finally:
            await made.close()
    finally:
        await engine.dispose()
