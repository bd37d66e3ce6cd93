"""A document as it is entered: credit notes positive, a document without coding rows as its one line. Pure."""

from __future__ import annotations

from epicor_writer.kinds import positive
from epicor_writer.taxes import ZERO
from mlc_basware.documents import AccountingDocument, CodingRow
from mlc_common.posting_rules import Posting


def as_entered(document: AccountingDocument, posting: Posting) -> AccountingDocument:
    """The document with the amounts and rows that are entered in Epicor; entering it again changes nothing."""
    document = positive(document)
    if document.codingRows or posting.without_rows == "refuse":
        return document
    net = document.netSum
    if net is None and document.grossSum is not None:
        net = document.grossSum - (document.taxSum1 or ZERO)
    members = {"externalCode": "whole", "netTotal": net, "taxSum": document.taxSum1, "taxCode": document.taxCode}
    row = CodingRow.model_validate(members | {"taxPercent": document.taxPercent1} | dict(posting.default_account))
    return document.model_copy(update={"codingRows": (row,)})
