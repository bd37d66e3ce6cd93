"""What Epicor's answer to a write means to the posting protocol. Pure."""

from __future__ import annotations

import httpx

from epicor_writer.decision import Said
from epicor_writer.groups import speaks_of_a_lock
from epicor_writer.ports import Reply
from mlc_common.http import UnclearAnswerError
from mlc_epicor.datasets import Saved
from mlc_epicor.errors import Refusal


def unclear(error: UnclearAnswerError) -> Reply:
    """The answer did not arrive, or was a server error."""
    failed = error.answer is not None and error.answer.status >= httpx.codes.INTERNAL_SERVER_ERROR
    return Reply(Said.UNCLEAR, str(error), server_error=failed)


def refused(refusal: Refusal | None, group_id: str) -> Reply:
    """Epicor said no; None when a group can neither be made nor found."""
    if refusal is None:
        return Reply(Said.NO, f"Group {group_id} can neither be made nor found.")
    said = Said.GROUP_TAKEN if speaks_of_a_lock(refusal.message, group_id or "group") else Said.NO
    return Reply(said, refusal.message, duplicate=refusal.is_duplicate)


def saved(answer: Saved) -> Reply:
    """`lUpdateRan` false means that nothing was saved; where it is missing, the read-back decides."""
    if answer.lUpdateRan is False:
        message = answer.messages or "Nothing was saved, and no reason was given."
        return Reply(Said.NO, message, question=answer.requiresUserInput or bool(answer.messages))
    return Reply(Said.YES, answer.messages, question=answer.requiresUserInput)
