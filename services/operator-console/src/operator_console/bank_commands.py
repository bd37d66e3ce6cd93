"""`ml-connector masterdata approve` and `reject`: a person decides about a vendor's changed bank accounts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from rich.table import Table

from mlc_common.eventlog import EventLog
from mlc_common.events import BankChangeDecided, BankChangeHeld, SyncRequested
from mlc_common.settings import Settings
from operator_console import output
from operator_console.connection_commands import operator
from operator_console.exits import CommandError, Exit
from operator_console.masterdata_command import records
from operator_console.masterdata_records import Records, Wanted
from operator_console.reach import broker

VENDOR = "vendor"

Verdict = Literal["approved", "rejected"]


async def waiting(settings: Settings, connection: str, code: str, *, company: str | None) -> BankChangeHeld:
    """The change of a vendor's bank accounts that waits for a decision.

    Raises:
        CommandError: there is none, or several companies have one.
    """
    async with records(settings) as found:
        return await _waiting(found, Wanted(connection, VENDOR, company), code)


async def _waiting(found: Records, wanted: Wanted, code: str) -> BankChangeHeld:
    changes = [each.bank_change for each in await found.of(wanted, code) if each.bank_change]
    if not changes:
        raise CommandError(f"No change of bank accounts of vendor {code} waits for a decision.", code=Exit.USAGE)
    if len(changes) > 1:
        companies = ", ".join(each.company for each in changes)
        raise CommandError(f"Vendor {code} has such a change in {companies}; name one with --company.", code=Exit.USAGE)
    return changes[0]


def table(change: BankChangeHeld) -> Table:
    """Old and new accounts by their last characters."""
    rows = [("so far", "\n".join(change.old)), ("in Epicor", "\n".join(change.new))]
    return output.table(f"vendor {change.code} of {change.company}", ("", "bank accounts"), rows)


async def decide(settings: Settings, seen: BankChangeHeld, verdict: Verdict, *, reason: str) -> BankChangeDecided:
    """Record the decision about exactly what was shown; what was approved is sent at once.

    Raises:
        CommandError: Epicor has yet other accounts by now, or somebody else has decided.
    """
    now = datetime.now(UTC)  # the edge: a person acts now
    decided = BankChangeDecided(
        **{name: getattr(seen, name) for name in ("connection", "kind", "company", "code", "digest", "old", "new")},
        at=now,
        external_code=seen.external_code,
        verdict=verdict,
        by=operator(),
        reason=reason,
    )
    async with broker(settings) as client:
        found = Records(client, timeout=settings.timings.publish)
        current = await _waiting(found, Wanted(seen.connection, VENDOR, seen.company), seen.code)
        if current.digest != seen.digest:
            raise CommandError("Epicor has other bank accounts again by now; look once more.", code=Exit.REFUSED)
        log = EventLog(client, timeout=settings.timings.publish)
        await log.append(decided)
        if verdict == "approved":
            await log.append(_at_once(decided))
    return decided


def _at_once(decided: BankChangeDecided) -> SyncRequested:
    return SyncRequested(
        connection=decided.connection,
        at=decided.at,
        request=uuid4().hex[:12],
        by=decided.by,
        kind=decided.kind,
        company=decided.company,
        key=decided.code,
    )
