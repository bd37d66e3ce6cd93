"""What all events have in common, and those of one accounting document. Pure."""

from __future__ import annotations

from typing import ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mlc_common.streams import document_subject, token


class StoredEvent(BaseModel):
    """What every event has: when, and in which connection."""

    model_config = ConfigDict(frozen=True)

    once: ClassVar[bool] = False

    schema_version: int = 1
    connection: str
    at: AwareDatetime

    def to_json(self) -> bytes:
        """The stored form: JSON with amounts as strings, so that no reader can lose a cent."""
        return self.model_dump_json(exclude_none=True).encode()


class FactOfDocument(StoredEvent):
    """A fact of one attempt of one accounting document."""

    fact: ClassVar[str]

    invoice_id: str
    attempt: str
    cause: str | None = Field(default=None, description="id of the event this one reacts to")

    @property
    def subject(self) -> str:
        return document_subject(self.connection, self.invoice_id, self.fact, self.attempt)

    @property
    def id(self) -> str:
        return f"{self.connection}/{token(self.invoice_id)}/{token(self.attempt)}/{self.fact}"
