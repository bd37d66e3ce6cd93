"""Purchase orders and receipts. Pure."""

from __future__ import annotations

from mlc_common.sentences.entry import Entry

_BY_HAND = (
    "or enter the invoice in Epicor by hand, against its order. If it stands there on hold, release or delete it."
)

ORDERS: dict[str, Entry] = {
    "ORDER_UNKNOWN": Entry(
        "Coding row {row}: {order} is no purchase order of Epicor company {company}.",
        "AP",
        f"Correct the order number in Basware and transfer the invoice again, {_BY_HAND}",
    ),
    "ORDER_LINE_UNKNOWN": Entry(
        "Coding row {row}: purchase order {order} has no line {line}.",
        "AP",
        f"Match the row to a line of the order in Basware and transfer the invoice again, {_BY_HAND}",
    ),
    "SEVERAL_ORDERS": Entry(
        "Coding row {row} names several purchase orders ({order}), so nobody can tell what it is for.",
        "AP",
        f"Split the row by order in Basware and transfer the invoice again, {_BY_HAND}",
    ),
    "ORDER_OF_ANOTHER_VENDOR": Entry(
        "Coding row {row}: purchase order {order} is not an order of supplier {vendor}.",
        "AP",
        f"Correct the order or the supplier in Basware and transfer the invoice again, {_BY_HAND}",
    ),
    "ORDER_NOT_OPEN": Entry(
        "Coding row {row}: purchase order {order} line {line} takes no invoice, for {what} is {state}.",
        "AP",
        f"Reopen or approve the order in Epicor and transfer the invoice again, {_BY_HAND}",
    ),
    "ORDER_ROW_WITHOUT_QUANTITY": Entry(
        "Coding row {row} of purchase order {order} has no matched quantity.",
        "AP",
        f"Match the row to the order in Basware and transfer the invoice again, {_BY_HAND}",
    ),
    "ORDER_RELEASE_UNCLEAR": Entry(
        "Coding row {row}: purchase order {order} line {line} has several releases ({releases}) and no rule picks one.",
        "AP",
        "Name the goods receipt or the release in Basware and transfer the invoice again.",
    ),
    "ORDER_RELEASE_UNKNOWN": Entry(
        "Coding row {row}: purchase order {order} line {line} has no release {release}.",
        "AP",
        "Correct the release in Basware and transfer the invoice again.",
    ),
    "ORDER_UNIT": Entry(
        "Coding row {row} counts in {given}, but purchase order {order} line {line} in {unit}.",
        "finance systems",
        "Map the unit in posting.orders.units, or correct the match in Basware, and transfer the invoice again.",
    ),
    "ORDER_CURRENCY": Entry(
        "Coding row {row}: purchase order {order} is in {currency}, the invoice in {given}.",
        "AP",
        "Correct the currency of the order or of the invoice and transfer the invoice again.",
    ),
    "RECEIPT_UNKNOWN": Entry(
        "Coding row {row}: Epicor has no goods receipt {receipt} of purchase order {order} line {line}.",
        "AP",
        "Receive the goods in Epicor, or correct the receipt in Basware, and transfer the invoice again.",
    ),
    "RECEIPT_INVOICED": Entry(
        "Coding row {row}: goods receipt {receipt} of purchase order {order} line {line} is invoiced already{by}.",
        "AP",
        "Compare both invoices; correct the match in Basware and transfer the invoice again.",
    ),
    "RECEIPTS_NOT_NAMED": Entry(
        "Purchase order {order} line {line} has uninvoiced goods receipts ({receipts}), but the invoice names none.",
        "AP",
        "Name the receipt in Basware and transfer the invoice again; or release the AP invoice in Epicor.",
    ),
    "ORDER_QUANTITY": Entry(
        "Purchase order {order} line {line}: {quantity} {unit} are invoiced, but {left} are left to invoice.",
        "AP",
        "Correct the receipt or the invoice; release the AP invoice if it stands on hold, or transfer it again.",
    ),
    "ORDER_PRICE": Entry(
        "Purchase order {order} line {line}: {amount} {currency} are invoiced, the order's price comes to {expected}.",
        "AP",
        "Have the price approved or corrected; release the AP invoice if it stands on hold, or transfer it again.",
    ),
    "CREDIT_NOTE_OF_ORDER": Entry(
        "Coding row {row} credits purchase order {order}; the order itself is not corrected by this connection.",
        "AP",
        "Correct the order's invoiced quantity in Epicor; release the debit memo if it stands on hold.",
    ),
    "ORDER_NOT_IN_ROWS": Entry(
        "The invoice names purchase order {order}, but none of its coding rows does.",
        "AP",
        "Match the coding rows to the order in Basware and transfer it again; or release the AP invoice in Epicor.",
    ),
}
