"""Facts that a person has a message, which a durable had given up, handed to it once more. Pure."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from mlc_common.stored_event import FactOfDocument, StoredEvent
from mlc_common.streams import REDELIVERED, masterdata_redelivery_subject, redelivery_subject, token


class _Redelivered(StoredEvent):
    """What both have. The bootstrap hands the message of that place to the durable's handler, as it stands there."""

    by: str
    reason: str
    replay: str
    durable: str = Field(description="the one that gave up, without its connection: basware-payments")
    sequence: int = Field(description="the message's place in the stream of that durable")
    letter: int = Field(description="number of the dead letter that it was buried as")


class RedeliveryRequested(_Redelivered, FactOfDocument):
    """A buried message about a document is handed out again; `replay` names the occasion."""

    fact: ClassVar[str] = REDELIVERED

    type: Literal["redelivery_requested"] = "redelivery_requested"

    @property
    def subject(self) -> str:
        return redelivery_subject(self.connection, self.invoice_id, self.durable, self.sequence)

    @property
    def id(self) -> str:
        # Without the occasion: two people who ask at once for the same ask once.
        return f"{self.connection}/{token(self.invoice_id)}/{self.fact}/{self.durable}/{self.sequence}/{self.letter}"


class MasterDataRedeliveryRequested(_Redelivered):
    """A buried message about master data is handed out again; `replay` names the occasion."""

    fact: ClassVar[str] = REDELIVERED

    type: Literal["master_data_redelivery_requested"] = "master_data_redelivery_requested"

    @property
    def subject(self) -> str:
        return masterdata_redelivery_subject(self.connection, self.durable, self.sequence)

    @property
    def id(self) -> str:
        return f"masterdata/{self.connection}/{self.fact}/{self.durable}/{self.sequence}/{self.letter}"
