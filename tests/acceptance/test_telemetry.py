"""What leaves by OTLP: one trace from the push to what becomes of the payment, and every figure that services tell."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from mlc_sandbox.samples import bulk_invoices

from .conftest import SERVICES, System, eventually, started
from .otlp import Collector, Figure, Told, collecting

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVERY_SERVICE = (*SERVICES, "masterdata-sync", "operator-console")
APPROVED = "documents.{connection}.{invoice}.approved.{attempt}"
POSTED = "documents.{connection}.{invoice}.posted.{attempt}"
SEEN = "documents.{connection}.{invoice}.payment_seen.{attempt}"
TOLD = "documents.{connection}.{invoice}.payment_answered.{attempt}"
PUSHED = "notifications.{connection}.{task}.{digest}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def observed(
    tmp_path_factory: pytest.TempPathFactory, module_broker: Any, postgres: Any
) -> AsyncIterator[tuple[System, Collector]]:
    """The whole product, telling a collector."""
    folder: Path = tmp_path_factory.mktemp("observed")
    with collecting() as collector:
        # One sweep, before anything is offered: what it reads does not belong to a push.
        variables = {"MLC_OTLP_ENDPOINT": collector.endpoint, "MLC_TIMINGS__SWEEP": "600"}
        payments = {"mode": "follow", "minutes": 0.01}
        async with started(
            folder, module_broker, postgres, services=EVERY_SERVICE, variables=variables, payments=payments
        ) as system:

            async def swept() -> bool:
                return '"event": "swept"' in (folder / "basware-reader.log").read_text()

            await eventually(swept, seconds=20, what="the first sweep")
            yield system, collector


async def test_one_trace_runs_from_the_push_to_what_becomes_of_the_payment(observed: Any) -> None:
    system, collector = observed
    ids = await system.offer(bulk_invoices(1, seed=31))
    await system.push(ids, repeat=2)
    await system.answered(ids)
    await pay(system, ids[0])

    async def facts() -> set[str]:
        return {recorded.event.fact for recorded in await system.timeline(ids[0])}

    async def payment_told() -> bool:
        return {"delivered", "payment_answered"} <= await facts()

    await eventually(payment_told, seconds=40, what=f"the payment is told; see {system.folder}")

    def of_the_document() -> set[bytes]:
        subject = f".{ids[0]}."
        return {each.trace for each in collector.spans if subject in each.about.get("messaging.destination.name", "")}

    async def arrived() -> bool:
        # Each service sends its spans every five seconds; the last one that this is about is that of the telling.
        found = [each for trace in of_the_document() for each in collector.trace(trace)]
        known = {each.id for each in found} | {b""}
        return any(each.name == f"send {TOLD}" for each in found) and all(each.parent in known for each in found)

    await eventually(arrived, seconds=30, what="every span arrives, and none without its parent")

    [trace] = of_the_document()
    spans = {each.id: each for each in collector.trace(trace)}
    [first] = [each for each in spans.values() if not each.parent]
    assert (first.service, first.kind) == ("webhook-gateway", "SERVER")
    assert {each.service for each in spans.values()} == set(EVERY_SERVICE) - {"operator-console"}
    handed_on = {(above.service, above.name, each.service, each.name) for above, each in edges(spans)}
    assert handed_on == {
        ("webhook-gateway", f"send {PUSHED}", "basware-reader", f"process {PUSHED}"),
        ("basware-reader", f"send {APPROVED}", "epicor-writer", f"process {APPROVED}"),
        ("epicor-writer", f"send {POSTED}", "basware-reader", f"process {POSTED}"),
        ("epicor-writer", f"send {POSTED}", "masterdata-sync", "see payment"),
        ("masterdata-sync", f"send {SEEN}", "basware-reader", f"process {SEEN}"),
    }
    kinds = {each.name.partition(" ")[0]: each.kind for each in spans.values() if each.about.get("messaging.system")}
    assert kinds == {"send": "PRODUCER", "process": "CONSUMER"}
    assert not [each.name for each in spans.values() if ids[0] in each.name], "names are of few values"


async def test_every_figure_leaves_by_otlp_as_well(observed: Any) -> None:
    system, collector = observed

    for service in EVERY_SERVICE:
        told = await figures(system, service)

        async def arrived(service: str = service, told: frozenset[Figure] = frozenset(told)) -> bool:
            return told <= collector.figures.get(service, set())

        assert len(told) > 3
        missing = f"{service}: {sorted(told - collector.figures.get(service, set()), key=str)}"
        await eventually(arrived, seconds=40, what=missing)
    of_pushes = {name for name, _ in collector.figures["webhook-gateway"]}
    assert {"mlc_pushes_stored_total", "mlc_pushes_repeated_total", "mlc_pushes_tests_total"} <= of_pushes


async def figures(system: System, service: str) -> set[Figure]:
    """What a service tells Prometheus, but for buckets, moments of birth and what is infinite."""
    text = (await system.http.get(f"http://127.0.0.1:{system.port(service)}/metrics")).text
    return {
        (sample.name, frozenset(sample.labels.items()))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith(("_bucket", "_created")) and math.isfinite(sample.value)
    }


def edges(spans: dict[bytes, Told]) -> list[tuple[Told, Told]]:
    """Where a trace goes from one service to another."""
    pairs = [(spans[each.parent], each) for each in spans.values() if each.parent]
    return [(above, each) for above, each in pairs if above.service != each.service]


async def pay(system: System, invoice_id: str) -> None:
    """Epicor's people post the invoice's group and pay it whole."""
    [invoice] = await system.ledger([invoice_id])
    header = invoice["APInvHed"][0]
    control = f"{system.control('epicor')}/_sandbox"
    posted = await system.http.post(f"{control}/post/{header['Company']}/{header['GroupID']}")
    assert posted.status_code == 200, posted.text
    order = {
        "company": header["Company"],
        "invoices": [{"vendor": header["VendorNum"], "invoice": header["InvoiceNum"]}],
        "day": date.today().isoformat(),  # noqa: DTZ011 - the emulator's day is this machine's
    }
    paid = await system.http.post(f"{control}/payments/pay", json=order)
    assert paid.status_code == 200, paid.text
