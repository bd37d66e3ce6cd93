"""What a durable had given up is handed to it once more, when the cause is mended: the effect is there, and once."""

from __future__ import annotations

import asyncio
import hashlib
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from mlc_common.attachment_store import AttachmentStore
from mlc_common.events import (
    AnswerRepeated,
    AttachmentLinked,
    AttachmentsAbsent,
    AttachmentStored,
    BatchSent,
    MasterDataRedeliveryRequested,
    OutcomeAnswered,
    PaymentAnswered,
    PaymentSeen,
    RecordAccepted,
    RecordSent,
    RedeliveryRequested,
    SyncEnded,
    SyncFinished,
    SyncRequested,
)
from mlc_common.payment_events import Picture
from mlc_common.streams import (
    DEADLETTERS,
    DOCUMENTS,
    MASTERDATA,
    attaching_durable,
    attachments_durable,
    following_durable,
    payments_durable,
    sync_durable,
)
from mlc_common.topology import declare_connection
from mlc_sandbox.basware import Attachment
from mlc_sandbox.basware.settings import Delivery as Delivered
from operator_console import deadletter_commands, replay_commands
from operator_console.exits import CommandError
from operator_console.replay_commands import Order
from operator_console.replaying import Verdict
from operator_console.searching import Sought
from operator_console.selecting import Selection

from .conftest import NAME, Site, Until

PDF = b"%PDF-1.7 an invoice\n"
LINK = {"fetch": True, "to_epicor": "link", "link_base": "https://archive.example"}


def now() -> datetime:
    return datetime.now(UTC)


def seen(name: str, number: int = 1) -> PaymentSeen:
    total = {"invoice_amount": "1240.00", "balance": "0", "paid": "1240.00"}
    return PaymentSeen(
        **{"connection": NAME, "at": now(), "invoice_id": name, "attempt": "b1", "number": number},
        **{"company": "NWM", "vendor_num": 101, "invoice_num": f"SI-{name}"},
        picture=Picture.model_validate({"standing": "paid", "currency": "USD"} | total),
    )


async def settled(site: Site, number: int, service: str) -> None:
    """A letter that was handed out again is history, and nothing more is planned for it."""
    shown = await deadletter_commands.shown(site.settings, number)
    assert shown.browsed.resolved
    assert shown.browsed.letter.service_durable == service
    assert [each.verdict for each in await site.plan(number)] == [Verdict.NOTHING]
    assert await site.plan() == []
    done = await site.replay(f"again {number}", number)
    assert (done.state, done.documents) == ("finished", 0)
    assert (await site.client.jetstream().stream_info(DEADLETTERS)).state.messages == 1


async def test_an_answer_that_basware_lost_and_would_not_let_us_look_at_is_given_again_once(
    site: Site, until: Until
) -> None:
    world = site.far.basware_world
    world.settings = world.settings.model_copy(update={"delivery": Delivered(status="Error", awaited_still=True)})
    site.fault("status", "/accountingDocuments/one$", method="GET", status=400, times=-1)
    await site.posted("one", status="WaitingForTransfer", at=now(), answered=False)
    async with site.service("basware-reader"):
        await until(lambda: buried(site, 1))
        (letter,) = await site.letters()
        world.faults.clear()
        world.settings = world.settings.model_copy(update={"delivery": Delivered()})
        (planned,) = await site.plan(1)
        done = await site.replay("mended", 1)
        await until(lambda: said(site, "one", "delivered"))

    assert (letter.letter.durable, letter.standing.verdict) == (f"basware-deliveries_{NAME}", Verdict.AGAIN)
    assert "was refused (400)" in letter.letter.failure
    assert (planned.verdict, planned.buried and planned.buried.failure) == (Verdict.AGAIN, letter.letter.failure)
    assert (done.state, done.requested, done.connection) == ("finished", 1, NAME)
    assert len(await site.facts("one", AnswerRepeated)) == 1
    assert (await site.words("one")).count("delivered") == 1
    assert len(world.documents["one"].answers) == 2
    await settled(site, 1, "basware-deliveries")


async def test_a_payment_that_had_arrived_unseen_is_found_and_not_told_twice(site: Site, until: Until) -> None:
    world = site.far.basware_world
    site.fault("drop_after", "paymentResponses", method="POST")
    site.fault("status", "/accountingDocuments/one$", method="GET", status=400, times=-1)
    await site.posted("one", status="Transferred", at=now())
    await site.log.append(seen("one"))
    async with site.service("basware-reader"):
        await until(lambda: buried(site, 1))
        world.faults.clear()
        assert [each.verdict for each in await site.plan()] == [Verdict.AGAIN]
        await site.replay("mended")
        await until(lambda: said(site, "one", "payment_delivered", "payment_undelivered"))

    (told,) = await site.facts("one", PaymentAnswered)
    assert told.found
    assert [each["kind"] for each in world.documents["one"].answers].count("paymentResponses") == 1
    await settled(site, 1, "basware-payments")


async def test_attachments_are_fetched_though_their_patience_had_long_ended(site: Site, until: Until) -> None:
    await site.connect(attachments={"fetch": True})
    await site.posted("one", status="Transferred", at=now() - timedelta(days=30))
    meta = {"externalCode": "c1", "category": "ATTACHMENT", "filename": "a.pdf", "isConfidential": False}
    site.far.basware_world.attachments["one"] = [Attachment(meta, PDF, len(PDF))]
    await site.gives_up(attachments_durable(NAME))
    site.fault("status", "/accountingDocuments/one$", method="GET", status=503)
    async with site.service("basware-reader"):
        assert [each.verdict for each in await site.plan(1)] == [Verdict.AGAIN]
        await site.replay("mended", 1)
        await until(lambda: said(site, "one", "attachment_stored", "attachments_absent"))

    (stored,) = await site.facts("one", AttachmentStored, AttachmentsAbsent)
    assert stored.sha256 == hashlib.sha256(PDF).hexdigest()
    await settled(site, 1, "basware-attachments")


async def test_a_file_is_attached_to_its_invoice_once(site: Site, until: Until) -> None:
    await site.connect(attachments=LINK)
    account = await site.posted("one", status="Transferred", at=now())
    account.play("post", at=now())
    digest = hashlib.sha256(PDF).hexdigest()
    with io.BytesIO(PDF) as file:
        await AttachmentStore(site.client, timeout=5).keep(file, digest)
    about: dict[str, Any] = {"connection": NAME, "at": now(), "invoice_id": "one", "attempt": "b1", "sha256": digest}
    what: dict[str, Any] = {"filename": "a.pdf", "category": "ATTACHMENT", "confidential": False, "size": len(PDF)}
    await site.log.append(AttachmentStored(**about, **what, external_code="c1"))
    await site.gives_up(attaching_durable(NAME))
    async with site.service("epicor-writer"):
        assert [each.verdict for each in await site.plan(1)] == [Verdict.AGAIN]
        await site.replay("mended", 1)
        await until(lambda: said(site, "one", "attachment_linked", "attachment_refused"))

    assert len(await site.facts("one", AttachmentLinked)) == 1
    assert len(account.invoice.attachments) == 1
    await settled(site, 1, "epicor-attachments")


async def test_a_batch_of_master_records_is_followed_to_its_end(site: Site, until: Until) -> None:
    vendors = [number for company, number in site.far.epicor_world.master.vendors if company == "NWM"]
    async with site.service("masterdata-sync", delivery_pauses=(3600,)):
        await until(lambda: recorded(site, BatchSent, 1))
        await until(lambda: recorded(site, RecordSent, len(vendors)))
    durable = following_durable(NAME)
    await site.client.jetstream().delete_consumer(MASTERDATA, durable.name)  # as after a restore
    await declare_connection(site.client, NAME, ack_wait=30)
    await site.gives_up(durable)
    async with site.service("masterdata-sync"):
        (planned,) = await site.plan(1)
        await site.replay("mended", 1)
        await until(lambda: recorded(site, RecordAccepted, len(vendors)))

    assert planned.verdict is Verdict.AGAIN
    assert planned.why.endswith(f"{len(vendors)} of {len(vendors)} records are open")
    assert len(await site.master(RecordSent)) == len(await site.master(RecordAccepted)) == len(vendors)
    assert len(await site.master(MasterDataRedeliveryRequested)) == 1
    await settled(site, 1, "masterdata-following")


async def test_a_run_that_somebody_had_asked_for_is_done(site: Site, until: Until) -> None:
    asked = SyncRequested(connection=NAME, at=now(), request="r1", by="mia", kind="vendor", key="10432")
    await site.log.append(asked)
    await site.gives_up(sync_durable(NAME))
    async with site.service("masterdata-sync"):
        assert [each.verdict for each in await site.plan(1)] == [Verdict.AGAIN]
        await site.replay("mended", 1)
        await until(lambda: recorded(site, SyncEnded, 1))

    assert [each.mode for each in await site.master(SyncFinished) if each.request == "r1"] == ["one"]
    await settled(site, 1, "masterdata-sync")


async def test_what_fails_again_is_a_new_dead_letter_of_the_same_message(site: Site) -> None:
    await site.posted("one", status="Transferred", at=now())
    await site.log.append(seen("one"))
    durable = payments_durable(NAME)
    await site.gives_up(durable)
    await site.replay("mended", 1)
    await site.gives_up(durable)

    first, second = await site.letters()
    replayed = await site.replay("mended better")

    assert [each.letter.sequence for each in await site.letters()] == [1, 2]
    assert (first.resolved, second.resolved) == (True, False)
    assert (first.event, first.letter.stream_sequence) == (second.event, second.letter.stream_sequence)
    assert (second.letter.subject, second.letter.stream) == (seen("one").subject, DOCUMENTS)
    assert second.letter.stored_at is not None
    assert second.letter.stored_at > second.event.at  # type: ignore[union-attr]
    assert (replayed.documents, replayed.selection) == (1, {"dead letters": "unresolved"})
    assert [each.letter for each in await site.facts("one", RedeliveryRequested)] == [1, 2]


async def test_a_message_that_the_stream_has_lost_needs_a_person_and_is_buried_when_asked_for_all_the_same(
    site: Site,
) -> None:
    await site.posted("one", status="Transferred", at=now())
    durable = payments_durable(NAME)
    about: dict[str, Any] = {"connection": NAME, "at": now(), "invoice_id": "one", "attempt": "b1"}
    people: dict[str, Any] = {"by": "mia", "reason": "x", "replay": "r", "durable": "basware-payments"}
    lost = RedeliveryRequested(**about, **people, sequence=4, letter=0)  # an answer, and no payment
    await site.log.append(lost)
    await site.gives_up(durable)

    (letter,) = await site.letters()

    assert letter.letter.failure == f"The stream holds no message 4 of the durable {durable.name}."
    assert letter.letter.stream_sequence == 4
    assert letter.standing.verdict is Verdict.PERSON
    assert letter.standing.why == "the stream DOCUMENTS holds the message no longer"


async def test_a_replay_of_dead_letters_that_was_cut_off_goes_on_under_its_name(site: Site) -> None:
    names = ["one", "two", "three"]
    for name in names:
        await site.posted(name, status="Transferred", at=now())
        await site.log.append(seen(name))
    await site.gives_up(payments_durable(NAME), times=3)
    first = asyncio.Event()
    selection, slow = Selection(Sought(), letters=(1, 2, 3)), Order("november", "mended", 0.2)
    running = asyncio.create_task(
        replay_commands.commit(site.settings, selection, slow, progress=lambda _done, _of: first.set())
    )
    await first.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (paused,) = await replay_commands.listing(site.settings)

    done = await site.replay("november", 1, 2, 3)

    assert (paused.state, paused.requested) == ("paused", 1)
    assert done.state == "finished"
    assert [len(await site.facts(name, RedeliveryRequested)) for name in names] == [1, 1, 1]


async def test_a_site_of_an_older_version_is_told_to_declare_its_durables_and_loses_and_repeats_nothing(
    site: Site, until: Until
) -> None:
    stream, durable = site.client.jetstream(), payments_durable(NAME)
    await stream.delete_consumer(DOCUMENTS, durable.name)
    older = ConsumerConfig(
        durable_name=durable.name, filter_subjects=list(durable.work), ack_policy=AckPolicy.EXPLICIT,
        ack_wait=30, max_ack_pending=10_000, max_deliver=-1,
    )  # fmt: skip
    await stream.add_consumer(DOCUMENTS, older)
    for name in ("one", "two"):
        await site.posted(name, status="Transferred", at=now())
    await site.log.append(seen("one"))
    await site.gives_up(durable)
    async with site.service("basware-reader"):
        await site.log.append(seen("two"))
        await until(lambda: said(site, "two", "payment_delivered"))
        with pytest.raises(CommandError, match="run `ml-connector topology` first"):
            await site.replay("too early", 1)
        assert await replay_commands.listing(site.settings) == []
        for _ in range(2):
            await declare_connection(site.client, NAME, ack_wait=30)
        await site.replay("in time", 1)
        await until(lambda: said(site, "one", "payment_delivered"))
        await declare_connection(site.client, NAME, ack_wait=30)
        await asyncio.sleep(0.5)

    answers = [site.far.basware_world.documents[name].answers for name in ("one", "two")]
    assert [len(each) for each in answers] == [1, 1]
    assert [len(await site.facts(name, PaymentAnswered)) for name in ("one", "two")] == [1, 1]
    assert len(await site.facts("two", OutcomeAnswered)) == 1


async def buried(site: Site, number: int) -> bool:
    return len(await site.letters()) == number


async def said(site: Site, name: str, *words: str) -> bool:
    return bool({*words} & {*await site.words(name)})


async def recorded(site: Site, kind: type[Any], number: int) -> bool:
    return len(await site.master(kind)) >= number
