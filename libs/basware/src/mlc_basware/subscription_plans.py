"""Which push subscriptions a connection wants, how a tenant's stand against that, and what may be deleted. Pure.

Basware API reference, §2.1: there is no id and no narrower deletion than by type and time; a second subscription of the
same type and sub-type probably overwrites the first; the secret comes back in clear.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import SecretStr

from mlc_common.connection import ConnectionDocument
from mlc_common.failures import PermanentError

DOCUMENTS = "AccountingDocuments"
EVERYTHING = "All"

Standing = Literal["right", "other secret", "elsewhere", "missing"]


@dataclass(frozen=True)
class Wish:
    """Pushes of one type and sub-type."""

    task_type: str
    sub_type: str

    def __str__(self) -> str:
        return f"{self.task_type} / {self.sub_type}"


@dataclass(frozen=True)
class Subscription:
    """One of a tenant's subscriptions; `updated` is None where Basware does not say it."""

    task_type: str
    sub_type: str
    kind: str
    url: str
    updated: datetime | None
    secret: SecretStr = field(repr=False)

    def covers(self, wish: Wish) -> bool:
        """Whether its pushes hold those that are wished for."""
        return self.task_type == wish.task_type and self.sub_type in (wish.sub_type, EVERYTHING)


@dataclass(frozen=True)
class Deletion:
    """What one DELETE names: everything of these types that was updated after an instant."""

    task_type: str
    sub_type: str
    after: datetime

    def catches(self, held: Subscription) -> bool:
        """Whether it would remove this one; one without a time counts as caught."""
        return (
            self.task_type in (held.task_type, EVERYTHING)
            and self.sub_type in (held.sub_type, EVERYTHING)
            and (held.updated is None or held.updated > self.after)
        )


def read_subscription(value: Mapping[str, Any]) -> Subscription:
    """One subscription of Basware's answer; members it does not have are empty."""
    named = {name: str(value.get(name) or "") for name in ("taskType", "taskSubType", "subscriptionType")}
    return Subscription(
        named["taskType"],
        named["taskSubType"] or EVERYTHING,
        named["subscriptionType"],
        str(value.get("notificationWebhookURL") or "").rstrip("/"),
        _instant(value.get("lastUpdated")),
        SecretStr(str(value.get("webhookAuthenticationToken") or "")),
    )


def _instant(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def wishes(document: ConnectionDocument) -> tuple[Wish, ...]:
    """The pushes that a connection follows up."""
    prebooks = ("WaitingForPrebook",) if document.posting.prebooking != "off" else ()
    return tuple(Wish(DOCUMENTS, each) for each in ("WaitingForTransfer", *prebooks))


def standing(wish: Wish, held: Iterable[Subscription], *, url: str, secrets: Sequence[str]) -> Standing:
    """How a wish stands: `secrets` are all that the gateway takes at `url`."""
    covering = [each for each in held if each.covers(wish)]
    ours = [each for each in covering if each.url == url]
    if any(_is_one_of(each.secret, secrets) for each in ours):
        return "right"
    if ours:
        return "other secret"
    return "elsewhere" if any(each.sub_type == wish.sub_type for each in covering) else "missing"


def _is_one_of(secret: SecretStr, secrets: Sequence[str]) -> bool:
    given = secret.get_secret_value().encode()
    return any(hmac.compare_digest(given, each.encode()) for each in secrets)


def deletions(held: Sequence[Subscription], *, url: str) -> tuple[Deletion, ...]:
    """The deletions that remove every subscription at `url`, and none besides.

    Raises:
        PermanentError: there is no such deletion; the sentence says whom it would hit.
    """
    ours = [each for each in held if each.url == url]
    others = [each for each in held if each.url != url]
    found = []
    for each in ours:
        if each.updated is None:
            raise PermanentError(f"Basware does not say when {_name(each)} was updated; delete it in Basware's own UI.")
        deletion = Deletion(each.task_type, each.sub_type, each.updated - timedelta(seconds=1))
        hit = [other for other in others if deletion.catches(other)]
        if hit:
            raise PermanentError(
                f"Deleting {_name(each)} would also delete {', '.join(map(_name, hit))} at {hit[0].url}, which is not "
                "this connection's; nothing was deleted."
            )
        found.append(deletion)
    return tuple(dict.fromkeys(found))


def _name(each: Subscription) -> str:
    return f"{each.task_type} / {each.sub_type}"
