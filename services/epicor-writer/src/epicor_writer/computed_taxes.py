"""The tax that Epicor works out itself: whether it meets Basware's, and the change that settles it when not. Pure.

Epicor reference, taxes: it is computed when the invoice is saved, so it is known only then. A small gap is put on the
largest tax, which becomes a manual one, so that the control total is met; with a larger one the invoice is put on hold.
"""

from __future__ import annotations

from decimal import Decimal

from epicor_writer.readback import as_stored, money, tax_held
from mlc_common.catalogue import Finding, finding
from mlc_epicor.datasets import APInvoiceDataset, APInvTaxRow

ZERO = Decimal(0)


def tax_gap(meant: APInvoiceDataset, held: APInvoiceDataset) -> Decimal:
    """Epicor's tax less Basware's, in the sign Epicor stores; zero where the taxes were given."""
    if not meant.header.ReadyToCalc:
        return ZERO
    return sum(map(tax_held, held.APInvTax), ZERO) - _expected(meant, held)


def settled_by(gap: Decimal, held: APInvoiceDataset, *, tolerance: Decimal, tries: int = 0) -> APInvoiceDataset | None:
    """The rows to save for a gap in the tax; None when it stands on hold already, or nothing has helped.

    Args:
        gap: as `tax_gap` tells it, not zero.
        tries: how many changes were made in vain.
    """
    taxes = [row for row in held.APInvTax if tax_held(row)]
    if taxes and abs(gap) <= tolerance and tries == 0:
        return APInvoiceDataset(APInvTax=(_manual(max(taxes, key=lambda row: abs(tax_held(row))), gap),))
    if held.header.InvoiceHeld or tries > 1:
        return None
    return APInvoiceDataset(APInvHed=(held.header.model_copy(update={"InvoiceHeld": True, "RowMod": "U"}),))


def holds_of(meant: APInvoiceDataset, held: APInvoiceDataset) -> tuple[Finding, ...]:
    """Why an invoice whose tax Epicor computed stands on hold."""
    gap, expected = tax_gap(meant, held), _expected(meant, held)
    if not gap:
        return ()
    values = {"epicor": money(abs(expected + gap)), "given": money(abs(expected))}
    return (finding("TAX_APART", field="taxSum1", currency=held.header.CurrencyCode, **values),)


def remarks_of(meant: APInvoiceDataset, held: APInvoiceDataset) -> tuple[Finding, ...]:
    """What a bookkeeper should know of it beside."""
    changed = meant.header.ReadyToCalc and any(row.Manual for row in held.APInvTax)
    given = money(abs(_expected(meant, held)))
    return (finding("TAX_ROUNDED", given=given, currency=held.header.CurrencyCode),) if changed else ()


def _expected(meant: APInvoiceDataset, held: APInvoiceDataset) -> Decimal:
    meant = as_stored(meant, held)
    lines = sum((line.DocExtCost or ZERO for line in meant.APInvDtl), ZERO)
    return (meant.header.DocInvoiceVendorAmt or ZERO) - lines


def _manual(row: APInvTaxRow, gap: Decimal) -> APInvTaxRow:
    stored = tax_held(row) - gap
    shown = row.ScrDocTaxAmt
    turned = shown is not None and shown * tax_held(row) < 0
    amounts = {"DocTaxAmt": stored, "ScrDocTaxAmt": -stored if turned else stored}
    return row.model_copy(update={"Manual": True, "RowMod": "U"} | amounts)
