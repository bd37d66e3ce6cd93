"""`ml-connector subscription`: a connection's push subscriptions in Basware. Others' are not touched unasked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_basware.client import open_session
from mlc_basware.subscription_plans import Subscription, Wish, deletions, standing, wishes
from mlc_basware.subscriptions import DELETE, READ, WRITE, Subscriptions
from mlc_common.connections import Connection, load
from mlc_common.failures import PermanentError, UnknownOutcomeError
from mlc_common.service import master_keys
from mlc_common.settings import Settings
from operator_console.exits import CommandError, Exit
from operator_console.reach import database


@dataclass(frozen=True)
class Shown:
    """A subscription without its secret; `ours` when it leads to this connection's address."""

    task_type: str
    sub_type: str
    address: str
    updated: datetime | None
    ours: bool


async def listing(settings: Settings, name: str) -> list[Shown]:
    """Every subscription of the tenant.

    Raises:
        CommandError: there is no such connection.
        TransientError: Basware does not answer, or denies it.
    """
    connection = await _connection(settings, name)
    async with _subscriptions(connection, settings, READ) as subscriptions:
        return _shown(await subscriptions.held(), connection.document.basware.webhook.address)


async def ensure(settings: Settings, name: str, *, replace: bool) -> tuple[list[Wish], list[Shown]]:
    """Create what is missing, and mend what leads here with another secret; which that was, and all that there is then.

    A subscription of the same type that leads elsewhere would probably be overwritten, so that must be asked for.

    Raises:
        CommandError: it was refused, or is not as wished afterwards.
    """
    connection = await _connection(settings, name)
    # Of several the first: while a secret is changed, the gateway takes the older ones too.
    url, secret = _address(connection), connection.secret("basware.webhook_secret")
    async with _subscriptions(connection, settings, READ, WRITE) as subscriptions:
        held = await subscriptions.held()
        stands = {wish: standing(wish, held, url=url, secrets=(secret,)) for wish in wishes(connection.document)}
        foreign = [str(wish) for wish, how in stands.items() if how == "elsewhere"]
        if foreign and not replace:
            raise CommandError(
                f"{', '.join(foreign)} goes to another address already, and a new subscription would probably end that "
                "one. Nothing was changed. See: ml-connector subscription list "
                f"{name}; if that address is given up, repeat with --replace.",
                code=Exit.REFUSED,
            )
        changed = [wish for wish, how in stands.items() if how != "right"]
        if changed:
            await _subscribe(subscriptions, changed, url=url, secret=secret)
            held = await subscriptions.held()
    wrong = [str(w) for w in stands if standing(w, held, url=url, secrets=(secret,)) != "right"]
    if wrong:
        raise CommandError(
            f"Basware does not show {', '.join(wrong)} as it was asked for; try again, or ask its support."
        )
    return changed, _shown(held, url)


async def _subscribe(subscriptions: Subscriptions, wished: Sequence[Wish], *, url: str, secret: str) -> None:
    try:
        await subscriptions.subscribe(wished, url=url, secret=SecretStr(secret))
    except UnknownOutcomeError:
        return  # the caller looks what became of it
    except PermanentError as refusal:
        raise CommandError(
            f"{refusal} Basware calls the address before it subscribes: it must be reachable from outside and answer.",
            code=Exit.REFUSED,
        ) from refusal


async def remove(settings: Settings, name: str) -> tuple[int, list[Shown]]:
    """Delete the subscriptions that lead to this connection's address; how many are gone, and what is left.

    Raises:
        CommandError: others would be deleted with them, or they are still there afterwards.
    """
    connection = await _connection(settings, name)
    url = _address(connection)
    async with _subscriptions(connection, settings, READ, DELETE) as subscriptions:
        held = await subscriptions.held()
        try:
            planned = deletions(held, url=url)
        except PermanentError as refusal:
            raise CommandError(str(refusal), code=Exit.REFUSED) from refusal
        for deletion in planned:
            await subscriptions.delete(deletion)
        left = await subscriptions.held() if planned else held
    still = [each for each in left if each.url == url]
    if still:
        raise CommandError(f"Basware still shows {len(still)} subscriptions at {url}; try again, or ask its support.")
    return len(held) - len(left), _shown(left, url)


def _address(connection: Connection) -> str:
    url = connection.document.basware.webhook.address
    if url is None:
        raise CommandError(
            "The connection does not say where pushes go: set basware.webhook.address in its file "
            f"(https://<your host>/hooks/basware/{connection.name}) and apply it.",
            code=Exit.USAGE,
        )
    return url


@asynccontextmanager
async def _subscriptions(connection: Connection, settings: Settings, *scopes: str) -> AsyncIterator[Subscriptions]:
    """With a token of its own for these scopes only: the services' token has no business with subscriptions."""
    # The edge: a command knows no other clock.
    now = lambda: datetime.now(UTC)  # noqa: E731 - one line
    async with open_session(connection, timings=settings.timings, now=now, scopes=scopes) as session:
        yield Subscriptions(session)


async def _connection(settings: Settings, name: str) -> Connection:
    async with database(settings) as engine:
        return await _of(engine, settings, name)


async def _of(engine: AsyncEngine, settings: Settings, name: str) -> Connection:
    found = (await load(engine, master_keys(settings))).get(name)
    if found is None:
        raise CommandError(
            f"There is no connection {name}; see what there is: ml-connector connection list", code=Exit.USAGE
        )
    return found


def _shown(held: Sequence[Subscription], url: str | None) -> list[Shown]:
    return [Shown(each.task_type, each.sub_type, each.url, each.updated, each.url == url) for each in held]


def as_json(shown: Sequence[Shown]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "taskType": each.task_type,
            "taskSubType": each.sub_type,
            "address": each.address,
            "lastUpdated": each.updated,
            "ours": each.ours,
        }
        for each in shown
    ]


def cells(shown: Sequence[Shown]) -> list[tuple[object, ...]]:
    """For a table."""
    return [(each.task_type, each.sub_type, each.address, each.updated, each.ours) for each in shown]
