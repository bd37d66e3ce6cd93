"""Codes are read in few calls and believed for a while; absence is believed no longer than presence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from epicor_writer.records import Records
from epicor_writer.reference import Vendor, Wanted


class Shelf:
    """A far side with two vendors that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.inactive = False

    async def find(
        self,
        company: str,
        entity_set: str,
        *,
        field: str,
        keys: Iterable[str],
        select: Sequence[str],
        also: str | None = None,
    ) -> list[dict[str, Any]]:
        self.asked.append((entity_set, tuple(keys)))
        assert field in select
        assert company in ("NWM", "NWF")
        assert also == ("COACode eq 'MAIN'" if "GLAccounts" in entity_set else None)
        if "Vendors" in entity_set:
            return [{"VendorNum": 101, "VendorID": "ACME", "TermsCode": "N30", "Inactive": self.inactive}]
        if "GLAccounts" in entity_set:
            return [{"GLAccount1": "6100|10|200", "Active": True, "EffFrom": "2020-01-01T00:00:00", "EffTo": None}]
        return []


WANTED = Wanted("NWM", "MAIN", "acme ", frozenset({"6100|10|200", "6999|10|200"}))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_what_was_read_is_believed_for_a_while() -> None:
    shelf, clock = Shelf(), Clock()
    records = Records(shelf, believed=60, clock=clock)

    first = await records.reference(WANTED)
    clock.now = 59
    second = await records.reference(WANTED)

    assert first == second
    assert first.vendor == Vendor(101, "ACME", "N30")
    assert set(first.accounts) == {"6100|10|200"}
    assert len(shelf.asked) == 2
    clock.now = 61
    await records.reference(WANTED)
    assert len(shelf.asked) == 4


async def test_only_what_is_not_known_yet_is_asked_for() -> None:
    shelf = Shelf()
    records = Records(shelf, believed=60, clock=Clock())
    await records.reference(WANTED)

    await records.reference(Wanted("NWM", "MAIN", "ACME", frozenset({"6100|10|200", "7000|10|200"})))

    assert shelf.asked[-1] == ("Erp.BO.GLAccountSvc/GLAccounts", ("7000|10|200",))
    assert len(shelf.asked) == 3


async def test_fresh_does_not_believe_what_was_read() -> None:
    shelf = Shelf()
    records = Records(shelf, believed=60, clock=Clock())
    await records.reference(WANTED)
    shelf.inactive = True

    assert (await records.reference(WANTED)).vendor == Vendor(101, "ACME", "N30")
    assert (await records.reference(WANTED, fresh=True)).vendor == Vendor(101, "ACME", "N30", inactive=True)
    assert (await records.reference(WANTED)).vendor == Vendor(101, "ACME", "N30", inactive=True)


async def test_companies_do_not_share_what_was_read() -> None:
    shelf = Shelf()
    records = Records(shelf, believed=60, clock=Clock())
    await records.reference(WANTED)
    await records.reference(Wanted("NWF", "MAIN", "ACME"))

    assert len(shelf.asked) == 3
