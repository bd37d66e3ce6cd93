"""Taxes that this Epicor works out itself: liability x tax category, anew with every save that is ready for it."""

from decimal import Decimal

from mlc_sandbox.company import TAX_LIABILITIES
from mlc_sandbox.epicor.draft import Draft, cents, sign_of
from mlc_sandbox.epicor.lines import rate_of
from mlc_sandbox.epicor.seed import RATE_CODE
from mlc_sandbox.epicor.wire import KineticError, Row
from mlc_sandbox.epicor.world import Invoice


def compute_taxes(draft: Draft, invoice: Invoice) -> None:
    """Make the taxes anew that no person has entered; manual ones stay as they are.

    Raises KineticError for a line whose tax category the liability does not know.
    """
    ready = invoice.header.get("ReadyToCalc", draft.world.settings.taxes_unasked)
    if not ready or invoice.posted:
        return
    manual = {key: row for key, row in invoice.taxes.items() if row["Manual"]}
    due: dict[str, list[Row]] = {}
    for line in invoice.lines.values():
        due.setdefault(_code(invoice, line), []).append(line)
    keyed = {(code, RATE_CODE, 0): lines for code, lines in due.items() if code}
    computed = {key: _row(draft, invoice, key[0], lines) for key, lines in keyed.items() if key not in manual}
    invoice.taxes = manual | computed


def _code(invoice: Invoice, line: Row) -> str:
    region, category = invoice.header.get("TaxRegionCode") or "", line.get("TaxCatID") or ""
    if category and (region, category) not in TAX_LIABILITIES:
        raise KineticError("A valid Tax Category is required.", table="APInvDtl", field="TaxCatID")
    return TAX_LIABILITIES.get((region, category), "")


def _row(draft: Draft, invoice: Invoice, code: str, lines: list[Row]) -> Row:
    percent, sign = rate_of(draft, code, RATE_CODE), sign_of(draft, invoice)
    places = draft.world.master.decimals(invoice.header["CurrencyCode"])
    taxable = sum((line["ScrDocExtCost"] for line in lines), Decimal(0))
    rounded = lines if draft.world.settings.tax_rounded == "line" else [{"ScrDocExtCost": taxable}]
    tax = sum((cents(line["ScrDocExtCost"] * percent / 100, places) for line in rounded), Decimal(0))
    old = invoice.taxes.get((code, RATE_CODE, 0))
    stamp = draft.world.stamp() if old is None else {"SysRowID": old["SysRowID"], "SysRevID": old["SysRevID"]}
    keys = {name: invoice.header[name] for name in ("Company", "VendorNum", "InvoiceNum", "GroupID")}
    codes = {"TaxCode": code, "RateCode": RATE_CODE, "ECAcquisitionSeq": 0, "Manual": False, "Percent": percent}
    amounts = {"DocTaxableAmt": taxable * sign, "ScrDocTaxableAmt": taxable, "TaxableAmt": taxable * sign}
    amounts |= {"DocTaxAmt": tax * sign, "ScrDocTaxAmt": tax, "TaxAmt": tax * sign}
    return {**keys, **codes, **amounts, **stamp, "RowMod": ""}
