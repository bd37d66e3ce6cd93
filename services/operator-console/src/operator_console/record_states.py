"""What the facts of a master record say of it, and where two versions of one differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, get_args

from mlc_common.account_seal import shown
from mlc_common.bank_decisions import Decided
from mlc_common.catalogue import Finding
from mlc_common.events import (
    BankChangeHeld,
    BankFact,
    RecordAccepted,
    RecordChanged,
    RecordFact,
    RecordHeld,
    RecordRefused,
    RecordSent,
)
from mlc_common.http import load_json

State = Literal["changed", "sent", "accepted", "retired", "refused", "held"]
STATES: tuple[State, ...] = get_args(State)

_WITHOUT_TROUBLE = frozenset({"changed", "sent", "accepted", "retired"})

BASWARES_OWN = frozenset({"lastUpdated", "buvid"})
"""Members that Basware itself puts into a record (Basware API reference, §8)."""


@dataclass(frozen=True)
class Standing:
    """A master record as its last facts show it.

    Args:
        state: changed in Epicor and not sent yet; sent and not confirmed; accepted by P2P; accepted and no longer
            active; refused; held, because nobody knows whether P2P has it, or changed bank accounts wait for approval.
        seen: the record as Epicor has it, as Basware would get it; `sent`: as it was sent last.
        why: what is wrong with it, or what P2P did not take of it.
        bank_change: the change of its bank accounts that waits for approval.
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
    bank_change: BankChangeHeld | None = None


def standing(facts: Iterable[RecordFact | BankFact]) -> Standing:
    """Fold the last fact of every sort of one record, in the order they happened; there is one that is of no bank."""
    told = list(facts)
    banks = Decided.of(told)
    known = {type(fact): fact for fact in told if not isinstance(fact, BankFact)}
    last = list(known.values())[-1]
    waits = banks.held if banks.pending else None
    state = _state(last, gone=isinstance(changed := known.get(RecordChanged), RecordChanged) and changed.gone)
    sent = known.get(RecordSent)
    return Standing(
        kind=last.kind,
        company=last.company,
        code=last.code,
        state="held" if waits and state in _WITHOUT_TROUBLE else state,
        at=max(last.at, waits.at) if waits else last.at,
        seen=load_json(changed.record) if isinstance(changed, RecordChanged) else None,
        sent=load_json(sent.record) if isinstance(sent, RecordSent) and sent.record else None,
        external_code=sent.external_code if isinstance(sent, RecordSent) else None,
        request_id=sent.request_id if isinstance(sent, RecordSent) else None,
        times_sent=(sent.number or 1) if isinstance(sent, RecordSent) else 0,
        why=" ".join(each for each in (_why(last), _told(waits.finding) if waits else None) if each) or None,
        bank_change=waits,
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
            return _told(last.finding)
        case RecordAccepted():
            return "; ".join(last.warnings) or None
    return None


def _told(finding: Finding) -> str:
    return f"{finding.sentence} {finding.remedy}"


def readable(record: Mapping[str, Any] | None) -> dict[str, Any]:
    """The values of a record by their paths, account numbers masked."""
    return dict(fields(shown(record or {})))


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
