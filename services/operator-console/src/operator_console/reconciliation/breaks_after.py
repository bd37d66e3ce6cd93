"""Breaks after posting: Basware is not told, shows something else, or does not know of the payment. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from operator_console.reconciliation.kind import OTHERWISE, PAYING, UNANSWERED, Kind

_TRANSFER_AGAIN = "Transfer it again in Basware: it is found in Epicor and confirmed, never entered twice."

AFTER: Mapping[str, Kind] = {
    "POSTED_NOT_ANSWERED": Kind(
        UNANSWERED,
        "It was posted as {voucher}, and Basware was not told.",
        "integration",
        "See whether the basware-reader runs and the flow `answers` is not paused; else " + _TRANSFER_AGAIN,
    ),
    "REFUSED_NOT_ANSWERED": Kind(
        UNANSWERED,
        "It was refused, and Basware was not told.",
        "integration",
        "See whether the basware-reader runs and the flow `answers` is not paused.",
    ),
    "ANSWER_REJECTED": Kind(
        UNANSWERED,
        "Basware did not take the answer: `ml-connector explain {id}` has its words.",
        "AP",
        _TRANSFER_AGAIN,
    ),
    "ANSWER_UNDELIVERED": Kind(
        UNANSWERED,
        "Basware took the answer and could not bring it into P2P.",
        "AP",
        "Settle the transfer in Basware by what Epicor holds; `ml-connector explain {id}` has the reason.",
    ),
    "ANSWER_UNCONFIRMED": Kind(
        UNANSWERED,
        "Basware did not say whether the answer has arrived in P2P, and still shows {status}.",
        "integration",
        "Ask Basware's support with the request id of `ml-connector documents show {id}`.",
    ),
    "ANSWER_NOT_ARRIVED": Kind(
        UNANSWERED,
        "Basware was told {ours} and still shows {status}.",
        "integration",
        "Wait for its delivery; if it stays, ask Basware's support with the request id.",
    ),
    "POSTED_BUT_FAILED": Kind(
        OTHERWISE,
        "It was posted as {voucher} and Basware was told so, but Basware shows {status}.",
        "AP",
        _TRANSFER_AGAIN,
    ),
    "REFUSED_BUT_TRANSFERRED": Kind(
        OTHERWISE,
        "It was refused and Basware was told so, but Basware shows {status}.",
        "AP",
        "Find out who answered it; Epicor has nothing from here. Enter it or take it back in Basware.",
    ),
    "DONE_WITHOUT_US": Kind(
        OTHERWISE,
        "Basware shows it as {status}, but it has no outcome here.",
        "AP",
        "Find out who answered it. If somebody entered it by hand, `ml-connector link` it.",
    ),
    "ANSWERED_BY_ANOTHER": Kind(
        OTHERWISE,
        "Basware shows {status} by an answer that did not come from here.",
        "integration",
        "See whether another program answers with the same API user.",
    ),
    "VOUCHER_DIFFERS": Kind(
        OTHERWISE,
        "Its voucher is {theirs} in Basware; {ours} was answered.",
        "AP",
        "Correct the voucher in Basware by what Epicor holds.",
    ),
    "PAID_ONLY_IN_BASWARE": Kind(
        PAYING,
        "Basware shows it as paid; in Epicor {theirs} is open.",
        "AP",
        "Find out who told Basware; the next payment told from here puts it right.",
    ),
    "PAYMENT_NOT_SEEN": Kind(
        PAYING,
        "Epicor's books have paid or settled some of it ({theirs} is open), and nothing of that is recorded here.",
        "integration",
        "See whether the masterdata-sync runs and the flow `payments` is not paused; it looks at every invoice daily.",
    ),
    "PAYMENT_MOVED": Kind(
        PAYING,
        "In Epicor {theirs} of it is open; {ours} was when it was looked at last.",
        "integration",
        "See whether the masterdata-sync runs and the flow `payments` is not paused.",
    ),
    "PAYMENT_NOT_TOLD": Kind(
        PAYING,
        "Its payment is known here ({standing}), and Basware was not told.",
        "integration",
        "See whether the basware-reader runs and the flow `payments` is not paused.",
    ),
    "PAYMENT_UNDELIVERED": Kind(
        PAYING,
        "Basware was told of its payment, and that did not arrive: {theirs}.",
        "AP",
        "`ml-connector explain {id}` has Basware's words; mark it in Basware by hand if it stays.",
    ),
    "PAID_NOT_CONFIRMED": Kind(
        PAYING,
        "It is paid and Basware was told so, but Basware shows {status}.",
        "AP",
        "Wait for its delivery; if it stays, ask Basware's support.",
    ),
    "PAID_TOTAL_DIFFERS": Kind(
        PAYING,
        "Basware was told that {theirs} of it is paid; {ours} is.",
        "integration",
        "See whether another program tells payments; the next change is told whole.",
    ),
    "PAYMENT_UNCLEAR": Kind(
        PAYING,
        "What Epicor's books say of its payment does not add up, so Basware is not told.",
        "finance systems",
        "Compare the invoice's transactions in Epicor with its balance.",
    ),
}
"""Kinds by code."""
