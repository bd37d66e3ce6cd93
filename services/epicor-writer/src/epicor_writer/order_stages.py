"""The stages of purchase-order lines: from goods receipts, and unreceived.

Epicor reference, call sequence: uninvoiced receipts are fetched, selected and invoiced, which makes a line of each;
then quantity and cost are adjusted. An unreceived line takes its defaults from order, order line and release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from epicor_writer.codes import same_key
from epicor_writer.decision import Said
from epicor_writer.ports import Reply
from epicor_writer.readback_orders import aligned, receipt_key
from epicor_writer.stage_rows import laid_over
from epicor_writer.staged import STAGES, Entry, Stage, StageStoppedError, last_row
from mlc_epicor.datasets import APInvDtlRow

LINES, SELECTED = "APUninvoicedRcptLines", "APSelectedRcptLines"
_OURS = ("VendorQty", "ScrVendorQty", "DocUnitCost", "DocExtCost", "ScrDocExtCost", "Description", "TaxCatID")
"""Columns of a line from a receipt that are ours to fill, beside those of the connection."""


async def receipt_lines(entry: Entry) -> None:
    """Lines from goods receipts: Epicor makes them whole, then quantity and cost become the invoice's."""
    wanted = [row for row in entry.meant.APInvDtl if row.LineType == "R"]
    for order in dict.fromkeys(row.PONum for row in wanted):
        await _invoice(entry, order, [row for row in wanted if row.PONum == order])
    if wanted:
        await _adjust(entry)


async def _invoice(entry: Entry, order: int, wanted: Sequence[APInvDtlRow]) -> None:
    vendor, number = wanted[0].VendorNum, wanted[0].InvoiceNum
    asked = {"ds": {}, "InVendorNum": vendor, "InInvoiceNum": number, "InPONum": order}
    rows = await entry.prepared("GetAPUninvoicedReceipts", asked)
    for point, slip in dict.fromkeys((row.PurPoint, row.PackSlip) for row in wanted):
        numbers = {row.PackLine for row in wanted if (row.PurPoint, row.PackSlip) == (point, slip)}
        rows = await _selected(entry, rows, order, (vendor, number), (point, slip), numbers)
    await entry.act("InvoiceSelectedLines", {"ds": rows})


async def _selected(
    entry: Entry,
    rows: Mapping[str, Any],
    order: int,
    invoice: tuple[int, str],
    receipt: tuple[str, str],
    numbers: set[int],
) -> Mapping[str, Any]:
    """The tableset with the lines of one receipt among the selected ones."""
    (vendor, number), (point, slip) = invoice, receipt
    if not numbers <= _found(rows, slip, order):
        more = {"VendorNum": vendor, "PurPoint": point, "PackSlip": slip, "isFirstReceipt": True}
        more |= {"InvoiceNum": number, "InPONum": order, "ds": rows}
        rows = await entry.prepared("GetAPUninvoicedReceiptLines", more)
    if missing := numbers - _found(rows, slip, order):
        what = ", ".join(f"{slip}/{each}" for each in sorted(missing))
        raise StageStoppedError(Reply(Said.NO, f"Goods receipt {what} of order {order} has nothing uninvoiced."))
    marked = [
        row | {"SelectLine": True, "RowMod": "U"}
        if row.get("PackLine") in numbers and _is_of(row, slip, order)
        else row
        for row in rows[LINES]
    ]
    asked = {"InVendorNum": vendor, "InPurPoint": point, "InPONum": order, "InPackSlip": slip, "InDropShip": False}
    asked |= {"InvoiceNum": number, "InGRNIClearing": False, "ds": {**rows, LINES: marked}}
    return await entry.prepared("SelectUninvoicedRcptLines", asked)


def _is_of(row: Mapping[str, Any], slip: str, order: int) -> bool:
    return same_key(str(row.get("PackSlip") or "")) == same_key(slip) and row.get("PONum") == order


def _found(rows: Mapping[str, Any], slip: str, order: int) -> set[int]:
    """The lines of a receipt that can be selected."""
    return {int(row["PackLine"]) for row in rows.get(LINES) or () if _is_of(row, slip, order)}


async def _adjust(entry: Entry) -> None:
    """Quantity, cost and texts of the invoice over what the receipts said."""
    held = await entry.held()
    entry.meant = aligned(entry.meant, held)
    facts = {receipt_key(row): row for row in held.APInvDtl if row.LineType == "R"}
    changed = []
    for wish in (row for row in entry.meant.APInvDtl if row.LineType == "R"):
        fact = facts.get(receipt_key(wish))
        if fact is None or fact.InvoiceLine != wish.InvoiceLine:
            raise StageStoppedError(
                Reply(Said.UNCLEAR, "Epicor did not make the lines of the goods receipts as asked.")
            )
        changed.append(await _changed(entry, fact, wish))
    await entry.save("APInvDtl", changed)


async def _changed(entry: Entry, fact: APInvDtlRow, wish: APInvDtlRow) -> APInvDtlRow:
    row: Mapping[str, Any] = fact.model_copy(update={"RowMod": "U"}).model_dump(exclude_unset=True)
    if fact.VendorQty != wish.VendorQty:
        asked = {"ProposedVendorQty": wish.ScrVendorQty, "ds": {"APInvDtl": [row]}}
        row = last_row(await entry.prepared("ChangeVendorQty", asked), "APInvDtl")
    if row.get("ScrDocExtCost") != wish.ScrDocExtCost:
        asked = {"ProposedUnitCost": wish.DocUnitCost, "ds": {"APInvDtl": [row]}}
        row = last_row(await entry.prepared("ChangeUnitCost", asked), "APInvDtl")
    ours = {name: getattr(wish, name) for name in _OURS if name in wish.model_fields_set}
    return APInvDtlRow.model_validate({**row, **ours, **(wish.model_extra or {}), "RowMod": "U"})


async def unreceived_lines(entry: Entry) -> None:
    """Lines of orders that no receipt covers, each with the defaults of its release and our columns over it."""
    made = []
    for wish in (row for row in entry.meant.APInvDtl if row.LineType == "U"):
        asked = {"ds": {}, "iVendorNum": wish.VendorNum, "cInvoiceNum": wish.InvoiceNum}
        rows = await entry.prepared("GetNewAPInvDtlUnreceived", asked)
        for method, name in (("ChangePONum", "PONum"), ("ChangePOLine", "POLine"), ("ChangePORelNum", "PORelNum")):
            rows = await entry.prepared(method, {f"Proposed{name}": getattr(wish, name), "ds": rows})
        rows = await entry.prepared("ChangeVendorQty", {"ProposedVendorQty": wish.ScrVendorQty, "ds": rows})
        made.append(laid_over(last_row(rows, "APInvDtl"), wish))
    if made:
        await entry.save("APInvDtl", made)


ALL_STAGES: tuple[Stage, ...] = (STAGES[0], receipt_lines, unreceived_lines, *STAGES[1:])
"""Receipts need a saved header; their lines come first, since Epicor numbers them itself."""
