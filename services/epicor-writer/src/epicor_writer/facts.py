"""The facts of posting, each a reaction to the approved document. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Any

from epicor_writer.attempts import is_prebooking
from epicor_writer.invoice import Draft
from epicor_writer.payables import Settled
from epicor_writer.progress import Progress
from mlc_common.catalogue import Finding
from mlc_common.events import (
    DocumentApproved,
    GroupPostingRequested,
    GroupPostingSubmitted,
    InvoiceLinked,
    InvoicePosted,
    InvoiceRefused,
    InvoiceRemoved,
    PostingIntended,
    PostingUnclear,
)
from mlc_common.http import dump_json
from mlc_common.order_lines import NOT_MATCHED, OrderMatch
from mlc_epicor.datasets import APInvHedRow, APInvoiceDataset

LONGEST_VOUCHER = 25
"""Characters of a voucher number in Basware (Basware API reference, transfer responses)."""


class Facts:
    """Facts of one document's attempt.

    Args:
        cause: the approved document they react to.
        version: of the connection document that was used.
        at: when they happen.
    """

    def __init__(self, cause: DocumentApproved, *, version: int, at: datetime) -> None:
        self._cause = cause
        self._version = version
        self._at = at

    def intended(self, number: int, dataset: APInvoiceDataset, orders: OrderMatch) -> PostingIntended:
        """The next thing that happens is an UpdateMaster with this dataset, for a document so matched with orders."""
        header = dataset.header
        return PostingIntended(
            **self._common(),
            number=number,
            connection_version=self._version,
            company=header.Company,
            vendor_num=header.VendorNum,
            vendor_id=header.VendorNumVendorID,
            invoice_num=header.InvoiceNum,
            group_id=header.GroupID,
            total=header.ScrDocInvoiceVendorAmt or Decimal(0),
            apply_date=header.ApplyDate,
            digest=hashlib.sha256(dump_json(dataset.to_wire())).hexdigest(),
            orders=None if orders == NOT_MATCHED else orders,
        )

    def unclear(
        self, state: Progress, *, look_ups: int, total: int, sentence: str, failures: int | None = None
    ) -> PostingUnclear:
        """What became of the last intent is not known yet."""
        return PostingUnclear(
            **self._common(),
            number=state.number,
            look_ups=look_ups,
            total=total,
            failures=state.failures if failures is None else failures,
            sentence=sentence,
        )

    def removed(
        self, state: Progress, meant: APInvoiceDataset, difference: str, *, interrupted: bool = False
    ) -> InvoiceRemoved:
        """Our own incomplete invoice is gone from Epicor."""
        return InvoiceRemoved(
            **self._common(),
            number=state.number,
            times=state.removals + 1,
            kept_otherwise=state.kept_otherwise + (not interrupted),
            company=meant.header.Company,
            vendor_num=meant.header.VendorNum,
            invoice_num=meant.header.InvoiceNum,
            difference=difference,
            connection_version=self._version,
        )

    def posting_requested(
        self, number: int, header: APInvHedRow, *, how: str, error_before: str
    ) -> GroupPostingRequested:
        """The next thing that happens is a request to post the invoice's group."""
        place = {"company": header.Company, "group_id": header.GroupID, "invoice_num": header.InvoiceNum.strip()}
        return GroupPostingRequested(**self._common(), **place, number=number, how=how, error_before=error_before)

    def posting_submitted(self, number: int, *, ended: bool) -> GroupPostingSubmitted:
        """Epicor took that request."""
        return GroupPostingSubmitted(**self._common(), number=number, ended=ended)

    def posted(
        self, held: APInvoiceDataset, draft: Draft, *, vendor_id: str, found: bool, settled: Settled | None = None
    ) -> InvoicePosted:
        """The invoice stands in Epicor as `held`, and that is what was meant; `settled` says what of its group."""
        header = held.header
        return InvoicePosted(
            **self._common(),
            connection_version=self._version,
            company=header.Company,
            vendor_num=header.VendorNum,
            vendor_id=vendor_id,
            invoice_num=header.InvoiceNum.strip(),
            group_id=header.GroupID,
            voucher=(header.LegalNumber.strip() or header.GroupID)[:LONGEST_VOUCHER],
            voucher_2=header.InvoiceNum.strip()[:LONGEST_VOUCHER],
            total=-abs(header.DocInvoiceAmt or Decimal(0)) if draft.credit else header.DocInvoiceAmt or Decimal(0),
            currency=header.CurrencyCode,
            lines=len(held.APInvDtl),
            payment_block=header.InvoiceHeld or header.PayHold,
            found=found,
            prebook=is_prebooking(self._cause) or None,
            held_for=draft.held_for or None,
            remarks=draft.remarks or None,
            in_payables=settled.in_payables if settled else None,
            not_posted=(settled.why or None) if settled else None,
        )

    def refused(self, findings: tuple[Finding, ...]) -> InvoiceRefused:
        """The business said no, for these reasons."""
        return InvoiceRefused(**self._common(), connection_version=self._version, findings=findings)

    def linked(self, held: APInvoiceDataset, linked: InvoiceLinked) -> InvoicePosted:
        """The AP invoice that a person linked stands in Epicor."""
        header = held.header
        return InvoicePosted(
            **self._common(),
            connection_version=self._version,
            company=linked.company,
            vendor_num=linked.vendor_num,
            vendor_id=linked.vendor_id,
            invoice_num=header.InvoiceNum,
            group_id=header.GroupID,
            voucher=(header.LegalNumber or header.GroupID)[:LONGEST_VOUCHER],
            voucher_2=header.InvoiceNum[:LONGEST_VOUCHER],
            total=header.DocInvoiceAmt or Decimal(0),
            currency=header.CurrencyCode,
            lines=len(held.APInvDtl),
            payment_block=header.InvoiceHeld or header.PayHold,
            found=True,
            linked_by=linked.by,
        )

    def _common(self) -> dict[str, Any]:
        cause = self._cause
        return {
            "connection": cause.connection,
            "at": self._at,
            "invoice_id": cause.invoice_id,
            "attempt": cause.attempt,
            "cause": cause.id,
        }
