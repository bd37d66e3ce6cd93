"""Message Translator: a draft becomes an AP invoice dataset. Pure; proven by golden files.

One miscellaneous line, one expense and one account row per coding row, and the lines of purchase orders, all in one
dataset (Epicor reference, UpdateMaster); a line without expense rows gets them from Epicor. Every child repeats its
parent's key, because the rows are saved in one call. A credit note is a debit memo: the screen's columns (Scr...) take
positive amounts, the others hold them negative (Epicor reference, credit notes).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeVar

from epicor_writer.invoice import Draft, Line, Share
from epicor_writer.reference import Vendor
from epicor_writer.taxes import TaxLine
from mlc_common.order_lines import PER, OrderLine
from mlc_epicor.datasets import (
    APInvDtlRow,
    APInvExpRow,
    APInvExpTGLCRow,
    APInvHedRow,
    APInvoiceDataset,
    APInvTaxRow,
)

COST_DECIMALS = Decimal("0.00001")
"""Decimals of a unit cost that is worked out; the amount is sent beside it and counts."""

Made = TypeVar("Made", APInvHedRow, APInvDtlRow)


def to_dataset(draft: Draft, vendor: Vendor, *, group_id: str) -> APInvoiceDataset:
    """The one dataset of a draft, every row to be added, lines numbered from 1 without gaps."""
    lines = list(enumerate(draft.lines, start=1))
    shares = [(number, place, share) for number, line in lines for place, share in enumerate(line.shares, start=1)]
    return APInvoiceDataset(
        APInvHed=(_header(draft, vendor, group_id),),
        APInvDtl=tuple(_line(draft, vendor, group_id, number, line) for number, line in lines),
        APInvExp=tuple(_expense(draft, vendor, *share) for share in shares),
        APInvExpTGLC=tuple(_account(draft, vendor, *share) for share in shares),
        APInvTax=tuple(_tax(draft, vendor, tax) for tax in draft.taxes),
    )


def _header(draft: Draft, vendor: Vendor, group_id: str) -> APInvHedRow:
    row = APInvHedRow(
        Company=draft.pair.epicor,
        VendorNum=vendor.num,
        VendorNumVendorID=vendor.vendor_id,
        InvoiceNum=draft.invoice_num,
        DebitMemo=draft.credit,
        InvoiceDate=draft.invoice_date,
        ApplyDate=draft.apply_date,
        CurrencyCode=draft.currency,
        GroupID=group_id,
        DocInvoiceVendorAmt=_stored(draft, draft.total),
        ScrDocInvoiceVendorAmt=draft.total,
        Description=draft.description,
        ExternalID=draft.invoice_id,
        InvoiceHeld=draft.hold,
        ReadyToCalc=draft.computes_tax,
        RowMod="A",
    )
    given = {
        "DueDate": draft.due_date,
        "TermsCode": draft.terms or vendor.terms or None,
        "ExtSysURL": draft.link,
        "InvoiceRef": draft.reference,
        "ScrInvoiceRef": draft.reference,
        "SEBankRef": draft.payment_reference or None,
        "TranDocTypeID": draft.document_type,
        "RateGrpCode": draft.rate_group,
        "ExchangeRate": draft.rate,
        "LockRate": None if draft.rate is None else True,
        "TaxRegionCode": draft.tax_region,
    }
    return _with_columns(row, {name: value for name, value in given.items() if value is not None} | dict(draft.extra))


def _line(draft: Draft, vendor: Vendor, group_id: str, number: int, line: Line) -> APInvDtlRow:
    row = APInvDtlRow(
        Company=draft.pair.epicor,
        VendorNum=vendor.num,
        InvoiceNum=draft.invoice_num,
        InvoiceLine=number,
        LineType="M",
        Description=line.description,
        PartNum="",
        VendorQty=_stored(draft, line.quantity),
        ScrVendorQty=line.quantity,
        PUM=line.unit,
        DocUnitCost=line.amount,
        DocExtCost=_stored(draft, line.amount),
        ScrDocExtCost=line.amount,
        GroupID=group_id,
        RowMod="A",
    )
    category = {} if line.tax_category is None else {"TaxCatID": line.tax_category}
    order = {} if line.order is None else _order_columns(line, line.order)
    return _with_columns(row, order | category | dict(line.extra))


def _order_columns(line: Line, order: OrderLine) -> dict[str, Any]:
    """What makes a line one of a purchase order: received when it names a receipt."""
    columns = {
        "LineType": "U",
        "PartNum": order.part,
        "CostPerCode": order.per,
        "DocUnitCost": _unit_cost(line.amount, order),
        "PONum": order.order,
        "POLine": order.line,
        "PORelNum": order.release,
    }
    if order.receipt is None:
        return columns
    receipt = order.receipt
    keys = {"PurPoint": receipt.purchase_point, "PackSlip": receipt.pack_slip, "PackLine": receipt.pack_line}
    return columns | {"LineType": "R"} | keys


def _unit_cost(amount: Decimal, order: OrderLine) -> Decimal:
    """The order's cost where it comes to the amount, else what the amount comes to."""
    per = PER[order.per]
    smallest = Decimal(1).scaleb(min(int(amount.as_tuple().exponent), 0))
    if (order.quantity * order.cost / per).quantize(smallest, ROUND_HALF_UP) == amount:
        return order.cost
    return (amount * per / order.quantity).quantize(COST_DECIMALS, ROUND_HALF_UP)


def _expense(draft: Draft, vendor: Vendor, number: int, place: int, share: Share) -> APInvExpRow:
    return APInvExpRow(
        Company=draft.pair.epicor,
        VendorNum=vendor.num,
        InvoiceNum=draft.invoice_num,
        InvoiceLine=number,
        InvExpSeq=place,
        DocExpAmt=_stored(draft, share.amount),
        DocScrExpAmt=share.amount,
        COACode=draft.pair.chart,
        BookID=draft.pair.book,
        GLAccount=share.account.internal,
        RowMod="A",
    )


def _account(draft: Draft, vendor: Vendor, number: int, place: int, share: Share) -> APInvExpTGLCRow:
    segments = {f"SegValue{place}": value for place, value in enumerate(share.account.segments, start=1)}
    return APInvExpTGLCRow.model_validate(
        {
            "Company": draft.pair.epicor,
            "RelatedToFile": "APInvExp",
            "Key1": str(vendor.num),
            "Key2": draft.invoice_num,
            "Key3": str(number),
            "Key4": str(place),
            "Key5": "",
            "Key6": "",
            "VendorNum": vendor.num,
            "InvoiceNum": draft.invoice_num,
            "InvoiceLine": number,
            "InvExpSeq": place,
            "BookID": draft.pair.book,
            "COACode": draft.pair.chart,
            "GLAccount": share.account.internal,
            **segments,
            "RecordType": "A",
            "UserCanModify": True,
            "RowMod": "A",
        }
    )


def _tax(draft: Draft, vendor: Vendor, tax: TaxLine) -> APInvTaxRow:
    return APInvTaxRow(
        Company=draft.pair.epicor,
        VendorNum=vendor.num,
        InvoiceNum=draft.invoice_num,
        TaxCode=tax.code,
        RateCode=draft.pair.rate_code,
        ECAcquisitionSeq=0,
        Manual=True,
        DocTaxableAmt=_stored(draft, tax.taxable),
        ScrDocTaxableAmt=tax.taxable,
        DocReportableAmt=_stored(draft, tax.taxable),
        DocTaxAmt=_stored(draft, tax.amount),
        ScrDocTaxAmt=tax.amount,
        RowMod="A",
    )


def _stored(draft: Draft, amount: Decimal) -> Decimal:
    return -amount if draft.credit else amount


def _with_columns(row: Made, columns: Mapping[str, Any]) -> Made:
    given = {name: getattr(row, name) for name in row.model_fields_set}
    return type(row).model_validate(given | dict(columns))
