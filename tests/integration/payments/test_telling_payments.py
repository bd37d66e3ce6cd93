"""Telling Basware of payments: once for every change, in order, with the same code for a retry, voids included."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from basware_reader.answering import PATIENCE_WITH_REFUSALS
from basware_reader.deliveries import on_push
from basware_reader.payment_deliveries import payment_ended
from mlc_common.events import NotificationReceived, PaymentAnswered, PaymentAnswerUndelivered, PaymentSeen
from mlc_common.retries import Delivery
from mlc_sandbox.basware.settings import Delivery as Fate

from .conftest import TIMINGS

if TYPE_CHECKING:
    from mlc_sandbox.epicor.histories import Account

    from .conftest import Site

ON = "2026-11-03"
PAYMENTS = "paymentResponses"


async def paid(site: Site, name: str = "one", *, step: str = f"pay rest on {ON} as A") -> tuple[Account, PaymentSeen]:
    """An invoice that was paid, and the picture that was recorded."""
    account = await site.invoice(name)
    account.play(step, at=site.clock())
    await site.run()
    return account, (await site.seen(name))[-1]


async def next_picture(site: Site, account: Account, step: str) -> PaymentSeen:
    account.play(step, at=site.clock())
    await site.run()
    return (await site.seen(account.external_id))[-1]


async def undelivered(site: Site, name: str = "one") -> list[PaymentAnswerUndelivered]:
    return [each for each in await site.facts(name) if isinstance(each, PaymentAnswerUndelivered)]


async def test_a_picture_is_told_once_whatever_is_delivered_again(site: Site) -> None:
    _, seen = await paid(site)

    for tries in (1, 2, 3):
        await site.deliver(seen, tries=tries)

    (told,) = site.told("one")
    assert told["paymentDate"] == f"{ON}T00:00:00Z"
    assert told["paidTotal"] == Decimal("1240.00")
    assert site.far.basware_world.documents["one"].status == "Paid"


async def test_a_lost_answer_is_found_and_not_sent_again(site: Site) -> None:
    _, seen = await paid(site)
    site.fault("drop_after", PAYMENTS)

    await site.deliver(seen)

    assert len(site.told("one")) == 1
    (answered,) = [each for each in await site.facts("one") if isinstance(each, PaymentAnswered)]
    assert answered.found


@pytest.mark.parametrize("kind", ["drop_before", "status"])
async def test_a_retry_has_the_same_code(site: Site, kind: str) -> None:
    _, seen = await paid(site)
    site.fault(kind, PAYMENTS, status=503)

    await site.later(seen)
    await site.deliver(seen, tries=2)

    (told,) = site.told("one")
    (begun,) = {each.external_code for each in await site.facts("one") if hasattr(each, "external_code")} - {"t-one"}
    assert told["externalCode"] == begun


async def test_a_crash_between_the_answer_and_its_fact_tells_nothing_twice(site: Site) -> None:
    _, seen = await paid(site)
    # The answer is lost and the document cannot be read either: the reader knows as little as after a crash.
    site.fault("drop_after", PAYMENTS)
    site.fault("status", "accountingDocuments/one$", status=503)
    await site.later(seen)
    assert await site.words("one") == ["payment_seen", "payment_intended"]

    await site.deliver(seen, tries=2)

    assert len(site.told("one")) == 1
    assert await site.words("one") == ["payment_seen", "payment_intended", "payment_answered"]


async def test_an_older_picture_never_overtakes_a_newer_one(site: Site) -> None:
    account, first = await paid(site, step=f"pay 500.00 on {ON} as A")
    second = await next_picture(site, account, "pay rest on 2026-11-04 as B")

    await site.deliver(second)
    await site.deliver(first, tries=2)

    (told,) = site.told("one")
    assert told["paidTotal"] == Decimal("1240.00")


async def test_a_newer_picture_waits_while_an_older_one_may_still_arrive(site: Site) -> None:
    account, first = await paid(site, step=f"pay 500.00 on {ON} as A")
    site.fault("drop_before", PAYMENTS)
    await site.later(first)
    second = await next_picture(site, account, "pay rest on 2026-11-04 as B")

    waits = await site.later(second)
    assert not waits.counts
    assert 0 < float(waits.retry_after or 0) <= TIMINGS.basware_connect + 2 * TIMINGS.basware_read
    assert site.told("one") == []

    site.clock.forward(timedelta(seconds=float(waits.retry_after or 0)))
    await site.deliver(second, tries=2)
    assert [each["paidTotal"] for each in site.told("one")] == [Decimal("1240.00")]


async def test_a_void_is_told_when_the_payment_had_arrived_though_nobody_recorded_it(site: Site) -> None:
    account, first = await paid(site)
    site.fault("drop_after", PAYMENTS)
    site.fault("status", "accountingDocuments/one$", status=503)
    await site.later(first)
    void = await next_picture(site, account, "void A on 2026-11-15")

    await site.deliver(void)

    assert [each["paidTotal"] for each in site.told("one")] == [Decimal("1240.00"), Decimal("0.00")]
    assert "voided" in site.told("one")[-1]["responseMessage"]


async def test_a_void_of_what_never_arrived_is_not_told(site: Site) -> None:
    account, first = await paid(site)
    site.fault("drop_before", PAYMENTS)
    await site.later(first)
    void = await next_picture(site, account, "void A on 2026-11-15")
    site.clock.forward(timedelta(minutes=5))

    await site.deliver(void)

    assert site.told("one") == []


async def test_what_is_left_out_of_a_later_telling_is_cleared(site: Site) -> None:
    account, first = await paid(site)
    await site.deliver(first)
    assert site.state("one")["checkNumber"]
    void = await next_picture(site, account, "void A on 2026-11-15")

    await site.deliver(void)

    assert "checkNumber" not in site.state("one")
    assert site.state("one")["paymentReversalDocument"].startswith("Epicor payment ")
    body = site.far.basware_world.documents["one"].body
    assert (body["paymentTermCode"], body["paymentMethod"]) == ("N30", "As agreed")
    assert len({each["externalCode"] for each in site.told("one")}) == 2


async def test_a_payment_waits_for_the_answer_to_the_transfer(site: Site) -> None:
    _, seen = await paid(site)
    document = site.far.basware_world.documents["one"]
    document.move("TransferInProgress", at=site.clock())
    waits = await site.later(seen)
    assert not waits.counts

    document.move("Transferred", at=site.clock())
    await site.deliver(seen, tries=2)

    assert len(site.told("one")) == 1


@pytest.mark.parametrize("status", ["TransferFailed", "Removed"])
async def test_a_payment_that_basware_will_never_take_is_said_once(site: Site, status: str) -> None:
    _, seen = await paid(site)
    site.far.basware_world.documents["one"].move(status, at=site.clock())

    await site.deliver(seen)
    await site.deliver(seen, tries=2)

    (lost,) = await undelivered(site)
    assert (lost.reason, status in lost.sentence) == ("refused", True), "PAYMENT_REFUSED"


async def test_a_document_that_is_gone_takes_no_payment(site: Site) -> None:
    _, seen = await paid(site)
    del site.far.basware_world.documents["one"]

    await site.deliver(seen)

    assert "absent" in (await undelivered(site))[0].sentence


async def test_a_conflict_passes(site: Site) -> None:
    _, seen = await paid(site)
    site.fault("status", PAYMENTS, status=409, times=7)
    for tries in range(1, 8):
        await site.later(seen, tries=tries)

    await site.deliver(seen, tries=8)

    assert len(site.told("one")) == 1


async def test_what_basware_keeps_refusing_is_said_in_the_end(site: Site) -> None:
    _, seen = await paid(site)
    site.fault("status", PAYMENTS, status=400, times=-1, body={"message": "no such payment method"})
    for tries in range(1, PATIENCE_WITH_REFUSALS):
        await site.later(seen, tries=tries)

    await site.deliver(seen, tries=PATIENCE_WITH_REFUSALS)

    assert "no such payment method" in (await undelivered(site))[0].sentence


async def test_a_telling_is_followed_until_it_stands_in_p2p(site: Site) -> None:
    await paid(site)
    await site.tell()

    assert (await site.words("one"))[-1] == "payment_delivered"


async def test_a_technical_error_has_it_told_again_under_another_code_twice_at_most(site: Site) -> None:
    site.settings(delivery=Fate(status="Error", category="Technical"))
    await paid(site)
    await site.tell()

    assert len({each["externalCode"] for each in site.told("one")}) == 3
    (lost,) = await undelivered(site)
    assert (lost.reason, lost.again, "locked" in lost.sentence) == ("not saved", 2, True), "PAYMENT_NOT_DELIVERED"


async def test_an_error_in_the_data_is_said_at_once(site: Site) -> None:
    site.settings(delivery=Fate(status="Error", category="DataValidation", message="Unknown term"))
    await paid(site)
    await site.tell()

    assert len(site.told("one")) == 1
    assert "Unknown term" in (await undelivered(site))[0].sentence


async def test_the_same_content_is_told_anew_when_the_telling_before_did_not_arrive(site: Site) -> None:
    site.settings(delivery=Fate(status="Error", category="DataValidation", message="Unknown term"))
    account, _ = await paid(site)
    await site.tell()
    site.settings(delivery=Fate())
    balance = account.invoice.header["DocInvoiceBal"]
    for wrong in (Decimal("0.05"), Decimal(0)):
        account.invoice.header["DocInvoiceBal"] = balance + wrong
        site.clock.forward(timedelta(hours=25))
        await site.look()
    assert [each.picture.standing for each in await site.seen("one")][1:] == ["unclear", "paid"]

    await site.tell()

    assert len(site.told("one")) == 2
    assert (await site.words("one"))[-1] == "payment_delivered"


async def test_what_nobody_confirms_is_said_after_the_patience(site: Site) -> None:
    _, seen = await paid(site)
    await site.deliver(seen)
    (answered,) = [each for each in await site.facts("one") if isinstance(each, PaymentAnswered)]
    site.far.basware_world.requests.clear()
    await site.later(answered, tries=2)
    site.clock.forward(timedelta(days=2))

    await site.deliver(answered, tries=40)

    (lost,) = await undelivered(site)
    assert (lost.reason, str(answered.request_id) in lost.sentence) == ("unconfirmed", True), "PAYMENT_NOT_CONFIRMED"


async def test_a_push_about_the_request_ends_the_wait(site: Site) -> None:
    _, seen = await paid(site)
    await site.deliver(seen)
    (answered,) = [each for each in await site.facts("one") if isinstance(each, PaymentAnswered)]
    push = NotificationReceived(
        connection="northwind", at=site.clock(), task_id="t1", task_type="RequestStatus", variant="body", digest="d",
        document_id=str(answered.request_id), body="{}",
    )  # fmt: skip

    async def also(request_id: str) -> bool:
        return await payment_ended(site.reader, TIMINGS, request_id)

    followed = site.reader.metrics.deliveries
    await on_push(site.reader, followed, push, Delivery(tries=1, sequence=1), also=also)

    assert (await site.words("one"))[-1] == "payment_delivered"


async def test_a_newer_telling_ends_the_following_of_the_older_one(site: Site) -> None:
    account, first = await paid(site, step=f"pay 500.00 on {ON} as A")
    await site.deliver(first)
    (older,) = [each for each in await site.facts("one") if isinstance(each, PaymentAnswered)]
    await site.deliver(await next_picture(site, account, "pay rest on 2026-11-04 as B"))

    await site.deliver(older, tries=2)

    assert "payment_delivered" not in await site.words("one")


async def test_a_picture_that_a_newer_one_has_replaced_is_not_told(site: Site) -> None:
    account, first = await paid(site, step=f"pay 500.00 on {ON} as A")
    second = await next_picture(site, account, "pay rest on 2026-11-04 as B")

    await site.deliver(first)
    assert site.told("one") == []

    await site.deliver(second)
    assert len(site.told("one")) == 1
