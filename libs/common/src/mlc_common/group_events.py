"""Facts about posting the group of an AP invoice, where success means that it is in the payables. Pure."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from mlc_common.stored_event import FactOfDocument


class GroupPostingRequested(FactOfDocument):
    """Write-ahead: the invoice stands in its group as meant, and the next thing is a request to post that group."""

    fact: ClassVar[str] = "posting_requested"

    type: Literal["group_posting_requested"] = "group_posting_requested"
    number: int = Field(description="1 for the first request of this attempt, 2 for the next, …")
    company: str
    group_id: str
    invoice_num: str
    how: str = Field(description="task agent or direct")
    error_before: str = Field(default="", description="the group's error log before the request, so old news")

    @property
    def id(self) -> str:
        return f"{super().id}/{self.number}"


class GroupPostingSubmitted(FactOfDocument):
    """Epicor took the request to post the group; `ended` when it answered only after the process had ended."""

    fact: ClassVar[str] = "posting_submitted"

    type: Literal["group_posting_submitted"] = "group_posting_submitted"
    number: int = Field(description="of the request")
    ended: bool = False

    @property
    def id(self) -> str:
        return f"{super().id}/{self.number}"
