"""Calls of Basware's subscriptions API. Its bodies hold webhook secrets: none of them reaches a sentence or a log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC

import httpx
from pydantic import SecretStr

from mlc_basware.session import Session
from mlc_basware.subscription_plans import Deletion, Subscription, Wish, read_subscription
from mlc_basware.wire import entities, error_text, read_json
from mlc_common.failures import PermanentError
from mlc_common.http import dump_json

PATH = "/v1/subscriptions"
READ, WRITE, DELETE = (f"subscriptions.{right}" for right in ("read", "write", "delete"))
_JSON = {"Accept": "application/json", "Content-Type": "application/json"}


class Subscriptions:
    """The subscriptions of one tenant. Every method raises TransientError when it may work later."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def held(self) -> tuple[Subscription, ...]:
        """All of the tenant, whosever they are; 404 means none (Basware API reference, §2.1)."""
        answer, _ = await self._session.read(PATH, what="Basware subscriptions")
        found = [] if answer is None else entities(read_json(answer), "subscriptions")
        return tuple(read_subscription(each) for each in found if isinstance(each, Mapping))

    async def subscribe(self, wished: Sequence[Wish], *, url: str, secret: SecretStr) -> None:
        """Create subscriptions, or overwrite those of the same type and sub-type. Basware tests the address first.

        Raises:
            PermanentError: Basware refuses, or its test did not get a 200 from the address.
            UnclearAnswerError: they may have been created; list before doing anything else.
        """
        body = [_body(each, url=url, secret=secret) for each in wished]
        answer = await self._session.call(
            "POST", PATH, writes=True, what="Basware subscribe", headers=_JSON, content=dump_json(body)
        )
        if not httpx.codes.is_success(answer.status):
            said = error_text(answer).replace(secret.get_secret_value(), "[hidden]")
            raise PermanentError(f"Basware did not subscribe {url} ({answer.status}): {said}")

    async def delete(self, deletion: Deletion) -> int:
        """Delete what `deletion` catches; how many that were. See `subscription_plans.deletions`.

        Raises:
            PermanentError: Basware refuses.
            UnclearAnswerError: they may be gone; list before doing anything else.
        """
        after = deletion.after.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        query = {"lastUpdated": after, "taskType": deletion.task_type, "taskSubType": deletion.sub_type}
        answer = await self._session.call(
            "DELETE", PATH, writes=True, what="Basware unsubscribe", headers=_JSON, params=query
        )
        if not httpx.codes.is_success(answer.status):
            raise PermanentError(f"Basware did not delete the subscription ({answer.status}): {error_text(answer)}")
        value = read_json(answer)
        return int(value.get("numberOfRecordsDeleted") or 0) if isinstance(value, Mapping) else 0


def _body(wish: Wish, *, url: str, secret: SecretStr) -> dict[str, str]:
    return {
        "taskType": wish.task_type,
        "taskSubType": wish.sub_type,
        "subscriptionType": "Webhook",
        "notificationWebhookURL": url,
        "webhookAuthenticationToken": secret.get_secret_value(),
    }
