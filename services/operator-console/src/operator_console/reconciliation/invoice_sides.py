"""What each side says of one invoice: small values, one per invoice and side, never a whole document. Pure.

Amounts are in invoice currency. Basware's are signed as Basware signs them, Epicor's as Epicor stores them; `Here`
holds both, as they were read and as they were posted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class Side(StrEnum):
    """Where something is looked up."""

    BASWARE = "Basware"
    HERE = "here"
    EPICOR = "Epicor"


@dataclass(frozen=True, slots=True)
class InBasware:
    """An accounting document as Basware shows it now.

    Attributes:
        codes: of the transfer or prebook responses that it keeps; in which order is not documented.
        paid: `paidTotal` of its payment responses, in no known order.
        changed: when Basware changed it last.
    """

    invoice_id: str
    status: str
    company: str
    supplier: str
    currency: str
    number: str | None = None
    supplier_name: str | None = None
    day: date | None = None
    gross: Decimal | None = None
    voucher: str | None = None
    batch: str | None = None
    codes: tuple[str, ...] = ()
    paid: tuple[Decimal, ...] = ()
    changed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The AP invoice that a document was sent or posted as; `total` signed, in invoice currency."""

    company: str
    vendor_num: int
    number: str
    group: str
    total: Decimal


@dataclass(frozen=True, slots=True)
class Posted:
    """What the stream says of a posted AP invoice; `linked`: a person named it, it did not come from here."""

    claim: Claim
    currency: str
    voucher: str
    lines: int = 0
    prebook: bool = False
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What Basware was told of the outcome; `arrived` is None while nobody knows, `rejected` when it was not taken."""

    success: bool
    codes: tuple[str, ...] = ()
    arrived: bool | None = None
    unconfirmed: bool = False
    rejected: bool = False


@dataclass(frozen=True, slots=True)
class Paid:
    """What the stream says of an invoice's payment: the latest picture, and which one Basware was told.

    Attributes:
        standing: as in the pictures of payments: open, paid, voided, unclear, ...
        paid, balance: cumulative and open, signed as in Epicor.
        picture, told: their numbers; `told` is 0 when Basware was never told any.
        undelivered: why the latest telling did not arrive; None when it did, or nobody knows yet.
    """

    standing: str
    paid: Decimal
    balance: Decimal
    picture: int = 1
    told: int = 0
    undelivered: str | None = None


@dataclass(frozen=True, slots=True)
class Here:
    """An accounting document as the stream has it, at its latest attempt.

    Attributes:
        phase: of the read model; `held` and `stuck` are only known from there.
        acknowledged: whether Basware knows that we have it.
        sent: the latest intent of this attempt.
        posted: the latest success of any attempt.
        outcome: of this attempt: posted, refused, or None while there is none.
        overridden: a person had it entered with values other than Basware's.
        moved: when the latest attempt began or got further; retries do not count.
    """

    invoice_id: str
    attempt: str
    company: str
    supplier: str
    currency: str
    moved: datetime
    phase: str = "approved"
    number: str | None = None
    supplier_name: str | None = None
    day: date | None = None
    gross: Decimal | None = None
    batch: str | None = None
    acknowledged: bool = True
    sent: Claim | None = None
    posted: Posted | None = None
    outcome: str | None = None
    withdrawn: bool = False
    told: Told | None = None
    paid: Paid | None = None
    overridden: bool = False

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The AP invoices that are this document's by what was recorded."""
        found = (self.posted.claim if self.posted else None, self.sent)
        return tuple(dict.fromkeys(each for each in found if each))


@dataclass(frozen=True, slots=True)
class InEpicor:
    """The header of an AP invoice; `control` is the vendor's total that was entered, `total` what its lines add up to.

    `balance`: what is still open of it after posted payments.
    """

    company: str
    vendor_num: int
    number: str
    currency: str
    total: Decimal
    external_id: str = ""
    group: str = ""
    entered_by: str = ""
    control: Decimal | None = None
    balance: Decimal | None = None
    day: date | None = None
    apply_date: date | None = None
    debit_memo: bool = False
    posted: bool = False
    held: bool = False
    open: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One invoice, as all three sides have it.

    Attributes:
        rows: AP invoices that are ours by their external id, or that stand under a key we claim.
        foreign: the AP invoice of another document that stands under a key we claim.
        claimed_too: another document here that claims the same AP invoice.
        unsure: sides that could not be read to their end, so that what is missing there means nothing.
    """

    basware: InBasware | None
    here: Here | None
    rows: tuple[InEpicor, ...] = ()
    foreign: InEpicor | None = None
    claimed_too: str | None = None
    unsure: frozenset[Side] = frozenset()


@dataclass(frozen=True)
class Rules:
    """What is expected of one connection.

    Attributes:
        quiet_since: what moved later is in motion, and is not judged.
        today: for apply dates that are over.
        post_within: days after which an unposted AP invoice is a break, whatever its period.
        companies: Basware company -> Epicor company.
        prebooking: whether documents that wait for prebooking are ours to act on.
        payments: whether payments are followed.
        user: Epicor's name of our own user, where it is known.
        prefixes: first letters of our AP invoice groups, by Epicor company.
    """

    quiet_since: datetime
    today: date
    post_within: int
    companies: Mapping[str, str]
    prebooking: bool = False
    payments: bool = False
    user: str | None = None
    prefixes: Mapping[str, str] | None = None


def same(one: str | None, other: str | None) -> bool:
    """Whether two codes are the same: without case and without blanks at their ends, as the databases compare."""
    return folded(one) == folded(other)


def folded(code: str | None) -> str:
    """A code as it is compared."""
    return (code or "").strip().casefold()
