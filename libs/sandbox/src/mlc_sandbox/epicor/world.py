"""Everything this Epicor knows, in memory and open to inspection."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from mlc_sandbox.calls import Calls
from mlc_sandbox.epicor.seed import Master, master_data
from mlc_sandbox.epicor.settings import Settings
from mlc_sandbox.epicor.wire import Row
from mlc_sandbox.faults import COMMON_KINDS, FaultScript

EPICOR_KINDS = frozenset({"not_run", "blank_accounts", "group_locked", "half_written", "user_input"})
"""`not_run` = 200 with lUpdateRan false; `user_input` = the same with requiresUserInput true; `blank_accounts` = saved,
but no account was kept; `group_locked` = somebody else has the group open from now on; `half_written` = the header is
committed, then 500."""

InvoiceKey = tuple[str, int, str]


def invoice_key(company: str, vendor_num: int, invoice_num: str) -> InvoiceKey:
    """What makes an AP invoice the same: case and trailing blanks do not count (SQL collation)."""
    return company, vendor_num, invoice_num.rstrip().casefold()


@dataclass
class Invoice:
    """One AP invoice. Keys: lines by InvoiceLine; expenses by (InvoiceLine, InvExpSeq); accounts by those plus
    (BookID, RecordType); taxes by (TaxCode, RateCode, ECAcquisitionSeq); attachments by DrawingSeq.
    `made_by_epicor`: lines whose distribution this Epicor made of their order."""

    header: Row
    lines: dict[int, Row] = field(default_factory=dict)
    expenses: dict[tuple[int, int], Row] = field(default_factory=dict)
    accounts: dict[tuple[int, int, str, str], Row] = field(default_factory=dict)
    taxes: dict[tuple[str, str, int], Row] = field(default_factory=dict)
    made_by_epicor: set[int] = field(default_factory=set)
    attachments: dict[int, Row] = field(default_factory=dict)

    @property
    def key(self) -> InvoiceKey:
        """Under which the world keeps it."""
        return invoice_key(self.header["Company"], self.header["VendorNum"], self.header["InvoiceNum"])

    @property
    def group(self) -> str:
        """The AP invoice group that holds it."""
        return str(self.header["GroupID"])

    @property
    def posted(self) -> bool:
        """Is it in the payables?"""
        return bool(self.header["Posted"])

    def tables(self) -> dict[str, list[Row]]:
        """Its rows by table name, in key order."""
        return {
            "APInvHed": [self.header],
            "APInvHedAttch": [self.attachments[key] for key in sorted(self.attachments)],
            "APInvDtl": [self.lines[key] for key in sorted(self.lines)],
            "APInvExp": [self.expenses[key] for key in sorted(self.expenses)],
            "APInvExpTGLC": [self.accounts[key] for key in sorted(self.accounts)],
            "APInvTax": [self.taxes[key] for key in sorted(self.taxes)],
        }


@dataclass
class EpicorWorld:
    """The state of the emulator. `settings` may be replaced at any time; the next call sees it."""

    settings: Settings = field(default_factory=Settings)
    master: Master = field(default_factory=master_data)
    groups: dict[tuple[str, str], Row] = field(default_factory=dict)
    invoices: dict[InvoiceKey, Invoice] = field(default_factory=dict)
    files: dict[tuple[str, ...], Row] = field(default_factory=dict)
    tokens: dict[str, datetime] = field(default_factory=dict, repr=False)
    faults: FaultScript = field(default_factory=lambda: FaultScript(kinds=COMMON_KINDS | EPICOR_KINDS))
    calls: Calls = field(default_factory=Calls)
    revision: int = 88_112_000
    legal_number: int = 0
    tasks: list[Any] = field(default_factory=list)
    """Postings that wait for their agent, see `posting.Task`."""
    file_ref: int = 0

    def __post_init__(self) -> None:
        """Remember the settings to come back to on `reset`."""
        self._first_settings = self.settings

    def stamp(self) -> Row:
        """The system columns of a row that is being written for the first time."""
        return {"SysRevID": self.next_revision(), "SysRowID": str(uuid.uuid4())}

    def next_revision(self) -> int:
        """The SysRevID of the next write; it grows through the whole database."""
        self.revision += 1
        return self.revision

    def group(self, company: str, group_id: str) -> Row | None:
        """The AP invoice group, if there is one."""
        return self.groups.get((company, group_id.rstrip().casefold()))

    def invoice(self, company: str, vendor_num: int, invoice_num: str) -> Invoice | None:
        """The AP invoice with this number of this vendor, posted or not."""
        return self.invoices.get(invoice_key(company, vendor_num, invoice_num))

    def in_group(self, company: str, group_id: str) -> Iterator[Invoice]:
        """The unposted invoices of a group."""
        for invoice in self.invoices.values():
            if (invoice.header["Company"], invoice.group) == (company, group_id) and not invoice.posted:
                yield invoice

    def post_group(self, company: str, group_id: str) -> list[Invoice]:
        """What AP staff do: the group's invoices go to the payables, the group is gone.

        Raises KeyError for an unknown group, ValueError when an invoice is not in balance.
        """
        row = self.groups[(company, group_id.rstrip().casefold())]
        invoices = list(self.in_group(company, row["GroupID"]))
        for invoice in invoices:
            if invoice.header["DocInvoiceVariance"] != Decimal(0):
                raise ValueError("Invoice Total does not agree with vendor's total")
            if not invoice.lines:
                raise ValueError("Invoice with no detail")
        for invoice in invoices:
            invoice.header |= {"Posted": True, "OpenPayable": True, "SysRevID": self.next_revision()}
        del self.groups[(company, group_id.rstrip().casefold())]
        return invoices

    def reset(self) -> None:
        """Back to the beginning; the settings are again the first ones."""
        self.faults.clear()
        self.calls.clear()
        fresh = EpicorWorld(settings=self._first_settings, faults=self.faults, calls=self.calls)
        vars(self).update(vars(fresh))
