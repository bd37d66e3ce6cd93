"""Brings the three sides of one invoice together: two of them wait here, the third comes in one by one. Pure.

An AP invoice belongs to a document by its ExternalID, which Epicor may have cut; one without an ExternalID belongs to
the document that claims its key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from operator_console.reconciliation.invoice_sides import Case, Claim, Here, InBasware, InEpicor, Side, folded, same
from operator_console.reconciliation.judging_epicor import SHORTEST_CUT_ID, is_external_id_of

Key = tuple[str, int, str]


def key_of(one: Claim | InEpicor) -> Key:
    """What makes an AP invoice the same in Epicor."""
    return folded(one.company), one.vendor_num, folded(one.number)


@dataclass
class Books:
    """What Basware and Epicor have shown and nobody has asked for yet.

    Attributes:
        unsure: sides that could not be read to their end; of Epicor by company.
    """

    basware: dict[str, InBasware] = field(default_factory=dict)
    by_key: dict[Key, InEpicor] = field(default_factory=dict)
    by_id: dict[str, list[Key]] = field(default_factory=lambda: defaultdict(list))
    claimed: dict[Key, str] = field(default_factory=dict)
    unsure: set[Side] = field(default_factory=set)
    unsure_companies: set[str] = field(default_factory=set)

    def add(self, rows: Iterable[InEpicor]) -> None:
        """AP invoices that Epicor shows; one that is shown again is the same."""
        for row in rows:
            key = key_of(row)
            if row.external_id and key not in self.by_key:
                self.by_id[folded(row.external_id)[:SHORTEST_CUT_ID]].append(key)
            self.by_key[key] = row

    def rows_of(self, invoice_id: str, here: Here | None = None) -> tuple[InEpicor, ...]:
        """The AP invoices of a document, those under a key that it claims first.

        One without an ExternalID is the document's when it was recorded as posted, or stands in the group that the
        intent named: somebody else may have entered the same number by hand.
        """
        claims = {key_of(claim): claim for claim in (here.claims if here else ())}
        posted = key_of(here.posted.claim) if here and here.posted else None
        keys = dict.fromkeys((*claims, *self.by_id.get(folded(invoice_id)[:SHORTEST_CUT_ID], ())))

        def is_its(key: Key, row: InEpicor) -> bool:
            if row.external_id:
                return is_external_id_of(folded(row.external_id), folded(invoice_id))
            return key == posted or same(row.group, claims[key].group)

        return tuple(row for key in keys if (row := self.by_key.get(key)) and is_its(key, row))

    def foreign(self, here: Here) -> InEpicor | None:
        """An AP invoice of another document that stands under a key this one claims."""
        found = (self.by_key.get(key_of(claim)) for claim in here.claims)
        ours = folded(here.invoice_id)
        others = (row for row in found if row and row.external_id)
        return next((row for row in others if not is_external_id_of(folded(row.external_id), ours)), None)

    def take(self, here: Here) -> Case:
        """The three sides of a document; they are not given out a second time."""
        case = self.look(here)
        self.basware.pop(here.invoice_id, None)
        for row in case.rows:
            self.by_key.pop(key_of(row), None)
        if here.posted:
            self.claimed.setdefault(key_of(here.posted.claim), here.invoice_id)
        return case

    def look(self, here: Here) -> Case:
        """The same, without taking anything."""
        other = self.claimed.get(key_of(here.posted.claim)) if here.posted else None
        companies = {claim.company for claim in here.claims}
        return Case(
            basware=self.basware.get(here.invoice_id),
            here=here,
            rows=self.rows_of(here.invoice_id, here),
            foreign=self.foreign(here),
            claimed_too=other if other != here.invoice_id else None,
            unsure=self._unsure(companies),
        )

    def left(self) -> Iterator[Case]:
        """What no document here has claimed: documents of Basware with their AP invoices, then AP invoices alone."""
        for invoice_id in sorted(self.basware):
            rows = self.rows_of(invoice_id)
            for row in rows:
                self.by_key.pop(key_of(row), None)
            yield Case(self.basware[invoice_id], None, rows, unsure=self._unsure({row.company for row in rows}))
        for key in sorted(self.by_key):
            row = self.by_key[key]
            if key not in self.claimed:
                yield Case(None, None, (row,), unsure=self._unsure({row.company}))

    def _unsure(self, companies: set[str]) -> frozenset[Side]:
        """Without a company, any that is unsure counts."""
        epicor = bool(self.unsure_companies & companies) if companies else bool(self.unsure_companies)
        return frozenset(self.unsure | ({Side.EPICOR} if epicor else set()))
