"""From where changed rows are read: the newest change seen, with an overlap. Pure.

Epicor reference, what can serve as a change watermark: Epicor's clock and zone are not known, so the watermark comes
from the rows and never from our clock; many rows may share one moment; revisions become visible late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from masterdata_sync.kind import Row, Source
from mlc_common.masterdata_rules import Reading
from mlc_epicor.questions import REVISION, Condition

A_DAY = 86_400.0


def can_tell(source: Source, rules: Reading) -> bool:
    """Whether Epicor can be asked for the changed rows alone."""
    return source.changed is not None or rules.revisions


def raised(high: Mapping[str, Any], rows: Sequence[Row], source: Source) -> dict[str, Any]:
    """The newest change and the highest revision among what was seen and these rows."""
    changes = [row[source.changed] for row in rows if row.get(source.changed)] if source.changed else []
    revisions = [int(row[REVISION]) for row in rows if row.get(REVISION) is not None]
    found = dict(high)
    if changes:
        found["changed"] = max([*changes, *([high["changed"]] if high.get("changed") else [])], key=_moment)
    if revisions:
        found["revision"] = max([*revisions, *([high["revision"]] if high.get("revision") is not None else [])])
    return found


def conditions(source: Source, rules: Reading, watermark: Mapping[str, Any]) -> tuple[Condition, ...]:
    """What the changed rows meet; none when no watermark is known, and then everything is read.

    `watermark["seconds"]` is how long the run took that saw it: a row that changed behind the back of that run, where
    it had already been, is not older than that.
    """
    if source.changed is not None:
        if not watermark.get("changed"):
            return ()
        return ((source.changed, "ge", since(watermark["changed"], rules, seconds=watermark.get("seconds", 0))),)
    if watermark.get("revision") is None:
        return ()
    return ((REVISION, "gt", int(watermark["revision"]) - rules.revision_overlap),)


def since(changed: str, rules: Reading, *, seconds: float) -> str:
    """The lower bound, in the form that Epicor wrote the newest change in."""
    newest = datetime.fromisoformat(changed)
    # A column that shows midnights only is a date: what changes later that day has the same value.
    overlap = max(rules.overlap, A_DAY) if newest.time() == time.min else rules.overlap
    bound = (newest - timedelta(seconds=overlap + seconds)).replace(microsecond=0).isoformat()
    return f"{bound.removesuffix('+00:00')}Z" if changed.endswith("Z") else bound


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)
