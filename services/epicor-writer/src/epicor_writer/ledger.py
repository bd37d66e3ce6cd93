"""Epicor behind the Ledger port: what the client's answers mean to the posting protocol."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import structlog

from epicor_writer.decision import Said
from epicor_writer.groups import holder
from epicor_writer.order_stages import ALL_STAGES
from epicor_writer.ports import Reply
from epicor_writer.records import Records
from epicor_writer.reference import Reference, Wanted
from epicor_writer.replies import refused, saved, unclear
from epicor_writer.staged import Entry, enter
from mlc_common.failures import FailureError, PermanentError, TransientError, UnknownOutcomeError
from mlc_common.group_rules import GroupPosting
from mlc_common.http import UnclearAnswerError
from mlc_epicor.client import EpicorClient
from mlc_epicor.datasets import APInvGrpRow, APInvHedRow, APInvoiceDataset
from mlc_epicor.errors import Refusal
from mlc_epicor.group_posting import PrePost

log = structlog.stdlib.get_logger(__name__)

UNLOCK_TRIES = 3
UNLOCK_PAUSE = 0.2
"""Seconds before the second try; the next pause is twice as long."""


class EpicorLedger:
    """One connection's AP ledger.

    Args:
        user: our Epicor user, where the sign-in tells it.
        on_left_locked: called when a group could not be given back.
    """

    def __init__(
        self,
        client: EpicorClient,
        records: Records,
        *,
        user: str | None,
        on_left_locked: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._records = records
        self._user = user
        self._on_left_locked = on_left_locked

    async def reference(self, wanted: Wanted, *, fresh: bool = False) -> Reference:
        """What Epicor knows of these codes."""
        return await self._records.reference(wanted, fresh=fresh)

    async def look_up(self, company: str, vendor_num: int, invoice_num: str) -> APInvoiceDataset | None:
        """The invoice with this key, whole, or None."""
        return await self._client.invoice(company, vendor_num, invoice_num)

    async def alike(self, companies: Sequence[str], vendor_id: str, total: Decimal) -> list[APInvHedRow]:
        """The headers of a vendor's invoices and debit memos that come to this sum, whatever its sign."""
        found: list[APInvHedRow] = []
        for company in companies:
            vendor = (await self._records.reference(Wanted(company, chart="", vendor_id=vendor_id))).vendor
            if vendor is not None:
                found += await self._alike_in(company, vendor.num, total)
        return found

    async def _alike_in(self, company: str, vendor_num: int, total: Decimal) -> list[APInvHedRow]:
        try:
            return await self._client.invoices_of(company, vendor_num, totals=(total, -total))
        except PermanentError as error:
            raise TransientError(
                f"{error} Invoices that look alike cannot be sought; where this Epicor has no APInvSearchSvc, let the "
                "connection say posting.near_duplicates: post."
            ) from error

    async def open_group(self, company: str, group_id: str, *, apply_date: date) -> Reply:
        """Make sure that we can use the group, creating it when it is not there."""
        refusal: Refusal | None = None
        group = await self._client.group(company, group_id)
        if group is None:
            try:
                refusal = await self._client.create_group(company, group_id, apply_date=apply_date)
            except UnclearAnswerError as error:
                return unclear(error)
            if refusal is None:
                return Reply(Said.YES)
            group = await self._client.group(company, group_id) if refusal.is_duplicate else None
        if group is None:
            return refused(refusal, group_id)
        other = holder(group, user=self._user)
        return Reply(Said.YES) if other is None else Reply(Said.GROUP_TAKEN, f"Group {group_id}: {other}")

    async def save(self, company: str, dataset: APInvoiceDataset, *, group_id: str) -> Reply:
        """UpdateMaster, and what its answer means."""
        try:
            answer = await self._client.update_master(company, dataset, group_id=group_id)
        except UnclearAnswerError as error:
            return unclear(error)
        if isinstance(answer, Refusal):
            return refused(answer, group_id)
        return saved(answer)

    async def save_in_stages(
        self,
        company: str,
        dataset: APInvoiceDataset,
        *,
        group_id: str,
        rows_at_once: int,
        still_ours: Callable[[], Awaitable[None]],
    ) -> Reply:
        """The same dataset in several UpdateMasters, as the entry screen saves it."""
        entry = Entry(self._client, company, group_id, meant=dataset, rows_at_once=rows_at_once, still_ours=still_ours)
        return await enter(entry, ALL_STAGES)

    async def remove(self, company: str, vendor_num: int, invoice_num: str) -> Reply:
        """Delete an unposted invoice."""
        try:
            refusal = await self._client.delete_invoice(company, vendor_num, invoice_num)
        except UnknownOutcomeError as error:
            return Reply(Said.UNCLEAR, str(error))
        return Reply(Said.YES) if refusal is None else refused(refusal, "")

    @property
    def user(self) -> str | None:
        """Our own user, where the sign-in tells it."""
        return self._user

    async def group(self, company: str, group_id: str) -> APInvGrpRow | None:
        """The group, or None; where reading it made us its active user, it is given back at once."""
        group = await self._client.group(company, group_id)
        if group is not None and group.ActiveUserID.strip() and holder(_idle(group), user=self._user) is None:
            await self.close_group(company, group_id, surely_ours=True)
        return group

    async def invoices_in(self, company: str, group_id: str) -> list[APInvHedRow]:
        """The headers of some unposted invoices of a group; empty when it has none."""
        try:
            return await self._client.invoices_in(company, group_id)
        except PermanentError as error:
            raise TransientError(f"{error} Posting groups (posting.success: posted) needs APInvSearchSvc.") from error

    async def check_group(self, company: str, group_id: str) -> PrePost | str:
        """What stands against posting a group, or the words in which Epicor refuses even to check."""
        answer = await self._client.poster.check(company, group_id)
        return answer.message if isinstance(answer, Refusal) else answer

    async def posting_parameters(self, company: str, group_id: str) -> Mapping[str, Any]:
        """What asks the posting process for a group."""
        return await self._client.poster.parameters(company, group_id)

    async def post_group(self, company: str, parameters: Mapping[str, Any], *, rules: GroupPosting) -> Reply:
        """Ask for the posting of a group, by a task agent or within the call."""
        poster = self._client.poster
        try:
            if rules.how == "direct":
                refusal = await poster.run(company, parameters)
            else:
                refusal = await poster.submit(company, parameters, agent=rules.agent, program=rules.program)
        except UnclearAnswerError as error:
            return unclear(error)
        return Reply(Said.YES) if refusal is None else Reply(Said.NO, refusal.message)

    async def close_group(self, company: str, group_id: str, *, surely_ours: bool) -> None:
        """Give the group back, trying a few times; a group that somebody else holds by now is left alone."""
        for tries in range(1, UNLOCK_TRIES + 1):
            try:
                why = await self._unlock(company, group_id, surely_ours=surely_ours)
            except FailureError as error:  # an outcome, or a failure that matters more, may be on its way already
                why = str(error)
            if why is None:
                return
            if tries < UNLOCK_TRIES:
                await asyncio.sleep(UNLOCK_PAUSE * 2 ** (tries - 1) * (1 + random.random()))  # noqa: S311 - spreading
        log.error("group_left_locked", company=company, group=group_id, why=why)
        self._on_left_locked()

    async def _unlock(self, company: str, group_id: str, *, surely_ours: bool) -> str | None:
        if not surely_ours:
            group = await self._client.group(company, group_id)
            if group is None or holder(group, user=self._user) is not None:
                return None
        refusal = await self._client.unlock_group(company, group_id)
        return None if refusal is None else refusal.message


def _idle(group: APInvGrpRow) -> APInvGrpRow:
    """The group as if it were not being posted, to see who has it open."""
    return group.model_copy(update={"PostInProcess": False})
