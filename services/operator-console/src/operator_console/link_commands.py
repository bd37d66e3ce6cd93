"""`ml-connector link`: show a document beside an AP invoice of Epicor, then record that they are the same."""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table

from mlc_common.events import DocumentApproved, InvoiceLinked, InvoicePosted, PostingIntended
from mlc_common.settings import Settings
from mlc_epicor.datasets import APInvHedRow
from mlc_epicor.odata import equals
from operator_console import output
from operator_console.epicor_reach import epicor_of
from operator_console.exits import CommandError, Exit
from operator_console.people_commands import Case, case
from operator_console.reach import database


@dataclass(frozen=True)
class Named:
    """The AP invoice as the person named it; what is None is taken from the document."""

    number: str | None = None
    vendor: str | None = None
    company: str | None = None


@dataclass(frozen=True)
class Sides:
    """A document, and the AP invoice that it may be."""

    document: DocumentApproved
    company: str
    vendor_id: str
    header: APInvHedRow
    lines: int


async def both_sides(settings: Settings, identifier: str, named: Named, *, connection: str | None) -> Sides:
    """Read both.

    Raises:
        CommandError: one of them is not there, the document was posted or is being posted, or the AP invoice came from
            another document.
        TransientError: Epicor cannot be asked now.
    """
    async with case(settings, identifier, connection=connection) as it:
        document = it.approved
        _linkable(it)
    async with database(settings) as engine, epicor_of(settings, engine, document.connection) as epicor:
        pair = epicor.connection.document.pair(document.company_code)
        theirs = {each.epicor for each in epicor.connection.document.companies}
        if named.company is not None and named.company not in theirs:
            raise CommandError(
                f"The connection has no Epicor company {named.company}; it has {', '.join(sorted(theirs))}.",
                code=Exit.USAGE,
            )
        company, vendor_id = named.company or (pair.epicor if pair else ""), named.vendor or document.supplier_code
        number = named.number or document.invoice_number or ""
        if not company:
            raise CommandError(
                f"Company {document.company_code} is not in the connection; name Epicor's with --company.",
                code=Exit.USAGE,
            )
        where, columns = equals("VendorID", vendor_id), ("VendorNum", "VendorID")
        vendors = await epicor.client.rows(company, "Erp.BO.VendorSvc/Vendors", where=where, select=columns)
        if not vendors:
            raise CommandError(f"Epicor company {company} has no vendor {vendor_id}.", code=Exit.USAGE)
        held = await epicor.client.invoice(company, int(vendors[0]["VendorNum"]), number)
    if held is None:
        raise CommandError(f"Epicor company {company} has no invoice {number} of vendor {vendor_id}.", code=Exit.USAGE)
    other = held.header.ExternalID.strip()
    if other and other.casefold() != document.invoice_id.casefold():
        raise CommandError(f"That invoice came from Basware document {other}.", code=Exit.REFUSED)
    return Sides(document, company, vendor_id, held.header, len(held.APInvDtl))


def _linkable(it: Case) -> None:
    if any(isinstance(each, InvoicePosted) for each in it.history):
        raise CommandError(f"Document {it.approved.invoice_id} was posted already.", code=Exit.REFUSED)
    if it.of_this_transfer(PostingIntended) and not it.refused:
        raise CommandError(
            "It was sent to Epicor and what became of it is not certain yet; wait until it is.", code=Exit.REFUSED
        )


async def link(settings: Settings, sides: Sides, *, reason: str) -> InvoiceLinked:
    """Record that both are the same; the epicor-writer looks once more and confirms it.

    Raises:
        CommandError: the document got an outcome or was transferred anew meanwhile.
    """
    header, document = sides.header, sides.document
    async with case(settings, document.invoice_id, connection=document.connection) as it:
        _linkable(it)
        if it.approved.attempt != document.attempt:
            raise CommandError("Basware transferred it anew meanwhile; look at both once more.", code=Exit.REFUSED)
        event = InvoiceLinked(
            **it.common(reason),
            company=sides.company,
            vendor_num=header.VendorNum,
            vendor_id=sides.vendor_id,
            invoice_num=header.InvoiceNum,
            invoice_date=header.InvoiceDate,
            total=header.DocInvoiceAmt,
            currency=header.CurrencyCode,
        )
        await it.log.append(event)
    return event


def table(sides: Sides) -> Table:
    """Both, side by side."""
    document, header = sides.document, sides.header
    rows = (
        ("company", document.company_code, sides.company),
        ("supplier", f"{document.supplier_code} {document.supplier_name or ''}".strip(), sides.vendor_id),
        ("number", document.invoice_number, header.InvoiceNum),
        ("date", document.invoice_date, header.InvoiceDate),
        ("total", document.gross, header.DocInvoiceAmt),
        ("currency", document.currency, header.CurrencyCode),
        ("lines", None, sides.lines),
        ("group", None, header.GroupID),
        ("posted", None, header.Posted),
        ("entered by", None, header.EntryPerson),
    )
    return output.table("", ("", "Basware", "Epicor"), rows)
