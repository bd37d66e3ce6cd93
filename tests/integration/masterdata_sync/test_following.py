"""Records are followed until P2P has them: what it lost is sent again with a change, what it refuses is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import nats
import pytest

from mlc_common.eventlog import EventLog
from mlc_common.events import BatchSent, RecordAccepted, RecordHeld, RecordRefused, RecordSent, SyncRequested
from mlc_sandbox.basware.settings import Delivery
from mlc_sandbox.faults import Fault

VENDORS = "/v1/vendors"
LAKES = "US01_10432"
ACCOUNTS: dict[str, Any] = {"vendors": None, "accounts": {}}
LIST: dict[str, Any] = {"vendors": None, "dimensions": {"department": {"segment": 2, "to": "ACC_LIST_1"}}}
ALL_SCOPES = [
    f"{name}.{right}"
    for name in ("vendors", "accounts", "paymentTerms", "lists", "matchingOrders", "matchingOrderLines")
    for right in ("read", "write")
]


async def soon(holds: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.05)


def script(place: Any, **body: Any) -> None:
    path = body.pop("path", VENDORS)
    place.far_sides.basware_world.faults.add(Fault(kind="record", path=path, method="POST", body=body))


async def connect(place: Any, kinds: dict[str, Any]) -> None:
    basware = {"base_url": place.far_sides.basware, "calls_per_second": 1000}
    await place.connect(kinds=kinds, basware=basware | {"scopes": [*ALL_SCOPES, "requestStatus.read"]})


def posts(place: Any, path: str = VENDORS) -> int:
    log = place.far_sides.basware_world.calls.log
    return sum(call["method"] == "POST" and call["path"] == path for call in log)


async def test_every_vendor_is_accepted_once(place: Any, serving: Any) -> None:
    vendors = place.far_sides.epicor_world.master.vendors
    async with serving(place):
        await soon(lambda: has(place, RecordAccepted, len(vendors)))

    facts = await place.facts(RecordAccepted)
    assert {(fact.company, fact.code) for fact in facts} == {(f.company, f.code) for f in await place.facts(RecordSent)}
    assert not await place.facts(RecordRefused, RecordHeld)
    assert not any(fact.unchanged for fact in facts)


@pytest.mark.parametrize(
    "said",
    [
        {"status": "Lost"},
        {"status": "Error", "category": "Technical", "message": "locked"},
        {"status": "RecordExpired", "message": "newer"},
    ],
    ids=lambda said: said["status"],
)
async def test_what_p2p_does_not_have_is_sent_again_with_a_change(
    place: Any, serving: Any, said: dict[str, Any]
) -> None:
    world = place.far_sides.basware_world
    script(place, codes=[LAKES], **said)
    vendors = place.far_sides.epicor_world.master.vendors
    async with serving(place):
        await soon(lambda: has(place, RecordAccepted, len(vendors)))

    assert world.p2p[VENDORS][LAKES]["description"] == "Sent again (1)"
    assert [(len(batch.records), batch.number) for batch in await place.facts(BatchSent)][-1] == (1, 2)
    again = [fact for fact in await place.facts(RecordSent) if fact.external_code == LAKES]
    assert [fact.number for fact in again] == [None, 2]
    assert len({fact.digest for fact in again}) == 1


async def test_a_refusal_of_p2p_is_told_once_and_healed_when_asked_for_again(place: Any, serving: Any) -> None:
    script(place, codes=[LAKES], status="Error", category="DataValidation", message="Currency XAU is not active")
    world, vendors = place.far_sides.basware_world, place.far_sides.epicor_world.master.vendors
    async with serving(place):
        await soon(lambda: has(place, RecordAccepted, len(vendors) - 1))
        await soon(lambda: has(place, RecordRefused, 1))
        sent = posts(place)
        read = place.reads()
        await soon(lambda: later(place, read + 6))
        assert posts(place) == sent
        await ask(place, SyncRequested(connection="northwind", at=datetime.now(UTC), request="r1", by="t", full=True))
        await soon(lambda: has(place, RecordAccepted, len(vendors)))

    (refused,) = await place.facts(RecordRefused)
    assert refused.finding.code == "RECORD_NOT_SAVED"
    assert "Currency XAU is not active" in refused.finding.sentence
    assert LAKES in world.p2p[VENDORS]


async def test_a_lost_answer_is_repeated_and_the_first_request_is_found(place: Any, serving: Any) -> None:
    world, vendors = place.far_sides.basware_world, place.far_sides.epicor_world.master.vendors
    world.faults.add(Fault(kind="drop_after", path=VENDORS, method="POST"))
    async with serving(place):
        await soon(lambda: has(place, RecordAccepted, len(vendors)))

    unchanged = {fact.company for fact in await place.facts(RecordAccepted) if fact.unchanged}
    assert unchanged == {"US01"}
    assert not [batch for batch in await place.facts(BatchSent) if batch.number > 1]


async def test_an_item_of_a_list_that_is_lost_is_a_matter_for_a_person(place: Any, serving: Any) -> None:
    await connect(place, LIST)
    script(place, path="/v1/lists/ACC_LIST_1", codes=["US01_10"], status="Lost")
    async with serving(place):
        await soon(lambda: has(place, RecordHeld, 1))

    (held,) = await place.facts(RecordHeld)
    assert held.finding.code == "RECORD_NOT_HEALED"
    assert held.code == "10"
    assert "does not name it" in held.finding.sentence


async def test_vendors_wait_until_p2p_has_their_terms_and_lines_until_it_has_their_order(
    place: Any, serving: Any
) -> None:
    world = place.far_sides.basware_world
    world.settings = world.settings.model_copy(update={"checks_references": True, "delivery": Delivery(takes=0.6)})
    await connect(place, {"payment_terms": True, "accounts": {}, "orders": {}})
    lines = len(open_lines(place.far_sides.epicor_world.master.rows))
    async with serving(place):
        await soon(lambda: later_holds(lambda: len(world.p2p.get("/v1/matchingOrderLines", {})) >= lines > 0), 60)
        await soon(lambda: settled(place), 60)

    assert not await place.facts(RecordRefused, RecordHeld)
    kinds = list(dict.fromkeys(batch.kind for batch in await place.facts(BatchSent)))
    assert kinds.index("payment_term") < kinds.index("vendor") < kinds.index("order") < kinds.index("order_line")


def open_lines(rows: Any) -> list[Any]:
    """The lines of orders that are open, approved and not void."""
    orders = {
        (each["Company"], each["PONum"])
        for each in rows["POHeader"]
        if each["OpenOrder"] and not each["VoidOrder"] and each["ApprovalStatus"] == "A"
    }
    lines = [each for each in rows["PODetail"] if each["OpenLine"] and not each["VoidLine"]]
    return [each for each in lines if (each["Company"], each["PONUM"]) in orders]


async def test_what_the_api_refuses_is_told_with_its_reason(place: Any, serving: Any) -> None:
    vendors = place.far_sides.epicor_world.master.vendors
    error = {"externalCode": LAKES, "code": "DATA_ORIGIN_VALIDATION_ERROR", "message": "Another origin."}
    fault = Fault(
        kind="status", path=VENDORS, method="POST", match=LAKES, status=400, body={"errors": [error]}, times=-1
    )
    place.far_sides.basware_world.faults.add(fault)
    async with serving(place):
        await soon(lambda: has(place, RecordAccepted, len(vendors) - 1))
        await soon(lambda: has(place, RecordRefused, 1))

    (refused,) = await place.facts(RecordRefused)
    assert (refused.by, refused.finding.code) == ("api", "RECORD_REFUSED")
    assert "Another origin." in refused.finding.sentence


async def test_nothing_is_followed_without_the_right_to_ask(place: Any, serving: Any) -> None:
    basware = {"base_url": place.far_sides.basware, "calls_per_second": 1000}
    await place.connect(basware=basware | {"scopes": ["vendors.read", "vendors.write"]})
    vendors = place.far_sides.epicor_world.master.vendors
    async with serving(place):
        await soon(lambda: has(place, RecordSent, len(vendors)))
        await asyncio.sleep(0.5)

    assert not [call for call in place.far_sides.basware_world.calls.log if "requestStatus" in call["path"]]


async def has(place: Any, kind: type[Any], count: int) -> bool:
    return len(await place.facts(kind)) >= count


async def later(place: Any, count: int) -> bool:
    return bool(place.reads() > count)


async def later_holds(holds: Callable[[], bool]) -> bool:
    return holds()


async def settled(place: Any) -> bool:
    sent, accepted = await place.facts(RecordSent), await place.facts(RecordAccepted)
    return {(f.kind, f.company, f.code) for f in sent} == {(f.kind, f.company, f.code) for f in accepted}


async def ask(place: Any, request: SyncRequested) -> None:
    client = await nats.connect(place.settings.nats_url)
    await EventLog(client, timeout=5).append(request)
    await client.close()
