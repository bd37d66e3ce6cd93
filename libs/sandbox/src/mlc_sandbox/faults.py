"""Scripted faults: what goes wrong, on which call, how often. Both emulators are wrapped in the injector."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable
from urllib.parse import unquote_plus

from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlc_sandbox.exact_json import dumps

COMMON_KINDS = frozenset({"delay", "delay_after", "status", "drop_before", "drop_after"})
FAULT_KEY = "mlc_sandbox.fault"
"""Where in the ASGI scope an emulator finds the fault of a kind of its own."""


class Fault(BaseModel):
    """One scripted fault.

    `path` is a regular expression searched in the URL path; `match` a text that must occur in the body or the decoded
    query; `times` how often it fires (-1 = always); `every` = only on every n-th matching call; `seconds` a pause
    before the rest happens (any kind).

    Kinds of both emulators: `delay` = pause, then the call; `delay_after` = the call, then a pause, then its answer;
    `status` = answer `status` with `retry_after` (seconds) and `body` (a str goes out as text, anything else as JSON)
    and do nothing; `drop_before` = cut the connection and do nothing; `drop_after` = the call, then cut the connection.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    path: str = ""
    method: str | None = None
    match: str | None = None
    times: int = Field(default=1, ge=-1)
    every: int = Field(default=1, ge=1)
    seconds: float = Field(default=0.0, ge=0)
    status: int = Field(default=500, ge=200, le=599)
    retry_after: float | None = Field(default=None, ge=0)
    body: Any = None

    @field_validator("path")
    @classmethod
    def _is_a_pattern(cls, path: str) -> str:
        try:
            re.compile(path)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return path

    @field_validator("times")
    @classmethod
    def _can_fire(cls, times: int) -> int:
        if times == 0:
            raise ValueError("0 times is never; -1 is always")
        return times

    def concerns(self, *, method: str, path: str, text: str) -> bool:
        """Is this a call that the fault is about?"""
        if self.method is not None and self.method.upper() != method:
            return False
        return re.search(self.path, path) is not None and (self.match is None or self.match in text)


@dataclass
class _Armed:
    fault: Fault
    seen: int = 0
    fired: int = 0

    def fires(self) -> bool:
        """Count one matching call; does the fault fire on it?"""
        if 0 < self.fault.times <= self.fired:
            return False
        self.seen += 1
        if self.seen % self.fault.every:
            return False
        self.fired += 1
        return True


@dataclass
class FaultScript:
    """The faults of one emulator, in order of arrival. `kinds` are those that it understands."""

    kinds: frozenset[str] = COMMON_KINDS
    _armed: list[_Armed] = field(default_factory=list)

    def add(self, *faults: Fault) -> None:
        """Append faults. Raises ValueError for a kind that this emulator does not have."""
        for fault in faults:
            if fault.kind not in self.kinds:
                raise ValueError(f"kind must be one of {', '.join(sorted(self.kinds))}")
        self._armed.extend(_Armed(fault) for fault in faults)

    def add_json(self, values: Iterable[Any]) -> None:
        """Append faults given as JSON objects. Raises ValueError and appends none if one is wrong."""
        self.add(*[Fault.model_validate(value) for value in values])

    def clear(self) -> None:
        """Forget all faults."""
        self._armed.clear()

    def state(self) -> list[dict[str, Any]]:
        """Each fault with how many calls it has `seen` and on how many it `fired`."""
        return [{**armed.fault.model_dump(), "seen": armed.seen, "fired": armed.fired} for armed in self._armed]

    def take(self, *, method: str, path: str, text: str) -> tuple[Fault, ...]:
        """The faults for this call: every delay that fires, and at most one of another kind (the first)."""
        found: list[Fault] = []
        for armed in self._armed:
            fault = armed.fault
            taken = fault.kind != "delay" and any(other.kind != "delay" for other in found)
            if not taken and fault.concerns(method=method, path=path, text=text) and armed.fires():
                found.append(fault)
        return tuple(found)

    def __bool__(self) -> bool:
        """Is any fault scripted?"""
        return bool(self._armed)


class FaultInjector:
    """ASGI middleware that plays a `FaultScript`. The control plane under `/_sandbox/` is never hit."""

    def __init__(self, app: ASGIApp, script: FaultScript) -> None:
        self._app, self._script = app, script

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the place of the application, or let it answer."""
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox") or not self._script:
            await self._app(scope, receive, send)
            return
        body = await _whole_body(receive)
        text = _searchable(body, scope["query_string"])
        faults = self._script.take(method=scope["method"], path=scope["path"], text=text)
        await asyncio.sleep(sum(fault.seconds for fault in faults if fault.kind != "delay_after"))
        acting = next((fault for fault in faults if fault.kind != "delay"), None)
        await self._play(acting, scope, _replayed(body, receive), send, raw_receive=receive)

    async def _play(
        self, fault: Fault | None, scope: Scope, receive: Receive, send: Send, *, raw_receive: Receive
    ) -> None:
        match fault.kind if fault else None:
            case "status" if fault:
                await _answer(fault, send)
            case "delay_after" if fault:
                await self._app(scope, receive, _late(send, fault.seconds))
            case "drop_before":
                await drop(raw_receive)
            case "drop_after":
                await self._app(scope, receive, _swallow)
                await drop(raw_receive)
            case None:
                await self._app(scope, receive, send)
            case _:
                await self._app({**scope, FAULT_KEY: fault}, receive, send)


def fault_in(scope: Scope) -> Fault | None:
    """The fault that the emulator itself has to play on this call, if any."""
    fault = scope.get(FAULT_KEY)
    return fault if isinstance(fault, Fault) else None


@runtime_checkable
class _ServedByUvicorn(Protocol):
    """The object whose `receive` uvicorn hands to an application."""

    transport: asyncio.Transport


async def drop(receive: Receive) -> None:
    """Cut the TCP connection without an answer. Outside uvicorn the caller gets a `ConnectionResetError`."""
    cycle = getattr(receive, "__self__", None)
    if not isinstance(cycle, _ServedByUvicorn):
        raise ConnectionResetError("the sandbox dropped the connection")
    cycle.transport.abort()
    # Until the server has noticed, it would still send its own 500 for an application that did not answer.
    while (await receive())["type"] != "http.disconnect":
        pass


def _late(send: Send, seconds: float) -> Send:
    async def later(message: Message) -> None:
        if message["type"] == "http.response.start":
            await asyncio.sleep(seconds)
        await send(message)

    return later


async def _swallow(message: Message) -> None:
    """Take a part of an answer that nobody will see."""


async def _answer(fault: Fault, send: Send) -> None:
    text = fault.body if isinstance(fault.body, str) else dumps(fault.body)
    kind = b"text/plain" if isinstance(fault.body, str) else b"application/json"
    headers = [(b"content-type", kind), (b"content-length", str(len(text.encode())).encode())]
    if fault.retry_after is not None:
        headers.append((b"retry-after", f"{fault.retry_after:g}".encode()))
    await send({"type": "http.response.start", "status": fault.status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


async def _whole_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    waiting: Sequence[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    left = iter(waiting)

    async def again() -> Message:
        return next(left, None) or await receive()

    return again


def _searchable(body: bytes, query: bytes) -> str:
    return f"{unquote_plus(query.decode('latin-1'))}\n{body.decode('utf-8', errors='replace')}"
