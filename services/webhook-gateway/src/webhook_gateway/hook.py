"""`POST /hooks/basware/{connection}`: the raw body within its limit, one server span per push, answers as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from mlc_common.telemetry import span_of
from webhook_gateway.decision import Receiver
from webhook_gateway.handlers import Answer, Gateway, refuse, take_push
from webhook_gateway.signature import SIGNATURE_HEADER, Push

PATH = "/hooks/basware/{connection}"
LARGEST_BODY = 256 * 1024
BODIES_IN_HAND = 32 * 1024 * 1024
"""Bytes of all bodies together, from their first byte until they are answered: anybody may send one, and only the whole
body tells whether it is signed. Room for 128 of the largest, or for tens of thousands of ordinary ones."""

COME_AGAIN = "1"
"""Seconds after which there is probably room again."""

_CLOSE = {"Connection": "close"}
_TRACE = TraceContextTextMapPropagator()


class TooLargeError(Exception):
    """The body is longer than the limit; the rest of it was not read."""


class NoRoomError(Exception):
    """Too many bodies are in hand; the rest of this one was not read."""


class Room:
    """The bytes that may be in hand at once, shared by all pushes."""

    def __init__(self, bytes_left: int = BODIES_IN_HAND) -> None:
        self._left = bytes_left

    @contextmanager
    def share(self) -> Iterator[Share]:
        """What one body takes of it; given back when the push is answered."""
        share = Share(self)
        try:
            yield share
        finally:
            self._left += share.taken

    def take(self, size: int) -> None:
        """Raises NoRoomError when there is not that much left."""
        if size > self._left:
            raise NoRoomError
        self._left -= size


class Share:
    """What one body holds of the room."""

    def __init__(self, room: Room) -> None:
        self.taken = 0
        self._room = room

    def take(self, size: int) -> None:
        """So many bytes more. Raises NoRoomError."""
        self._room.take(size)
        self.taken += size


class Hook:
    """The endpoint. An ASGI application, because it must see every method and may stop reading a body.

    Args:
        patience: seconds a sender has for its body.
    """

    def __init__(self, gateway: Gateway, *, patience: float = 30, room: Room | None = None) -> None:
        self._gateway = gateway
        self._patience = patience
        self._room = room or Room()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        with _span(request) as span, self._room.share() as share:
            answer = await self._answer(request, span, share)
            if answer is None:
                return
            span.set_attribute("http.response.status_code", answer.status)
            headers = {"X-Content-Type-Options": "nosniff", **answer.headers}
            response = Response(answer.body, answer.status, headers, media_type="application/json")
            await response(scope, receive, send)

    async def _answer(self, request: Request, span: trace.Span, share: Share) -> Answer | None:
        """The answer, or None when the sender has gone."""
        if request.method != "POST":
            answer = refuse(405, "method", "Only POST is taken here.", gateway=self._gateway)
            return replace(answer, headers={"Allow": "POST", **_CLOSE})
        try:
            async with asyncio.timeout(self._patience):
                body = await read_body(request, share)
        except TooLargeError:
            answer = refuse(413, "too_large", f"The body is over {LARGEST_BODY} bytes.", gateway=self._gateway)
            return replace(answer, headers=_CLOSE)
        except NoRoomError:
            answer = refuse(503, "no_room", "Too many pushes at once; come again later.", gateway=self._gateway)
            return replace(answer, headers=_CLOSE | {"Retry-After": COME_AGAIN})
        except TimeoutError:
            answer = refuse(408, "slow", "The body did not arrive in time.", gateway=self._gateway)
            return replace(answer, headers=_CLOSE)
        except ClientDisconnect:
            self._gateway.counters.refused.labels("cut_short").inc()
            return None
        receiver = self._gateway.receiver(request.path_params["connection"])
        span.set_attribute("mlc.connection", receiver.name if receiver else "unknown")
        return await take_push(_push(request, body, receiver), receiver=receiver, gateway=self._gateway)


def route(gateway: Gateway, *, patience: float = 30, room: Room | None = None) -> Route:
    """The one route of the gateway; `patience` in seconds for a body."""
    return Route(PATH, Hook(gateway, patience=patience, room=room))


async def read_body(request: Request, share: Share) -> bytes:
    """The raw body, its bytes taken from the room for all.

    Raises:
        TooLargeError: it is announced to be, or turns out, longer than 256 KiB.
        NoRoomError: too many others are in hand.
        ClientDisconnect: the sender went away before its end.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > 9 or int(announced) > LARGEST_BODY):
        raise TooLargeError
    body = bytearray()
    async for chunk in request.stream():
        if len(body) + len(chunk) > LARGEST_BODY:
            raise TooLargeError
        share.take(len(chunk))
        body += chunk
    return bytes(body)


def _push(request: Request, body: bytes, receiver: Receiver | None) -> Push:
    named = receiver.webhook.timestamp_header if receiver else None
    return Push(
        body=body,
        signature=request.headers.get(SIGNATURE_HEADER),
        timestamp=request.headers.get(named) if named else None,
    )


def _span(request: Request) -> AbstractContextManager[trace.Span]:
    attributes = {"http.request.method": request.method, "http.route": PATH}
    links: list[trace.Link] = []
    if (parent := request.headers.get("traceparent")) is not None:
        # Anybody may name a trace here, and say that it is not recorded: ours refers to it and is its own. Nothing but
        # the ids is read: baggage and tracestate would go on into the stream, or into the log as faulty.
        named = trace.get_current_span(_TRACE.extract({"traceparent": parent})).get_span_context()
        links = [trace.Link(named)] if named.is_valid else []
    return span_of(f"{request.method} {PATH}", attributes, kind=trace.SpanKind.SERVER, links=links)
