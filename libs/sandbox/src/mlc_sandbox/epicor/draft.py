"""One save of AP invoice rows: changes are made to copies and all of them become true at once, or none."""

import copy
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from mlc_sandbox.epicor.wire import BUSINESS, DUPLICATE, KineticError, Row
from mlc_sandbox.epicor.world import EpicorWorld, Invoice, InvoiceKey, invoice_key

NO_ROW = "00000000-0000-0000-0000-000000000000"
CENT = Decimal("0.01")
THOUSANDTH = Decimal("0.001")
DUPLICATE_TEXT = "This is a duplicate entry of an existing record"
MODIFIED_TEXT = "Row has been modified by another user and couldn't be updated."


@dataclass
class Draft:
    """The invoices that a save touches, as they will be. A value of None = the invoice will be gone."""

    world: EpicorWorld
    company: str
    group: str
    user: str
    now: datetime
    invoices: dict[InvoiceKey, Invoice | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Rows with a higher SysRevID are of this save."""
        self.since = self.world.revision

    def find(self, vendor_num: int, invoice_num: str) -> Invoice | None:
        """The draft of an invoice; an existing one is copied on first sight."""
        key = invoice_key(self.company, vendor_num, invoice_num)
        if key not in self.invoices:
            found = self.world.invoices.get(key)
            if found is None:
                return None
            self.invoices[key] = copy.deepcopy(found)
        return self.invoices[key]

    def parent(self, table: str, row: Row) -> Invoice:
        """The invoice that a child row names. Raises KineticError unless it is there and may be changed."""
        invoice = self.find(row.get("VendorNum", 0), row.get("InvoiceNum", ""))
        if invoice is None:
            name = f"VendorNum {row.get('VendorNum', 0)}, InvoiceNum {row.get('InvoiceNum', '')!r}"
            raise KineticError(f"{table}: there is no APInvHed with {name}.", table=table, field="InvoiceNum")
        self.may_change(table, invoice)
        if row.get("GroupID", invoice.group) not in ("", invoice.group):
            raise KineticError(f"{table}: the invoice is in group {invoice.group}.", table=table, field="GroupID")
        return invoice

    def may_change(self, table: str, invoice: Invoice) -> None:
        """Raises KineticError for a posted invoice, or one that is in another group than the current one."""
        if invoice.posted:
            raise KineticError("The invoice is posted and cannot be changed.", table=table, field="Posted")
        if invoice.group != self.group:
            message = f"The invoice belongs to group {invoice.group}, not to {self.group}."
            raise KineticError(message, table=table, field="GroupID")

    def commit(self) -> None:
        """Make the drafts true."""
        for key, invoice in self.invoices.items():
            if invoice is None:
                self.world.invoices.pop(key, None)
            else:
                self.world.invoices[key] = invoice


def same_row_twice(table: str, rows: list[Row]) -> None:
    """Raises KineticError when two new rows bear one SysRowID, as copies of one row of a GetNew method do."""
    named = [row["SysRowID"] for row in rows if row.get("RowMod") == "A" and row.get("SysRowID", NO_ROW) != NO_ROW]
    if len(named) != len(set(named)):
        raise KineticError(DUPLICATE_TEXT, status=409, kind=DUPLICATE, table=table, field="SysRowID")


def duplicate(world: EpicorWorld, table: str, field_name: str) -> KineticError:
    """A key that is already there, refused in the way the settings say."""
    status = world.settings.duplicate
    if status == 500:
        return KineticError("An unexpected internal problem occurred.", status=500, kind="System.Exception")
    kind = DUPLICATE if status == 409 else BUSINESS
    return KineticError(DUPLICATE_TEXT, status=status, kind=kind, table=table, field=field_name)


def money(amount: Decimal | int) -> Decimal:
    """To the thousandth, half up, with two decimals at least: some currencies have three."""
    exact = Decimal(amount).quantize(THOUSANDTH, ROUND_HALF_UP)
    return exact.quantize(CENT) if exact == exact.quantize(CENT) else exact


def cents(amount: Decimal | int, places: int = 2) -> Decimal:
    """To so many decimals, half up, with two shown at least: what is computed here."""
    return money(Decimal(amount).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def sign_of(draft: Draft, invoice: Invoice) -> int:
    """The sign in which amounts are stored: -1 for a debit memo, whose screen shows them positive."""
    negative = draft.world.settings.debit_memo_sign == "negative"
    return -1 if invoice.header["DebitMemo"] and negative else 1


def shown(draft: Draft, invoice: Invoice, table: str, row: Row, screen: str, stored: str) -> Decimal | None:
    """The amount as the screen shows it, from either column; None when neither was sent.

    Raises KineticError when both were sent and do not say the same amount, or have too many decimals.
    """
    sign = sign_of(draft, invoice)
    seen, kept = entered(row, screen), entered(row, stored)
    if seen is not None and kept is not None and invoice.header["DebitMemo"] and sign < 0 and seen != -kept:
        raise KineticError(f"{screen} {seen} and {stored} {kept} contradict each other.", table=table, field=screen)
    amount = seen if seen is not None else None if kept is None else kept * sign
    places = draft.world.master.decimals(invoice.header["CurrencyCode"])
    if amount is not None and amount != cents(amount, places):
        raise KineticError(f"{amount} has more than the {places} decimals of the currency.", table=table, field=screen)
    return amount


def same_revision(table: str, sent: Row, stored: Row) -> None:
    """Raises KineticError unless the row was read in its present state."""
    if sent.get("SysRevID") != stored["SysRevID"]:
        raise KineticError(MODIFIED_TEXT, table=table, field="SysRevID")


def entered(row: Row, *names: str) -> Decimal | None:
    """The first of these amounts that was sent (screen column first, by convention of the callers)."""
    for name in names:
        if name in row:
            return money(row[name])
    return None


_KEYS = frozenset({"Company", "VendorNum", "InvoiceNum", "InvoiceLine", "InvExpSeq", "SysRowID", "SysRevID", "RowMod"})


def changes(draft: Draft, row: Row) -> Row:
    """What an update of a row may change (not its keys), with the revision that follows."""
    return {**{k: v for k, v in row.items() if k not in _KEYS}, "SysRevID": draft.world.next_revision()}
