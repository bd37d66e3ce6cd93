"""What Basware says of a document: pushes, statuses and answers. Pure."""

from __future__ import annotations

from mlc_common.sentences.entry import Entry

LIFE_CYCLE: dict[str, Entry] = {
    "PREBOOKED": Entry(
        "The invoice was prebooked, but not by this connection, so it may stand in Epicor already.",
        "AP",
        "Complete the prebooked invoice in Epicor by hand.",
    ),
    "ABSENT_IN_BASWARE": Entry(
        "Basware knows no invoice of this id.",
        "integration",
        "Check that the push and the API user belong to the same Basware tenant.",
    ),
    "NOT_FOR_TRANSFER": Entry(
        "The invoice has the status {status} in Basware, which is not for this connector to act on.",
        "AP",
        "Nothing, unless the invoice was meant to be transferred; then start its transfer in Basware.",
    ),
    "PUSH_EXPIRED": Entry(
        "The push had expired at {expired} before it was handled; it was not acted on.",
        "integration",
        "Nothing: the next sweep picks the invoice up. Check why pushes wait if this recurs.",
    ),
    "PUSH_OF_ANOTHER_KIND": Entry(
        "The push is about {kind}, which this connector does not act on.",
        "integration",
        "Narrow the subscription in Basware to the document kinds that are in use.",
    ),
    "ANSWERED_BY_ANOTHER": Entry(
        "Basware holds the status {status} without our answer: somebody else answered this transfer.",
        "finance systems",
        "Compare the invoice in Basware with Epicor, and find out who else answers transfers.",
    ),
    "TRANSFERRED_ANEW": Entry(
        "Basware offers the invoice in a newer transfer (status {status}); this answer came too late for its own.",
        "AP",
        "Nothing: the newer transfer is answered by itself.",
    ),
    "STILL_WORKING": Entry(
        "Still working: the invoice has no outcome in Epicor yet. It is entered as soon as that is possible; then "
        "transfer it again, and it is confirmed without being entered twice.",
        "integration",
        "Find out why Epicor has not taken the invoice; once it has, transfer the invoice again in Basware.",
    ),
    "POSTED_LATE": Entry(
        "Posted to Epicor AP, company {company}, invoice {number}, after Basware was told 'still working'; Basware "
        "takes no second answer to this transfer.",
        "AP",
        "Transfer the invoice again in Basware: it is confirmed with its voucher and not entered again.",
    ),
    "REFUSED_LATE": Entry(
        "Refused after Basware was told 'still working', and Basware takes no second answer to this transfer: {why}",
        "AP",
        "Correct what the sentence names and transfer the invoice again.",
    ),
    "POSTED_AFTER_WINDOW": Entry(
        "Posted to Epicor AP, company {company}, invoice {number}, after Basware had given the transfer up without an "
        "answer; it takes none any more.",
        "AP",
        "Transfer the invoice again in Basware: it is confirmed with its voucher and not entered again.",
    ),
    "REFUSED_AFTER_WINDOW": Entry(
        "Refused after Basware had given the transfer up without an answer, and it takes none any more: {why}",
        "AP",
        "Correct what the sentence names and transfer the invoice again.",
    ),
    "STANDS_IN_EPICOR": Entry(
        "Basware shows the status {status}, but the invoice stands in Epicor: company {company}, group {group}, "
        "invoice {number}.",
        "AP",
        "Cancel or correct it in Epicor by hand; if it is to be paid after all, transfer it again in Basware.",
    ),
    "WITHDRAWN": Entry(
        "Basware took the invoice out of its transfer (status {status}) before it was entered; it was not entered.",
        "AP",
        "Nothing; if the invoice is to be paid after all, transfer it in Basware.",
    ),
    "FOR_A_PERSON": Entry(
        "Basware waits with the status {status}, which no interface is documented to answer; it is not acted on.",
        "AP",
        "Settle the invoice in Basware by hand; if Epicor holds it already, correct or cancel it there first.",
    ),
    "CHANGED_IN_TRANSFER": Entry(
        "The invoice was changed in Basware after its transfer was taken up; what was taken up is entered.",
        "AP",
        "Compare the invoice in Basware with ml-connector documents show ID; if they differ in what is to be paid, "
        "return it there and transfer it again, or correct it in Epicor by hand.",
    ),
    "ANSWER_NOT_DELIVERED": Entry(
        "Basware took our answer but could not bring it into P2P: {why}",
        "integration",
        "Settle the transfer in Basware by hand by what Epicor holds, and have Basware look at the request.",
    ),
    "ANSWER_NOT_CONFIRMED": Entry(
        "Basware does not say what became of our answer (request {request}).",
        "integration",
        "Compare the invoice in Basware with Epicor; Basware's support finds the request by its id.",
    ),
    "ANSWER_WITHOUT_REQUEST": Entry(
        "Our answer was found at Basware without the id of its request, so its arrival in P2P cannot be followed.",
        "integration",
        "Nothing, if the invoice shows the outcome in Basware.",
    ),
    "NO_LONGER_AWAITED": Entry(
        "Basware no longer awaits an answer to this transfer: the invoice has the status {status}.",
        "AP",
        "Compare the invoice in Basware with Epicor; if it was withdrawn there, correct it in Epicor by hand.",
    ),
}
