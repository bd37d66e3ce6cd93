"""The lines of an AP invoice (APInvDtl) and its taxes (APInvTax)."""

from decimal import ROUND_HALF_UP, Decimal

from mlc_sandbox.epicor.draft import Draft, cents, changes, duplicate, money, same_revision, shown, sign_of
from mlc_sandbox.epicor.order_lines import check_order_line, line_type, per, receipt_line, with_order
from mlc_sandbox.epicor.seed import RATE_CODE
from mlc_sandbox.epicor.wire import KineticError, Row, instant
from mlc_sandbox.epicor.world import Invoice

LINE = "APInvDtl"
TAX = "APInvTax"
COST = Decimal("0.00001")


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
    fixed = {name: stored[name] for name in _FIXED if name in stored}
    stored |= {**changes(draft, row), **_cost(draft, invoice, stored, row), **_line_stamp(draft, stored), **fixed}
    check_order_line(draft, stored)
    return stored


_FIXED = ("LineType", "PONum", "POLine", "PORelNum", "PurPoint", "PackSlip", "PackLine")
"""What a change of a line leaves as it is."""


def _add_line(draft: Draft, invoice: Invoice, row: Row) -> Row:
    kind = line_type(row)
    row = with_order(draft, invoice, kind, row)
    number = row.get("InvoiceLine", 0) or max(invoice.lines, default=0) + 1
    if number < 1:
        raise KineticError("InvoiceLine must be positive.", table=LINE, field="InvoiceLine")
    return _put_line(draft, invoice, {**row, "InvoiceLine": number, "LineType": kind})


def add_receipt_line(draft: Draft, invoice: Invoice, receipt: Row) -> Row:
    """A new line from a goods receipt, for all of it that is not invoiced."""
    number = max(invoice.lines, default=0) + 1
    return _put_line(draft, invoice, {**receipt_line(draft, invoice, receipt), "InvoiceLine": number})


def _put_line(draft: Draft, invoice: Invoice, row: Row) -> Row:
    line = {**_identity(invoice), "PartNum": "", "Description": "", **row, **_cost(draft, invoice, {}, row)}
    line |= draft.world.stamp()
    line |= _line_stamp(draft, line)
    invoice.lines[line["InvoiceLine"]] = line
    check_order_line(draft, line)
    return line


def _identity(invoice: Invoice) -> Row:
    return {name: invoice.header[name] for name in ("Company", "VendorNum", "InvoiceNum", "GroupID")}


def _line_stamp(draft: Draft, line: Row) -> Row:
    changed = {"ChangedBy": draft.user, "ChangeDate": instant(draft.now), "SysRevID": draft.world.next_revision()}
    return {"SysRowID": line["SysRowID"], **changed, "RowMod": ""}


def _cost(draft: Draft, invoice: Invoice, stored: Row, row: Row) -> Row:
    """Quantity x unit cost, or the extended cost as it was entered; then the unit cost follows from it."""
    known = {"ScrVendorQty": 1, "DocUnitCost": 0, **stored, **row}
    sign, quantity = sign_of(draft, invoice), Decimal(known["ScrVendorQty"])
    extended = shown(draft, invoice, LINE, row, "ScrDocExtCost", "DocExtCost")
    unit = Decimal(known["DocUnitCost"])
    if extended is None:
        extended = cents(quantity * unit / per(known))
    elif quantity:
        unit = _unit_cost(extended, quantity, unit, per(known))
    if not extended and draft.world.settings.zero_lines == "refuse":
        raise KineticError("A line must have an amount.", table=LINE, field="ScrDocExtCost")
    amounts = {"DocExtCost": extended * sign, "ScrDocExtCost": extended, "ExtCost": extended * sign}
    return {**amounts, "DocUnitCost": unit, "VendorQty": quantity * sign, "ScrVendorQty": quantity}


def _unit_cost(extended: Decimal, quantity: Decimal, given: Decimal, units: int) -> Decimal:
    """The unit cost as given where it comes to the amount, else what the amount comes to, to five decimals."""
    if cents(quantity * given / units, 3) == extended or cents(quantity * given / units) == extended:
        return given
    exact = extended * units / quantity
    return exact if exact == exact.quantize(COST) else exact.quantize(COST, ROUND_HALF_UP)


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
        rate = rate_of(draft, key[0], key[1])
        stamp = {"RateCode": key[1], "ECAcquisitionSeq": key[2], **draft.world.stamp(), "RowMod": ""}
        amounts = _tax_amounts(draft, invoice, row, rate)
        invoice.taxes[key] = {**_identity(invoice), **row, **amounts, **stamp}
        return
    if stored is None:
        raise KineticError("Record not found.", table=TAX, field="TaxCode")
    same_revision(TAX, row, stored)
    if row["RowMod"] == "D":
        del invoice.taxes[key]
        return
    rate = rate_of(draft, key[0], key[1])
    stored |= {**changes(draft, row), **_tax_amounts(draft, invoice, {**stored, **row}, rate)}


def rate_of(draft: Draft, code: str, rate_code: str) -> Decimal:
    """The percentage of a tax code. Raises KineticError for an unknown code or rate code."""
    master = draft.world.master
    if not master.has("SalesTax", Company=draft.company, TaxCode=code):
        raise KineticError("A valid Tax Code is required.", table=TAX, field="TaxCode")
    rate = master.find("TaxRate", Company=draft.company, TaxCode=code, RateCode=rate_code)
    if rate is None:
        raise KineticError("A valid Rate Code is required.", table=TAX, field="RateCode")
    return Decimal(rate["TaxPercent"])


def _tax_amounts(draft: Draft, invoice: Invoice, row: Row, percent: Decimal) -> Row:
    sign, places = sign_of(draft, invoice), draft.world.master.decimals(invoice.header["CurrencyCode"])
    taxable = shown(draft, invoice, TAX, row, "ScrDocTaxableAmt", "DocTaxableAmt") or money(0)
    given = shown(draft, invoice, TAX, row, "ScrDocTaxAmt", "DocTaxAmt")
    tax = given if row.get("Manual") and given is not None else cents(taxable * percent / 100, places)
    stored = {"TaxableAmt": taxable * sign, "TaxAmt": tax * sign}
    screen = {"ScrDocTaxableAmt": taxable, "ScrDocTaxAmt": tax}
    document = {f"Doc{name}": amount for name, amount in stored.items()}
    return {**document, **screen, **stored, "Percent": percent, "Manual": bool(row.get("Manual"))}
