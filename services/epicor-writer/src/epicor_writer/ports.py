"""What the posting protocol needs from the outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from epicor_writer.decision import Said
from epicor_writer.reference import Reference, Wanted
from mlc_common.eventlog import Appended, Recorded
from mlc_common.events import Event
from mlc_common.group_rules import GroupPosting
from mlc_epicor.datasets import APInvGrpRow, APInvHedRow, APInvoiceDataset
from mlc_epicor.group_posting import PrePost


@dataclass(frozen=True)
class Reply:
    """What came back from a write.

    Attributes:
        said: in one word.
        message: Epicor's own words, or what happened to the answer.
        question: Epicor wants a person to decide something.
        server_error: the far side answered 5xx.
        begun: parts of the invoice were saved before this answer.
        duplicate: it was refused because something has this key already.
    """

    said: Said
    message: str = ""
    question: bool = False
    server_error: bool = False
    begun: bool = False
    duplicate: bool = False


class Ledger(Protocol):
    """Epicor's AP ledger. Every call raises TransientError while Epicor cannot be asked."""

    async def reference(self, wanted: Wanted, *, fresh: bool = False) -> Reference:
        """What Epicor knows of these codes; `fresh` does not believe what was read before."""
        ...

    async def look_up(self, company: str, vendor_num: int, invoice_num: str) -> APInvoiceDataset | None:
        """The invoice with this key, whole, or None."""
        ...

    async def alike(self, companies: Sequence[str], vendor_id: str, total: Decimal) -> Sequence[APInvHedRow]:
        """The headers of a vendor's invoices and debit memos that come to this sum, whatever its sign."""
        ...

    async def open_group(self, company: str, group_id: str, *, apply_date: date) -> Reply:
        """Make sure that we can use the group: YES, GROUP_TAKEN, NO, or UNCLEAR when Epicor failed at making it."""
        ...

    async def save(self, company: str, dataset: APInvoiceDataset, *, group_id: str) -> Reply:
        """UpdateMaster: YES, NO, GROUP_TAKEN or UNCLEAR. A TransientError means that nothing was saved."""
        ...

    async def save_in_stages(
        self,
        company: str,
        dataset: APInvoiceDataset,
        *,
        group_id: str,
        rows_at_once: int,
        still_ours: Callable[[], Awaitable[None]],
    ) -> Reply:
        """The same in several UpdateMasters; UNCLEAR also when it was left half-way. A TransientError as of `save`.

        `still_ours` is asked before each of them and raises TransientError when the place was lost.
        """
        ...

    async def remove(self, company: str, vendor_num: int, invoice_num: str) -> Reply:
        """Delete an unposted invoice: YES, NO, UNCLEAR, or GROUP_TAKEN while somebody has its group open."""
        ...

    @property
    def user(self) -> str | None:
        """Our own user, where the sign-in tells it."""
        ...

    async def group(self, company: str, group_id: str) -> APInvGrpRow | None:
        """The group, or None; reading it leaves it open to others."""
        ...

    async def invoices_in(self, company: str, group_id: str) -> Sequence[APInvHedRow]:
        """The headers of some unposted invoices of a group; empty when it has none."""
        ...

    async def check_group(self, company: str, group_id: str) -> PrePost | str:
        """What stands against posting a group, or the words in which Epicor refuses even to check."""
        ...

    async def posting_parameters(self, company: str, group_id: str) -> Mapping[str, Any]:
        """What asks the posting process for a group."""
        ...

    async def post_group(self, company: str, parameters: Mapping[str, Any], *, rules: GroupPosting) -> Reply:
        """Ask for it: YES when Epicor took it, NO, or UNCLEAR. A TransientError means that nothing was asked."""
        ...

    async def close_group(self, company: str, group_id: str, *, surely_ours: bool) -> None:
        """Give the group back to people; never fails."""
        ...


class Log(Protocol):
    """The event log."""

    async def append(self, event: Event) -> Appended: ...

    async def history(self, connection: str, invoice_id: str) -> Sequence[Recorded]: ...

    async def timeline(self, connection: str, invoice_id: str) -> Sequence[Recorded]: ...

    async def last(self, stream: str, *subjects: str) -> Sequence[Recorded]: ...


class Slot(Protocol):
    """Our place among the callers of this connection."""

    @property
    def number(self) -> int: ...

    @property
    def cap(self) -> int: ...

    async def hold_also(self, *identities: str) -> None:
        """Raises TransientError when somebody else works on one of them."""
        ...

    async def still_ours(self) -> None:
        """Raises TransientError when the place was lost."""
        ...
