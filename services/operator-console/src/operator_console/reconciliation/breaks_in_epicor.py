"""Breaks between what was posted and what Epicor holds. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from operator_console.reconciliation.invoice_sides import Side
from operator_console.reconciliation.kind import DIFFERS, MISSING, UNKNOWN, UNPOSTED, Kind

H, E = Side.HERE, Side.EPICOR

_CORRECT = "Put it right in Epicor while it is unposted; once posted, correct it by a credit note from Basware."

IN_EPICOR: Mapping[str, Kind] = {
    "MISSING_IN_EPICOR": Kind(
        MISSING,
        "It was posted as invoice {epicor_number} of vendor {vendor_num}, group {group}, and Epicor does not hold it.",
        "AP",
        "Find out in Epicor who deleted it. If it is still owed, transfer it again in Basware; it is entered anew.",
        (E,),
    ),
    "FOREIGN_UNDER_OUR_KEY": Kind(
        MISSING,
        "Under the key of its AP invoice {epicor_number} stands another document's ({theirs}).",
        "AP",
        "Find out in Epicor what became of ours; compare both invoices before anything is paid.",
        (E,),
    ),
    "ENTERED_TWICE": Kind(
        DIFFERS,
        "Epicor holds {count} AP invoices of it: {theirs}.",
        "AP",
        "Keep the one that is recorded here ({ours}); delete the other while it is unposted, else reverse it.",
    ),
    "CLAIMED_TWICE": Kind(
        DIFFERS,
        "The same AP invoice {epicor_number} is recorded for document {theirs} too.",
        "finance systems",
        "Compare both documents in Basware: one of them has no AP invoice of its own.",
    ),
    "AMOUNT_DIFFERS": Kind(
        DIFFERS,
        "Its total is {theirs} in Epicor; {ours} was posted.",
        "AP",
        _CORRECT,
    ),
    "CURRENCY_DIFFERS": Kind(
        DIFFERS,
        "Its currency is {theirs} in Epicor; {ours} was posted.",
        "AP",
        _CORRECT,
    ),
    "DATE_DIFFERS": Kind(
        DIFFERS,
        "Its invoice date is {theirs} in Epicor; {ours} was posted.",
        "AP",
        _CORRECT,
    ),
    "VENDOR_DIFFERS": Kind(
        DIFFERS,
        "It stands under vendor {theirs} in Epicor; it was posted under {ours}.",
        "AP",
        _CORRECT,
    ),
    "KEY_NUMBER_DIFFERS": Kind(
        DIFFERS,
        "Its number is {theirs} in Epicor; it was posted as {ours}.",
        "AP",
        _CORRECT,
    ),
    "COMPANY_DIFFERS": Kind(
        DIFFERS,
        "It stands in company {theirs} of Epicor; it was posted in {ours}.",
        "AP",
        _CORRECT,
    ),
    "SIGN_DIFFERS": Kind(
        DIFFERS,
        "It is {theirs} in Epicor; {ours} was posted.",
        "AP",
        _CORRECT,
    ),
    "OUT_OF_BALANCE": Kind(
        DIFFERS,
        "Its lines add up to {theirs} in Epicor, its control total is {ours}: its group cannot be posted.",
        "AP",
        _CORRECT,
    ),
    "LINES_DIFFER": Kind(
        DIFFERS,
        "It has {theirs} lines in Epicor; {ours} were posted.",
        "AP",
        _CORRECT,
    ),
    "ACCOUNT_DIFFERS": Kind(
        DIFFERS,
        "Line {line} is booked on {theirs} in Epicor; the document is coded on {ours}.",
        "AP",
        "See whether somebody corrected the coding in Epicor; if so, correct it in Basware for the next invoice too.",
    ),
    "ACCOUNT_MISSING": Kind(
        DIFFERS,
        "Line {line} has no GL account in Epicor.",
        "AP",
        "Enter the account in Epicor before its group is posted.",
    ),
    "DISTRIBUTION_DIFFERS": Kind(
        DIFFERS,
        "The accounts of line {line} add up to {theirs} in Epicor; the line is {ours}.",
        "AP",
        _CORRECT,
    ),
    "HELD_IN_EPICOR": Kind(
        UNPOSTED,
        "It is on hold in Epicor, group {group}.",
        "AP",
        "Decide it in Epicor: take the hold off, or delete it and return the document.",
    ),
    "UNPOSTED": Kind(
        UNPOSTED,
        "It is in group {group} of Epicor, apply date {apply_date}, and not posted.",
        "AP",
        "Post the group in Epicor.",
    ),
    "REFUSED_BUT_STANDS": Kind(
        UNPOSTED,
        "It was refused, but stands in Epicor as invoice {epicor_number}, {place}.",
        "AP",
        "If it is owed, transfer it again in Basware; if not, delete it in Epicor or reverse it.",
    ),
    "REMOVED_BUT_STANDS": Kind(
        UNPOSTED,
        "Basware has removed it ({status}), but it stands in Epicor as invoice {epicor_number}, {place}.",
        "AP",
        "Delete it in Epicor or reverse it; or transfer it again in Basware.",
    ),
    "UNKNOWN_HERE": Kind(
        UNKNOWN,
        "AP invoice {epicor_number} carries the Basware id {theirs}, and nothing of it is recorded here.",
        "finance systems",
        "Find out what entered it: another environment, or streams restored from an old backup.",
        (H,),
    ),
    "WITHOUT_DOCUMENT": Kind(
        UNKNOWN,
        "Our user entered AP invoice {epicor_number} without a Basware id, and no document here claims it.",
        "finance systems",
        "Find out who uses the integration's user; give people users of their own.",
        (H,),
    ),
    "IN_OUR_GROUP": Kind(
        UNKNOWN,
        "{theirs} entered AP invoice {epicor_number} in our group {group}, and no document here claims it.",
        "AP",
        "Move it to a group of their own: our groups are removed and posted as ours.",
        (H,),
    ),
}
"""Kinds by code."""
