"""One document on the desk, with everything needed to work on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from epicor_writer.facts import Facts
from epicor_writer.ports import Ledger, Log, Slot
from mlc_basware.documents import AccountingDocument
from mlc_common.company_rules import CompanyPair, LookUpTable
from mlc_common.connections import Connection
from mlc_common.events import DocumentApproved
from mlc_common.posting_rules import Posting as PostingRules
from mlc_common.settings import Timings


@dataclass(frozen=True)
class Desk:
    """One document and everything needed to work on it."""

    event: DocumentApproved
    document: AccountingDocument
    connection: Connection
    ledger: Ledger
    log: Log
    slot: Slot
    timings: Timings
    now: Callable[[], datetime]
    prebooked: bool = False
    """Another attempt entered the document ahead of its approval."""

    @property
    def pair(self) -> CompanyPair | None:
        """The company pair of the document, if the connection has it."""
        return self.connection.document.pair(self.document.companyCode)

    @property
    def rules(self) -> PostingRules:
        """How the connection posts."""
        return self.connection.document.rules(self.pair)

    @property
    def tables(self) -> Mapping[str, LookUpTable]:
        """The connection's look-up tables."""
        return self.connection.document.tables

    @property
    def facts(self) -> Facts:
        """Facts that react to the document, at this moment."""
        return Facts(self.event, version=self.connection.version, at=self.now())
