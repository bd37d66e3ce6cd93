"""One use case: see what became of the payment of every invoice on the watch list, and record what is new."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from nats.aio.client import Client

from masterdata_sync.payments.picture import SETTLED, digest, is_news, payment_picture, unreadable_picture
from masterdata_sync.payments.postings import posted_after
from masterdata_sync.payments.watch_list import OTHER, Watched, WatchList
from mlc_common.eventlog import EventLog
from mlc_common.events import InvoicePosted, PaymentSeen
from mlc_common.failures import PermanentError
from mlc_common.message_spans import behind
from mlc_common.payment_events import Picture
from mlc_common.payment_rules import Payments
from mlc_common.streams import DOCUMENTS, document_subject
from mlc_common.telemetry import Metrics, span_of
from mlc_epicor.payables import APTranRow, InvoiceKey, PayableRow, Unreadable
from mlc_epicor.payment_reader import AT_ONCE, PaymentReader
from mlc_epicor.questions_about_payments import newest

Each = TypeVar("Each")

log = structlog.stdlib.get_logger(__name__)

BATCH = 200
"""Posted facts read at once."""

MOST_LOOKS = 1000
"""Invoices of a company that one run looks at without an occasion; the rest has its turn in the next one."""

MOST_REMEMBERED = 50_000
"""Transactions that are known to have been looked at as they stand, so that the overlap costs nothing."""

LONGEST_ID = 36
"""Characters of a Basware invoice id; a longer ExternalID is none."""


@dataclass
class Watch:
    """What it takes to watch one connection's payments; `now` is the clock, never a watermark.

    `seen` holds, by company, the hashes of the transactions that the last run looked at as they stand.
    """

    connection: str
    companies: Sequence[str]
    rules: Payments
    reader: PaymentReader
    list: WatchList
    nats: Client
    log: EventLog
    metrics: Metrics
    now: Callable[[], datetime]
    patience: float
    seen: dict[str, frozenset[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Looked:
    """One invoice as it was found; None when Epicor holds no such invoice (any more)."""

    watched: Watched
    picture: Picture | None


async def watch_payments(watch: Watch) -> None:
    """One run: learn what was posted, follow what has changed, and look again at what nobody announced.

    A crash leaves the watermark and the list as they were; what was recorded is recognised by the history.

    Raises:
        TransientError: a far side, the broker or the database is away; the next run takes up the rest.
        PermanentError: Epicor does not understand a question, or its answer cannot be read. The other companies, and
            what is due, were looked at all the same.
    """
    await _learn(watch)
    refused: list[PermanentError] = []
    for step in (_follow_changes, _look_at_due):
        for company in watch.companies:
            try:
                await step(watch, company)
            except PermanentError as failure:
                log.warning("payments_not_followed", connection=watch.connection, company=company, why=str(failure))
                refused.append(failure)
    if refused:
        raise refused[0]


async def _look_at_due(watch: Watch, company: str) -> None:
    for some in _chunks(await watch.list.due(company, now=watch.now(), most=MOST_LOOKS)):
        await _look(watch, company, some)


async def _learn(watch: Watch) -> None:
    if await watch.list.is_to_be_made_anew():
        async with watch.list.anew() as anew:
            read = 0
            async for posted, last in _posted(watch, read):
                await anew.learn(posted, now=watch.now())
                read = last
            await anew.put_in_place(to=read, now=watch.now())
    since = await watch.list.position()
    async for posted, last in _posted(watch, since):
        await watch.list.learn(posted, since=since, to=last, now=watch.now())
        since = last


async def _posted(watch: Watch, since: int) -> AsyncIterator[tuple[list[InvoicePosted], int]]:
    """The posted facts that follow a sequence, some at once, each with the sequence of the last one."""
    while True:
        found, last = await posted_after(
            watch.nats, watch.log, watch.connection, since, most=BATCH, timeout=watch.patience
        )
        if last == since:
            return
        yield found, last
        since = last


async def _follow_changes(watch: Watch, company: str) -> None:
    """Every invoice with a transaction that changed; the watermark moves once all of them were looked at."""
    begun = await _beginning(watch, company)
    if begun is None:
        return
    mark, before, now_seen = begun, watch.seen.get(company, frozenset()), set[int]()
    async for page in watch.reader.changed(company, begun):
        mark = newest(mark, *(row.ChangeDate for row in page))
        now_seen.update(map(hash, page) if len(now_seen) < MOST_REMEMBERED else ())
        fresh = [row for row in page if hash(row) not in before]
        for row in fresh:
            if isinstance(row, Unreadable):
                log.warning("payment_row_unreadable", connection=watch.connection, company=company, why=row.why)
        touched = {row.invoice for row in fresh if row.invoice is not None}
        for some in _chunks(await _on_the_list(watch, company, touched)):
            await _look(watch, company, some)
    watch.seen[company] = frozenset(now_seen)
    if mark != begun:
        await watch.list.move_watermark(company, mark)


async def _beginning(watch: Watch, company: str) -> str | None:
    """The watermark; before there is one, the day before the first invoice was posted, as nothing was paid earlier."""
    if (mark := await watch.list.watermark(company)) is not None:
        return mark
    first = await watch.list.first_posted(company)
    if first is None and watch.rules.others == "no":
        return None
    return f"{(first or watch.now()) - timedelta(days=1):%Y-%m-%dT00:00:00}"


async def _on_the_list(watch: Watch, company: str, touched: Iterable[InvoiceKey]) -> list[Watched]:
    keys = sorted(touched)
    known = await watch.list.known(company, keys) if keys else []
    if watch.rules.others == "no":
        return known
    missing = sorted(set(keys) - {each.key for each in known})
    adopted = [each async for each in _adopted(watch, company, missing)]
    await watch.list.add(adopted)
    return known + adopted


async def _adopted(watch: Watch, company: str, keys: Sequence[InvoiceKey]) -> AsyncIterator[Watched]:
    """Invoices of others that name a document of Basware."""
    for some in _chunks(keys):
        for header in await watch.reader.payables(company, some):
            if isinstance(header, PayableRow) and 0 < len(header.ExternalID.strip()) <= LONGEST_ID:
                yield Watched(
                    company=company,
                    vendor_num=header.VendorNum,
                    invoice_key=header.invoice[1],
                    invoice_num=header.InvoiceNum,
                    invoice_id=header.ExternalID.strip(),
                    attempt=OTHER,
                    posted_at=watch.now(),
                )


async def _look(watch: Watch, company: str, some: Sequence[Watched]) -> None:
    """Look at a few invoices and record what is new about them."""
    looked = await _pictures(watch, company, some)
    unclear = [each.watched for each in looked if each.picture is not None and each.picture.standing == "unclear"]
    if unclear:
        # Header and transactions are two questions: a payment posted in between makes them disagree once.
        again = {each.watched.key: each for each in await _pictures(watch, company, unclear)}
        looked = [again.get(each.watched.key, each) for each in looked]
    await watch.list.looked([await _noted(watch, each) for each in looked])


async def _pictures(watch: Watch, company: str, some: Sequence[Watched]) -> list[_Looked]:
    """What Epicor shows of these; an invoice whose header cannot be read is left out, and is looked at again."""
    # Asked for as it was posted: a database may tell capitals apart, and then knows it by no other name.
    keys = [(each.vendor_num, each.invoice_num) for each in some]
    headers = {header.invoice: header for header in await watch.reader.payables(company, keys)}
    rows: dict[InvoiceKey | None, list[APTranRow]] = {}
    unreadable: dict[InvoiceKey | None, str] = {}
    for row in await watch.reader.transactions(company, keys):
        if isinstance(row, Unreadable):
            unreadable[row.invoice] = row.why
        else:
            rows.setdefault(row.invoice, []).append(row)
    heads = sorted({row.HeadNum for of_one in rows.values() for row in of_one if row.HeadNum})
    cheques = [cheque for part in _chunks(heads) for cheque in await watch.reader.cheques(company, part)]
    looked = []
    for each in some:
        header = headers.get(each.key)
        if isinstance(header, Unreadable):
            log.warning("payment_row_unreadable", connection=watch.connection, company=company, why=header.why)
        elif header is None:
            looked.append(_Looked(each, None))
        elif each.key in unreadable:
            looked.append(_Looked(each, unreadable_picture(header, unreadable[each.key])))
        else:
            looked.append(_Looked(each, payment_picture(header, rows.get(each.key, []), cheques)))
    return looked


async def _noted(watch: Watch, looked: _Looked) -> Watched:
    """The line of the list after a look; a picture that is news is in the document's history by then."""
    watched, picture = looked.watched, looked.picture
    if picture is None:
        gone_for = watch.now() - watched.posted_at
        return replace(watched, next_look=_next(watch, forget=gone_for > _memory(watch)))
    if (seen := digest(picture)) != watched.digest:
        await _record(watch, watched, picture)
    settled_at = (watched.settled_at or watch.now()) if picture.standing in SETTLED else None
    forget = settled_at is not None and watch.now() - settled_at > _memory(watch)
    return replace(watched, digest=seen, settled_at=settled_at, next_look=_next(watch, forget=forget))


async def _record(watch: Watch, watched: Watched, picture: Picture) -> None:
    # Not the whole history: this service has no key to the personal data of documents.
    facts = (PaymentSeen.fact, InvoicePosted.fact)
    subjects = (document_subject(watch.connection, watched.invoice_id, fact, watched.attempt) for fact in facts)
    found = await watch.log.last(DOCUMENTS, *subjects)
    told = next((each for each in found if isinstance(each.event, PaymentSeen)), None)
    posted = next((each for each in found if isinstance(each.event, InvoicePosted)), None)
    before = told.event if told and isinstance(told.event, PaymentSeen) else None
    if not is_news(picture, before.picture if before else None):
        return
    seen = PaymentSeen(
        connection=watch.connection,
        at=watch.now(),
        invoice_id=watched.invoice_id,
        attempt=watched.attempt,
        number=before.number + 1 if before else 1,
        company=watched.company,
        vendor_num=watched.vendor_num,
        invoice_num=watched.invoice_num,
        picture=picture,
    )
    about: dict[str, str | int | bool] = {"connection": watch.connection, "invoice": watched.invoice_id}
    with span_of("see payment", about, context=behind(posted.traceparent if posted else None)):
        await watch.log.append(seen, after=told.sequence if told else 0)
    watch.metrics.payments_seen.labels(watch.connection, picture.standing).inc()
    level = log.warning if picture.standing == "unclear" else log.info
    level(
        "payment_seen",
        connection=watch.connection,
        invoice=watched.invoice_id,
        standing=picture.standing,
        number=seen.number,
        why=picture.why,
    )


def _memory(watch: Watch) -> timedelta:
    return timedelta(days=watch.rules.days_after_paid)


def _next(watch: Watch, *, forget: bool) -> datetime | None:
    return None if forget else watch.now() + timedelta(hours=watch.rules.look_again_hours)


def _chunks(values: Sequence[Each]) -> list[Sequence[Each]]:
    return [values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE)]
