"""One kind of break, and one break. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from mlc_common.sentences.entry import Owner
from operator_console.reconciliation.invoice_sides import Side

READ = "approved, not read"
ENTERED = "read, not posted"
UNPOSTED = "in Epicor, unposted"
MISSING = "posted, not in Epicor"
CHANGED = "changed in Basware after it was read"
DIFFERS = "amount, account or key differs in Epicor"
UNANSWERED = "posted or refused, not answered"
OTHERWISE = "answered differently"
UNKNOWN = "in Epicor, unknown here"
PAYING = "paid, not confirmed"


@dataclass(frozen=True)
class Kind:
    """One kind of break.

    Attributes:
        group: the class that a person looks for.
        sentence: what is wrong; its places are filled with the case's values.
        needs: sides that must have been read to their end before this can be said.
    """

    group: str
    sentence: str
    owner: Owner
    remedy: str
    needs: tuple[Side, ...] = ()


@dataclass(frozen=True)
class Break:
    """One break of one invoice, ready to be read by a person; `amount` is in `currency`."""

    code: str
    group: str
    company: str
    period: str
    invoice_id: str | None
    supplier: str | None
    number: str | None
    currency: str
    amount: Decimal | None
    sentence: str
    owner: Owner
    remedy: str
    basware: str | None
    here: str | None
    epicor: str | None
