"""The one examination that writes: an AP invoice group that is made and deleted again, in each company."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mlc_common.connections import Connection
from mlc_common.failures import FailureError
from mlc_epicor.client import GROUPS, EpicorClient
from mlc_epicor.probing import Prober
from operator_console.doctor_checks import Check, failed, passed
from operator_console.doctor_limits import Limit

GROUP = "MLDOCTOR"
"""Eight characters, and no name that the writer would ever choose: those end in a day and a number."""

_REMEDY = f"delete the AP invoice group {GROUP} in Epicor if it is there, then try again"


async def examine(
    connection: Connection, client: EpicorClient, prober: Prober, limit: Limit, *, now: datetime
) -> list[Check]:
    """Make and delete an empty group in every company of the connection."""
    found: list[Check] = []
    for company in dict.fromkeys(pair.epicor for pair in connection.document.companies):
        name = f"epicor write {company}"

        async def probe(company: str = company, name: str = name) -> Sequence[Check]:
            return [await _group(company, name, client, prober, now=now)]

        found += await limit.within(name, probe, remedy=_REMEDY)
    return found


async def _group(company: str, name: str, client: EpicorClient, prober: Prober, *, now: datetime) -> Check:
    if await client.group(company, GROUP) is not None:
        return failed(name, f"group {GROUP} is there already, from an earlier try or somebody else's", _REMEDY)
    try:
        refusal = await client.create_group(company, GROUP, apply_date=now.date())
    except FailureError:
        await _delete(company, prober)
        raise
    if refusal is not None:
        remedy = f"allow {GROUPS} (GetNewAPInvGrpNoLock, Update) in the API key's scope and to the integration user"
        return failed(name, f"no group was made: {refusal.message}", remedy)
    gone = await _delete(company, prober)
    if gone or await client.group(company, GROUP) is not None:
        return failed(name, f"group {GROUP} was made and not deleted: {gone}", _REMEDY)
    return passed(name, f"group {GROUP} was made and deleted")


async def _delete(company: str, prober: Prober) -> str:
    """Why it was not deleted; nothing when it was."""
    reply = await prober.delete_group(company, GROUP)
    return reply.refusal.message if reply.refusal else ""
