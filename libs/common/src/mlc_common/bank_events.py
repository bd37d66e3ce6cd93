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


class BankChangeDecided(_FactOfAccounts):
    """The change is sent, or is not, because a person said so; `withdrawn`: Epicor no longer has it."""

    fact: ClassVar[str] = "bank_decided"

    type: Literal["bank_change_decided"] = "bank_change_decided"
    verdict: Literal["approved", "rejected", "withdrawn"]
    by: str = Field(description="the operating user who decided it; epicor when it was withdrawn there")
    reason: str
    old: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


BankFact = BankChangeHeld | BankChangeDecided
