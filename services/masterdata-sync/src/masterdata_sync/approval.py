"""Whether a vendor's bank accounts may be sent: those that were sent before, and those that a person approved. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from masterdata_sync.changes import Record, digest_of
from masterdata_sync.kind import Approval, Entity, Untranslatable
from masterdata_sync.progress import Owner
from mlc_basware.bank_accounts import accounts_of, described, with_accounts, with_numbers
from mlc_common.account_seal import AccountSeal, shown
from mlc_common.bank_decisions import Decided
from mlc_common.catalogue import finding
from mlc_common.events import BankChangeHeld, BankChangeWithdrawn, BankFact
from mlc_common.http import dump_json
from mlc_common.vault import VaultError

NONE = "none"
"""How no accounts at all are named."""


class Told(NamedTuple):
    """The record that may be sent, and the fact that says why it is another one, or that it no longer is."""

    record: Record
    fact: BankFact | None = None


def sealed(entity: Entity | Untranslatable, seal: AccountSeal, *, company: str, code: str) -> Entity | Untranslatable:
    """The record with its account numbers sealed: no other is compared, hashed, recorded or remembered."""
    if isinstance(entity, Untranslatable):
        return entity
    return with_numbers(entity, lambda number: seal.seal(number, company=company, code=code))


def opened(record: Record, seal: AccountSeal) -> Entity:
    """The record with its account numbers in clear, as Basware gets it.

    Raises:
        VaultError: they were sealed under a key that is gone.
    """
    return with_numbers(record.entity, lambda each: seal.open(each, company=record.company, code=record.code))


def opens(record: Record, seal: AccountSeal) -> bool:
    """Whether its account numbers can be read."""
    try:
        opened(record, seal)
    except VaultError:
        return False
    return True


def digest_of_accounts(entity: Mapping[str, Any] | None) -> str:
    """Of the sealed accounts; nobody can try numbers out against it."""
    return digest_of(dump_json(accounts_of(entity)))


def approved(
    record: Record, sent: Mapping[str, Any] | None, state: Decided, owner: Owner, *, rule: Approval, at: datetime
) -> Told:
    """The record with the accounts that may be sent.

    Args:
        sent: the record as it was sent last, None when it never was.
        rule: of the kind; "of changes" lets a new record's first accounts pass.
    """
    new, old = digest_of_accounts(record.entity), digest_of_accounts(sent)
    first = sent is None and rule == "of changes"
    if new == old or first or state.says("approved", new):
        return Told(record, _withdrawn(state, new, owner, at))
    kept = replace(record, entity=with_accounts(record.entity, accounts_of(sent)))
    if state.held is not None and state.held.digest == new and (state.pending or state.says("rejected", new)):
        return Told(kept)
    return Told(kept, _held(record, sent, owner, digest=new, at=at))


def _held(record: Record, sent: Mapping[str, Any] | None, owner: Owner, *, digest: str, at: datetime) -> BankChangeHeld:
    old, new = names_of(sent), names_of(record.entity)
    texts = {"old": ", ".join(old) or NONE, "new": ", ".join(new) or NONE}
    return BankChangeHeld(
        **owner._asdict(),
        at=at,
        code=record.code,
        digest=digest,
        external_code=record.external_code,
        old=old,
        new=new,
        finding=finding("BANK_CHANGE_HELD", record=record.code, **texts),
    )


def _withdrawn(state: Decided, new: str, owner: Owner, at: datetime) -> BankChangeWithdrawn | None:
    held = state.held
    if held is None or not state.pending or held.digest == new:
        return None
    return BankChangeWithdrawn(**owner._asdict(), at=at, code=held.code, digest=held.digest)


def names_of(entity: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The accounts of a sealed record as people may see them."""
    return tuple(shown(list(described(accounts_of(entity)))))
