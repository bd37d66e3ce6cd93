"""How many pushes of a connection are stored: a token bucket per connection. Pure; the clock is an argument.

Only what is newly stored spends it. So nobody without a secret can use up what the honest sender needs: a forged push
is refused before, and one that was overheard and is sent again gives back what it took.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mlc_common.connection import Webhook


@dataclass(frozen=True, slots=True)
class Limit:
    """Pushes a second, and how many may come ahead of that rate."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """The pushes that are left, as of a moment."""

    left: float
    at: datetime


def limit_of(webhook: Webhook) -> Limit | None:
    """What the connection document says; None is no limit."""
    return None if webhook.pushes_per_second is None else Limit(webhook.pushes_per_second, webhook.burst)


def take(bucket: Bucket | None, limit: Limit, now: datetime) -> tuple[Bucket, float]:
    """The bucket after one push more, and the seconds to wait before it: 0 when it was taken.

    A clock that was set back refills nothing, and refills as usual from there on.
    """
    left = float(limit.burst)
    if bucket is not None:
        passed = max((now - bucket.at).total_seconds(), 0)
        left = min(bucket.left + passed * limit.per_second, left)
    if left < 1:
        return Bucket(left, now), (1 - left) / limit.per_second
    return Bucket(left - 1, now), 0


class Budgets:
    """The buckets of all connections. Only pushes of connections that exist get here, so there are as many as these."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def take(self, connection: str, limit: Limit | None, now: datetime) -> float:
        """Let one push through, or say after how many seconds the next one may come."""
        if limit is None:
            self._buckets.pop(connection, None)
            return 0
        self._buckets[connection], wait = take(self._buckets.get(connection), limit, now)
        return wait

    def give_back(self, connection: str) -> None:
        """Undo a `take` whose push was not newly stored."""
        bucket = self._buckets.get(connection)
        if bucket is not None:
            self._buckets[connection] = Bucket(bucket.left + 1, bucket.at)
