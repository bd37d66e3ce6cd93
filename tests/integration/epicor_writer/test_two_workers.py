"""Workers that lost their place, died or came back: one outcome per transfer, no group left locked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from epicor_writer.ports import Ledger
from mlc_common.catalogue import finding
from mlc_common.events import InvoicePosted, InvoiceRefused, PostingIntended, PostingUnclear
from mlc_common.failures import PermanentError, TransientError
from mlc_sandbox.samples import bad_invoices

from .conftest import UPDATE_MASTER, Writer, approved, invoice


class Behind:
    """A ledger with something done before or after one of its calls."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


class HoldsLookUps(Behind):
    """A ledger whose look-ups come back only when they are let go."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def look_up(self, company: str, vendor_num: int, invoice_num: str) -> Any:
        found = await self._ledger.look_up(company, vendor_num, invoice_num)
        self.asked.set()
        await self.go.wait()
        return found


@pytest.mark.parametrize("taken_over", [True, False])
async def test_a_worker_that_lost_its_place_refuses_nothing(
    writer: Writer, engine: AsyncEngine, taken_over: bool
) -> None:
    body = bad_invoices()["inactive_vendor"]
    event = approved(body)
    ledger = writer.ledger
    slow = HoldsLookUps(ledger)
    writer.ledger = slow
    slow_worker = asyncio.create_task(writer.once(event))
    await slow.asked.wait()
    async with engine.connect() as db:
        await db.execute(text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"))
    (vendor,) = (row for row in writer.world.master.vendors.values() if row["VendorID"] == body["supplierCode"])
    vendor["Inactive"] = False
    writer.ledger = ledger

    if taken_over:
        assert isinstance(await writer.once(event), InvoicePosted)
    slow.go.set()
    with pytest.raises(TransientError):
        await slow_worker

    assert await writer.facts(event) == (["intended", "posted"] if taken_over else [])


class AnotherRefuses(Behind):
    """A ledger at whose save somebody else's refusal arrives in the log."""

    def __init__(self, ledger: Ledger, writer: Writer, refused: InvoiceRefused) -> None:
        super().__init__(ledger)
        self._writer = writer
        self._refused = refused

    async def save(self, *arguments: Any, **options: Any) -> Any:
        reply = await self._ledger.save(*arguments, **options)
        await self._writer.log.append(self._refused)
        return reply


async def test_a_success_is_not_recorded_beside_a_refusal_that_arrived_late(writer: Writer) -> None:
    event = approved(invoice())
    common = {"connection": "demo", "invoice_id": event.invoice_id, "attempt": event.attempt, "connection_version": 3}
    refused = InvoiceRefused(**common, at=datetime.now(UTC), findings=(finding("SUPERSEDED"),))
    writer.ledger = AnotherRefuses(writer.ledger, writer, refused)

    with pytest.raises(TransientError, match="Another worker"):
        await writer.once(event)

    assert await writer.once(event) is None
    assert await writer.facts(event) == ["intended", "refused"]
    assert writer.locked_groups() == []


class DiesAtTheUnlock(Behind):
    """A ledger whose process is killed when it should give a group back."""

    async def close_group(self, *_arguments: Any, **_options: Any) -> None:
        raise SystemError("killed")


async def test_a_group_left_locked_after_the_outcome_is_given_back_by_the_redelivery(writer: Writer) -> None:
    event = approved(invoice())
    ledger = writer.ledger
    writer.ledger = DiesAtTheUnlock(ledger)
    with pytest.raises(SystemError):
        await writer.once(event)
    writer.ledger = ledger
    assert len(writer.locked_groups()) == 1

    assert await writer.once(event) is None

    assert writer.locked_groups() == []
    assert await writer.facts(event) == ["intended", "posted"]


@pytest.mark.parametrize("dies_again", [True, False])
async def test_the_groups_of_earlier_intents_are_given_back_as_well(writer: Writer, dies_again: bool) -> None:
    event = approved(invoice())
    ledger = writer.ledger
    writer.ledger = DiesAtTheUnlock(ledger)
    with pytest.raises(SystemError):
        await writer.once(event)
    (first, _) = await writer.log.timeline("demo", event.invoice_id)
    assert isinstance(first.event, PostingIntended)
    left = first.event.group_id
    other = event.model_copy(update={"attempt": "a2"})
    earlier = first.event.model_copy(update={"attempt": "a2"})
    for number, group_id in ((1, left), (2, "B2001010")):
        await writer.log.append(earlier.model_copy(update={"number": number, "group_id": group_id}))
    common = {"connection": "demo", "at": datetime.now(UTC), "invoice_id": event.invoice_id, "attempt": "a2"}
    await writer.log.append(PostingUnclear(**common, number=2, look_ups=0, total=0, sentence="A crash."))
    if dies_again:
        with pytest.raises(SystemError):
            await writer.once(other)
    writer.ledger = ledger

    await writer.until_settled(other)

    assert left not in writer.locked_groups()


class CannotBeRead(Behind):
    """A ledger that is asked once, and later answers what nobody can read."""

    def __init__(self, ledger: Ledger, *, at: str) -> None:
        super().__init__(ledger)
        self._at = at
        self._calls = 0

    async def look_up(self, *arguments: Any) -> Any:
        self._stumble("look_up")
        return await self._ledger.look_up(*arguments)

    async def reference(self, *arguments: Any, **options: Any) -> Any:
        self._stumble("reference")
        return await self._ledger.reference(*arguments, **options)

    def _stumble(self, name: str) -> None:
        self._calls += name == self._at
        if name == self._at and self._calls == 2:
            raise PermanentError("The answer cannot be read.")


@pytest.mark.parametrize("at", ["look_up", "reference"])
async def test_nothing_that_was_sent_becomes_a_dead_letter(writer: Writer, at: str) -> None:
    event = approved(invoice())
    writer.ledger = CannotBeRead(writer.ledger, at=at)
    if at == "reference":
        writer.fault("drop_before")
        with pytest.raises(TransientError, match="Looking up"):
            await writer.once(event)

    with pytest.raises(TransientError, match=r"cannot be read.* this waits"):
        await writer.once(event)

    assert isinstance(await writer.until_settled(event), InvoicePosted)
    assert len(writer.invoices()) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, "<html><h1>Bad Request</h1>nginx</html>"),
        (404, "<html><h1>404</h1>The application pool is being recycled.</html>"),
        (404, {"ErrorMessage": "No service matches.", "ErrorType": "Ice.Common.ApiException"}),
        (404, {"error": {"code": "ResourceNotFound", "message": "Not here."}}),
        (405, {"Message": "The requested resource does not support http method 'POST'."}),
        (408, {"ErrorMessage": "Timed out.", "ErrorType": "X"}),
        (410, {"ErrorMessage": "The session is gone.", "ErrorType": "Ice.Common.InvalidSessionException"}),
        (413, "too large"),
    ],
)
async def test_a_refusal_that_is_not_epicors_own_is_looked_up_and_never_told_to_basware(
    writer: Writer, status: int, body: Any
) -> None:
    event = approved(invoice())
    writer.fault("status", status=status, body=body)

    with pytest.raises(TransientError):
        await writer.once(event)

    assert writer.locked_groups() == []
    assert isinstance(await writer.until_settled(event), InvoicePosted)
    assert await writer.facts(event) == ["intended", "unclear", "intended", "posted"]
    assert writer.calls(UPDATE_MASTER) == 2


async def test_a_proxy_that_turns_everything_away_is_never_the_business_refusing(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("status", times=-1, status=404, body="<html>gone</html>")

    with pytest.raises(TransientError):
        await writer.until_settled(event, most=20)

    assert set(await writer.facts(event)) == {"intended", "unclear"}


async def test_a_group_that_cannot_be_made_is_given_up_after_four_tries(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("status", "APInvGrpSvc/Update", times=-1, status=500, body={"ErrorMessage": "A directive failed."})

    outcome = await writer.until_settled(event)

    assert isinstance(outcome, InvoiceRefused)
    assert [each.code for each in outcome.findings] == ["EPICOR_KEEPS_FAILING"]
    assert "A directive failed." in outcome.findings[0].sentence
    assert writer.calls(UPDATE_MASTER) == 0
    assert writer.left_locked == []


async def test_a_group_whose_making_was_answered_too_late_is_used_and_given_back(writer: Writer) -> None:
    event = approved(invoice())
    writer.fault("drop_after", "APInvGrpSvc/Update")

    with pytest.raises(TransientError):
        await writer.once(event)

    assert writer.locked_groups() == []
    assert isinstance(await writer.until_settled(event), InvoicePosted)
    assert writer.locked_groups() == []
