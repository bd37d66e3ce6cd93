"""The log of calls: what was asked, how it ended, and how many were in flight at once. Never a credential."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Left = Callable[[], bool]
"""Whether the caller of a call has gone away."""

LIMIT = 20_000
CALL_KEY = "mlc_sandbox.call"
"""Where in the ASGI scope a handler may add what the call was about."""


@dataclass
class Calls:
    """The last 20,000 calls; a call that got no answer has status 0.

    `max_in_flight` counts every call under way, also those that a killed caller left behind; `max_awaited` only those
    that somebody still waits for.
    """

    log: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LIMIT))
    total: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    max_awaited: int = 0
    _callers: list[Left] = field(default_factory=list)

    def started(self, call: dict[str, Any], left: Left) -> None:
        """A call has arrived."""
        self.log.append(call)
        self.total += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self._callers.append(left)
        self.max_awaited = max(self.max_awaited, self._awaited())

    def _awaited(self) -> int:
        return sum(not left() for left in self._callers)

    def clear(self) -> None:
        """Forget what was; calls that are under way still count as in flight."""
        self.log.clear()
        self.total, self.max_in_flight, self.max_awaited = 0, self.in_flight, self._awaited()

    def ended(self, left: Left) -> None:
        """A call is over, in whichever way."""
        self.in_flight -= 1
        self._callers.remove(left)

    def counters(self) -> dict[str, int]:
        """All counts, by name."""
        names = ("total", "in_flight", "max_in_flight", "max_awaited")
        return {name: getattr(self, name) for name in names}


class _Settings(Protocol):
    @property
    def latency(self) -> float: ...


class _World(Protocol):
    @property
    def calls(self) -> Calls: ...

    @property
    def settings(self) -> _Settings: ...


class CallLog:
    """ASGI middleware: logs every call of the API and adds the world's latency."""

    def __init__(self, app: ASGIApp, world: _World, now: Callable[[], datetime]) -> None:
        self._app, self._world, self._now = app, world, now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on; calls of the control plane are not logged."""
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox"):
            await self._app(scope, receive, send)
            return
        at = self._now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        call: dict[str, Any] = {"method": scope["method"], "path": scope["path"], "status": 0, "at": at}
        calls = self._world.calls

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                call["status"] = message["status"]
            await send(message)

        left = _left(receive)
        calls.started(call, left)
        try:
            await asyncio.sleep(self._world.settings.latency)
            await self._app({**scope, CALL_KEY: call}, receive, answered)
        finally:
            calls.ended(left)


def _left(receive: Receive) -> Left:
    """Whether the caller has gone, as uvicorn's own object behind `receive` knows; never, where something else is."""
    cycle = getattr(receive, "__self__", None)
    return lambda: bool(getattr(cycle, "disconnected", False))
