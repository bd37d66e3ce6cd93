"""Who may call: the token endpoint, bearer tokens with scopes, and Basic on the P2P endpoints."""

import base64
import binascii
import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from mlc_sandbox.basware.wire import RefusedError, answer
from mlc_sandbox.basware.world import BaswareWorld, Token

Clock = Callable[[], datetime]
Endpoint = Callable[[Request], Awaitable[Response]]
Handler = Callable[..., Awaitable[Response]]


async def issue_token(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`POST /v1/tokens`: form-encoded client credentials, client in Basic, `scope` required."""
    form = await _form(request)
    settings = world.settings
    if _basic(request) != (settings.client_id, settings.client_secret.get_secret_value()):
        raise RefusedError(401, {"error": "invalid_client"})
    if "grant_type" not in form:
        raise RefusedError(400, _oauth_error("invalid_request", "grant_type field required"))
    if form["grant_type"] != "client_credentials":
        raise RefusedError(400, _oauth_error("unsupported_grant_type", "grant_type must be client_credentials"))
    if not form.get("scope", "").split():
        raise RefusedError(422, {"detail": [{"loc": ["body", "scope"], "msg": "Field required", "type": "missing"}]})
    scopes = _granted(form["scope"].split(), world)
    return answer(_new_token(scopes, world=world, at=now()), headers={"Cache-Control": "no-store"})


def guarded(handler: Handler, *, world: BaswareWorld, now: Clock, scope: str, push_api: bool = False) -> Endpoint:
    """The handler behind authentication: 401 without a valid credential, 403 without the scope.

    The push API (subscriptions, tasks) answers 401 with a message and takes no Basic; P2P answers with an empty body.
    """

    async def endpoint(request: Request) -> Response:
        scopes = _scopes_of(request, world=world, at=now(), basic=not push_api)
        if scopes is None:
            raise RefusedError(401, {"message": "Unauthorized"} if push_api else None)
        if scope not in scopes:
            raise RefusedError(403, {"message": "Forbidden"})
        world.give_up(at=now())
        return await handler(request, world=world, now=now)

    return endpoint


def _scopes_of(request: Request, *, world: BaswareWorld, at: datetime, basic: bool) -> frozenset[str] | None:
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        token = world.tokens.get(credential.strip())
        return token.scopes if token is not None and at < token.expires_at else None
    settings = world.settings
    if basic and _basic(request) == (settings.basic_user, settings.basic_password.get_secret_value()):
        return settings.scopes_granted
    return None


async def _form(request: Request) -> dict[str, str]:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != "application/x-www-form-urlencoded":
        raise RefusedError(400, _oauth_error("invalid_request", "grant_type field required"))
    text = (await request.body()).decode("utf-8", errors="replace")
    return {name: values[0] for name, values in parse_qs(text).items()}


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(credential, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password


def _granted(asked: list[str], world: BaswareWorld) -> list[str]:
    refused = [scope for scope in asked if scope not in world.settings.scopes_granted]
    if refused and world.settings.ungranted_scope == "refuse":
        raise RefusedError(400, _oauth_error("invalid_scope", f"not granted: {' '.join(refused)}"))
    return [scope for scope in asked if scope not in refused]


def _new_token(scopes: list[str], *, world: BaswareWorld, at: datetime) -> dict[str, Any]:
    settings = world.settings
    expires_at = at + timedelta(seconds=settings.token_life)
    world.tokens = {text: token for text, token in world.tokens.items() if token.expires_at > at}
    text = secrets.token_urlsafe(32)
    if settings.token_form == "jwt":
        text = _jwt(scopes, world=world, at=at, expires_at=expires_at)
    world.tokens[text] = Token(frozenset(scopes), expires_at)
    # Whole seconds, as the published type is an integer; a shorter life is rounded up.
    expires_in = -int(-settings.token_life // 1)
    return {"access_token": text, "scope": " ".join(scopes), "expires_in": expires_in, "token_type": "Bearer"}


def _jwt(scopes: list[str], *, world: BaswareWorld, at: datetime, expires_at: datetime) -> str:
    header = {"alg": "RS256", "typ": "at+jwt", "kid": "sandbox"}
    issued = int(at.timestamp())
    claims = {
        "sub": world.settings.client_id,
        "scope": scopes,
        "auth_time": issued,
        "iss": "https://api.basware.com",
        "aud": "OpenAPI",
        "exp": int(expires_at.timestamp()),
        "iat": issued,
        "jti": secrets.token_hex(16),
        "bwcid": world.settings.tenant,
    }
    return ".".join([_segment(header), _segment(claims), secrets.token_urlsafe(32)])


def _segment(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _oauth_error(name: str, description: str) -> dict[str, str]:
    return {"error": name, "error_description": description}
