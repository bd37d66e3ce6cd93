"""Content Enricher: vendors, accounts, taxes and terms of one document, read in few calls and believed for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from epicor_writer.orders import orders_of
from epicor_writer.reference import Account, Reference, Vendor, Wanted, same_key
from mlc_epicor.orders import OrderRows

MOST_RECORDS = 20_000
"""Records kept in memory per connection."""

Row = Mapping[str, Any]


class Finder(Protocol):
    """The part of the Epicor client that reads by key."""

    async def find(
        self,
        company: str,
        entity_set: str,
        *,
        field: str,
        keys: Iterable[str],
        select: Sequence[str],
        also: str | None = None,
    ) -> list[dict[str, Any]]: ...

    async def validate_account(self, company: str, chart: str, account: str, *, day: date) -> str | None: ...

    async def orders(self, company: str, numbers: Iterable[int]) -> OrderRows: ...


class Records:
    """A bounded cache before the reads.

    Args:
        believed: seconds a record, or its absence, is believed.
        clock: seconds that only grow.
    """

    def __init__(self, finder: Finder, *, believed: float, clock: Callable[[], float]) -> None:
        self._finder = finder
        self._believed = believed
        self._clock = clock
        self._kept: dict[tuple[str, str, str], tuple[float, Row | None]] = {}

    async def reference(self, wanted: Wanted, *, fresh: bool = False) -> Reference:
        """What Epicor knows of these codes.

        Raises:
            TransientError: Epicor cannot be asked now.
        """
        company = wanted.company
        vendors = await self._read(company, _VENDORS, {wanted.vendor_id}, fresh=fresh)
        accounts = await self._read(company, _accounts(wanted.chart), wanted.accounts, fresh=fresh)
        taxes = await self._read(company, _TAXES, wanted.taxes, fresh=fresh)
        terms = await self._read(company, _TERMS, wanted.terms, fresh=fresh)
        invalid = await self._invalid(wanted, accounts, fresh=fresh)
        # What is left of an order changes with every invoice: it is never old news.
        orders = await self._finder.orders(company, wanted.orders) if wanted.orders else OrderRows()
        return Reference(
            vendor=next((_vendor(row) for row in vendors.values()), None),
            accounts={key: _account(row) for key, row in accounts.items()},
            taxes=frozenset(taxes),
            terms=frozenset(terms),
            invalid=invalid,
            orders=orders_of(orders),
        )

    async def _invalid(self, wanted: Wanted, known: Mapping[str, Row], *, fresh: bool) -> dict[str, str]:
        """What Epicor says against accounts that it knows, on the apply date.

        Good news is believed for other days as well: from when to when an account holds is read with the account.
        """
        day = wanted.validate_on
        if day is None:
            return {}
        kind, now = f"valid/{wanted.chart}", self._clock()
        said: dict[str, Row | None] = {}
        for key, row in known.items():
            kept = self._kept.get((wanted.company, kind, key))
            if kept is not None and kept[0] > now and not fresh:
                said[key] = kept[1]
                continue
            account = str(row["GLAccount1"])
            message = await self._finder.validate_account(wanted.company, wanted.chart, account, day=day)
            said[key] = None if message is None else {"message": message}
            self._keep({(wanted.company, kind, key): (now + self._believed, said[key])})
        return {key: str(row["message"]) for key, row in said.items() if row is not None}

    async def _read(self, company: str, kind: _Kind, keys: Iterable[str], *, fresh: bool) -> dict[str, Row]:
        wanted = {same_key(key): key for key in keys}
        now = self._clock()
        kept = {key: self._kept.get((company, kind.name, key)) for key in wanted}
        unknown = [key for key, entry in kept.items() if fresh or entry is None or entry[0] <= now]
        found = {key: entry[1] for key, entry in kept.items() if entry is not None and key not in unknown}
        if unknown:
            rows = await self._finder.find(
                company,
                kind.entity_set,
                field=kind.field,
                keys=[wanted[key] for key in unknown],
                select=kind.select,
                also=kind.also,
            )
            read = {same_key(str(row.get(kind.field) or "")): row for row in rows}
            found |= {key: read.get(key) for key in unknown}
            self._keep({(company, kind.name, key): (now + self._believed, read.get(key)) for key in unknown})
        return {key: row for key, row in found.items() if row is not None}

    def _keep(self, entries: Mapping[tuple[str, str, str], tuple[float, Row | None]]) -> None:
        for key in entries:
            self._kept.pop(key, None)
        self._kept.update(entries)
        while len(self._kept) > MOST_RECORDS:
            del self._kept[next(iter(self._kept))]


class _Kind:
    """Where one kind of record is read, and by which field."""

    def __init__(self, entity_set: str, field: str, *select: str, also: str | None = None) -> None:
        self.entity_set = entity_set
        self.field = field
        self.select = (field, *select)
        self.also = also
        self.name = f"{entity_set}/{also or ''}"


_VENDORS = _Kind("Erp.BO.VendorSvc/Vendors", "VendorID", "VendorNum", "TermsCode", "Inactive", "PayHold")
_TAXES = _Kind("Erp.BO.SalesTaxSvc/SalesTaxes", "TaxCode")
_TERMS = _Kind("Erp.BO.PurTermsSvc/PurTerms", "TermsCode")


def _accounts(chart: str) -> _Kind:
    """OData names the column that is called like its table with a 1 behind it (Epicor reference, property alias)."""
    quoted = chart.replace("'", "''")
    return _Kind(
        "Erp.BO.GLAccountSvc/GLAccounts", "GLAccount1", "Active", "EffFrom", "EffTo", also=f"COACode eq '{quoted}'"
    )


def _vendor(row: Row) -> Vendor:
    return Vendor(
        num=int(row["VendorNum"]),
        vendor_id=str(row["VendorID"]).strip(),
        terms=str(row.get("TermsCode") or "").strip(),
        inactive=bool(row.get("Inactive")),
        on_hold=bool(row.get("PayHold")),
    )


def _account(row: Row) -> Account:
    return Account(active=bool(row.get("Active")), first=_day(row.get("EffFrom")), last=_day(row.get("EffTo")))


def _day(value: object) -> date | None:
    return date.fromisoformat(value[:10]) if isinstance(value, str) and value else None
