"""Breaks on the way from Basware into Epicor: not read, not posted, changed meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from operator_console.reconciliation.invoice_sides import Side
from operator_console.reconciliation.kind import CHANGED, ENTERED, READ, Kind

B, H, E = Side.BASWARE, Side.HERE, Side.EPICOR

_NEW_TRANSFER = "Agree in Basware what holds, then transfer it again; what is posted already needs a credit note there."
_LOOK = "Look at `ml-connector explain {id}`, mend the cause, and have it taken up anew or transferred again."

BEFORE: Mapping[str, Kind] = {
    "NOT_READ": Kind(
        READ,
        "Basware offers it since {since} and nothing here has read it.",
        "integration",
        "See whether the basware-reader runs and the flow `ingest` is not paused; the sweep then finds it.",
        (H,),
    ),
    "TAKEN_NOT_RECORDED": Kind(
        READ,
        "Basware says that it was taken for transfer ({status}), but nothing is recorded here.",
        "integration",
        "See whether another program uses the same API user; else transfer it again in Basware.",
        (H,),
    ),
    "NEVER_READ_AND_FAILED": Kind(
        READ,
        "Its transfer has failed in Basware without ever having been read here.",
        "AP",
        "Transfer it again in Basware.",
        (H,),
    ),
    "TRANSFERRED_ELSEWHERE": Kind(
        READ,
        "Basware shows it as {status}, but it was never read here and Epicor has nothing of it.",
        "AP",
        "Find out who answered it. If it is not in the ledger, enter it or transfer it again.",
        (H, E),
    ),
    "NEW_TRANSFER_NOT_READ": Kind(
        READ,
        "It was transferred again in Basware ({status}), and that transfer was not read here.",
        "integration",
        "See whether the basware-reader runs; the sweep then finds it.",
    ),
    "TRANSFER_NOT_SEEN": Kind(
        READ,
        "A later transfer of it has ended in Basware as {status} without having been read here.",
        "AP",
        "Find out who answered it, and whether Epicor holds what Basware shows now.",
    ),
    "NOT_ACKNOWLEDGED": Kind(
        READ,
        "It was read, but Basware does not know that: it is still offered.",
        "integration",
        "See whether Basware takes acknowledgements (scope accountingDocuments.write); the sweep repeats them.",
    ),
    "REMOVED_NOT_NOTICED": Kind(
        READ,
        "Basware took it out of its transfer ({status}), and that was not noticed here.",
        "integration",
        "See whether the basware-reader runs; the sweep looks two days back. Return it (`ml-connector return`).",
    ),
    "UNKNOWN_TO_BASWARE": Kind(
        READ,
        "It was read here and has no answer, but Basware does not know it any more.",
        "AP",
        "Find out in Basware who removed it; cancel in Epicor what was entered of it.",
        (B,),
    ),
    "READ_NOT_POSTED": Kind(
        ENTERED,
        "It was read and nothing was sent to Epicor since {since}.",
        "integration",
        "See whether the epicor-writer runs, the flow `posting` is not paused, and Epicor answers.",
    ),
    "OUTCOME_UNKNOWN": Kind(
        ENTERED,
        "It was sent to Epicor as invoice {epicor_number}; its outcome is unknown, and Epicor does not show it.",
        "integration",
        "Wait for the look-ups of the epicor-writer; if nothing moves, look at its log and whether Epicor answers.",
        (E,),
    ),
    "ENTERED_NOT_RECORDED": Kind(
        ENTERED,
        "It stands in Epicor as invoice {epicor_number}, but its success is not recorded here.",
        "integration",
        "See whether the epicor-writer runs; it looks the invoice up and records it. Do not enter it by hand.",
    ),
    "STUCK": Kind(
        ENTERED,
        "It is stuck: a message about it became a dead letter.",
        "integration",
        _LOOK,
    ),
    "HELD_HERE": Kind(
        ENTERED,
        "A person holds it back here.",
        "AP",
        "Release it (`ml-connector release`) or return it (`ml-connector return`).",
    ),
    "FOR_A_PERSON": Kind(
        ENTERED,
        "Its status in Basware ({status}) can only be settled by a person.",
        "AP",
        "Settle it in Basware by hand; docs/life-cycle.md says what each means.",
    ),
    "TIMED_OUT": Kind(
        ENTERED,
        "Basware shows its transfer as failed, while it has no outcome here.",
        "AP",
        "Bring Epicor back, then transfer it again in Basware.",
    ),
    "AMOUNT_CHANGED": Kind(
        CHANGED,
        "Its gross sum is {theirs} in Basware; {ours} was read.",
        "AP",
        _NEW_TRANSFER,
    ),
    "CURRENCY_CHANGED": Kind(
        CHANGED,
        "Its currency is {theirs} in Basware; {ours} was read.",
        "AP",
        _NEW_TRANSFER,
    ),
    "SUPPLIER_CHANGED": Kind(
        CHANGED,
        "Its supplier is {theirs} in Basware; {ours} was read.",
        "AP",
        _NEW_TRANSFER,
    ),
    "NUMBER_CHANGED": Kind(
        CHANGED,
        "Its invoice number is {theirs} in Basware; {ours} was read.",
        "AP",
        _NEW_TRANSFER,
    ),
    "DATE_CHANGED": Kind(
        CHANGED,
        "Its invoice date is {theirs} in Basware; {ours} was read.",
        "AP",
        _NEW_TRANSFER,
    ),
    "COMPANY_CHANGED": Kind(
        CHANGED,
        "Its company is {theirs} in Basware; {ours} was read.",
        "AP",
        _NEW_TRANSFER,
    ),
}
"""Kinds by code."""
