"""What a run would send, without sending it."""

from __future__ import annotations

from masterdata_sync import remembered
from masterdata_sync.changes import Judged, Known, Record, judge
from masterdata_sync.kind import Kind
from masterdata_sync.progress import Owner, run_of
from masterdata_sync.reading import Reader
from masterdata_sync.settling import addressee_of, translated
from masterdata_sync.sides import Sides
from masterdata_sync.withholding import withhold
from mlc_common.account_seal import shown
from mlc_common.company_rules import CompanyPair
from mlc_common.events import SyncFinished, SyncPlanned, SyncRequested
from mlc_common.http import dump_json
from mlc_common.masterdata_events import Planned

SHOWN = 1000
"""Records that are named one by one; beyond them only their number is told."""

A_FACT = 100
BATCH = 1000


async def plan(event: SyncRequested, kind: Kind, pair: CompanyPair, sides: Sides) -> None:
    """Read everything, compare, and record what would be sent.

    Raises:
        TransientError: Epicor, the broker or the database is away.
        PermanentError: Epicor does not understand the question.
    """
    owner = Owner(sides.name, kind.name, pair.basware)
    reader = Reader(kind, pair.epicor, sides.document.masterdata.reading(kind.name, pair.basware), sides)
    addressee = addressee_of(pair, sides)
    seen: set[str] = set()
    shown: list[Planned] = []
    read = changed = 0
    async for page in reader.pages():
        rows = [row for row in translated(kind, page.rows, addressee, sides.seal) if row.code not in seen]
        rows = [row for row in rows if event.key in (None, row.code)]
        async with sides.engine.connect() as db:
            known = await remembered.known(db, owner, [row.code for row in rows])
        told, _ = await withhold(kind, rows, owner, sides.journal, known=known, at=sides.now())
        judged = judge(told, known, again=event.full)
        seen |= {row.code for row in judged.present}
        read, changed = read + len(judged.present), changed + len(judged.to_send)
        shown += _planned(judged, known, owner, with_record=event.key is not None)[: SHOWN - len(shown)]
    gone = [] if event.key else await _gone(owner, sides, seen)
    shown += [_retired(owner, code) for code in gone][: SHOWN - len(shown)]
    await _tell(event, shown, sides)
    async with sides.engine.connect() as db:
        run = (await run_of(db, owner)).run
    counts = {"read": read, "changed": changed, "gone": len(gone)}
    fact = SyncFinished(
        **owner._asdict(), at=sides.now(), request=event.request, run=run, mode="plan", outcome="finished", **counts
    )
    await sides.journal.append([fact])


def _planned(judged: Judged, known: dict[str, Known], owner: Owner, *, with_record: bool) -> list[Planned]:
    return [
        Planned(
            kind=owner.kind,
            company=owner.company,
            code=record.code,
            what="new" if known.get(record.code, Known(record.code)).sent is None else "changed",
            record=_readable(record) if with_record else None,
        )
        for record in judged.to_send
    ]


def _readable(record: Record) -> str:
    """As people may see it, and nobody sends it."""
    return dump_json(shown(record.entity)).decode()


def _retired(owner: Owner, code: str) -> Planned:
    return Planned(kind=owner.kind, company=owner.company, code=code, what="retired")


async def _gone(owner: Owner, sides: Sides, seen: set[str]) -> list[str]:
    """What the last complete reading did not have either."""
    found: list[str] = []
    after = ""
    while True:
        async with sides.engine.connect() as db:
            batch = await remembered.missing(db, owner, after=after, most=BATCH)
        if not batch:
            return found
        found += [code for code in batch if code not in seen]
        after = batch[-1]


async def _tell(event: SyncRequested, shown: list[Planned], sides: Sides) -> None:
    at = sides.now()
    facts = [
        SyncPlanned(
            connection=sides.name,
            at=at,
            request=event.request,
            number=start,
            records=tuple(shown[start : start + A_FACT]),
        )
        for start in range(0, len(shown), A_FACT)
    ]
    await sides.journal.append(facts)
