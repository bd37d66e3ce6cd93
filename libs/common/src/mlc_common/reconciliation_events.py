"""The fact that a connection was reconciled: counts only, for alerts and for whoever asks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from pydantic import Field

from mlc_common.stored_event import StoredEvent
from mlc_common.streams import operation_subject, token


class ReconciliationDone(StoredEvent):
    """Basware, the stream and Epicor were compared; `incomplete` names sides that could not be read to their end."""

    type: Literal["reconciliation_done"] = "reconciliation_done"
    by: str = Field(description="the operating user")
    first: date
    last: date = Field(description="the last day that was looked at")
    company: str | None = Field(default=None, description="the only company that was looked at")
    invoices: int
    moving: int = Field(description="invoices in motion, which were not judged")
    breaks: Mapping[str, int] = Field(description="how many of each kind, by its code")
    incomplete: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        return operation_subject(self.connection, "reconciled")

    @property
    def id(self) -> str:
        return f"operation/{token(self.connection)}/reconciled/{self.at.isoformat()}"
