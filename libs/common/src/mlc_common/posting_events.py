"""Facts about an invoice on its way into Epicor. Pure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import Field

from mlc_common.catalogue import Finding
from mlc_common.order_lines import OrderMatch
from mlc_common.stored_event import FactOfDocument


class PostingIntended(FactOfDocument):
    """Write-ahead: the next thing that happens is an UpdateMaster with exactly this content."""

    fact: ClassVar[str] = "intended"

    type: Literal["posting_intended"] = "posting_intended"
    number: int = Field(description="1 for the first UpdateMaster of this attempt, 2 for the next, …")
    connection_version: int
    company: str
    vendor_num: int
    vendor_id: str
    invoice_num: str
    group_id: str
    total: Decimal
    digest: str = Field(description="SHA-256 of the dataset")
    orders: OrderMatch | None = Field(default=None, description="the purchase-order lines it is entered against")
    apply_date: date | None = Field(default=None, description="None in facts of old: the group's name tells")

    @property
    def id(self) -> str:
        return f"{super().id}/{self.number}"


class PostingUnclear(FactOfDocument):
    """The answer to an UpdateMaster is unknown; it is being looked up, never resent blindly."""

    fact: ClassVar[str] = "unclear"

    type: Literal["posting_unclear"] = "posting_unclear"
    number: int = Field(description="the intent that is unclear")
    look_ups: int = Field(description="how many look-ups in a row found nothing")
    total: int = Field(default=0, description="how many look-ups this intent has had; tells equal sights apart")
    failures: int = Field(default=0, description="how many intents so far were answered with a server error")
    sentence: str

    @property
    def id(self) -> str:
        return f"{super().id}/{self.number}/{self.total}/{self.look_ups}"


class InvoiceRemoved(FactOfDocument):
    """Our own incomplete, unposted AP invoice was deleted in Epicor, to be made anew or refused."""

    fact: ClassVar[str] = "removed"

    type: Literal["invoice_removed"] = "invoice_removed"
    number: int
    times: int = Field(
        default=1, description="how often this attempt had to remove an incomplete invoice, this one included"
    )
    company: str
    vendor_num: int
    invoice_num: str
    difference: str
    connection_version: int | None = Field(default=None, description="of what was meant; None in facts of old")
    kept_otherwise: int | None = Field(
        default=None, description="how many of them Epicor had not kept as sent; the others were interrupted half-way"
    )

    @property
    def id(self) -> str:
        return f"{super().id}/{self.number}"


class InvoicePosted(FactOfDocument):
    """The AP invoice stands in Epicor, read back and equal to what was meant."""

    fact: ClassVar[str] = "posted"
    once: ClassVar[bool] = True

    type: Literal["invoice_posted"] = "invoice_posted"
    connection_version: int
    company: str
    vendor_num: int
    vendor_id: str
    invoice_num: str
    group_id: str
    voucher: str
    voucher_2: str | None = None
    total: Decimal
    currency: str
    lines: int
    payment_block: bool = False
    found: bool = Field(default=False, description="it was there already: an earlier try of ours had succeeded")
    prebook: bool | None = Field(default=None, description="true: entered on hold ahead of its approval")
    held_for: tuple[Finding, ...] | None = Field(
        default=None, description="why it stands on hold, for a person to release"
    )
    remarks: tuple[Finding, ...] | None = Field(
        default=None, description="what a bookkeeper should know of it beside; nobody has to do anything"
    )
    in_payables: bool | None = Field(
        default=None, description="whether its group is posted; None where success does not ask for that"
    )
    not_posted: tuple[Finding, ...] | None = Field(
        default=None, description="why its group is not posted although success asks for it; Basware is told a failure"
    )
    linked_by: str | None = Field(
        default=None, description="who said that this AP invoice, which did not come from here, is the document"
    )


class InvoiceRefused(FactOfDocument):
    """The business said no; all findings at once."""

    fact: ClassVar[str] = "refused"
    once: ClassVar[bool] = True

    type: Literal["invoice_refused"] = "invoice_refused"
    connection_version: int
    findings: tuple[Finding, ...] = Field(min_length=1)
