"""Facts about what people decided: of one document, and of a whole connection. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

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
    invoice_date: date | None = None
    total: Decimal | None = None
    currency: str


class Change(BaseModel):
    """One value of a document that a person has overridden; `place` as codingRows[2].accountCode, counted from 1."""

    model_config = ConfigDict(frozen=True)

    place: str
    old: str | None = None
    new: str


class DocumentOverridden(_Decision):
    """The transfer is entered with these values instead of Basware's; all that are in force, also earlier ones."""

    fact: ClassVar[str] = "overridden"

    type: Literal["document_overridden"] = "document_overridden"
    changes: tuple[Change, ...] = Field(min_length=1)


class ReplayRequested(_Decision):
    """The transfer is to be taken up anew from what is recorded, wherever it stopped; `replay` names the occasion."""

    fact: ClassVar[str] = "replayed"

    type: Literal["replay_requested"] = "replay_requested"
    replay: str
    read_again: bool | None = Field(
        default=None, description="read the document from Basware again, whatever is recorded"
    )

    @property
    def id(self) -> str:
        return f"{self.connection}/{token(self.invoice_id)}/{token(self.attempt)}/{self.fact}/{token(self.replay)}"


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


class ReplayStarted(_OfConnection):
    """Transfers, or buried messages, are being taken up anew, one after another.

    `connection` is "*" when it is about several; `selection` says which, in the words of the command line; `documents`
    how many were planned.
    """

    fact: ClassVar[str] = "replay_started"

    type: Literal["replay_started"] = "replay_started"
    replay: str
    selection: Mapping[str, str]
    documents: int
    per_second: float


class ReplayStopped(_OfConnection):
    """A replay has come to its end, or is to stop: paused until it is started again under its name, or for good."""

    fact: ClassVar[str] = "replay_stopped"

    type: Literal["replay_stopped"] = "replay_stopped"
    replay: str
    how: Literal["finished", "paused", "cancelled"]
    requested: int = Field(default=0, description="transfers that were taken up so far")
