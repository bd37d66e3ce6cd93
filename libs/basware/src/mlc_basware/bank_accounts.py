"""The bank accounts inside a vendor record (Basware API reference, §8.1, paymentMeans). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

NUMBERS = frozenset({"id", "linkedBbanOrIban", "accountAdditionalData1", "accountAdditionalData2"})
"""The members of an account identifier that are account numbers, or may hold one; we send the first two."""


def with_numbers(entity: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The record with every account number replaced by `change` of it."""
    if not entity.get("paymentMeans"):
        return dict(entity)
    return {**entity, "paymentMeans": [_of_means(means, change) for means in entity["paymentMeans"]]}


def _of_means(means: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    if not means.get("financialAccounts"):
        return dict(means)
    return {**means, "financialAccounts": [_of_account(account, change) for account in means["financialAccounts"]]}


def _of_account(account: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    identifiers = [
        {name: change(value) if name in NUMBERS and value else value for name, value in each.items()}
        for each in account.get("financialAccountIdentifiers") or ()
    ]
    return {**account, "financialAccountIdentifiers": identifiers}


def accounts_of(entity: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """All its accounts, in order."""
    means = (entity or {}).get("paymentMeans") or ()
    return [account for each in means for account in each.get("financialAccounts") or ()]


def with_accounts(entity: Mapping[str, Any], accounts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The record with these accounts instead of its own; they stand in its first payment means."""
    bare = [
        {name: value for name, value in means.items() if name != "financialAccounts"}
        for means in entity.get("paymentMeans") or ()
    ]
    if bare and accounts:
        bare[0] = {**bare[0], "financialAccounts": list(accounts)}
    return {**entity, "paymentMeans": bare} if bare else dict(entity)


def described(accounts: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Each account as people name it, `IBAN NUMBER at BIC`; its number as it stands there, so seal it before."""
    return tuple(_described(account) for account in accounts)


def _described(account: Mapping[str, Any]) -> str:
    numbers = [f"{each['schemeId']} {each['id']}" for each in account.get("financialAccountIdentifiers") or ()]
    bank = (account.get("financialInstitution") or {}).get("id")
    return " = ".join(numbers) + (f" at {bank}" if bank else "")
