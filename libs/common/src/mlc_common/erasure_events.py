"""The fact that personal data was erased on request. Pure."""

from __future__ import annotations

from typing import ClassVar, Literal

from mlc_common.stored_event import FactOfDocument


class DocumentErased(FactOfDocument):
    """The key of the document's personal data is destroyed next; what it sealed can then be read by nobody.

    `attempt` holds the id of that key: the erasure is about all attempts so far, and of one key it is recorded once.
    """

    fact: ClassVar[str] = "erased"
    once: ClassVar[bool] = True

    type: Literal["document_erased"] = "document_erased"
    by: str
    reason: str
