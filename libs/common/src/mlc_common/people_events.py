"""Facts about what people decided: of one document, and of a whole connection. Pure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import Field

from mlc_common.connection_flows import Flow
from mlc_common.stored_event import FactOfDocument, StoredEvent
from mlc_common.streams import operation_subject, token


class _Decision(FactOfDocument):
    """What somebody decided about one transfer of a document; each decision is a fact of its own."""

    by: str = Field(description="the operating user who decided it")
    reason: str

    @property
    def id(self) -> str:
        return f"{super().id}/{self.at.isoformat()}"


class DocumentHeld(_Decision):
    """The document is not entered before somebody releases it."""

    fact: ClassVar[str] = "held"

    type: Literal["document_held"] = "document_held"


class DocumentReleased(_Decision):
    """The document is entered after all."""

    fact: ClassVar[str] = "released"

    type: Literal["document_released"] = "document_released"


class DocumentReturned(_Decision):
    """The transfer is refused with the person's own reason, so that Basware's users deal with it."""

    fact: ClassVar[str] = "returned"

    type: Literal["document_returned"] = "document_returned"


class InvoiceLinked(_Decision):
    """The document stands in Epicor already, as this AP invoice, which did not come from it.

    Date, total (signed, in invoice currency) and currency are the invoice's own, as the person saw them.
    """

    fact: ClassVar[str] = "linked"

    type: Literal["invoice_linked"] = "invoice_linked"
    company: str
    vendor_num: int
    vendor_id: str
    invoice_num: str
    invoice_date: date | None
    total: Decimal | None
    currency: str


class ReplayRequested(_Decision):
    """The transfer is to be taken up anew from what is recorded, wherever it stopped; `replay` names the occasion."""

    fact: ClassVar[str] = "replayed"

    type: Literal["replay_requested"] = "replay_requested"
    replay: str


class _OfConnection(StoredEvent):
    """What somebody did to a connection as a whole."""

    fact: ClassVar[str]

    by: str
    reason: str

    @property
    def subject(self) -> str:
        return operation_subject(self.connection, self.fact)

    @property
    def id(self) -> str:
        return f"operation/{token(self.connection)}/{self.fact}/{self.at.isoformat()}"


class FlowsPaused(_OfConnection):
    """Nothing is done in these flows until somebody resumes them; what arrives is kept."""

    fact: ClassVar[str] = "paused"

    type: Literal["flows_paused"] = "flows_paused"
    flows: tuple[Flow, ...] = Field(min_length=1)


class FlowsResumed(_OfConnection):
    """These flows go on, with all that waited."""

    fact: ClassVar[str] = "resumed"

    type: Literal["flows_resumed"] = "flows_resumed"
    flows: tuple[Flow, ...] = Field(min_length=1)
