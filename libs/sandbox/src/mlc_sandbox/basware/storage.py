"""Redirects: answers that are fetched from object storage with a pre-signed address."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from mlc_sandbox.basware.access import Clock
from mlc_sandbox.basware.wire import RefusedError
from mlc_sandbox.basware.world import Attachment, BaswareWorld, Stored
from mlc_sandbox.faults import drop, fault_in


def deliver(request: Request, text: str, *, world: BaswareWorld, at: datetime, headers: Mapping[str, str]) -> Response:
    """The JSON `text` directly or, with the world's `redirects`, as a 302 to where it can be fetched."""
    settings = world.settings
    if not settings.redirects:
        return Response(text, media_type="application/json", headers=dict(headers))
    on_redirect = settings.redirect_token_on in ("redirect", "both")
    on_final = settings.redirect_token_on in ("final", "both")
    location = stored_at(request, text, world=world, at=at, headers=headers if on_final else {})
    return RedirectResponse(location, status_code=302, headers=dict(headers) if on_redirect else None)


def stored_at(
    request: Request,
    text: str,
    *,
    world: BaswareWorld,
    at: datetime,
    headers: Mapping[str, str],
    file: Attachment | None = None,
) -> str:
    """Put a text, or an attachment, into the storage: the pre-signed address under which it can be read for a while."""
    stored = Stored(
        text=text,
        headers=headers,
        signature=secrets.token_hex(32),
        expires_at=at + timedelta(seconds=world.settings.redirect_life),
        file=file,
    )
    world.storage = {name: item for name, item in world.storage.items() if item.expires_at > at}
    name = secrets.token_hex(16)
    world.storage[name] = stored
    return _presigned(request, name, stored, at=at)


class FileAnswer(Response):
    """A file, announced with its length and sent in pieces; `short` sends half of it and cuts the connection."""

    def __init__(self, file: Attachment, *, short: bool) -> None:
        super().__init__(media_type="application/octet-stream")
        self._file = file
        self._short = short

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        del scope
        size = self._file.size
        headers = [(b"content-type", b"application/octet-stream"), (b"content-length", str(size).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in self._file.pieces(size // 2 if self._short else size):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if self._short:
            await drop(receive)
            return
        await send({"type": "http.response.body", "body": b""})


async def read_stored(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`GET /_storage/{name}`: refuses as S3 does a second authorisation, unsigned `x-amz-*` headers, an old address."""
    if "authorization" in request.headers:
        raise RefusedError(400, _xml("InvalidArgument", "Only one auth mechanism allowed"))
    if any(name.startswith("x-amz-") for name in request.headers):
        raise RefusedError(403, _xml("AccessDenied", "There were headers present in the request which were not signed"))
    stored = world.storage.get(request.path_params["name"])
    if stored is None or stored.expires_at <= now():
        raise RefusedError(403, _xml("AccessDenied", "Request has expired"))
    if request.query_params.get("X-Amz-Signature") != stored.signature:
        raise RefusedError(403, _xml("SignatureDoesNotMatch", "The request signature does not match"))
    if "location" in stored.headers:
        return Response(status_code=302, headers=dict(stored.headers))
    if stored.file is not None:
        return FileAnswer(stored.file, short=fault_in(request.scope) is not None)
    return Response(stored.text, media_type="application/json", headers=dict(stored.headers))


def _presigned(request: Request, name: str, stored: Stored, *, at: datetime) -> str:
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Date": at.strftime("%Y%m%dT%H%M%SZ"),
        "X-Amz-Expires": int((stored.expires_at - at).total_seconds()),
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": stored.signature,
    }
    return str(request.url.replace(path=f"/_storage/{name}", query=urlencode(query)))


def _xml(code: str, message: str) -> bytes:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return text.encode()
