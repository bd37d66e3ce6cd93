"""Facts about master records on their way into Basware: accepted, refused, held; and the batches they went in. Pure."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlc_common.catalogue import Finding
from mlc_common.stored_event import StoredEvent
from mlc_common.streams import masterdata_subject, token


class FactOfRecord(StoredEvent):
    """A fact of one master record: `company` is Basware's, `code` what people know the record by."""

    fact: ClassVar[str]

    kind: str
    company: str
    code: str
    digest: str = Field(description="of the content it is about, as in record_sent; of the reason where there is none")
    external_code: str | None = None
    request_id: str | None = None

    @property
    def subject(self) -> str:
        return masterdata_subject(self.connection, self.kind, self.company, self.code, self.fact)

    @property
    def id(self) -> str:
        place = f"{self.connection}/{self.kind}/{token(self.company)}/{token(self.code)}"
        return f"masterdata/{place}/{self.fact}/{self.digest}/{self.request_id or ''}"


class RecordAccepted(FactOfRecord):
    """Basware P2P holds the record (Basware API reference, §9.1).

    `unchanged`: it held it before; `warnings`: what of it P2P did not take.
    """

    fact: ClassVar[str] = "accepted"

    type: Literal["record_accepted"] = "record_accepted"
    unchanged: bool = False
    warnings: tuple[str, ...] = ()


class RecordRefused(FactOfRecord):
    """The record is not in Basware and will not be until it changes; `by` says who said no."""

    fact: ClassVar[str] = "refused"

    type: Literal["record_refused"] = "record_refused"
    by: Literal["rules", "api", "p2p"] = Field(description="our rules, Basware's API layer, or Basware P2P")
    key: str | None = Field(default=None, description="of a row that is no record, its key in Epicor, a JSON list")
    finding: Finding


class RecordHeld(FactOfRecord):
    """Nobody knows whether Basware has the record, and nothing more is tried: somebody has to look."""

    fact: ClassVar[str] = "held"

    type: Literal["record_held"] = "record_held"
    finding: Finding


class SentRecord(BaseModel):
    """One record of a batch."""

    model_config = ConfigDict(frozen=True)

    company: str
    code: str
    external_code: str
    digest: str


class BatchSent(StoredEvent):
    """Basware's API layer took these records in one request, whose end is now followed.

    `number` is 1 for what Epicor changed, 2 and more for records that are sent once more with a change of their own,
    because Basware lost or skipped them.
    """

    fact: ClassVar[str] = "batch"

    type: Literal["batch_sent"] = "batch_sent"
    kind: str
    request_id: str
    records: tuple[SentRecord, ...]
    number: int = 1

    @property
    def subject(self) -> str:
        return masterdata_subject(self.connection, self.kind, "", self.request_id, self.fact)

    @property
    def id(self) -> str:
        return f"masterdata/{self.connection}/{self.kind}/batch/{token(self.request_id)}"
