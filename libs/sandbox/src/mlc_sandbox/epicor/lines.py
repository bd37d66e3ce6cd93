"""The lines of an AP invoice (APInvDtl) and its taxes (APInvTax)."""

from decimal import Decimal

from mlc_sandbox.epicor.draft import Draft, changes, duplicate, entered, money, same_revision
from mlc_sandbox.epicor.seed import RATE_CODE
from mlc_sandbox.epicor.wire import KineticError, Row, instant
from mlc_sandbox.epicor.world import Invoice

LINE = "APInvDtl"
TAX = "APInvTax"


def save_line(draft: Draft, row: Row) -> Row:
    """Apply one APInvDtl row by its RowMod; the answer is the line as it is now (or was)."""
    invoice = draft.parent(LINE, row)
    number = row.get("InvoiceLine", 0)
    if row["RowMod"] == "A":
        if number in invoice.lines:
            raise duplicate(draft.world, LINE, "InvoiceLine")
        return _add_line(draft, invoice, row)
    stored = invoice.lines.get(number)
    if stored is None:
        raise KineticError("Record not found.", table=LINE, field="InvoiceLine")
    same_revision(LINE, row, stored)
    if row["RowMod"] == "D":
        _remove_line(invoice, number)
        return stored
    stored |= {**changes(draft, row), **_cost(stored, row), **_line_stamp(draft, stored)}
    return stored


def _add_line(draft: Draft, invoice: Invoice, row: Row) -> Row:
    if row.get("LineType", "M") != "M":
        message = f"This sandbox takes miscellaneous lines (LineType M) only, not {row['LineType']!r}."
        raise KineticError(message, table=LINE, field="LineType")
    number = row.get("InvoiceLine", 0) or max(invoice.lines, default=0) + 1
    if number < 1:
        raise KineticError("InvoiceLine must be positive.", table=LINE, field="InvoiceLine")
    line = {**_identity(invoice), "PartNum": "", "Description": "", **row, **_cost({}, row)}
    line |= {"InvoiceLine": number, "LineType": "M", **draft.world.stamp()}
    line |= _line_stamp(draft, line)
    invoice.lines[number] = line
    return line


def _identity(invoice: Invoice) -> Row:
    return {name: invoice.header[name] for name in ("Company", "VendorNum", "InvoiceNum", "GroupID")}


def _line_stamp(draft: Draft, line: Row) -> Row:
    changed = {"ChangedBy": draft.user, "ChangeDate": instant(draft.now), "SysRevID": draft.world.next_revision()}
    return {"SysRowID": line["SysRowID"], **changed, "RowMod": ""}


def _cost(stored: Row, row: Row) -> Row:
    """Quantity x unit cost, or the extended cost as it was entered; then the unit cost follows from it."""
    known = {"VendorQty": 1, "DocUnitCost": 0, **stored, **row}
    quantity = Decimal(row.get("ScrVendorQty", known["VendorQty"]))
    extended = entered(row, "ScrDocExtCost", "DocExtCost")
    unit = Decimal(known["DocUnitCost"])
    if extended is None:
        extended = money(quantity * unit)
    elif quantity:
        unit = extended if quantity == 1 else extended / quantity
    amounts = {"DocExtCost": extended, "ScrDocExtCost": extended, "ExtCost": extended, "DocUnitCost": unit}
    return {**amounts, "VendorQty": quantity, "ScrVendorQty": quantity}


def _remove_line(invoice: Invoice, number: int) -> None:
    del invoice.lines[number]
    invoice.expenses = {key: row for key, row in invoice.expenses.items() if key[0] != number}
    invoice.accounts = {key: row for key, row in invoice.accounts.items() if key[0] != number}


def save_tax(draft: Draft, row: Row) -> None:
    """Apply one APInvTax row by its RowMod: a manual tax is taken as given, another one is computed."""
    invoice = draft.parent(TAX, row)
    key = (row.get("TaxCode", ""), row.get("RateCode") or RATE_CODE, row.get("ECAcquisitionSeq", 0))
    stored = invoice.taxes.get(key)
    if row["RowMod"] == "A":
        if stored is not None:
            raise duplicate(draft.world, TAX, "TaxCode")
        rate = _rate(draft, key[0], key[1])
        stamp = {"RateCode": key[1], "ECAcquisitionSeq": key[2], **draft.world.stamp(), "RowMod": ""}
        invoice.taxes[key] = {**_identity(invoice), **row, **_tax_amounts(row, rate), **stamp}
        return
    if stored is None:
        raise KineticError("Record not found.", table=TAX, field="TaxCode")
    same_revision(TAX, row, stored)
    if row["RowMod"] == "D":
        del invoice.taxes[key]
        return
    rate = _rate(draft, key[0], key[1])
    stored |= {**changes(draft, row), **_tax_amounts({**stored, **row}, rate)}


def _rate(draft: Draft, code: str, rate_code: str) -> Decimal:
    master = draft.world.master
    if not master.has("SalesTax", Company=draft.company, TaxCode=code):
        raise KineticError("A valid Tax Code is required.", table=TAX, field="TaxCode")
    rate = master.find("TaxRate", Company=draft.company, TaxCode=code, RateCode=rate_code)
    if rate is None:
        raise KineticError("A valid Rate Code is required.", table=TAX, field="RateCode")
    return Decimal(rate["TaxPercent"])


def _tax_amounts(row: Row, percent: Decimal) -> Row:
    taxable = entered(row, "ScrDocTaxableAmt", "DocTaxableAmt") or money(0)
    given = entered(row, "ScrDocTaxAmt", "DocTaxAmt")
    tax = given if row.get("Manual") and given is not None else money(taxable * percent / 100)
    document = {"DocTaxableAmt": taxable, "DocTaxAmt": tax, "ScrDocTaxableAmt": taxable, "ScrDocTaxAmt": tax}
    return {**document, "TaxableAmt": taxable, "TaxAmt": tax, "Percent": percent, "Manual": bool(row.get("Manual"))}
