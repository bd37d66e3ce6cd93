"""What an accounting document is to become in the ledger, as values: the draft of an AP invoice. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from epicor_writer.coding import GlAccount
from epicor_writer.taxes import TaxLine
from mlc_common.catalogue import Finding
from mlc_common.company_rules import CompanyPair
from mlc_common.order_lines import NOT_MATCHED, OrderLine, OrderMatch

ONE = Decimal(1)

Extra = Mapping[str, str | Decimal | date | bool]
"""More columns of a row, by Epicor's name, as the connection's templates filled them."""


@dataclass(frozen=True)
class Share:
    """A part of a line's amount, in invoice currency, on one account."""

    amount: Decimal
    account: GlAccount


@dataclass(frozen=True)
class Line:
    """One line; its shares add up to its amount.

    Attributes:
        amount: net, in invoice currency, in the sign of the document: negative in a discount row.
        shares: where it is booked; empty leaves it to Epicor (lines of an order that carry no account).
        quantity: in the order's unit; 1 for an expense line.
        unit: the unit of `quantity`.
        tax_category: Epicor's TaxCatID, where it computes the tax; None leaves its default.
        order: the purchase-order line it is entered against; None for an expense line.
        extra: more columns of APInvDtl.
    """

    amount: Decimal
    shares: tuple[Share, ...]
    description: str
    quantity: Decimal = ONE
    unit: str = "EA"
    tax_category: str | None = None
    order: OrderLine | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True)
class Draft:
    """What is to be posted, before it is known which vendor number and which group it gets.

    Attributes:
        credit: a credit note: total, lines and taxes are positive here, as they are entered in a debit memo.
        reference: the number of the invoice that a credit note credits, if Epicor holds it.
        payment_reference: what the payment is to name; "" when nothing.
        document_type: Epicor's TranDocTypeID; None leaves its default.
        rate: units of base currency for one unit of invoice currency; None leaves it to Epicor.
        rate_group: Epicor's RateGrpCode; None leaves its default.
        held_for: why it is entered on hold, for the person who releases it; empty when only Basware's payment block
            says so, or nothing.
        computes_tax: Epicor works the tax out; `taxes` is empty then, and the tax is what the lines lack of the total.
        tax_region: Epicor's TaxRegionCode; None leaves the vendor's.
        remarks: what a bookkeeper should know of it beside.
        orders: what its rows are matched with in purchase orders.
        extra: more columns of APInvHed.
    """

    pair: CompanyPair
    invoice_id: str
    invoice_num: str
    invoice_date: date
    apply_date: date
    due_date: date | None
    terms: str | None
    currency: str
    total: Decimal
    description: str
    link: str | None
    hold: bool
    lines: tuple[Line, ...]
    taxes: tuple[TaxLine, ...]
    credit: bool = False
    reference: str | None = None
    payment_reference: str = ""
    document_type: str | None = None
    rate: Decimal | None = None
    rate_group: str | None = None
    held_for: tuple[Finding, ...] = ()
    computes_tax: bool = False
    tax_region: str | None = None
    remarks: tuple[Finding, ...] = ()
    orders: OrderMatch = NOT_MATCHED
    extra: Extra = field(default_factory=dict)

    def held_back(self, reasons: tuple[Finding, ...]) -> Draft:
        """The draft, on hold when there are reasons for it, beside those of its orders."""
        reasons = tuple(dict.fromkeys((*self.orders.held_for, *reasons)))
        return replace(self, hold=True, held_for=reasons) if reasons else self

    @property
    def receives(self) -> bool:
        """Whether a line is invoiced from a goods receipt, which Epicor enters itself."""
        return any(line.order is not None and line.order.receipt is not None for line in self.lines)

    def told(self, *remarks: Finding) -> Draft:
        """The draft with more remarks."""
        return replace(self, remarks=(*self.remarks, *remarks))
