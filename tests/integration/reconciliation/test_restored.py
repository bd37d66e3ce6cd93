"""A site is lost and restored from its backup: its books still agree with both far sides', and its services go on.

Both emulators outlive the site, as Basware and Epicor would; what they were told before the backup counts.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from mlc_common.connection import ConnectionDocument
from mlc_common.connection_flows import Flow
from mlc_common.settings import Settings
from mlc_sandbox.basware.pushes import PushOrder, carry_out
from mlc_sandbox.epicor.payments import Cheque, Part, pay
from mlc_sandbox.samples import bad_invoices, bulk_invoices
from mlc_sandbox.serve import Running, running
from operator_console import connection_commands, credential_commands, pause_commands, people_commands, site
from operator_console.audit import commands as audit
from operator_console.backup import commands
from operator_console.data_folder import DataFolder
from operator_console.reconciliation.command import reconcile
from operator_console.reconciliation.run import Outcome
from operator_console.supervisor import Patience

from .conftest import ASKED, CREDENTIALS, TIMINGS, connection_document, until
from .test_reconcile import found

SECRET = "sandbox-only-webhook-secret"
PATIENCE = Patience(first_pause=0.05, longest_pause=0.5, graceful=10)
ENVIRONMENT = {f"MLC_TIMINGS__{name}": value for name, value in TIMINGS.items()}
AT_WORK = site.Options(port=0, environment=ENVIRONMENT, patience=PATIENCE)
SERVERS_ONLY = site.Options(port=0, services=(), patience=PATIENCE)
GOOD = 6


@dataclass
class Place:
    """Both far sides, the folders of the site that is lost and of the one that replaces it, and the backup."""

    far: Running
    lost: DataFolder
    new: DataFolder
    saved: Path

    def offer(self, *documents: dict[str, Any]) -> list[str]:
        """Put documents into Basware, ready for transfer; their ids."""
        return [each.invoice_id for each in self.far.basware_world.add(documents, at=datetime.now(UTC))]

    def status(self, invoice_id: str) -> str:
        """A document's, in Basware."""
        return self.far.basware_world.documents[invoice_id].status

    async def reached(self, invoice_ids: Sequence[str], *statuses: str) -> None:
        """Wait until Basware shows them so."""
        await until(
            lambda: {self.status(each) for each in invoice_ids} <= set(statuses),
            what=f"{statuses}; see {self.lost.root} and {self.new.root}",
        )

    def in_epicor(self, invoice_id: str) -> list[dict[str, Any]]:
        """The headers of its AP invoices."""
        headers = (each.header for each in self.far.epicor_world.invoices.values())
        return [each for each in headers if each["ExternalID"] == invoice_id]

    def ap_posts_its_groups(self) -> None:
        """As accounts payable does."""
        for company, group in list(self.far.epicor_world.groups):
            self.far.epicor_world.post_group(company, group)

    def pay(self, invoice_id: str, part: Decimal | None = None) -> None:
        """Pay an AP invoice, or a part of it."""
        (header,) = self.in_epicor(invoice_id)
        parts = [Part(header["VendorNum"], header["InvoiceNum"], part)]
        pay(self.far.epicor_world, header["Company"], parts, Cheque(date(2026, 11, 20)), at=datetime.now(UTC))

    async def paid(self, invoice_id: str) -> None:
        """Wait until Basware was told something of its payment."""
        document = self.far.basware_world.documents[invoice_id]
        await until(lambda: bool(document.payment), what="the payment is told")

    def told(self) -> dict[str, list[dict[str, Any]]]:
        """Every answer that Basware was given, by document."""
        return {name: list(each.answers) for name, each in self.far.basware_world.documents.items()}

    def ledger(self) -> dict[Any, dict[str, Any]]:
        """Every AP invoice's header."""
        return {key: dict(each.header) for key, each in self.far.epicor_world.invoices.items()}

    async def restored(self) -> None:
        """Restore the backup into an empty folder; the master keys are copied by hand, as the page says."""
        self.new.root.mkdir()
        shutil.copy(self.lost.master_keys, self.new.master_keys)
        await commands.restore_site(self.new, self.saved, say=quiet)


def quiet(_: str) -> None:
    return None


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    with tempfile.TemporaryDirectory(prefix="mlc-") as name:
        folder = Path(name).resolve()
        async with running() as far:
            yield Place(far, DataFolder(folder / "a"), DataFolder(folder / "b"), folder / "backup")


@asynccontextmanager
async def at_work(place: Place) -> AsyncIterator[tuple[site.Site, list[str]]]:
    """A site that has posted, refused, told a payment and a part of one, and whose last document a person holds."""
    good, bad = bulk_invoices(GOOD, seed=5), list(bad_invoices().values())[:2]
    async with site.running(place.lost, AT_WORK, say=quiet) as here:
        await connected(here.settings, connection_document(place.far.basware, place.far.epicor))
        await paused(here.settings)
        (held,) = place.offer(good.pop())
        await place.reached([held], "TransferInProgress")
        await people_commands.hold(here.settings, held, connection="demo", reason="the sum is disputed")
        await resumed(here.settings)
        posted, refused = place.offer(*good), place.offer(*bad)
        await place.reached([*posted, *refused], "Transferred", "TransferFailed")
        assert {place.status(each) for each in posted} == {"Transferred"}
        place.ap_posts_its_groups()
        place.pay(posted[0])
        place.pay(posted[1], Decimal("0.50"))
        for each in posted[:2]:
            await place.paid(each)
        await asyncio.sleep(1)  # the deliveries of the answers are followed
        yield here, [*posted, *refused, held]


async def connected(settings: Settings, document: ConnectionDocument) -> None:
    await connection_commands.apply(settings, document, by="test", now=datetime.now(UTC))
    secrets = {field: [SecretStr(value)] for field, value in (CREDENTIALS | {"basware.webhook_secret": SECRET}).items()}
    await credential_commands.store(settings, "demo", secrets, by="test", now=datetime.now(UTC))


async def paused(settings: Settings) -> None:
    await pause_commands.pause(settings, "demo", (Flow.POSTING,), reason="test")
    await asyncio.sleep(1.5)  # the writer looks twice a second whether it is to stand still


async def resumed(settings: Settings) -> None:
    await pause_commands.resume(settings, "demo", (Flow.POSTING,), reason="test")


async def compared(settings: Settings) -> Outcome:
    (outcome,) = await reconcile(settings, ASKED, now=datetime.now(UTC))
    return outcome


async def sound(settings: Settings, file: Path) -> bool:
    """What `audit export` and `audit verify` say of every stream."""
    await audit.export(settings, audit.Asked(since="2020-01-01"), file=file)
    keys = file.with_suffix(".pem")
    keys.write_text("".join(each.public for each in await audit.public_keys(settings)))
    return audit.verified(file, [keys]).sound


@pytest.mark.timeout(300)
async def test_restored_books_agree_and_the_services_go_on_where_the_backup_was_made(place: Place) -> None:
    async with at_work(place) as (here, ids):
        held = ids[-1]
        before = await compared(here.settings)
        await commands.backup(here.settings, place.saved, say=quiet)
    assert found(before) == {(held, "HELD_HERE")}, "somebody has to decide it; that is no difference between the books"
    assert (before.invoices, before.incomplete) == (len(ids), ())
    told, ledger = place.told(), place.ledger()

    await place.restored()
    async with site.running(place.new, SERVERS_ONLY, say=quiet) as there:
        assert await compared(there.settings) == before
        assert await sound(there.settings, place.new.root / "all.jsonl")
        (header,) = place.in_epicor(ids[2])
        kept = dict(header)
        header |= {"DocInvoiceAmt": Decimal("9.99"), "DocInvoiceBal": Decimal("9.99")}
        assert found(await compared(there.settings)) == {(held, "HELD_HERE"), (ids[2], "AMOUNT_DIFFERS")}
        header |= kept

    async with site.running(place.new, AT_WORK, say=quiet) as there:
        await people_commands.release(there.settings, held, connection="demo", reason="settled")
        (pushed,) = place.offer(bulk_invoices(GOOD + 1, seed=5)[-1])
        await push(place, there, [pushed, ids[0]])
        await place.reached([held, pushed], "Transferred")
        await asyncio.sleep(2)  # sweeps, payment runs and deliveries have their turn
        place.ap_posts_its_groups()
        assert found(await compared(there.settings)) == set()
        assert await sound(there.settings, place.new.root / "later.jsonl")

    assert [len(place.in_epicor(each)) for each in (held, pushed)] == [1, 1]
    assert {key: header for key, header in place.ledger().items() if key in ledger} == ledger
    assert {name: answers for name, answers in place.told().items() if name not in (held, pushed)} == {
        name: answers for name, answers in told.items() if name != held
    }


async def push(place: Place, there: site.Site, ids: Sequence[str]) -> None:
    order = PushOrder(invoice_ids=list(ids), url=f"{there.gateway}/hooks/basware/demo", secret=SecretStr(SECRET))
    done = await carry_out(order, world=place.far.basware_world, now=lambda: datetime.now(UTC))
    assert done["statuses"] == {"200": len(ids)}


@pytest.mark.timeout(300)
async def test_what_was_done_after_the_backup_is_named_and_never_done_again(place: Place) -> None:
    """The site went on for a while after its backup: it read, posted, answered and told, and nothing here knows it."""
    later, new = bulk_invoices(GOOD + 2, seed=5)[-2:]
    async with at_work(place) as (here, ids):
        held, paid_later = ids[-1], ids[2]
        await paused(here.settings)
        (read,) = place.offer(later)
        await place.reached([read], "TransferInProgress")
        await asyncio.sleep(1)
        await commands.backup(here.settings, place.saved, say=quiet)
        await resumed(here.settings)
        (unread,) = place.offer(new)
        await place.reached([read, unread], "Transferred")
        place.ap_posts_its_groups()
        place.pay(paid_later)
        await place.paid(paid_later)
        await asyncio.sleep(1)
    told, ledger = place.told(), place.ledger()

    await place.restored()
    async with site.running(place.new, SERVERS_ONLY, say=quiet) as there:
        assert found(await compared(there.settings)) == {
            (held, "HELD_HERE"),
            (read, "DONE_WITHOUT_US"),
            (unread, "UNKNOWN_HERE"),
            (paid_later, "PAYMENT_NOT_SEEN"),
        }

    async with site.running(place.new, AT_WORK, say=quiet) as there:
        await resumed(there.settings)
        await push(place, there, [unread])
        await asyncio.sleep(6)  # everything that would be posted or told again, would be by now
        last = await compared(there.settings)

    assert place.ledger() == ledger
    assert place.told() == told
    assert found(last) == {(held, "HELD_HERE"), (unread, "UNKNOWN_HERE")}
