"""A connection's pushes are stored up to its rate; nobody without its secret can spend what the honest sender needs."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import structlog

SLOW = {"pushes_per_second": 0.01, "burst": 5}
"""One more after 100 seconds; the clock of these tests stands still."""


async def test_pushes_beyond_the_rate_are_answered_429_and_when_to_come_again(sender: Any) -> None:
    sender.connect("slow", **SLOW)
    pushes = [sender.notification(f"t-{n}") for n in range(20)]

    with structlog.testing.capture_logs() as logs:
        responses = await asyncio.gather(*(sender.push(each, to="slow") for each in pushes))

    assert Counter(each.status_code for each in responses) == {200: 5, 429: 15}
    refused = next(each for each in responses if each.status_code == 429)
    assert refused.headers["Retry-After"] == "100"
    assert refused.json() == {"message": "Too many pushes; come again later."}
    assert sender.counted("mlc_pushes_refused_total", reason="too_many") == 15
    assert [(entry["connection"], entry["reason"]) for entry in logs] == [("slow", "too_many")], "said once"
    assert len(await sender.stored()) == 5
    assert (await sender.push(sender.notification("t-1"))).status_code == 200, "another connection has its own"


async def test_forged_pushes_do_not_spend_the_honest_senders_budget(sender: Any) -> None:
    sender.connect("slow", **SLOW)
    forged = [sender.push(sender.notification(f"f-{n}"), to="slow", secret="sandbox-only-guess") for n in range(60)]
    unsigned = [sender.push(sender.notification(f"u-{n}"), to="slow", secret=None) for n in range(60)]

    assert {each.status_code for each in await asyncio.gather(*forged, *unsigned)} == {401}
    honest = [(await sender.push(sender.notification(f"t-{n}"), to="slow")).status_code for n in range(6)]

    assert honest == [200] * 5 + [429]


async def test_an_overheard_push_sent_again_and_again_does_not_spend_it_either(sender: Any) -> None:
    sender.connect("slow", **SLOW)
    overheard = sender.notification("t-0")
    for _ in range(30):
        assert (await sender.push(overheard, to="slow")).status_code == 200

    honest = [(await sender.push(sender.notification(f"t-{n}"), to="slow")).status_code for n in range(1, 6)]

    assert honest == [200] * 4 + [429]
    assert sender.counted("mlc_pushes_repeated_total", connection="slow") == 29


async def test_what_the_stream_did_not_take_is_not_counted(sender: Any, broker: Any) -> None:
    sender.connect("slow", **SLOW)
    broker.kill()
    for n in range(8):
        assert (await sender.push(sender.notification(f"t-{n}"), to="slow")).status_code == 503
    broker.start()
    while not sender.nats.is_connected:
        await asyncio.sleep(0.05)

    statuses = [(await sender.push(sender.notification(f"t-{n}"), to="slow")).status_code for n in range(8)]

    assert statuses == [200] * 5 + [429] * 3


async def test_observe_mode_stores_no_more_than_the_rate_whoever_sends(sender: Any) -> None:
    sender.connect("first-contact", mode="observe", **SLOW)

    answers = [await sender.push(f"what is {n}?".encode(), to="first-contact", secret=None) for n in range(8)]

    assert [each.status_code for each in answers] == [200] * 5 + [429] * 3
    assert len(await sender.stored()) == 5


async def test_without_a_limit_all_are_taken(sender: Any) -> None:
    sender.connect("unlimited", pushes_per_second=None, burst=1)

    responses = await asyncio.gather(*(sender.push(sender.notification(f"t-{n}"), to="unlimited") for n in range(50)))

    assert Counter(each.status_code for each in responses) == {200: 50}
