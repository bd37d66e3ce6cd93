"""The business content of an accounting document as a digest: equal when only bookkeeping changed. Pure."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

from mlc_common.failures import PermanentError

BOOKKEEPING = frozenset(
    name.lower()
    for name in (
        "processingStatus",
        "lastUpdated",
        "transferParameters",
        "enrichmentResponses",
        "prebookResponses",
        "transferResponses",
        "paymentResponses",
        "removeResponses",
        "voucherNumber1",
        "voucherNumber2",
        "paymentBlock",
        "attachments",
        "invoiceImageURL",
        "invoiceImageToken",
    )
)
"""Members that Basware's layer or an answer of ours changes while the invoice stays the same."""


def content_digest(text: str | bytes) -> str:
    """SHA-256 of a document's JSON text without bookkeeping, order of members and rows, and trailing zeros.

    Raises:
        PermanentError: it is no JSON object.
    """
    try:
        value = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise PermanentError("The accounting document is no JSON text.") from error
    if not isinstance(value, dict):
        raise PermanentError("The accounting document is no JSON object.")
    kept = _plain({name: member for name, member in value.items() if name.lower() not in BOOKKEEPING})
    if isinstance(rows := kept.get("codingrows"), list):
        rows.sort(key=_text)
    return hashlib.sha256(_text(kept).encode()).hexdigest()


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name.lower(): _plain(member) for name, member in value.items() if member is not None}
        case list():
            return [_plain(item) for item in value]
        case bool():
            return value
        case int() | Decimal():
            return {"number": str(Decimal(value).normalize())}
    return value


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
