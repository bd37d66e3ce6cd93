"""An AP invoice in stages, one table after the other, as the entry screen saves it: the strategy `staged`.

Epicor reference, call sequence and empty-account problem: every client that was found saves the header first, then
each line, then the accounts of the distributions that the line's save created. `STAGES` is that order; a stage is a
function that prepares rows and saves them. Whatever happens in one, the read-back decides about the whole invoice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from epicor_writer.decision import Said
from epicor_writer.ports import Reply
from epicor_writer.replies import refused, saved, unclear
from epicor_writer.stage_rows import accounts_to_save, expenses_to_save, laid_over, taxes_to_save
from mlc_common.failures import TransientError
from mlc_common.http import UnclearAnswerError
from mlc_epicor.client import EpicorClient
from mlc_epicor.datasets import (
    APInvDtlRow,
    APInvExpRow,
    APInvExpTGLCRow,
    APInvHedRow,
    APInvoiceDataset,
    APInvTaxRow,
)
from mlc_epicor.errors import Refusal

Row = TypeVar("Row", APInvHedRow, APInvDtlRow, APInvExpRow, APInvExpTGLCRow, APInvTaxRow)
Rows = Mapping[str, Any]


class StageStoppedError(Exception):
    """A stage ended without its YES; `reply` is what came instead."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.message)
        self.reply = reply


@dataclass
class Entry:
    """One invoice that is being entered, and what a stage may do.

    Attributes:
        meant: the whole invoice.
        rows_at_once: rows of one table in one UpdateMaster, at most.
        still_ours: raises TransientError when our place among the callers was lost.
        begun: something of the invoice was saved.
    """

    client: EpicorClient
    company: str
    group_id: str
    meant: APInvoiceDataset
    rows_at_once: int
    still_ours: Callable[[], Awaitable[None]]
    begun: bool = False

    async def prepared(self, method: str, arguments: Mapping[str, Any]) -> Rows:
        """The tableset of a method of APInvoiceSvc that fills rows in and saves nothing (GetNew…, Change…)."""
        rows: Rows = self._accepted(await self.client.prepared(self.company, method, arguments))
        return rows

    async def act(self, method: str, arguments: Mapping[str, Any]) -> Rows:
        """The same of a method that saves something."""
        await self.still_ours()
        rows = await self.prepared(method, arguments)
        self.begun = True
        return rows

    async def save(self, table: str, rows: Sequence[Row]) -> None:
        """UpdateMaster for these rows of one table, so many at once."""
        for first in range(0, len(rows), self.rows_at_once):
            await self.still_ours()
            dataset = APInvoiceDataset.model_validate({table: rows[first : first + self.rows_at_once]})
            answer = await self.client.update_master(self.company, dataset, group_id=self.group_id, table=table)
            reply = saved(self._accepted(answer))
            if reply.said is not Said.YES:
                raise StageStoppedError(reply)
            self.begun = True

    async def held(self) -> APInvoiceDataset:
        """The invoice as Epicor holds it by now."""
        header = self.meant.header
        found = await self.client.invoice(self.company, header.VendorNum, header.InvoiceNum)
        if found is None:
            raise StageStoppedError(Reply(Said.UNCLEAR, "The header was saved and is not there."))
        return found

    def _accepted(self, answer: Any) -> Any:
        if not isinstance(answer, Refusal):
            return answer
        reply = refused(answer, self.group_id)
        # Somebody took the group half-way, or an earlier call of ours arrived late: to be looked up, not told.
        unsettled = self.begun and (reply.said is Said.GROUP_TAKEN or answer.is_duplicate)
        raise StageStoppedError(replace(reply, said=Said.UNCLEAR) if unsettled else reply)


Stage = Callable[[Entry], Awaitable[None]]


async def header(entry: Entry) -> None:
    """The default row, what follows from supplier, date and currency, and our columns over it."""
    meant = entry.meant.header
    new = "GetNewAPInvHedDebitMemo" if meant.DebitMemo else "GetNewAPInvHedInvoice"
    rows = await entry.prepared(new, {"ds": {}, "cGroupID": entry.group_id})
    vendor = {"ProposedVendorID": meant.VendorNumVendorID, "confirmCheck": False}
    rows = await entry.prepared("ChangeVendorID", vendor | {"ds": rows})
    day = "" if meant.InvoiceDate is None else f"{meant.InvoiceDate.isoformat()}T00:00:00"
    rows = await entry.prepared("ChangeInvoiceDateEx", {"ProposedInvoiceDate": day, "recalcAmts": "", "ds": rows})
    default = last_row(rows, "APInvHed")
    if meant.CurrencyCode and default.get("CurrencyCode") != meant.CurrencyCode:
        group = meant.RateGrpCode or default.get("RateGrpCode") or ""
        currency = {"ProposedCurrencyCode": meant.CurrencyCode, "vRateGrpCode": group}
        default = last_row(await entry.prepared("ChangeCurrencyMaster", currency | {"ds": rows}), "APInvHed")
    await entry.save("APInvHed", [laid_over(default, meant)])


async def expense_lines(entry: Entry) -> None:
    """The miscellaneous lines, each the default row with our columns over it."""
    lines = [row for row in entry.meant.APInvDtl if row.LineType == "M"]
    if lines:
        asked = {"ds": {}, "iVendorNum": lines[0].VendorNum, "cInvoiceNum": lines[0].InvoiceNum}
        default = last_row(await entry.prepared("GetNewAPInvDtlMiscellaneous", asked), "APInvDtl")
        await entry.save("APInvDtl", [laid_over(default, row) for row in lines])


async def distributions(entry: Entry) -> None:
    """The shares of every line: the ones that its save made are changed, others added."""
    meant = entry.meant.APInvExp
    if not meant:
        return
    held = await entry.held()
    asked = {"vendorNum": meant[0].VendorNum, "invoiceNum": meant[0].InvoiceNum, "invoiceLine": meant[0].InvoiceLine}
    plan = expenses_to_save(entry.meant, held)
    if plan.added:
        default = last_row(await entry.prepared("GetNewAPInvExp", {"ds": {}, **asked}), "APInvExp")
        plan = replace(plan, added=tuple(laid_over(default, row) for row in plan.added))
    await entry.save("APInvExp", [*plan.removed, *plan.changed, *plan.added])


async def accounts(entry: Entry) -> None:
    """The GL account of every share. How a new row is keyed is not documented: Epicor fills that in, row by row."""
    if not entry.meant.APInvExpTGLC:
        return
    plan = accounts_to_save(entry.meant, await entry.held())
    added = []
    for row in plan.added:
        asked = {"vendorNum": row.VendorNum, "invoiceNum": row.InvoiceNum, "invoiceLine": row.InvoiceLine}
        rows = await entry.prepared("GetNewAPInvExpTGLC", {"ds": {}, **asked, "invExpSeq": row.InvExpSeq})
        added.append(laid_over(last_row(rows, "APInvExpTGLC"), row, keys=("RelatedToFile", "Key")))
    await entry.save("APInvExpTGLC", [*plan.changed, *added])


async def taxes(entry: Entry) -> None:
    """Taxes as they were given; those that Epicor computes came with the lines."""
    if not entry.meant.APInvTax:
        return
    plan = taxes_to_save(entry.meant, await entry.held())
    added = []
    for row in plan.added:
        asked = {"vendorNum": row.VendorNum, "invoiceNum": row.InvoiceNum}
        codes = {"taxCode": row.TaxCode, "rateCode": row.RateCode}
        rows = await entry.prepared("GetNewAPInvTax", {"ds": {}, **asked, **codes})
        added.append(laid_over(last_row(rows, "APInvTax"), row))
    await entry.save("APInvTax", [*plan.changed, *added])


STAGES: tuple[Stage, ...] = (header, expense_lines, distributions, accounts, taxes)


async def enter(entry: Entry, stages: Sequence[Stage] = STAGES) -> Reply:
    """Run the stages; the first one that does not succeed ends it.

    Raises:
        TransientError: nothing was saved.
    """
    try:
        for stage in stages:
            await stage(entry)
    except StageStoppedError as stopped:
        return replace(stopped.reply, begun=entry.begun)
    except UnclearAnswerError as error:
        return replace(unclear(error), begun=entry.begun)
    except TransientError as error:
        if not entry.begun:
            raise
        return Reply(Said.UNCLEAR, f"It was left half-way: {error}", begun=True)
    return Reply(Said.YES)


def last_row(rows: Rows, table: str) -> Mapping[str, Any]:
    """The row that a GetNew method added; it is the last one."""
    found = rows.get(table)
    if not isinstance(found, list) or not found or not isinstance(found[-1], Mapping):
        raise StageStoppedError(Reply(Said.UNCLEAR, f"Epicor gave no new row of {table}."))
    return found[-1]
