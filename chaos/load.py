"""The invoices that are on their way meanwhile: offered in Basware, pushed once, twice, or not at all."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

from bench.place import Place, Say
from chaos.crew import Crew
from mlc_sandbox.samples import bulk_invoices
from operator_console.demo_scenario import Expected, expected
from operator_console.exits import CommandError

NOBODY = "99999"
"""A supplier that Epicor does not have: the invoice must be refused."""

REFUSED, SILENT, TWICE, FORGED = 0.05, 0.15, 0.2, 0.1
"""Parts of all invoices: those that must be refused, that no push tells of, that are pushed twice, or forged too."""


class Load:
    """Offers invoices and remembers what must become of each."""

    def __init__(self, place: Place, crew: Crew, *, seed: int, rate: float, say: Say) -> None:
        self.posted: dict[str, Expected] = {}
        self.refused: set[str] = set()
        self.promised: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self._place = place
        self._crew = crew
        self._rate = rate
        self._say = say
        self._seed = seed
        self._batch = 0
        self._chance = random.Random(seed)

    @property
    def offered(self) -> int:
        """How many invoices there are."""
        return len(self.posted) + len(self.refused)

    async def run(self, seconds: float) -> None:
        """Offer so many a second, in small batches, until the time is over; waits for no answer."""
        async with asyncio.TaskGroup() as pushing:
            ends = asyncio.get_running_loop().time() + seconds
            while asyncio.get_running_loop().time() < ends:
                ids = await self.offer(self._chance.randint(1, 2 * max(round(self._rate), 1)))
                pushing.create_task(self.push(ids))
                await asyncio.sleep(len(ids) / self._rate)

    async def offer(self, number: int) -> list[str]:
        """Put so many new documents into Basware; their ids."""
        self._batch += 1
        documents: list[dict[str, Any]] = bulk_invoices(number, seed=self._seed * 100_000 + self._batch)
        for each in documents:
            if self._chance.random() < REFUSED:
                each["supplierCode"] = NOBODY
                self.refused.add(each["invoiceId"])
            else:
                self.posted[each["invoiceId"]] = expected(each)
        await self._place.far_sides.offer(documents)
        return [each["invoiceId"] for each in documents]

    async def push(self, ids: list[str]) -> None:
        """Push as Basware does, to whichever gateway is there; what is not taken is pushed once more."""
        loud = [each for each in ids if self._chance.random() >= SILENT]
        twice = [each for each in loud if self._chance.random() < TWICE]
        forged = [each for each in ids if self._chance.random() < FORGED]
        if forged:
            await self._send(forged, forge=True)
        refused = await self._send(loud)
        if twice:
            await self._send(twice)
        if refused:
            await asyncio.sleep(2)
            await self._send(refused)

    async def _send(self, ids: list[str], **how: Any) -> list[str]:
        """The documents whose push was not taken."""
        if not ids:
            return []
        try:
            statuses = await self._place.far_sides.push(ids, self._crew.hooks[0], **how)
        except CommandError as failure:  # the sandbox itself waited too long for a frozen gateway
            self._say(str(failure))
            return ids
        self.statuses.update(statuses)
        if not how:
            self.promised |= {each for each, status in zip(ids, statuses, strict=True) if status == 200}
        return [each for each, status in zip(ids, statuses, strict=True) if status != 200]
