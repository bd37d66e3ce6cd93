"""How a group of AP invoices is posted, where success means posted. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlc_common.section import Section

Success = Literal["created", "posted"]


class GroupPosting(Section):
    """How Epicor is asked to post a group, and how long that is followed."""

    how: Literal["task agent", "direct"] = Field(
        default="task agent", description="queued for an agent, or within the call, which then takes as long"
    )
    agent: str = Field(
        default="SystemTaskAgent", min_length=1, max_length=50, description="Epicor's task agent (AgentID)"
    )
    program: str = Field(
        default="", max_length=50, description="maintProgram of the task; its values are not documented"
    )
    patience_minutes: int = Field(
        default=60, ge=1, le=10_000, description="after so long without a result it is told as entered and not posted"
    )
