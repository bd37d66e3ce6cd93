"""Examines a connection's Basware: token, scopes, push subscriptions. It only reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import httpx

from mlc_basware.client import open_session, token_endpoint
from mlc_basware.subscription_plans import wishes
from mlc_basware.subscriptions import READ, Subscriptions
from mlc_basware.tokens import TokenRefusedError
from mlc_common.connections import Connection
from mlc_common.failures import FailureError
from mlc_common.settings import Settings
from operator_console.doctor_checks import Check, passed, skipped, unknown
from operator_console.doctor_needs import needed_scopes
from operator_console.doctor_verdicts_basware import SCOPES, not_granted, push, scopes, token_refused

Clock = Callable[[], datetime]


async def token_and_scopes(connection: Connection, settings: Settings, *, now: Clock) -> list[Check]:
    """Whether Basware gives a token, and for what.

    Raises:
        FailureError: it does not answer, or a credential is not there.
    """
    asked = connection.document.basware.scopes
    needed = needed_scopes(connection.document)
    async with _http(settings) as http:
        try:
            token = await token_endpoint(connection, timings=settings.timings, now=now).fetch(http)
        except TokenRefusedError as refusal:
            if refusal.status not in (400, 422):
                return [token_refused(str(refusal), refusal.status), skipped(SCOPES, "there is no token")]
            return await _one_by_one(connection, settings, http, refusal, now=now)
    return [passed("basware token", "granted"), scopes(needed, asked=asked, granted=token.scopes)]


async def _one_by_one(
    connection: Connection, settings: Settings, http: httpx.AsyncClient, refusal: TokenRefusedError, *, now: Clock
) -> list[Check]:
    """Whether a scope that is not granted spoils the whole request is not documented: ask for each alone."""
    missing = []
    asked = connection.document.basware.scopes
    for scope in asked:
        endpoint = token_endpoint(connection, timings=settings.timings, now=now, scopes=(scope,))
        try:
            await endpoint.fetch(http)
        except TokenRefusedError as error:
            if error.status in (400, 422):
                missing.append(scope)
    if not missing or len(missing) == len(asked):
        return [token_refused(str(refusal), refusal.status), skipped(SCOPES, "there is no token")]
    return [passed("basware token", "granted for the other scopes"), not_granted(missing)]


async def pushes(connection: Connection, settings: Settings, *, now: Clock) -> list[Check]:
    """The subscriptions as they are against how they should be; their bodies hold secrets and are shown nowhere."""
    wished, webhook = wishes(connection.document), connection.document.basware.webhook
    try:
        async with open_session(connection, timings=settings.timings, now=now, scopes=(READ,)) as session:
            held = await Subscriptions(session).held()
    except FailureError as failure:
        return [_unseen(f"basware push {wish.sub_type}", str(failure)) for wish in wished]
    secrets = secrets_of(connection)
    return [push(wish, held, connection=connection.name, url=webhook.address, secrets=secrets) for wish in wished]


def secrets_of(connection: Connection) -> Sequence[str]:
    """What the gateway takes; none when they do not open, which is told elsewhere."""
    unreadable = "basware.webhook_secret" in connection.unreadable
    return () if unreadable else connection.secrets("basware.webhook_secret")


def _unseen(name: str, why: str) -> Check:
    remedy = f"let Basware grant the API user {READ}, or look at the subscriptions in Basware yourself"
    return unknown(name, why, remedy)


def _http(settings: Settings) -> httpx.AsyncClient:
    timings = settings.timings
    return httpx.AsyncClient(timeout=httpx.Timeout(timings.basware_read, connect=timings.basware_connect))
