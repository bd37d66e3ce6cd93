"""Which run of a kind of a company is due. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from cronsim import CronSim

from masterdata_sync.kind import Source
from masterdata_sync.progress import Mode, Run
from masterdata_sync.watermarks import can_tell
from mlc_common.masterdata_rules import Reading, Schedule


def due(run: Run, rules: Reading, source: Source, *, now: datetime, zone: tzinfo) -> Mode | None:
    """The run to do now: one that was cut off goes on, a full one comes before a delta."""
    if rules.paused:
        return None
    if run.mode is not None:
        return run.mode
    if run.full_at is None or _has_come(rules.full, run.full_at, now=now, zone=zone):
        return "full"
    last = max(run.delta_at or run.full_at, run.full_at)
    if rules.delta and can_tell(source, rules) and _has_come(rules.delta, last, now=now, zone=zone):
        return "delta"
    return None


def _has_come(schedule: Schedule, last: datetime, *, now: datetime, zone: tzinfo) -> bool:
    if schedule.every is not None:
        return last + timedelta(seconds=schedule.every) <= now
    return next(CronSim(str(schedule.cron), last.astimezone(zone))) <= now
