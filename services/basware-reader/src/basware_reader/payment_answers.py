"""What Basware is told of a payment, and when there is anything to tell. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from decimal import Decimal
from uuid import uuid5

from basware_reader.answers import ANSWERS, LONGEST_SYSTEM
from mlc_basware.documents import AccountingDocument
from mlc_basware.payments import LONGEST_CODE, LONGEST_DOCUMENT, LONGEST_MESSAGE, PaymentResponse
from mlc_common.connection import ConnectionDocument
from mlc_common.events import DocumentApproved, Event, PaymentAnswered, PaymentSeen
from mlc_common.http import dump_json
from mlc_common.payment_events import Payment, Picture
from mlc_common.payment_text import payment_text


def payment_code(seen: PaymentSeen, again: int = 0) -> str:
    """The code of the telling of a picture: the same for every try, another for every change and every repetition."""
    return str(uuid5(ANSWERS, f"{seen.id}/{again}"))


def is_told(picture: Picture, *, before: bool) -> bool:
    """Whether Basware is told of a picture.

    A payment response marks the invoice as paid, so nothing is told of an invoice that nobody has paid, unless Basware
    was told otherwise `before`: then it is told the truth. What is unclear is never told (docs/payments.md).
    """
    match picture.standing:
        case "paid" | "partly paid":
            return True
        case "unclear" | "not posted" | "held":
            return False
        case _:
            return before


def content_of(response: PaymentResponse) -> str:
    """What a response says, without its code, as a digest: the same content is not posted a second time."""
    said = {name: value for name, value in response.to_wire().items() if name != "externalCode"}
    plain = {name: value.normalize() if isinstance(value, Decimal) else value for name, value in said.items()}
    return hashlib.sha256(json.dumps(json.loads(dump_json(plain)), sort_keys=True).encode()).hexdigest()


def last_told(history: Iterable[Event]) -> PaymentAnswered | None:
    """What Basware's API layer took last, of whichever attempt."""
    told = [each for each in history if isinstance(each, PaymentAnswered)]
    return told[-1] if told else None


def to_payment_response(
    seen: PaymentSeen, *, document: ConnectionDocument, approved: DocumentApproved | None, again: int = 0
) -> PaymentResponse:
    """Everything known, within the lengths of the Basware API reference, §5.

    Args:
        document: the connection, for its payment terms and the name of the source system.
        approved: the document as Basware offered it; None when this product did not post it. Its own payment method
            and term are said where Epicor has none, since what is left out is cleared; its sign is the amounts' sign.
    """
    picture = seen.picture
    own = AccountingDocument.parse(approved.document) if approved else None
    live = [each for each in picture.payments if each.voided is None]
    last = live[-1] if live else None
    sign = -1 if own and own.grossSum and own.grossSum * picture.invoice_amount < 0 else 1
    return PaymentResponse(
        externalCode=payment_code(seen, again),
        success=True,
        responseMessage=payment_text(picture),
        sourceSystem=f"{document.epicor.source_system}-{seen.company}"[:LONGEST_SYSTEM],
        paymentDate=f"{(picture.day or seen.at.date()).isoformat()}T00:00:00Z",
        paymentTermCode=_cut(_term(seen, document) or (own.paymentTermCode if own else None), LONGEST_CODE),
        paymentBlock=picture.block,
        paymentMethod=_cut((last.method if last else None) or (own.paymentMethod if own else None), LONGEST_CODE),
        paidTotal=picture.paid * sign,
        cashDiscount=picture.discount * sign,
        checkNumber=_cut(last.number if last else None, LONGEST_CODE),
        paymentMessage=_cut(_message(picture, sign), LONGEST_MESSAGE),
        paymentNumber=_listed(each.reference or each.number for each in live),
        paymentDocument=_listed(_document(each) for each in live),
        paymentReversalDocument=_listed(_document(each) for each in picture.payments if each.voided is not None),
    )


def _term(seen: PaymentSeen, document: ConnectionDocument) -> str | None:
    """Epicor's terms as Basware knows them."""
    pairs = [pair for pair in document.companies if pair.epicor == seen.company]
    theirs = {epicor: basware for pair in reversed(pairs) for basware, epicor in pair.terms.items()}
    terms = seen.picture.terms
    return theirs.get(terms, terms) if terms else None


def _message(picture: Picture, sign: int) -> str:
    text = f"{picture.standing.capitalize()}: {picture.paid * sign} {picture.currency}"
    return text if picture.balance == 0 else f"{text}, {picture.balance * sign} open"


def _document(payment: Payment) -> str:
    return f"Epicor payment {payment.head}"


def _listed(names: Iterable[str]) -> str | None:
    """As many whole names as there is room for."""
    text = ""
    for name in filter(None, names):
        longer = f"{text}, {name}" if text else name
        if len(longer) > LONGEST_DOCUMENT:
            break
        text = longer
    return text or None


def _cut(text: str | None, longest: int) -> str | None:
    return (text or "").strip()[:longest] or None
