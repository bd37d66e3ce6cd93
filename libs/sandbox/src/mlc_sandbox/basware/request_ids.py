"""Every answer carries the id that its call got on arrival."""

from collections.abc import MutableMapping
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from mlc_sandbox.basware.wire import request_id


class RequestIds:
    """ASGI middleware: adds `x-amzn-RequestId` to the answers of the API, not to those of the control plane."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on."""
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox"):
            await self._app(scope, receive, send)
            return
        call_id = request_id(Request(scope)).encode()

        async def answered(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"x-amzn-requestid", call_id)]
            await send(message)

        await self._app(scope, receive, answered)
