"""`ml-connector demo`: a whole site against the sandbox; sixty invoices on their way, and three books compared."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
from pydantic import SecretStr

from operator_console import connection_commands, credential_commands, document_commands, output, run_state, site
from operator_console.data_folder import DataFolder, is_locked
from operator_console.demo_books import Books, Counts, count, disagreements
from operator_console.demo_far_sides import LOOK_AGAIN, FarSides, Ports, sandbox_program, until
from operator_console.demo_masterdata import counted, missing
from operator_console.demo_payments import pay, payments
from operator_console.demo_report import Progress, report
from operator_console.demo_scenario import (
    CONNECTION,
    CREDENTIALS,
    TIMINGS,
    Scenario,
    connection_document,
    epicor_faults,
    offered_ids,
    pushes,
    scenario,
)
from operator_console.exits import CommandError, Exit
from operator_console.foreground import announcer, stoppable
from operator_console.searching import Sought
from operator_console.service_health import service_answers

THROWN_AWAY = "mlc-demo-"
WITHIN = 60.0
"""Seconds for all invoices to be answered."""

LEFT_OVERS = 2.0
"""Seconds for a process that a killed demo left to end; its data is thrown away, so nothing is lost."""


async def demo(keep_in: Path | None, *, as_json: bool) -> Exit:
    """Play the demo; says how it went.

    Raises:
        CommandError: the site does not come up, or the directory was used before.
    """
    with _directory(keep_in) as root:
        folder = DataFolder(root)
        out = output.quiet_console() if as_json else output.console()
        say = announcer(folder.log("ml-connector"), out)
        async with stoppable() as asked:
            await sweep(Path(tempfile.gettempdir()))
            say("Starting broker, database, sandbox and services ...")
            async with _running(folder, say, asked.hurry) as (here, far_sides, ports):
                return await _play(here, far_sides, ports, say=say, as_json=as_json)
        return Exit.INTERRUPTED if asked.by else Exit.PROBLEM


async def sweep(place: Path) -> list[Path]:
    """Throw away what demos left that were killed: their processes, where there still are any, and their data."""
    stale = [root for root in _ours(place) if not is_locked(DataFolder(root))]
    for root in stale:
        await run_state.end_left_overs(DataFolder(root), patience=LEFT_OVERS)
        await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)
    return stale


def _ours(place: Path) -> list[Path]:
    # Without a lock it is just being made, or only the logs of a failure are kept there.
    found = [root for root in place.resolve().glob(f"{THROWN_AWAY}*") if (root / "lock").exists()]
    return [root for root in found if not root.is_symlink() and root.stat().st_uid == os.geteuid()]


@contextmanager
def _directory(keep_in: Path | None) -> Iterator[Path]:
    if keep_in is not None:
        if keep_in.exists() and any(keep_in.iterdir()):
            raise CommandError(f"{keep_in} is not empty; the demo begins in an empty directory.", code=Exit.REFUSED)
        yield keep_in
        return
    root = Path(tempfile.mkdtemp(prefix=THROWN_AWAY)).resolve()
    thrown_away = [root]
    try:
        yield root
    except CommandError:
        # It could not go on, and its sentence names a log: the logs stay.
        thrown_away = [path for path in root.iterdir() if path.name != "logs"]
        raise
    finally:
        for path in thrown_away:
            shutil.rmtree(path, ignore_errors=True)


@asynccontextmanager
async def _running(
    folder: DataFolder, say: Callable[[str], None], hurry: asyncio.Event
) -> AsyncIterator[tuple[site.Site, FarSides, Ports]]:
    folder.logs.mkdir(parents=True, exist_ok=True)
    program, ports = sandbox_program(folder)
    environment = {f"MLC_TIMINGS__{name.upper()}": value for name, value in TIMINGS.items()}
    options = site.Options(port=0, programs=(program,), environment=environment)
    async with (
        site.running(folder, options, say=say, hurry=hurry) as here,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        far_sides = FarSides(http, ports)
        await until(far_sides.answers, within=WITHIN, what="the sandbox answers")
        yield here, far_sides, ports


async def _play(
    here: site.Site, far_sides: FarSides, ports: Ports, *, say: Callable[[str], None], as_json: bool
) -> Exit:
    plan = scenario()
    await _stage(here, far_sides, ports, plan)
    say(f"Connection {CONNECTION} is applied; Basware is given Epicor's master data first.")
    records = await _master_data(far_sides, plan)
    say(f"Basware holds {', '.join(f'{count} {word}' for word, count in records.items())}.")
    say(f"{plan.approved} approved invoices are on their way.")
    started = asyncio.get_running_loop().time()
    with Progress(plan.approved, silent=as_json) as progress:
        wrong = await _send(here, far_sides, plan)
        books = await _until_done(here, far_sides, plan, progress)
    seconds = asyncio.get_running_loop().time() - started
    wrong += disagreements(plan, books)
    wrong += [f"the fault {each['kind']} never happened" for each in await far_sides.went_wrong() if not each["fired"]]
    paid = payments(plan)
    say("Accounts payable posts and pays three of them; Basware is told.")
    wrong += await pay(far_sides, paid, today=datetime.now(UTC).date())
    report(plan, books, count(books), wrong, paid=paid, records=records, seconds=seconds, as_json=as_json)
    return Exit.PROBLEM if wrong or _left(count(books)) else Exit.OK


def _left(counts: Counts) -> bool:
    return bool(counts.duplicates or counts.unanswered)


async def _stage(here: site.Site, far_sides: FarSides, ports: Ports, plan: Scenario) -> None:
    document = connection_document(ports.basware_url, ports.epicor_url)
    now = datetime.now(UTC)  # the edge: the demo acts as a person would
    await connection_commands.apply(here.settings, document, by="demo", now=now)
    values = {field: [SecretStr(value)] for field, value in CREDENTIALS.items()}
    await credential_commands.store(here.settings, CONNECTION, values, by="demo", now=now)
    await far_sides.go_wrong(epicor_faults(plan))
    await until(lambda: _all_ready(here), within=WITHIN, what="every service is ready")


async def _all_ready(here: site.Site) -> str | None:
    asked = (service_answers(here.folder, name, path="/readyz") for name in site.SERVICES)
    answers = await asyncio.gather(*asked)
    return "ready" if all(answers) else None


async def _master_data(far_sides: FarSides, plan: Scenario) -> dict[str, int]:
    """How many records of each kind Basware holds, once it has all that the invoices are coded with."""
    wanted = sum(company["vendors"] for company in (await far_sides.epicor_state())["companies"])

    async def all_there() -> str | None:
        held = await far_sides.records()
        return None if missing(plan, held) or counted(held)["vendors"] < wanted else "there"

    try:
        await until(all_there, within=WITHIN, what="Basware holds Epicor's master data")
    except CommandError as late:
        lacking = "; ".join(missing(plan, await far_sides.records())[:3]) or f"it holds less than {wanted} vendors"
        raise CommandError(f"{late} {lacking}.") from None
    return counted(await far_sides.records())


async def _send(here: site.Site, far_sides: FarSides, plan: Scenario) -> list[str]:
    """Offer and push everything; what the gateway answered wrongly."""
    hook = f"{here.gateway}/hooks/basware/{CONNECTION}"
    await far_sides.offer(plan.first)
    await far_sides.withdraw(sorted(plan.only_forged))
    # A connection is as good as unknown to the gateway until its next look at the database.
    known = partial(_is_heard, far_sides, hook, plan.posted[0].invoice_id)
    await until(known, within=WITHIN, what="the gateway knows the connection")
    wrong = []
    for ids, how in pushes(plan):
        wanted = httpx.codes.UNAUTHORIZED if how.get("forge") else httpx.codes.OK
        statuses = await far_sides.push(ids, hook, **how)
        wrong += [f"the gateway answered {status} to a push" for status in statuses if status != wanted]
    # The one that uses a number again comes when the first has long been posted.
    await until(lambda: _first_posted(far_sides, plan), within=WITHIN, what="the first invoice is posted")
    await far_sides.offer(plan.later)
    await far_sides.push(offered_ids(plan.later), hook)
    return wrong


async def _is_heard(far_sides: FarSides, hook: str, invoice_id: str) -> str | None:
    return "heard" if await far_sides.push([invoice_id], hook) == [httpx.codes.OK] else None


async def _first_posted(far_sides: FarSides, plan: Scenario) -> str | None:
    held = {invoice["ExternalID"] for invoice in await far_sides.invoices()}
    return "posted" if plan.posted[0].invoice_id in held else None


async def _until_done(here: site.Site, far_sides: FarSides, plan: Scenario, progress: Progress) -> Books:
    """Show progress until we hold every document as answered, or patience ends; then the books."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WITHIN):
            while True:
                ours = await document_commands.rows(here.settings, Sought(connection=CONNECTION), limit=1000)
                progress.show(ours)
                if sum(status.answered for status in ours) >= plan.approved:
                    break
                await asyncio.sleep(LOOK_AGAIN)
    ours = await document_commands.rows(here.settings, Sought(connection=CONNECTION), limit=1000)
    state = await far_sides.epicor_state()
    return Books(ours, await far_sides.documents(), await far_sides.invoices(), state["groups"])
