"""What the facts of a master record say of it, and where two versions of one differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, get_args

from mlc_common.events import RecordAccepted, RecordChanged, RecordFact, RecordHeld, RecordRefused, RecordSent
from mlc_common.http import load_json

State = Literal["changed", "sent", "accepted", "retired", "refused", "held"]
STATES: tuple[State, ...] = get_args(State)

BASWARES_OWN = frozenset({"lastUpdated", "buvid"})
"""Members that Basware itself puts into a record (Basware API reference, §8)."""


@dataclass(frozen=True)
class Standing:
    """A master record as its last facts show it.

    Args:
        state: changed in Epicor and not sent yet; sent and not confirmed; accepted by P2P; accepted and no longer
            active; refused; held, because nobody knows whether P2P has it.
        seen: the record as Epicor has it, as Basware would get it; `sent`: as it was sent last.
        why: what is wrong with it, or what P2P did not take of it.
    """

    kind: str
    company: str
    code: str
    state: State
    at: datetime
    seen: Mapping[str, Any] | None = None
    sent: Mapping[str, Any] | None = None
    external_code: str | None = None
    request_id: str | None = None
    times_sent: int = 0
    why: str | None = None


def standing(facts: Iterable[RecordFact]) -> Standing:
    """Fold the last fact of every sort of one record, in the order they happened; there is at least one."""
    known = {type(fact): fact for fact in facts}
    last = list(known.values())[-1]
    changed, sent = known.get(RecordChanged), known.get(RecordSent)
    return Standing(
        kind=last.kind,
        company=last.company,
        code=last.code,
        state=_state(last, gone=isinstance(changed, RecordChanged) and changed.gone),
        at=last.at,
        seen=load_json(changed.record) if isinstance(changed, RecordChanged) else None,
        sent=load_json(sent.record) if isinstance(sent, RecordSent) and sent.record else None,
        external_code=sent.external_code if isinstance(sent, RecordSent) else None,
        request_id=sent.request_id if isinstance(sent, RecordSent) else None,
        times_sent=(sent.number or 1) if isinstance(sent, RecordSent) else 0,
        why=_why(last),
    )


def _state(last: RecordFact, *, gone: bool) -> State:
    match last:
        case RecordChanged():
            return "changed"
        case RecordSent():
            return "sent"
        case RecordAccepted():
            return "retired" if gone else "accepted"
        case RecordRefused():
            return "refused"
        case RecordHeld():
            return "held"


def _why(last: RecordFact) -> str | None:
    match last:
        case RecordRefused() | RecordHeld():
            return f"{last.finding.sentence} {last.finding.remedy}"
        case RecordAccepted():
            return "; ".join(last.warnings) or None
    return None


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The members, by path, that two versions of a record hold otherwise; what is empty counts as absent."""
    one, other = dict(fields(ours)), dict(fields(theirs))
    paths = sorted(one.keys() | other.keys())
    return {path: (one.get(path), other.get(path)) for path in paths if one.get(path) != other.get(path)}


def fields(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a record by its path, `addresses[0].cityName`; what is empty, and Basware's own, is left out."""
    match value:
        case Mapping():
            for name, item in value.items():
                if name not in BASWARES_OWN:
                    yield from fields(item, f"{path}.{name}" if path else name)
        case list() | tuple():
            for place, item in enumerate(value):
                yield from fields(item, f"{path}[{place}]")
        case None | "":
            return
        case Decimal() | int() if not isinstance(value, bool):
            yield path, format(Decimal(value).normalize(), "f")
        case _:
            yield path, value
