"""Master records that Basware does not have. Pure."""

from __future__ import annotations

from mlc_common.sentences.entry import Entry

MASTERDATA: dict[str, Entry] = {
    "RECORD_UNFIT": Entry(
        "{kind} {record} is not sent to Basware: {why}.",
        "finance systems",
        "Correct the record in Epicor, or the rules of its kind in the connection file; it is sent when it fits.",
    ),
    "BANK_CHANGE_HELD": Entry(
        "Epicor has other bank accounts of vendor {record} than Basware was sent: {new} instead of {old}. Everything "
        "else of the vendor is sent.",
        "AP",
        "Ask the vendor by a number you know already, then decide: ml-connector masterdata approve CONNECTION CODE "
        "sends the new ones, reject keeps the old ones.",
    ),
    "RECORD_REFUSED": Entry(
        "Basware does not take {kind} {record}: {why}",
        "integration",
        "Correct the record in Epicor; it is sent again when it has changed.",
    ),
    "RECORD_NOT_SAVED": Entry(
        "Basware P2P has not saved {kind} {record}: {why}",
        "finance systems",
        "Set up in P2P what is missing, or correct the record in Epicor; it is sent again when it has changed, or when "
        "`ml-connector sync CONNECTION --full` asks for it.",
    ),
    "RECORD_NOT_HEALED": Entry(
        "Basware P2P may not have {kind} {record}, which was sent {times} times: {why}",
        "integration",
        "Ask Basware's support to distribute the record to P2P again, naming the request {request}.",
    ),
    "RECORD_NOT_FOLLOWED": Entry(
        "Basware took {kind} {record} but named no request, so whether P2P has it cannot be asked.",
        "integration",
        "Look the record up in P2P, and ask Basware's support why the answer had no x-amzn-RequestId.",
    ),
}
