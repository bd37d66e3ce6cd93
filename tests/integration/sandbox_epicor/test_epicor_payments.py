"""Accounts payable of the Epicor emulator: paid, voided, netted and adjusted, and read in every way there is."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mlc_sandbox.basware import BaswareWorld
from mlc_sandbox.epicor import EpicorWorld
from mlc_sandbox.epicor.histories import Account
from mlc_sandbox.epicor.tables import columns
from mlc_sandbox.exact_json import dumps, loads
from mlc_sandbox.keeping import restore, snapshot

if TYPE_CHECKING:
    from .conftest import Clock, Epicor

TRANSACTIONS = "Erp.BO.APTranSearchSvc/APTranSearches"
PAYMENTS = "Erp.BO.PaymentEntrySvc/PaymentEntries"
ORDER = "HeadNum,APTranNo,InvoiceNum,Voided"


@pytest.fixture
def account(world: EpicorWorld, clock: Clock) -> Account:
    """A posted invoice of 1240.00."""
    made = Account(world, "NWM", 101, "SI-1", "bw-1")
    for step in ("invoice 1240.00 USD", "post"):
        made.play(step, at=clock())
    return made


@pytest.fixture
def act(anonymous: httpx.AsyncClient) -> Callable[..., Any]:
    """One call of the control plane of payments."""

    async def done(name: str, **body: Any) -> httpx.Response:
        return await anonymous.post(f"/_sandbox/payments/{name}", content=dumps({"company": "NWM", **body}))

    return done


async def test_a_payment_by_the_control_plane_settles_the_invoice(
    epicor: Epicor, account: Account, act: Callable[..., Any]
) -> None:
    paid = await act("pay", invoices=[{"vendor": 101, "invoice": "SI-1", "discount": "24.80"}], day="2026-11-03")

    (row,) = await epicor.set_of(TRANSACTIONS, filter="VendorNum eq 101")
    (cheque,) = await epicor.set_of(PAYMENTS, filter=f"HeadNum eq {paid.json()['head']}")
    assert (row["DocTranAmt"], row["DocDiscAmt"]) == (Decimal("1215.20"), Decimal("24.80"))
    assert cheque["CheckNum"] >= 50_000_000
    assert (account.invoice.header["DocInvoiceBal"], account.invoice.header["OpenPayable"]) == (0, False)


async def test_a_void_adds_a_negated_copy_and_opens_the_invoice_again(
    epicor: Epicor, account: Account, act: Callable[..., Any]
) -> None:
    head = (await act("pay", invoices=[{"vendor": 101, "invoice": "SI-1"}], day="2026-11-03")).json()["head"]
    await act("void", head=head, day="2026-11-15", reason="lost")
    twice = await act("void", head=head)

    rows = await epicor.set_of(TRANSACTIONS, orderby=ORDER)
    assert [(row["Voided"], row["DocTranAmt"]) for row in rows] == [(False, 1240), (True, -1240)]
    assert rows[1]["TranDate"] == "2026-11-15T00:00:00"
    assert account.invoice.header["DocInvoiceBal"] == 1240
    assert twice.status_code == 400


async def test_an_unposted_payment_leaves_the_posted_balance(account: Account, act: Callable[..., Any]) -> None:
    order = {"invoices": [{"vendor": 101, "invoice": "SI-1"}], "day": "2026-11-03", "posted": False}
    head = (await act("pay", **order)).json()["head"]
    header = account.invoice.header
    assert (header["DocInvoiceBal"], header["DocUnpostedBal"]) == (1240, 0)

    await act("post", head=head)

    assert account.invoice.header["DocInvoiceBal"] == 0


async def test_holds_and_adjustments_are_made_by_the_control_plane(account: Account, act: Callable[..., Any]) -> None:
    await act("hold", vendor=101, invoice="SI-1")
    await act("adjust", invoice={"vendor": 101, "invoice": "SI-1", "amount": "40.00"}, day="2026-11-03")
    unknown = await act("adjust", invoice={"vendor": 101, "invoice": "SI-9", "amount": "1"}, day="2026-11-03")

    assert (account.invoice.header["PayHold"], account.invoice.header["DocInvoiceBal"]) == (True, 1200)
    assert unknown.status_code == 400


@pytest.mark.parametrize("shown", ["net", "gross"])
async def test_the_amount_holds_the_discount_or_not(
    epicor: Epicor, account: Account, clock: Clock, change: Callable[..., None], shown: str
) -> None:
    change(payment_amounts=shown)
    account.play("pay 1215.20 on 2026-11-03 discount 24.80 as A", at=clock())

    (row,) = await epicor.set_of(TRANSACTIONS)

    assert row["DocTranAmt"] == (Decimal("1215.20") if shown == "net" else 1240)
    assert account.invoice.header["DocInvoiceBal"] == 0


async def test_every_way_of_reading_shows_the_same_rows(epicor: Epicor, account: Account, clock: Clock) -> None:
    account.play("pay rest on 2026-11-03 as A", at=clock())
    account.play("void A on 2026-11-15", at=clock())
    clauses = {"whereClauseAPTranSearch": "VendorNum = 101 AND ChangeDate >= '2026-11-22T00:00:00'"}
    paging = {"whereClausePaymentTotals": "1=0", "pageSize": "0", "absolutePage": "0"}

    rows = loads((await epicor.get("Erp.BO.APTranSearchSvc/GetRows", **clauses, **paging)).content)
    joined = loads((await epicor.get("BaqSvc/MLPayments/Data", LastChange="2026-11-22T00:00:00")).content)
    searched = await epicor.set_of(TRANSACTIONS, orderby=ORDER)
    entered = await epicor.set_of("Erp.BO.PaymentEntrySvc/APTrans", orderby=ORDER)

    amounts = [1240, -1240]
    assert [row["DocTranAmt"] for row in rows["returnObj"]["APTranSearch"]] == amounts
    assert [row["APTran_DocTranAmt"] for row in joined["value"]] == amounts
    assert [row["DocTranAmt"] for row in searched] == amounts
    assert [row["DocTranAmt"] for row in entered] == amounts
    assert rows["parameters"]["morePages"] is False


async def test_getrows_pages_from_one_and_zero_alike(epicor: Epicor, account: Account, clock: Clock) -> None:
    for number in range(1, 6):
        account.play(f"pay 10.00 on 2026-11-03 as P{number}", at=clock())

    async def page(number: int) -> tuple[list[int], bool]:
        clauses = {"whereClauseAPTranSearch": "", "whereClausePaymentTotals": "1=0"}
        asked = {**clauses, "pageSize": "2", "absolutePage": str(number)}
        found = loads((await epicor.get("Erp.BO.APTranSearchSvc/GetRows", **asked)).content)
        rows = [row["HeadNum"] for row in found["returnObj"]["APTranSearch"]]
        return rows, found["parameters"]["morePages"]

    assert await page(0) == await page(1)
    assert [len((await page(number))[0]) for number in (1, 2, 3)] == [2, 2, 1]
    assert [(await page(number))[1] for number in (1, 2, 3)] == [True, True, False]


@pytest.mark.parametrize(
    ("taken", "refused", "form"),
    [
        ("2026-11-22T00:00:00Z", "2026-11-22T00:00:00", "zoned"),
        ("2026-11-22T00:00:00", "2026-11-22T00:00:00Z", "local"),
    ],
)
async def test_a_tenant_takes_one_form_of_an_instant_only(
    epicor: Epicor, account: Account, change: Callable[..., None], taken: str, refused: str, form: str
) -> None:
    change(date_literals=form)

    answers = [
        await epicor.client.get(f"NWM/{TRANSACTIONS}", params={"$filter": f"ChangeDate ge {literal}"})
        for literal in (taken, refused)
    ]

    assert [answered.status_code for answered in answers] == [200, 400]


async def test_a_baq_that_is_not_there_and_a_wrong_clause_are_refused(epicor: Epicor) -> None:
    missing = await epicor.get("BaqSvc/Nothing/Data")
    paging = {"whereClausePaymentTotals": "1=0", "pageSize": "0", "absolutePage": "0"}
    wrong = await epicor.get("Erp.BO.APTranSearchSvc/GetRows", whereClauseAPTranSearch="VendorNum ! 1", **paging)

    assert (missing.status_code, wrong.status_code) == (404, 400)


def test_payments_survive_a_restart_of_the_sandbox(world: EpicorWorld, account: Account, clock: Clock) -> None:
    account.play("pay rest on 2026-11-03 as A", at=clock())
    kept = loads(dumps(snapshot(basware=BaswareWorld(), epicor=world)))
    other = EpicorWorld()

    restore(kept, basware=BaswareWorld(), epicor=other)

    assert (other.head, len(other.transactions), list(other.cheques)) == (7001, 1, [("NWM", 7001)])


def test_every_row_holds_columns_of_its_table_only(world: EpicorWorld, account: Account, clock: Clock) -> None:
    account.play("pay rest on 2026-11-03 as A", at=clock())

    assert set(world.transactions[0]) <= set(columns("APTranSearch"))
    assert set(world.cheques["NWM", 7001]) - {"TranDate"} <= set(columns("CheckHed"))
    assert set(account.invoice.header) <= set(columns("APInvHed"))


def test_a_history_with_an_unknown_step_is_refused(account: Account, clock: Clock) -> None:
    with pytest.raises(ValueError, match="no such step"):
        account.play("give it away", at=clock())
