"""What the facts of a vendor's changed bank accounts come to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mlc_common.bank_events import BankChangeDecided, BankChangeHeld, BankChangeWithdrawn
from mlc_common.stored_event import StoredEvent


@dataclass(frozen=True)
class Decided:
    """What the last facts say of a record's accounts; `pending`: the change that is held waits for a decision."""

    held: BankChangeHeld | None = None
    decided: BankChangeDecided | None = None
    pending: bool = False

    @classmethod
    def of(cls, facts: Iterable[StoredEvent]) -> Decided:
        """Fold the last fact of every sort, in the order they happened."""
        state = cls()
        for fact in facts:
            match fact:
                case BankChangeHeld():
                    state = replace(state, held=fact, pending=True)
                case BankChangeWithdrawn():
                    state = replace(state, decided=None, pending=False)
                case BankChangeDecided():
                    over = state.held is not None and state.held.digest == fact.digest
                    state = replace(state, decided=fact, pending=state.pending and not over)
        return state

    def says(self, verdict: str, digest: str) -> bool:
        """Whether that was the last decision, about these accounts."""
        return self.decided is not None and (self.decided.verdict, self.decided.digest) == (verdict, digest)
