"""Facts about a vendor's changed bank accounts: held until a person decides, and what was decided. Pure."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from mlc_common.catalogue import Finding
from mlc_common.record_events import FactOfRecord


class _FactOfAccounts(FactOfRecord):
    """`digest` is of the sealed accounts that it is about; it may come to the same accounts again."""

    @property
    def id(self) -> str:
        return f"{super().id}/{self.at.isoformat()}"


class BankChangeHeld(_FactOfAccounts):
    """Epicor has other bank accounts than Basware was sent; they are not sent before somebody approves them.

    `old` and `new` name the accounts of both sides by their last characters.
    """

    fact: ClassVar[str] = "bank_held"

    type: Literal["bank_change_held"] = "bank_change_held"
    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    finding: Finding


class BankChangeWithdrawn(_FactOfAccounts):
    """Epicor has accounts again that may be sent; nobody needs to decide any more."""

    fact: ClassVar[str] = "bank_withdrawn"

    type: Literal["bank_change_withdrawn"] = "bank_change_withdrawn"


class BankChangeDecided(_FactOfAccounts):
    """The change is sent, or is not, because a person said so."""

    fact: ClassVar[str] = "bank_decided"

    type: Literal["bank_change_decided"] = "bank_change_decided"
    verdict: Literal["approved", "rejected"]
    by: str = Field(description="the operating user who decided it")
    reason: str
    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


BankFact = BankChangeHeld | BankChangeWithdrawn | BankChangeDecided
"""Facts about a record's bank accounts."""
