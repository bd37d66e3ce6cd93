"""Connections with their credentials, as the services hold them: a view in memory that is refreshed when it changed."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pydantic import SecretStr
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common import tables
from mlc_common.connection import CREDENTIAL_FIELDS, ConnectionDocument
from mlc_common.connection_changes import change_count
from mlc_common.connection_documents import (
    Applied,
    ConnectionRow,
    StoredConnection,
    StoredDocumentError,
    apply,
    current_version,
    listing,
    parse_stored,
    version,
)
from mlc_common.connection_flows import Flow
from mlc_common.credentials import (
    CredentialRefusedError,
    discard_unreadable,
    rewrap,
    set_credential,
    set_credentials,
    wrapped_key,
)
from mlc_common.database import DATABASE_ERRORS
from mlc_common.failures import TransientError
from mlc_common.pausing import pauses
from mlc_common.vault import DataKey, MasterKeys, Sealed, VaultError

__all__ = [
    "Applied",
    "Connection",
    "ConnectionRow",
    "Connections",
    "CredentialRefusedError",
    "MissingCredentialError",
    "StoredConnection",
    "StoredDocumentError",
    "apply",
    "discard_unreadable",
    "listing",
    "load",
    "rewrap",
    "set_credential",
    "set_credentials",
    "version",
]

logger = logging.getLogger(__name__)


class MissingCredentialError(TransientError):
    """A credential is not set yet; somebody will set it."""


@dataclass(frozen=True, slots=True, eq=False)
class Connection:
    """One connection, ready to use.

    Attributes:
        document: its current version.
        version: the number of that version.
        credentials: every value that is set, by field, in the order it was set.
        unreadable: the fields whose stored value does not open, each with the sentence that says why.
        paused: the flows that people have paused.
        data_key: what its credentials are sealed with; None before the first one is set, and when it does not open.
    """

    document: ConnectionDocument
    version: int
    credentials: Mapping[str, tuple[SecretStr, ...]] = field(repr=False)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    paused: frozenset[Flow] = frozenset()
    data_key: DataKey | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The name of the connection."""
        return self.document.name

    def secret(self, field: str) -> str:
        """The value of a credential; the first one when it holds several.

        Raises:
            MissingCredentialError: it is not set.
            VaultError: it is set, but does not open.
        """
        values = self.secrets(field)
        if not values:
            raise MissingCredentialError(
                f"Connection {self.name}: {field} ({CREDENTIAL_FIELDS[field]}) is not set. "
                f"Set it: ml-connector credentials set {self.name}"
            )
        return values[0]

    def secrets(self, field: str) -> tuple[str, ...]:
        """Every value of a credential; none when it is not set.

        Raises:
            VaultError: it is set, but does not open.
        """
        if field not in CREDENTIAL_FIELDS:
            raise KeyError(field)
        if field in self.unreadable:
            raise VaultError(self.unreadable[field])
        return tuple(value.get_secret_value() for value in self.credentials.get(field, ()))


async def load(engine: AsyncEngine, keys: MasterKeys) -> dict[str, Connection]:
    """Every connection at its current version with its credentials opened, by name.

    One broken connection never hides another: a value that does not open is listed in `unreadable` and raises when it
    is asked for; a connection whose stored document is not understood is left out and logged.
    """
    snapshot = await _look(engine, keys)
    snapshot.report()
    return snapshot.found


@dataclass(frozen=True, slots=True)
class _Snapshot:
    counter: int
    found: dict[str, Connection]
    left_out: list[str]

    def report(self) -> None:
        unreadable = {sentence for each in self.found.values() for sentence in each.unreadable.values()}
        for sentence in [*self.left_out, *sorted(unreadable)]:
            logger.error("%s", sentence)


async def _look(engine: AsyncEngine, keys: MasterKeys) -> _Snapshot:
    async with engine.connect() as db:
        await db.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        counter = await change_count(db)
        documents = (await db.execute(current_version())).mappings().all()
        paused = await pauses(db)
        oldest_first = select(tables.data_keys).order_by(tables.data_keys.c.created_at, tables.data_keys.c.id)
        wrapped = (await db.execute(oldest_first)).mappings().all()
        order = (tables.credentials.c.connection, tables.credentials.c.field, tables.credentials.c.position)
        sealed = (await db.execute(select(tables.credentials).order_by(*order))).mappings().all()
    found: dict[str, Connection] = {}
    left_out: list[str] = []
    for row in documents:
        mine = [each for each in sealed if each["connection"] == row["name"]]
        data_keys = _unwrapped([each for each in wrapped if each["connection"] == row["name"]], keys)
        opened, unreadable = _open(data_keys, mine)
        own = next((key for key in data_keys.values() if isinstance(key, DataKey)), None)
        try:
            flows = paused.get(row["name"], frozenset())
            found[row["name"]] = Connection(parse_stored(row), row["version"], opened, unreadable, flows, own)
        except StoredDocumentError as error:
            left_out.append(str(error))
    return _Snapshot(counter, found, left_out)


def _unwrapped(wrapped: list[RowMapping], keys: MasterKeys) -> dict[str, DataKey | str]:
    data_keys: dict[str, DataKey | str] = {}
    for row in wrapped:
        try:
            data_keys[row["id"]] = keys.unwrap(wrapped_key(row))
        except VaultError as error:
            data_keys[row["id"]] = str(error)
    return data_keys


def _open(
    data_keys: Mapping[str, DataKey | str], sealed: list[RowMapping]
) -> tuple[Mapping[str, tuple[SecretStr, ...]], Mapping[str, str]]:
    values: dict[str, tuple[SecretStr, ...]] = defaultdict(tuple)
    unreadable: dict[str, str] = {}
    for row in sealed:
        name, key = row["field"], data_keys[row["data_key_id"]]
        try:
            values[name] += (_open_one(row, key),)
        except VaultError as error:
            unreadable[name] = str(error)
    return MappingProxyType(dict(values)), MappingProxyType(unreadable)


def _open_one(row: RowMapping, key: DataKey | str) -> SecretStr:
    if isinstance(key, str):
        raise VaultError(key)
    return key.open(Sealed(row["nonce"], row["sealed"]), field=row["field"], position=row["position"])


class Connections:
    """The view that a service reads for every message: in memory, no query, at most `refresh_seconds` behind.

    Args:
        keys: the master keys, or where they are read anew at every refresh, so that they rotate while the service runs.
        refresh_seconds: how often `keep_fresh` asks the database whether anything changed.
        on_load: told every connection whenever the view was loaded, before anybody can see it.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        keys: MasterKeys | Callable[[], MasterKeys],
        *,
        refresh_seconds: float,
        on_load: Callable[[Mapping[str, Connection]], None] = lambda _found: None,
    ) -> None:
        self._engine = engine
        self._read_keys: Callable[[], MasterKeys] = (lambda: keys) if isinstance(keys, MasterKeys) else keys
        self._keys: MasterKeys | None = None
        self._refresh_seconds = refresh_seconds
        self._on_load = on_load
        self._counter: int | None = None
        self._current: Mapping[str, Connection] = MappingProxyType({})
        self._one_at_a_time = asyncio.Lock()

    def current(self) -> Mapping[str, Connection]:
        """Every connection, by name, as last seen."""
        return self._current

    def get(self, name: str) -> Connection | None:
        """One connection as last seen, or None when there is none of that name."""
        return self._current.get(name)

    def loaded(self) -> bool:
        """Whether the view was ever loaded; before that it is empty because nothing is known."""
        return self._counter is not None

    async def refresh(self) -> bool:
        """Load anew if anything changed, and say whether it did. One small query when nothing did.

        Raises:
            DATABASE_ERRORS: the database is away; the view stays as it was.
        """
        async with self._one_at_a_time:
            keys = self._keys_now()
            async with self._engine.connect() as db:
                counter = await change_count(db)
            if counter == self._counter and self._keys is not None and keys.by_id == self._keys.by_id:
                return False
            snapshot = await _look(self._engine, keys)
            self._on_load(snapshot.found)
            self._keys, self._counter, self._current = keys, snapshot.counter, MappingProxyType(snapshot.found)
        snapshot.report()
        return True

    def _keys_now(self) -> MasterKeys:
        """The master keys as they are now; while they cannot be read, as they were."""
        try:
            return self._read_keys()
        except (VaultError, OSError) as error:
            if self._keys is None:
                raise
            logger.error("The master keys stay as they were: %s", error)  # noqa: TRY400 - a sentence, no trace
            return self._keys

    async def keep_fresh(self) -> None:
        """Refresh for ever; while the database is away keep the last view, and say so once."""
        away = False
        while True:
            try:
                await self.refresh()
            except DATABASE_ERRORS as error:
                if not away:
                    cause = str(error).partition("\n")[0]
                    logger.warning("The database is away or not ready; connections stay as last seen: %s", cause)
                away = True
            else:
                if away:
                    logger.info("The database is back; connections are fresh again")
                away = False
            await asyncio.sleep(self._refresh_seconds)
