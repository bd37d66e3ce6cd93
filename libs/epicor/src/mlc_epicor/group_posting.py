"""Posting a group of AP invoices over REST: the check before, and the process itself.

Epicor reference, call sequence, posting: PrePostGroupInvoices, then Erp.PROC.APInvoicePostSvc with GetNewParameters
and SubmitToAgent or RunDirect. What became of it is seen in the invoice (Posted) and the group (PostInProcess,
PostErrorLog), not in an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from mlc_common.failures import TransientError
from mlc_common.http import dump_json
from mlc_epicor.datasets import Flag, Text
from mlc_epicor.errors import Refusal
from mlc_epicor.transport import Transport, value_of

POSTER = "Erp.PROC.APInvoicePostSvc"
_AT_ONCE = {"agentSchedNum": 0, "agentTaskNum": 0}


class PrePost(BaseModel):
    """What Epicor says before a group is posted: questions, variances, and whether taxes are still to be computed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ReturnMessage: Text = ""
    VarianceMessage: Text = ""
    TaxCalcFlag: Flag = False

    @classmethod
    def read(cls, value: object) -> Self:
        """The parameters of a parsed answer. Raises TransientError when it has another shape."""
        try:
            return cls.model_validate(value.get("parameters") if isinstance(value, Mapping) else None)
        except ValidationError as error:
            raise TransientError("Epicor PrePostGroupInvoices: the answer has no readable parameters.") from error


class GroupPoster:
    """The posting process of one connection's Epicor. Every call raises TransientError while it cannot be asked."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def check(self, company: str, group_id: str) -> PrePost | Refusal:
        """What stands against posting the group; it changes nothing."""
        method = "Erp.BO.APInvGrpSvc/PrePostGroupInvoices"
        content = dump_json({"PostGroupID": group_id})
        answer = await self._transport.call("POST", company, method, writes=False, content=content)
        refusal = self._transport.refusal(answer)
        if refusal and not refusal.is_epicors_word:
            raise TransientError(f"{answer.what} answered {answer.status}: {refusal.message}")
        return refusal or PrePost.read(value_of(answer))

    async def parameters(self, company: str, group_id: str) -> dict[str, Any]:
        """The tableset that asks the process for one group: Epicor's default row with the group in it."""
        answer = await self._transport.call("GET", company, f"{POSTER}/GetNewParameters", writes=False)
        if refusal := self._transport.refusal(answer):
            raise TransientError(f"Epicor {POSTER} gives no parameters: {refusal.message}")
        value = value_of(answer)
        found = value.get("returnObj") if isinstance(value, Mapping) else None
        rows = found.get("APInvoicePostParam") if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping) or not rows:
            raise TransientError(f"Epicor {POSTER} gives no parameters.")
        return dict(found) | {"APInvoicePostParam": [dict(rows[0]) | {"GroupID": group_id}]}

    async def submit(self, company: str, parameters: Mapping[str, Any], *, agent: str, program: str) -> Refusal | None:
        """Queue the process for a task agent; None when Epicor took it.

        Raises:
            TransientError: nothing was queued.
            UnclearAnswerError: it may or may not have been queued.
        """
        named = {"agentID": agent, **_AT_ONCE, "maintProgram": program}
        return await self._run("SubmitToAgent", company, {"ds": parameters, **named})

    async def run(self, company: str, parameters: Mapping[str, Any]) -> Refusal | None:
        """Run the process within the call; None when it has ended, whatever came of it. Raises as `submit`."""
        return await self._run("RunDirect", company, {"ds": parameters})

    async def _run(self, method: str, company: str, value: Mapping[str, Any]) -> Refusal | None:
        content = dump_json(value)
        answer = await self._transport.call("POST", company, f"{POSTER}/{method}", writes=True, content=content)
        return self._transport.refusal(answer)
