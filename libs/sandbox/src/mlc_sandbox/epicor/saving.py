"""Saving an AP invoice tableset: parents first, all or nothing."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from mlc_sandbox.epicor.accounts import (
    add_default_distribution,
    add_order_distributions,
    blank_accounts,
    save_account,
    save_expense,
    show_accounts,
)
from mlc_sandbox.epicor.computed_taxes import compute_taxes
from mlc_sandbox.epicor.draft import Draft, same_row_twice
from mlc_sandbox.epicor.header import save_header, total
from mlc_sandbox.epicor.lines import save_line, save_tax
from mlc_sandbox.epicor.tables import AP_INVOICE_TABLES, checked_row, full
from mlc_sandbox.epicor.wire import KineticError, Row, Tableset
from mlc_sandbox.epicor.world import EpicorWorld, Invoice

_SAVED: tuple[tuple[str, Callable[[Draft, Row], Any]], ...] = (
    ("APInvHed", save_header),
    ("APInvDtl", save_line),
    ("APInvExp", save_expense),
    ("APInvExpTGLC", save_account),
    ("APInvTax", save_tax),
)
ATTACHMENTS = "APInvHedAttch"
SAVED_TABLES = tuple(table for table, _ in _SAVED)


def checked_tableset(world: EpicorWorld, value: Any) -> Tableset:
    """The rows as sent. Raises KineticError for an unknown table or column, or a table not saved here."""
    if not isinstance(value, dict):
        raise KineticError("The tableset must be an object.")
    for table, rows in value.items():
        if table not in AP_INVOICE_TABLES:
            raise KineticError(f"There is no table {table} in Erp.Tablesets.APInvoiceTableset.", table=table)
        if not isinstance(rows, list):
            raise KineticError(f"{table} must be an array of rows.", table=table)
        if rows and table not in (*SAVED_TABLES, ATTACHMENTS):
            raise KineticError(f"This sandbox does not take rows of {table}.", table=table)
    own = world.settings.tenant_columns
    known = (*SAVED_TABLES, ATTACHMENTS)
    return {table: [checked_row(table, row, tenant_columns=own) for row in value.get(table, [])] for table in known}


def save(draft: Draft, tableset: Tableset, *, lose_accounts: bool = False) -> None:
    """Apply all rows to the draft: deletions children first, then additions and updates parents first."""
    for table, _ in _SAVED:
        same_row_twice(table, tableset.get(table, []))
    if any(_with_mod(draft, ATTACHMENTS, tableset, "AUD")):
        raise KineticError(f"This sandbox saves rows of {ATTACHMENTS} by themselves, with Update.")
    for table, save_row in reversed(_SAVED):
        for row in _with_mod(draft, table, tableset, "D"):
            save_row(draft, row)
    for table, save_row in _SAVED:
        for row in _with_mod(draft, table, tableset, "AU"):
            save_row(draft, row)
    if draft.world.settings.auto_expense:
        _default_distributions(draft, tableset)
    for invoice in draft.invoices.values():
        if invoice is not None:
            add_order_distributions(draft, invoice)
            settle(draft, invoice, lose_accounts=lose_accounts)


def _with_mod(draft: Draft, table: str, tableset: Tableset, mods: str) -> Iterator[Row]:
    for row in tableset.get(table, []):
        if row.get("Company", draft.company) != draft.company:
            raise KineticError(f"{table}: the row is not of company {draft.company}.", table=table, field="Company")
        if row.get("RowMod") and row["RowMod"] in mods:
            yield row


def _default_distributions(draft: Draft, tableset: Tableset) -> None:
    for row in _with_mod(draft, "APInvDtl", tableset, "A"):
        invoice = draft.parent("APInvDtl", row)
        number = row.get("InvoiceLine", 0) or max(invoice.lines)
        add_default_distribution(draft, invoice, invoice.lines[number])


def settle(draft: Draft, invoice: Invoice, *, lose_accounts: bool) -> None:
    """Bring totals and view columns up to date; with `lose_accounts` the accounts of this save are left blank."""
    if lose_accounts:
        blank_accounts(invoice, since=draft.since)
    show_accounts(invoice)
    compute_taxes(draft, invoice)
    total(invoice)


def invoice_tableset(world: EpicorWorld, *invoices: Invoice) -> Tableset:
    """The whole tableset of these invoices: all 30 tables, most of them empty."""
    found: Tableset = {table: [] for table in AP_INVOICE_TABLES}
    for invoice in invoices:
        for table, rows in invoice.tables().items():
            found[table] += [full(table, row) for row in rows] if world.settings.full_rows else rows
    return found


def group_total(world: EpicorWorld, company: str, group: str) -> Decimal:
    """The sum of a group's invoices in document currency."""
    return sum((invoice.header["DocInvoiceAmt"] for invoice in world.in_group(company, group)), Decimal(0))
