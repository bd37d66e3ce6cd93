"""Watching Epicor's payments: nothing is lost, nothing is recorded twice, nothing is asked for without need."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from masterdata_sync.payments.service import one_run
from masterdata_sync.schedule import elected
from mlc_common.events import InvoicePosted, PaymentSeen
from mlc_common.failures import FailureError, PermanentError, TransientError
from mlc_common.tables import invoice_payments
from mlc_common.telemetry import span
from mlc_epicor.payment_reader import PaymentReader
from mlc_sandbox.epicor import payments
from mlc_sandbox.epicor.payments import Cheque, Part

from .conftest import NAME, forgetful

if TYPE_CHECKING:
    from .conftest import MakeSite, Site

ON = "2026-11-03"
WAYS: list[dict[str, Any]] = [
    {"read": "APTranSearches"},
    {"read": "APTrans"},
    {"read": "GetRows"},
    {"read": "BAQ", "baq": {"id": "MLPayments"}},
]


def way(rules: dict[str, Any]) -> str:
    return str(rules["read"])


async def test_a_payment_is_seen_as_soon_as_its_transaction_changes(site: Site) -> None:
    account = await site.invoice("one")
    await site.run()
    account.play(f"pay 500.00 on {ON} as A", at=site.clock())
    site.clock.forward(timedelta(minutes=15))

    await site.run()

    (seen,) = await site.seen("one")
    assert (seen.number, seen.picture.standing, seen.picture.paid) == (1, "partly paid", Decimal("500.00"))
    assert seen.subject == "documents.northwind.one.payment_seen.b1"


async def test_an_open_invoice_is_no_news(site: Site) -> None:
    await site.invoice("one")

    await site.run()

    assert await site.words("one") == []


@pytest.mark.parametrize("rules", WAYS, ids=way)
async def test_many_rows_that_share_one_instant_are_all_seen(make_site: MakeSite, rules: dict[str, Any]) -> None:
    async with make_site(**rules) as site:
        site.epicor_settings(page_cap=20)
        names = [f"inv-{number:02}" for number in range(45)]
        accounts = [await site.invoice(name) for name in names]
        parts = [Part(101, account.number) for account in accounts]
        await site.run()
        payments.pay(site.far.epicor_world, "NWM", parts[:30], Cheque(date(2026, 11, 3)), at=site.clock())
        await site.run()
        # As of a long transaction: rows of the same instant that became visible after it was read.
        payments.pay(site.far.epicor_world, "NWM", parts[30:], Cheque(date(2026, 11, 3)), at=site.clock())
        await site.run()

        found = [await site.seen(name) for name in names]
        assert [len(each) for each in found] == [1] * len(names)


async def test_an_epicor_whose_clock_is_behind_ours_loses_nothing(site: Site) -> None:
    theirs = site.clock() - timedelta(hours=9)
    first, second = await site.invoice("one"), await site.invoice("two")
    first.play(f"pay rest on {ON} as A", at=theirs)
    await site.run()
    second.play(f"pay rest on {ON} as A", at=theirs + timedelta(seconds=1))

    await site.run()

    assert len(await site.seen("two")) == 1


@pytest.mark.parametrize("zoned", ["zoned", "local"])
async def test_the_form_of_an_instant_is_found_out(site: Site, zoned: str) -> None:
    site.epicor_settings(date_literals=zoned)
    account = await site.invoice("one")
    await site.run()
    account.play(f"pay rest on {ON} as A", at=site.clock())

    await site.run()

    assert len(await site.seen("one")) == 1
    assert site.watch.reader.forms == [zoned]


async def test_days_only_are_read_anew_a_day_back(make_site: MakeSite) -> None:
    async with make_site(overlap_minutes=0) as site:
        site.epicor_settings(change_date="day")
        first, second = await site.invoice("one"), await site.invoice("two")
        first.play(f"pay rest on {ON} as A", at=site.clock())
        await site.run()
        second.play(f"pay rest on {ON} as A", at=site.clock())

        await site.run()

        assert len(await site.seen("two")) == 1


async def test_what_the_overlap_shows_again_costs_no_look(site: Site) -> None:
    account = await site.invoice("one")
    account.play(f"pay rest on {ON} as A", at=site.clock())
    await site.run()
    await site.run()
    before = site.epicor_calls("APInvSearches")

    await site.run()

    assert site.epicor_calls("APInvSearches") == before
    assert len(await site.seen("one")) == 1


async def test_a_void_that_no_change_date_shows_is_seen_by_looking_again(site: Site) -> None:
    site.epicor_settings(voids_move_change_date=False)
    account = await site.invoice("one")
    account.play(f"pay rest on {ON} as A", at=site.clock())
    await site.run()
    site.clock.forward(timedelta(hours=1))
    account.play("void A on 2026-11-15", at=site.clock())
    site.far.epicor_world.transactions[-1]["ChangeDate"] = "2026-01-01T00:00:00"
    await site.run()
    assert len(await site.seen("one")) == 1, "nobody announced it"

    site.clock.forward(timedelta(hours=24))
    await site.run()

    assert [each.picture.standing for each in await site.seen("one")] == ["paid", "voided"]


async def test_a_paid_invoice_is_left_alone_after_its_time(make_site: MakeSite) -> None:
    async with make_site(days_after_paid=30) as site:
        account = await site.invoice("one")
        account.play(f"pay rest on {ON} as A", at=site.clock())
        await site.run()
        for _ in range(2):
            site.clock.forward(timedelta(days=31))
            await site.run()
        before = site.epicor_calls("APInvSearches")
        site.clock.forward(timedelta(days=31))

        await site.run()
        assert site.epicor_calls("APInvSearches") == before

        account.play("void A on 2027-03-01", at=site.clock())
        await site.run()
        assert [each.picture.standing for each in await site.seen("one")] == ["paid", "voided"]


async def test_a_crash_between_the_fact_and_the_list_records_nothing_twice(site: Site, engine: AsyncEngine) -> None:
    account = await site.invoice("one")
    account.play(f"pay rest on {ON} as A", at=site.clock())
    await site.run()
    async with engine.begin() as db:
        await db.execute(text("UPDATE invoice_payments SET digest = NULL, settled_at = NULL, next_look = now()"))
        await db.execute(text("DELETE FROM payment_watermarks"))
    forgetful(site)

    await site.run()

    assert len(await site.seen("one")) == 1


async def test_an_empty_database_is_filled_from_the_stream_and_plans_nothing(site: Site, engine: AsyncEngine) -> None:
    account = await site.invoice("one")
    account.play(f"pay 100.00 on {ON} as A", at=site.clock())
    await site.run()
    async with engine.begin() as db:
        await db.execute(text("TRUNCATE invoice_payments, payment_watermarks, projection_positions"))
    forgetful(site)
    account.play("pay rest on 2026-11-04 as B", at=site.clock())

    await site.run()

    assert [each.number for each in await site.seen("one")] == [1, 2]


async def test_a_run_that_is_cut_short_reads_the_same_stretch_again(site: Site) -> None:
    account = await site.invoice("one")
    await site.run()
    account.play(f"pay rest on {ON} as A", at=site.clock())
    site.fault("status", "PaymentEntries", of="epicor", status=503)

    with pytest.raises(TransientError):
        await site.run()
    assert await site.seen("one") == []
    await site.run()

    assert len(await site.seen("one")) == 1


async def test_one_replica_watches_at_a_time(site: Site, engine: AsyncEngine) -> None:
    await site.invoice("one")

    async with elected(engine, "payments northwind"):
        await one_run(site.watch, engine)
    assert site.epicor_calls("") == 0

    await one_run(site.watch, engine)
    assert site.epicor_calls("APInvSearches") == 1


async def test_a_balance_that_fits_no_transaction_is_said_and_not_told(site: Site) -> None:
    account = await site.invoice("one")
    account.play(f"pay rest on {ON} as A", at=site.clock())
    account.invoice.header["DocInvoiceBal"] = Decimal("0.05")
    await site.look()

    (seen,) = await site.seen("one")
    assert seen.picture.standing == "unclear"
    assert "1239.95 USD are settled" in str(seen.picture.why), "PAYMENT_UNCLEAR"
    assert site.told("one") == []
    samples = [each for family in site.watch.metrics.payments_seen.collect() for each in family.samples]
    assert [each.value for each in samples if each.labels.get("standing") == "unclear" and "total" in each.name] == [1]

    account.invoice.header["DocInvoiceBal"] = Decimal("0.00")
    site.clock.forward(timedelta(hours=25))
    await site.look()
    assert site.state("one")["paidTotal"] == Decimal("1240.00")


async def test_an_empty_set_that_is_wrong_makes_nothing_paid_unpaid(site: Site) -> None:
    account = await site.invoice("one")
    account.play(f"pay rest on {ON} as A", at=site.clock())
    await site.look()
    kept, site.far.epicor_world.transactions = site.far.epicor_world.transactions, []
    site.clock.forward(timedelta(hours=25))
    await site.look()

    assert [each.picture.standing for each in await site.seen("one")] == ["paid", "unclear"]
    assert site.state("one")["paidTotal"] == Decimal("1240.00")
    site.far.epicor_world.transactions = kept


async def test_getrows_works_where_entity_sets_do_not(make_site: MakeSite) -> None:
    broken = frozenset({"Erp.BO.APTranSearchSvc", "Erp.BO.PaymentEntrySvc", "Erp.BO.APInvSearchSvc"})
    async with make_site(read="GetRows") as site:
        site.epicor_settings(broken_reads=broken)
        account = await site.invoice("one")
        account.play(f"pay rest on {ON} as A", at=site.clock())
        await site.run()

        assert len(await site.seen("one")) == 1
        rules = site.watch.rules.model_copy(update={"read": "APTrans"})
        other = PaymentReader(site.watch.reader.epicor, site.watch.reader.slots, rules)
        with pytest.raises(FailureError):
            await other.transactions("NWM", [(101, "si-one")])


async def test_invoices_of_others_are_left_alone_unless_they_are_wanted(site: Site) -> None:
    account = await site.invoice("one")
    account.play(f"pay rest on {ON} and 310.00 as A", at=site.clock())

    await site.run()

    assert len(await site.seen("one")) == 1
    assert len(site.far.epicor_world.invoices) == 2


async def test_an_invoice_of_others_is_followed_by_its_external_id(make_site: MakeSite) -> None:
    async with make_site(others="external id") as site:
        ours = await site.invoice("one")
        ours.play(f"pay rest on {ON} and 310.00 as A", at=site.clock())
        await site.document("theirs", "310.00", "USD")
        (other,) = [each for each in site.far.epicor_world.invoices.values() if each.header["InvoiceNum"] == "SI-one-B"]
        other.header["ExternalID"] = "theirs"

        await site.look()

        (seen,) = await site.seen("theirs")
        assert (seen.attempt, seen.invoice_num) == ("other", "SI-one-B")
        assert site.state("theirs")["paidTotal"] == Decimal("310.00")


async def test_a_transfer_anew_is_followed_under_its_own_attempt(site: Site) -> None:
    account = await site.invoice("one")
    account.play(f"pay 100.00 on {ON} as A", at=site.clock())
    await site.run()
    (before,) = await site.seen("one")
    assert before.attempt == "b1"

    (posted,) = [each for each in await site.facts("one") if each.type == "invoice_posted"]
    await site.log.append(posted.model_copy(update={"attempt": "b2", "found": True}))
    await site.run()

    assert [(each.attempt, each.number) for each in await site.seen("one")] == [("b1", 1), ("b2", 1)]


async def test_epicor_is_never_asked_more_than_its_licences_allow(site: Site) -> None:
    for number in range(30):
        account = await site.invoice(f"inv-{number}")
        account.play(f"pay rest on {ON} as A", at=site.clock())

    await site.run()

    assert site.far.epicor_world.calls.max_in_flight <= 2


async def test_a_payment_posted_between_two_questions_is_no_contradiction(site: Site) -> None:
    account = await site.invoice("one")
    account.play(f"pay 200.00 on {ON} as A", at=site.clock())
    # The header is read first; before the transactions are, somebody pays the rest.
    site.fault("delay", "APTranSearches", of="epicor", match="InvoiceNum eq 'SI-one'", seconds=0.5)
    running = asyncio.create_task(site.run())
    while not site.epicor_calls("APInvSearches"):
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    account.play("pay rest on 2026-11-04 as B", at=site.clock())

    await running

    assert [each.picture.standing for each in await site.seen("one")] == ["paid"]


async def test_a_row_of_an_invoice_that_is_not_ours_spoils_nothing_though_it_cannot_be_read(site: Site) -> None:
    ours, foreign = await site.invoice("one"), await site.invoice("two")
    await site.run()
    ours.play(f"pay 500.00 on {ON} as A", at=site.clock())
    foreign.play(f"pay 500.00 on {ON} as B", at=site.clock())
    site.far.epicor_world.transactions[-1].update({"InvoiceNum": "NOT-OURS", "DocTranAmt": None})
    site.clock.forward(timedelta(minutes=15))

    await site.look()

    (seen,) = await site.seen("one")
    assert (seen.picture.standing, seen.picture.paid) == ("partly paid", Decimal("500.00"))


async def test_an_invoice_with_a_row_that_cannot_be_read_is_unclear_and_the_others_go_on(site: Site) -> None:
    broken, sound = await site.invoice("one"), await site.invoice("two")
    await site.run()
    broken.play(f"pay 500.00 on {ON} as A", at=site.clock())
    row = site.far.epicor_world.transactions[-1]
    amount, row["DocTranAmt"] = row["DocTranAmt"], None
    sound.play(f"pay 500.00 on {ON} as B", at=site.clock())
    site.clock.forward(timedelta(minutes=15))
    await site.look()

    (unclear,), (seen,) = await site.seen("one"), await site.seen("two")
    assert unclear.picture.standing == "unclear"
    assert "look at the columns DocTranAmt" in str(unclear.picture.why), "PAYMENT_UNREADABLE"
    assert seen.picture.paid == Decimal("500.00")

    row["DocTranAmt"] = amount
    site.clock.forward(timedelta(hours=25))
    await site.look()
    assert [each.picture.standing for each in await site.seen("one")] == ["unclear", "partly paid"]


async def test_a_question_that_epicor_refuses_delays_nothing_that_is_due(site: Site) -> None:
    account = await site.invoice("one")
    await site.run()
    account.play(f"pay 500.00 on {ON} as A", at=site.clock())
    refused = {"ErrorMessage": "The types do not fit.", "ErrorType": "System.ArgumentException", "HttpStatus": 400}
    site.fault("status", "APTranSearches", of="epicor", match="ChangeDate ge", status=400, times=-1, body=refused)
    site.clock.forward(timedelta(hours=25))

    with pytest.raises(PermanentError):
        await site.look()

    (seen,) = await site.seen("one")
    assert seen.picture.paid == Decimal("500.00")


@pytest.mark.parametrize("first", [0, 1])
async def test_getrows_is_read_to_its_end_wherever_its_pages_begin(make_site: MakeSite, first: int) -> None:
    async with make_site(read="GetRows") as site:
        site.epicor_settings(first_page=first, page_cap=2)
        account = await site.invoice("one")
        for part in range(5):
            account.play(f"pay 100.00 on {ON} as P{part}", at=site.clock())
        await site.look()

        (seen,) = await site.seen("one")
        assert (seen.picture.paid, len(seen.picture.payments)) == (Decimal("500.00"), 5)


async def rows(engine: AsyncEngine, columns: str = "*") -> list[tuple[Any, ...]]:
    """The watch list."""
    async with engine.connect() as db:
        found = await db.execute(text(f"SELECT {columns} FROM invoice_payments ORDER BY company, invoice_key"))  # noqa: S608
        return [tuple(row) for row in found]


async def change(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as db:
        for each in statements:
            await db.execute(text(each))


REWIND = "DELETE FROM projection_positions"
FOLDED = "connection, company, vendor_num, invoice_key, invoice_num, invoice_id, attempt, posted_at"


async def test_a_list_that_is_made_anew_is_put_right_and_keeps_what_was_seen(
    make_site: MakeSite, engine: AsyncEngine
) -> None:
    async with make_site(others="external id") as site:
        accounts = [await site.invoice(f"inv-{number}") for number in range(6)]
        accounts[0].play(f"pay rest on {ON} as A", at=site.clock())
        await site.look()
        right = await rows(engine)
        await change(
            engine,
            REWIND,
            "UPDATE invoice_payments SET invoice_id = 'of another', digest = 'x' WHERE invoice_id = 'inv-3'",
            "DELETE FROM invoice_payments WHERE invoice_id = 'inv-4'",
        )
        async with engine.begin() as db:
            for name, connection, attempt in (("x", NAME, "other"), ("y", NAME, "of nobody"), ("z", "another", "b1")):
                key = {"connection": connection, "company": "NWM", "vendor_num": 999, "invoice_key": name}
                its = {"invoice_num": name, "invoice_id": name, "attempt": attempt, "posted_at": site.clock()}
                await db.execute(invoice_payments.insert(), key | its)

        await site.look()

        made = {row[5]: row for row in await rows(engine)}
        assert [made[row[5]] for row in right] == right, "two were looked at anew, the others were left alone"
        assert set(made) - {row[5] for row in right} == {"x", "z"}
        assert [len(await site.seen(f"inv-{number}")) for number in range(6)] == [1, 0, 0, 0, 0, 0]
        assert len(site.told("inv-0")) == 1


async def test_lists_made_anew_while_invoices_come_in_have_the_lines_that_were_folded_live(
    site: Site, engine: AsyncEngine
) -> None:
    """From a list in use and from an empty table; an invoice that was posted twice is its later document's."""
    for number in range(30):
        await site.document(f"inv-{number}", "10.00", "USD")
    (posted,) = [each for each in await site.facts("inv-7") if isinstance(each, InvoicePosted)]
    await site.log.append(posted.model_copy(update={"attempt": "b2"}))
    await site.run()

    async def ingest() -> None:
        for number in range(30, 90):
            await site.document(f"inv-{number}", "10.00", "USD")
            await asyncio.sleep(0)

    coming, made = asyncio.create_task(ingest()), 0
    while not coming.done() or made < 2:
        await change(engine, REWIND, *(["TRUNCATE invoice_payments"] if made % 2 else []))
        await site.run()
        made += 1
        assert len(await rows(engine)) >= 30
    await coming
    await change(engine, REWIND)
    await site.run()
    anew = await rows(engine, FOLDED)
    await change(engine, "TRUNCATE invoice_payments", REWIND)
    await site.run()

    assert made > 1
    assert await rows(engine, FOLDED) == anew
    assert len(anew) == 90
    assert [row[6] for row in anew if row[5] == "inv-7"] == ["b2"]


async def test_a_payment_belongs_to_the_trace_of_its_invoice(site: Site, spans: InMemorySpanExporter) -> None:
    with span("posting") as posting:
        account = await site.invoice("one")
    account.play(f"pay 500.00 on {ON} as A", at=site.clock())

    await site.run()

    [seen] = [each for each in spans.get_finished_spans() if each.name == "see payment"]
    [posted] = [
        each for each in spans.get_finished_spans() if each.name.startswith("send ") and ".posted." in each.name
    ]
    assert seen.context is not None
    assert seen.context.trace_id == posting.get_span_context().trace_id
    assert posted.context is not None
    assert seen.parent is not None
    assert seen.parent.span_id == posted.context.span_id
    [stored] = [each for each in await site.log.timeline("northwind", "one") if isinstance(each.event, PaymentSeen)]
    assert stored.traceparent is not None
    assert stored.traceparent.split("-")[1] == format(seen.context.trace_id, "032x")
