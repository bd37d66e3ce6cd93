"""Who may call: Basic or a bearer token, always with the API key, within the key's access scope."""

import base64
import binascii
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from mlc_sandbox.epicor.wire import UNAUTHORISED, KineticError, Row
from mlc_sandbox.epicor.world import EpicorWorld

WEB_SERVICES = "00000003-9439-4B30-A6F4-6D2FD4B9FD0F"
"""The licence of web services; the same for every tenant."""


def authorise(world: EpicorWorld, headers: Mapping[str, str], *, company: str, key_in_query: str, now: datetime) -> str:
    """The Epicor user that calls. Raises KineticError (401) in one of the captured shapes.

    The key is looked for in `x-api-key`, then in the query. A wrong key is echoed, as the real one does.
    """
    if not _credential_holds(world, headers.get("authorization", ""), now):
        bearer = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        raise _unauthorised("Invalid username or password.", bearer)
    key = headers.get("x-api-key") or key_in_query
    if key != world.settings.api_key.get_secret_value() or company not in world.master.companies:
        raise _unauthorised(f"Invalid API Key {key}.\r\nCompany {company}.")
    return world.settings.user


def within_scope(world: EpicorWorld, service: str, call: str, *, method: str) -> None:
    """Raises KineticError (401, "Access denied") when the key's access scope lacks the service or the call."""
    if {service, f"{service}/{call}"} & world.settings.denied:
        raise _unauthorised(f"Access denied ({service.removesuffix('Svc')}.{method}).")


def claim_licence(world: EpicorWorld, header: str, *, company: str) -> None:
    """Raises KineticError when no licence is free for the call; without the header a person's licence is used.

    The sentence is captured; its HTTP status is not.
    """
    licences = world.settings.licences
    kind = "WebService" if WEB_SERVICES in header else "DefaultUser"
    if licences == "used up" or (licences == "web services only" and kind == "DefaultUser"):
        message = f"Maximum users exceeded on license type: {kind} assigned to company: {company}"
        raise KineticError(message, status=400)


def _unauthorised(message: str, headers: Mapping[str, str] | None = None) -> KineticError:
    return KineticError(message, status=401, kind=UNAUTHORISED, headers=headers)


def _credential_holds(world: EpicorWorld, authorization: str, now: datetime) -> bool:
    scheme, _, credential = authorization.partition(" ")
    if scheme.lower() == "bearer":
        expires_at = world.tokens.get(credential.strip())
        return expires_at is not None and now < expires_at
    if scheme.lower() != "basic":
        return False
    try:
        user, _, password = base64.b64decode(credential, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return (user, password) == (world.settings.user, world.settings.password.get_secret_value())


def issue_token(world: EpicorWorld, *, content_type: str, body: bytes, now: datetime) -> tuple[int, Row]:
    """`POST /connect/token`, client credentials, form-encoded: (HTTP status, JSON body)."""
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return 400, {"error": "invalid_request"}
    form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", errors="replace")).items()}
    settings = world.settings
    client = (form.get("client_id"), form.get("client_secret"))
    if client != (settings.client_id, settings.client_secret.get_secret_value()):
        return 400, {"error": "invalid_client"}
    if form.get("grant_type") != "client_credentials":
        return 400, {"error": "unsupported_grant_type"}
    if form.get("scope", "").split() != [settings.scope]:
        return 400, {"error": "invalid_scope"}
    world.tokens = {text: expires_at for text, expires_at in world.tokens.items() if expires_at > now}
    token = secrets.token_urlsafe(32)
    world.tokens[token] = now + timedelta(seconds=settings.token_life)
    # Whole seconds, as the type is an integer; a shorter life is rounded up.
    expires_in = -int(-settings.token_life // 1)
    return 200, {"access_token": token, "expires_in": expires_in, "token_type": "Bearer", "scope": settings.scope}
