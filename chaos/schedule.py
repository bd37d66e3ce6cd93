"""Which fault strikes what, when and for how long: a function of a seed and a duration. Pure."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

GATEWAY = "webhook-gateway"
SERVICES = (GATEWAY, "basware-reader", "epicor-writer", "masterdata-sync", "operator-console")
BROKER, DATABASE = "nats-server", "postgresql"
BASWARE, EPICOR = "basware", "epicor"


@dataclass(frozen=True)
class Kind:
    """A kind of fault: what it can strike, and for how many seconds, at least and at most."""

    targets: tuple[str, ...]
    lasts: tuple[float, float] = (0, 0)


KINDS: Mapping[str, Kind] = {
    "kill": Kind((*SERVICES, BROKER, DATABASE)),
    "stop": Kind((*SERVICES, BROKER, DATABASE), (2, 15)),
    "away": Kind((BROKER, DATABASE), (5, 150)),
    "disk_full": Kind((BROKER,), (3, 15)),
    "clock": Kind(SERVICES, (5, 30)),
    "roll": Kind(SERVICES, (2, 10)),
    "slow": Kind((BASWARE, EPICOR), (5, 20)),
    "refuse": Kind((BASWARE, EPICOR), (4, 20)),
    "cut": Kind((BASWARE, EPICOR), (5, 20)),
    "lose_answers": Kind((BASWARE, EPICOR), (5, 20)),
    "garbage": Kind((BASWARE, EPICOR), (5, 20)),
    "revoke": Kind((BASWARE, EPICOR), (1, 6)),
    "poison": Kind((BROKER,)),
}
"""`stop` freezes a process, which then answers nothing and holds what it has; `away` keeps it from coming back."""

SHARE = 8
"""No fault lasts longer than this part of the run."""

GAPS = (1.5, 9.0)
"""Seconds between the beginnings of two faults."""


@dataclass(frozen=True)
class Fault:
    """One fault: when it begins, after the start of the run, and how long it lasts, both in seconds.

    `chance` from 0 to 1 is for whoever carries it out, where there is something to choose.
    """

    at: float
    kind: str
    target: str
    lasts: float
    chance: float

    def __str__(self) -> str:
        return f"{self.kind} {self.target}" + (f" for {self.lasts:.0f} s" if self.lasts else "")


def schedule(seed: int, seconds: float, *, only: Collection[str] = ()) -> tuple[Fault, ...]:
    """The faults of a run; `only` names kinds, all without any. The first time that something is away is the longest.

    Every kind meets each of its targets once before any of them comes again.
    """
    chance = random.Random(seed)
    kinds = {name: kind for name, kind in KINDS.items() if not only or name in only}
    found: list[Fault] = []
    at = chance.uniform(*GAPS)
    for name, target in _dealt(kinds, chance):
        if at >= seconds:
            return tuple(found)
        least, most = kinds[name].lasts
        most = min(most, max(seconds / SHARE, least))
        lasts = least * (most / least) ** chance.random() if least else 0.0
        if name == "away" and not any(each.kind == "away" and each.target == target for each in found):
            lasts = most
        found.append(Fault(round(at, 3), name, target, round(lasts, 3), round(chance.random(), 3)))
        at += chance.uniform(*GAPS)
    return tuple(found)


def _dealt(kinds: Mapping[str, Kind], chance: random.Random) -> Iterator[tuple[str, str]]:
    """Kinds with their targets, shuffled, for ever."""
    while kinds:
        deck = [(name, target) for name, kind in kinds.items() for target in kind.targets]
        chance.shuffle(deck)
        yield from deck
