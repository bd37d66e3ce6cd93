"""A deep look at some of the posted AP invoices, drawn by lot: each is read whole, line by line."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from mlc_epicor.client import EpicorClient
from mlc_epicor.datasets import APInvoiceDataset
from mlc_epicor.slots import Slots
from operator_console.reconciliation.invoice_sides import Case, InEpicor, Rules
from operator_console.reconciliation.judging_lines import Accounts, lines
from operator_console.reconciliation.kind import Break
from operator_console.reconciliation.patience import patiently
from operator_console.reconciliation.reconciling import is_sure, told

Expect = Callable[[Sequence[str]], Awaitable[Mapping[str, Accounts]]]
"""From document ids to the accounts that their AP invoices should be booked on, where that can be told."""


@dataclass
class Sample:
    """At most so many cases, each as likely as any other however many there are.

    Attributes:
        most: how many; 0 for none.
    """

    most: int
    drawn: list[Case] = field(default_factory=list)
    seen: int = 0

    def offer(self, case: Case) -> None:
        """Take a posted invoice that stands in Epicor into the draw; one that a person linked was not coded here."""
        here = case.here
        if not self.most or here is None or here.posted is None or here.posted.linked or len(case.rows) != 1:
            return
        self.seen += 1
        if len(self.drawn) < self.most:
            self.drawn.append(case)
        elif (place := random.randrange(self.seen)) < self.most:  # noqa: S311 - a draw, no secret
            self.drawn[place] = case


async def look(
    sample: Sample, client: EpicorClient, slots: Slots, *, rules: Rules, pauses: Sequence[float], expect: Expect | None
) -> list[Break]:
    """The breaks in the lines of the invoices that were drawn.

    Raises:
        TransientError: Epicor cannot be asked now.
    """
    ids = [case.here.invoice_id for case in sample.drawn if case.here]
    accounts = await expect(ids) if expect and ids else {}
    found: list[Break] = []
    for case in sample.drawn:
        held = await patiently(partial(_read, client, slots, case.rows[0]), pauses)
        if held is None or case.here is None or case.here.posted is None:
            continue
        said = lines(held, posted=case.here.posted.lines, expected=accounts.get(case.here.invoice_id))
        found += [told(case, code, values, rules) for code, values in said if is_sure(code, case)]
    return found


async def _read(client: EpicorClient, slots: Slots, row: InEpicor) -> APInvoiceDataset | None:
    async with slots.hold():
        return await client.invoice(row.company, row.vendor_num, row.number)
