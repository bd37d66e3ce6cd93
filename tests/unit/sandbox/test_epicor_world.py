"""The manufacturer's master data and the exact JSON of the sandbox."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mlc_sandbox import company, orders
from mlc_sandbox.epicor.seed import SUSPENSE, master_data
from mlc_sandbox.epicor.tables import AP_INVOICE_TABLES, columns
from mlc_sandbox.exact_json import dumps, loads


def test_every_seeded_column_is_one_of_epicors() -> None:
    for table, rows in master_data().rows.items():
        for row in rows:
            assert set(row) <= set(columns(table)), table


def test_the_world_is_as_large_as_promised() -> None:
    assert len(company.VENDORS) == 40
    assert sum(vendor.inactive for vendor in company.VENDORS) == 3
    assert sum(vendor.pay_hold for vendor in company.VENDORS) == 1
    assert len(company.ACCOUNTS) == 123
    assert len(orders.ORDERS) == 21
    assert len(AP_INVOICE_TABLES) == 30


def test_keys_are_unique() -> None:
    accounts = [account.internal for account in company.ACCOUNTS]

    assert len(set(accounts)) == len(accounts)
    assert len({(v.company, v.vendor_id) for v in company.VENDORS}) == len(company.VENDORS)
    assert len({(v.company, v.vendor_num) for v in company.VENDORS}) == len(company.VENDORS)


def test_what_refers_to_something_finds_it() -> None:
    accounts = {account.internal for account in company.ACCOUNTS}

    assert accounts >= company.INACTIVE_ACCOUNTS | {SUSPENSE, "6100|10|200", "6100|10|310"}
    assert {vendor.terms for vendor in company.VENDORS} <= {terms.code for terms in company.TERMS}
    assert all(company.vendor(order.company, order.vendor_id) for order in orders.ORDERS)
    assert {account.department for account in company.ACCOUNTS} <= set(company.DEPARTMENTS)


def test_an_account_is_written_in_two_ways() -> None:
    account = next(account for account in company.ACCOUNTS if account.natural == "6100")

    assert (account.internal, account.display) == ("6100|10|200", "6100-10-200")


def test_an_unknown_vendor_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        company.vendor("NWM", "20105")


@pytest.mark.parametrize("text", ["2480.00", "0.10", "1E+3", "-0.005", "12345678901234567890.12"])
def test_a_number_keeps_its_digits(text: str) -> None:
    assert dumps(loads(f'{{"amount":{text}}}')) == f'{{"amount":{format(Decimal(text), "f")}}}'


def test_json_is_otherwise_what_it_was() -> None:
    text = '{"name":"Hämeenlinna \\"x\\"","list":[1,true,null,[]],"nested":{}}'

    assert dumps(loads(text)) == text


@pytest.mark.parametrize("text", ["NaN", "Infinity", "{", ""])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any, as json has several
        loads(text)
