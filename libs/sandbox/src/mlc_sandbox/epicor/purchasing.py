"""Purchase orders and receipts as AP invoice entry sees them: what is open, and what invoices have taken already."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from mlc_sandbox.epicor.draft import Draft
from mlc_sandbox.epicor.wire import KineticError, Row
from mlc_sandbox.epicor.world import EpicorWorld, Invoice

RELEASE = ("PONum", "POLine", "PORelNum")
RECEIPT = ("VendorNum", "PurPoint", "PackSlip", "PackLine")
LINE = "APInvDtl"


def refused(message: str, field: str) -> KineticError:
    """A business refusal that names a column of the invoice line."""
    return KineticError(message, table=LINE, field=field)


def release_of(draft: Draft, line: Row) -> tuple[Row, Row, Row]:
    """Order, order line and release of an invoice line. Raises KineticError unless all are there and of its vendor."""
    number, line_number, release_number = (line.get(name, 0) for name in RELEASE)
    if not (number and line_number and release_number):
        raise refused("PO Number, PO Line and PO Release must all be given, or none of them.", "PONum")
    master, company = draft.world.master, draft.company
    order = master.find("POHeader", Company=company, PONum=number)
    if order is None or order["VendorNum"] != line["VendorNum"]:
        raise refused("A valid Purchase Order of this supplier is required.", "PONum")
    detail = master.find("PODetail", Company=company, PONUM=number, POLine=line_number)
    if detail is None:
        raise refused("A valid PO Line is required.", "POLine")
    release = master.find("PORel", Company=company, PONum=number, POLine=line_number, PORelNum=release_number)
    if release is None:
        raise refused("A valid PO Release is required.", "PORelNum")
    return order, detail, release


def must_be_open(order: Row, detail: Row, release: Row) -> None:
    """Raises KineticError unless more may be ordered and invoiced of it."""
    if order["ApprovalStatus"] != "A":
        raise refused("The Purchase Order is not approved.", "PONum")
    for row, is_open, field in ((order, "OpenOrder", "PONum"), (detail, "OpenLine", "POLine")):
        if not row[is_open]:
            raise refused("The Purchase Order is closed.", field)
    if not release["OpenRelease"] or release["VoidRelease"]:
        raise refused("The PO Release is closed.", "PORelNum")


def _lines(world: EpicorWorld, company: str, draft: Draft | None) -> Iterator[Row]:
    """The lines of all invoices, as a save in hand leaves them."""
    drafted = draft.invoices if draft else {}
    found: Iterable[Invoice | None] = ({**world.invoices, **drafted}).values()
    for invoice in found:
        if invoice is not None and invoice.header["Company"] == company:
            yield from invoice.lines.values()


def invoiced(
    world: EpicorWorld, company: str, names: tuple[str, ...], draft: Draft | None = None
) -> dict[tuple[object, ...], Row]:
    """What invoices took, by the columns that name a release or a receipt: `quantity`, and the last invoice line."""
    found: dict[tuple[object, ...], Row] = {}
    for line in _lines(world, company, draft):
        if line["LineType"] == "M" or (names == RECEIPT and line["LineType"] != "R"):
            continue
        key = tuple(line.get(name) for name in names)
        quantity = found.get(key, {"quantity": Decimal(0)})["quantity"] + line["ScrVendorQty"]
        found[key] = {"quantity": quantity, "InvoiceNum": line["InvoiceNum"], "InvoiceLine": line["InvoiceLine"]}
    return found


def receipts(world: EpicorWorld, company: str, draft: Draft | None = None) -> list[Row]:
    """The receipt lines of a company, with what is not invoiced of each."""
    taken = invoiced(world, company, RECEIPT, draft)
    found = []
    for row in world.master.rows["RcvDtl"]:
        if row["Company"] == company:
            use = taken.get(tuple(row[name] for name in RECEIPT), {})
            quantity = use.get("quantity", Decimal(0))
            found.append(
                {
                    **row,
                    "Invoiced": quantity >= row["VendorQty"],
                    "InvoiceNum": use.get("InvoiceNum", ""),
                    "InvoiceLine": use.get("InvoiceLine", 0),
                    "SupplierUnInvcReceiptQty": row["VendorQty"] - quantity,
                }
            )
    return found


def releases(world: EpicorWorld, company: str) -> list[Row]:
    """The releases of a company, with what is invoiced of each."""
    taken = invoiced(world, company, RELEASE)
    rows = [row for row in world.master.rows["PORel"] if row["Company"] == company]
    return [
        {**row, "InvoicedQty": taken.get(tuple(row[name] for name in RELEASE), {}).get("quantity", Decimal(0))}
        for row in rows
    ]


def account_of(draft: Draft, line: Row) -> str:
    """The account that an invoice line gets from its release."""
    if draft.world.settings.order_accounts == "blank":
        return ""
    keys = {name: line[name] for name in RELEASE}
    row = draft.world.master.find("PORelTGLC", Company=draft.company, **keys)
    return str(row["GLAccount"]) if row else ""
