"""What can be wrong about the payment of an invoice and what Basware is told of it. Pure."""

from __future__ import annotations

from mlc_common.sentences.entry import Entry

PAYMENTS: dict[str, Entry] = {
    "PAYMENT_UNCLEAR": Entry(
        "Epicor's balance of the invoice does not fit its transactions: {settled} {currency} are settled, the "
        "transactions explain {explained}; Basware is told nothing before they agree.",
        "finance systems",
        "Compare the invoice's transactions with its balance in Epicor's payment tracker.",
    ),
    "PAYMENT_UNREADABLE": Entry(
        "A transaction of the invoice cannot be read: {why} Basware is told nothing before it can.",
        "finance systems",
        "Give the transaction the values that it lacks in Epicor, or ask Epicor's support why they are missing.",
    ),
    "PAYMENT_REFUSED": Entry(
        "Basware takes no payment of the invoice (status {status}): {why}",
        "AP",
        "Enter the payment in Basware by hand, if it is missed there; a newer transfer is told by itself.",
    ),
    "PAYMENT_NOT_DELIVERED": Entry(
        "Basware took the payment but could not bring it into P2P: {why}",
        "integration",
        "Have Basware look at the request; the next change of the payment is told by itself, complete.",
    ),
    "PAYMENT_NOT_CONFIRMED": Entry(
        "Basware does not say whether the payment has arrived in P2P (request {request}).",
        "integration",
        "Compare the payment in Basware with Epicor; Basware's support finds the request by its id.",
    ),
}
