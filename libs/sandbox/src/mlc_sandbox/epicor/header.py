"""The header of an AP invoice (APInvHed): what is checked, what defaults, what the totals come to."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from mlc_sandbox.epicor.draft import Draft, cents, duplicate, money, same_revision, shown, sign_of
from mlc_sandbox.epicor.seed import RATE_GROUP
from mlc_sandbox.epicor.tables import date_of
from mlc_sandbox.epicor.wire import KineticError, QuestionError, Row, day, instant
from mlc_sandbox.epicor.world import Invoice

TABLE = "APInvHed"
INVOICE_NUM_LENGTH = 50


def refused(message: str, field: str) -> KineticError:
    """A business refusal that names a header column."""
    return KineticError(message, table=TABLE, field=field)


def save_header(draft: Draft, row: Row) -> None:
    """Apply one APInvHed row by its RowMod."""
    vendor = _vendor(draft, row)
    row = {**row, "VendorNum": vendor["VendorNum"], "VendorNumVendorID": vendor["VendorID"]}
    number = row.get("InvoiceNum", "")
    existing = draft.find(row["VendorNum"], number)
    match row["RowMod"]:
        case "A":
            if existing is not None:
                raise duplicate(draft.world, TABLE, "InvoiceNum")
            _add(draft, row, vendor)
        case "U" | "D":
            if existing is None:
                raise refused("Record not found.", "InvoiceNum")
            draft.may_change(TABLE, existing)
            same_revision(TABLE, row, existing.header)
            if row["RowMod"] == "D":
                draft.invoices[existing.key] = None
            else:
                kept = {
                    name: existing.header[name] for name in ("InvoiceNum", "GroupID", "Posted", "SysRowID", "DebitMemo")
                }
                existing.header |= {**_computed(draft, {**existing.header, **row}, vendor), **kept}


def _add(draft: Draft, row: Row, vendor: Row) -> None:
    number = row.get("InvoiceNum", "").rstrip()
    if not number:
        raise refused("Invoice Number is required.", "InvoiceNum")
    if len(number) > INVOICE_NUM_LENGTH:
        raise refused(f"Invoice Number is longer than {INVOICE_NUM_LENGTH} characters.", "InvoiceNum")
    if row.get("Posted") or row.get("OpenPayable"):
        raise refused("An invoice cannot be entered as posted.", "Posted")
    if row.get("GroupID", draft.group) not in ("", draft.group):
        raise refused(f"The invoice names group {row['GroupID']}, the call names {draft.group}.", "GroupID")
    header = {**_DEFAULTS, **_computed(draft, row, vendor), "InvoiceNum": number, "GroupID": draft.group}
    header |= {**draft.world.stamp(), "EntryPerson": draft.user, "LegalNumber": _legal_number(draft, row)}
    invoice = Invoice(header)
    draft.invoices[invoice.key] = invoice


_DEFAULTS: Row = {
    "DebitMemo": False,
    "Posted": False,
    "OpenPayable": False,
    "InvoiceHeld": False,
    "PayHold": False,
    "GLControlType": "APAcct",
    "RateGrpCode": RATE_GROUP,
    "ExchangeRate": Decimal(1),
    "FiscalYearSuffix": "",
    "FiscalCalendarID": "MAIN",
    "Description": "",
    "InvoiceComment": "",
    "ExternalID": "",
}


def _vendor(draft: Draft, row: Row) -> Row:
    master, company = draft.world.master, draft.company
    number, code = row.get("VendorNum", 0), row.get("VendorNumVendorID", "")
    vendor = master.vendors.get((company, number)) if number else master.vendor_ids.get((company, code))
    if vendor is None:
        raise refused("A valid Supplier is required.", "VendorNum" if number else "VendorNumVendorID")
    if code and code != vendor["VendorID"]:
        raise refused(f"Supplier {code} is not VendorNum {number}.", "VendorNumVendorID")
    if row["RowMod"] == "A" and vendor["Inactive"] and draft.world.settings.inactive_vendors == "refuse":
        raise refused("Supplier is inactive.", "VendorNum")
    return vendor


def _computed(draft: Draft, row: Row, vendor: Row) -> Row:
    """The row with defaults of the vendor and the group, checked, and all that follows from it."""
    home = draft.world.master.companies[draft.company]
    terms = row.get("TermsCode") or vendor["TermsCode"]
    currency = row.get("CurrencyCode") or vendor["CurrencyCode"] or home["CurrencyCode"]
    _known(draft, "PurTerms", "TermsCode", terms)
    _known(draft, "Currency", "CurrencyCode", currency)
    region = row.get("TaxRegionCode") or vendor["TaxRegionCode"]
    _known(draft, "TaxRgn", "TaxRegionCode", region)
    if row.get("RateGrpCode") not in (None, "", RATE_GROUP):
        raise refused("A valid Rate Type is required.", "RateGrpCode")
    as_it_will_be = Invoice({**row, "DebitMemo": bool(row.get("DebitMemo")), "CurrencyCode": currency})
    names = ("ScrDocInvoiceVendorAmt", "DocInvoiceVendorAmt")
    control = shown(draft, as_it_will_be, TABLE, row, *names) or money(0)
    if row.get("DebitMemo") and control < 0:
        raise refused("The amount of a debit memo is entered positive.", "ScrDocInvoiceVendorAmt")
    stored = control * sign_of(draft, as_it_will_be)
    amounts = {"DocInvoiceVendorAmt": stored, "ScrDocInvoiceVendorAmt": control}
    amounts |= {**_rate(draft, row, currency), **_reference(draft, row, vendor)}
    codes = {"TermsCode": terms, "CurrencyCode": currency, "TaxRegionCode": region}
    codes |= {"Company": draft.company, "RowMod": ""}
    revision = {"SysRevID": draft.world.next_revision(), "ChangedBy": draft.user, "ChangeDate": instant(draft.now)}
    return {**row, **codes, **_dates(draft, row, terms), **amounts, **revision}


def _rate(draft: Draft, row: Row, currency: str) -> Row:
    """The rate of the table, unless one is locked; base currency has none."""
    home = draft.world.master.companies[draft.company]["CurrencyCode"]
    if row.get("LockRate") and row.get("ExchangeRate"):
        return {"ExchangeRate": Decimal(row["ExchangeRate"]), "LockRate": True}
    if currency == home:
        return {"ExchangeRate": Decimal(1)}
    found = draft.world.master.rate(currency, home)
    if found is None:
        raise refused(f"There is no exchange rate from {currency} to {home}.", "ExchangeRate")
    # What a row says is kept, as a default row's 1 that nobody changed with the currency.
    return {"ExchangeRate": Decimal(row["ExchangeRate"]) if row.get("ExchangeRate") else found}


def _reference(draft: Draft, row: Row, vendor: Row) -> Row:
    """The invoice that a debit memo credits."""
    number = row.get("ScrInvoiceRef") or row.get("InvoiceRef") or ""
    if not number:
        return {}
    original = draft.find(vendor["VendorNum"], number)
    if not row.get("DebitMemo") or original is None or original.header["DebitMemo"]:
        raise refused("Invoice Reference must name an existing invoice that is no debit memo.", "InvoiceRef")
    return {"InvoiceRef": number, "ScrInvoiceRef": number}


def _known(draft: Draft, table: str, column: str, code: str) -> None:
    if not draft.world.master.has(table, Company=draft.company, **{column: code}):
        raise refused(f"A valid {column} is required.", column)


def _dates(draft: Draft, row: Row, terms: str) -> Row:
    if not row.get("InvoiceDate"):
        raise refused("Invoice Date is required.", "InvoiceDate")
    group = draft.world.group(draft.company, draft.group) or {}
    apply_text = row.get("ApplyDate") or group.get("ApplyDate") or row["InvoiceDate"]
    apply_date, closed = date_of(apply_text), draft.world.settings.period_closed_before
    if closed is not None and apply_date < closed:
        message = f"Apply Date {apply_date.isoformat()} is in a closed fiscal period."
        raise (
            refused(message, "ApplyDate") if draft.world.settings.closed_period == "refuse" else QuestionError(message)
        )
    due = row.get("DueDate") or day(_due(draft, date_of(row["InvoiceDate"]), terms))
    period = {"FiscalYear": apply_date.year, "FiscalPeriod": apply_date.month}
    return {"ApplyDate": apply_text, "DueDate": due, **period}


def _due(draft: Draft, invoice_date: date, terms: str) -> date:
    row = draft.world.master.find("PurTerms", Company=draft.company, TermsCode=terms)
    days: Any = row["DueDays"] if row else 0
    return invoice_date + timedelta(days=days)


def _legal_number(draft: Draft, row: Row) -> str:
    if not draft.world.settings.legal_numbers:
        return str(row.get("LegalNumber", ""))
    draft.world.legal_number += 1
    return f"{draft.company}-{draft.world.legal_number:06d}"


def total(invoice: Invoice) -> None:
    """Recompute what follows from lines and taxes: DocInvoiceAmt, the variance to the control total, the balances."""
    header = invoice.header
    lines = sum((line["DocExtCost"] for line in invoice.lines.values()), Decimal(0))
    tax = sum((row["DocTaxAmt"] for row in invoice.taxes.values()), Decimal(0))
    amount = money(lines + tax)
    variance = money(header["DocInvoiceVendorAmt"] - amount)
    document = {"InvoiceAmt": amount, "TaxAmt": money(tax), "InvoiceVariance": variance}
    rate = Decimal(header["ExchangeRate"])
    header |= {name: cents(value * rate) for name, value in document.items()}
    header |= {f"Doc{name}": value for name, value in document.items()}
    balance = {name: amount for name in ("DocInvoiceBal", "DocUnpostedBal")}
    header |= {**balance, "InvoiceBal": header["InvoiceAmt"], "UnpostedBal": header["InvoiceAmt"]}
