"""Credentials in PostgreSQL: set, and moved to another master key while everybody works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import SecretStr
from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.connection import CREDENTIAL_FIELDS
from mlc_common.connection_changes import Change, changing
from mlc_common.failures import PermanentError
from mlc_common.tables import connections, credentials, data_keys
from mlc_common.vault import DataKey, MasterKeys, VaultError, WrappedKey

SEVERAL = frozenset({"basware.webhook_secret"})
"""The fields that may hold several values at once, so that a secret can be changed without a gap."""


class CredentialRefusedError(PermanentError):
    """A credential cannot be stored as given; the sentence says why and never shows the value."""


async def set_credential(
    engine: AsyncEngine,
    keys: MasterKeys,
    *,
    connection: str,
    field: str,
    values: Sequence[SecretStr],
    by: str,
    now: datetime,
) -> None:
    """Replace what a connection holds in one credential field; see `set_credentials`."""
    await set_credentials(engine, keys, connection=connection, values={field: values}, by=by, now=now)


async def set_credentials(
    engine: AsyncEngine,
    keys: MasterKeys,
    *,
    connection: str,
    values: Mapping[str, Sequence[SecretStr]],
    by: str,
    now: datetime,
) -> None:
    """Replace what a connection holds in these credential fields, sealed under its data key: all of them or none.

    Raises:
        CredentialRefusedError: unknown connection or field, no value, an unusable value, or too many.
        VaultError: these master keys are not the ones that this database is sealed under.
    """
    for field, each in values.items():
        _check(field, each)
    async with changing(engine) as change:
        if (await change.db.execute(select(connections).where(connections.c.name == connection))).first() is None:
            raise CredentialRefusedError(
                f"There is no connection {connection}. Apply its file first: ml-connector connection apply -f FILE"
            )
        key = await _data_key(change, keys, connection=connection, now=now)
        origin = {"connection": connection, "data_key_id": key.id, "set_at": now, "set_by": by}
        for field, each in values.items():
            await change.db.execute(delete(credentials).filter_by(connection=connection, field=field))
            await change.db.execute(insert(credentials), [{**origin, **row} for row in _sealed(key, field, each)])
        await change.announce()


def _sealed(key: DataKey, field: str, values: Sequence[SecretStr]) -> list[dict[str, Any]]:
    sealed = [key.seal(value, field=field, position=position) for position, value in enumerate(values)]
    return [
        {"field": field, "position": position, "nonce": each.nonce, "sealed": each.text}
        for position, each in enumerate(sealed)
    ]


async def rewrap(engine: AsyncEngine, keys: MasterKeys, *, now: datetime) -> int:
    """Wrap every data key under the first master key; returns how many were moved.

    For a rotation: add the new key behind the old one everywhere, then put it first everywhere, then rewrap, then drop
    the old one. Each data key moves in a transaction of its own, so a run that was cut off is simply run again. From
    its beginning on, every process wraps new data keys under the new master key, whatever stands first in its own list.

    Raises:
        VaultError: some data keys do not open; all the others were moved.
    """
    async with changing(engine) as change:
        await verify_master_key(change, keys, keys.first)
        await change.announce(sealing_key=keys.first)
        pending = (await change.db.execute(_elsewhere(keys.first))).mappings().all()
    moved, closed = 0, []
    for row in pending:
        try:
            moved += await _rewrap_one(engine, keys, row, now=now)
        except VaultError as error:
            closed.append(str(error))
    if closed:
        raise VaultError(f"{moved} data keys were moved to '{keys.first}', {len(closed)} not. {'. '.join(closed)}")
    return moved


async def _rewrap_one(engine: AsyncEngine, keys: MasterKeys, row: RowMapping, *, now: datetime) -> int:
    place = {"connection": row["connection"], "id": row["id"]}
    async with changing(engine) as change:
        query = _elsewhere(keys.first).filter_by(**place).with_for_update()
        held = (await change.db.execute(query)).mappings().one_or_none()
        if held is None:  # another run was faster
            return 0
        fresh = keys.wrap(keys.unwrap(wrapped_key(held)))
        facts = {"master_key_id": fresh.master_key_id, "wrapped": fresh.wrapped, "wrapped_at": now}
        await change.db.execute(update(data_keys).filter_by(**place).values(facts))
        await change.announce()
    return 1


async def discard_unreadable(engine: AsyncEngine, keys: MasterKeys, *, connection: str) -> tuple[str, ...]:
    """Remove what these master keys do not open, after one was lost for good; returns the fields to set again.

    Without it, a connection whose data key does not open takes no new credential: it could as well be these master
    keys that are wrong.
    """
    async with changing(engine) as change:
        rows = (await change.db.execute(select(data_keys).filter_by(connection=connection))).mappings().all()
        lost = [row["id"] for row in rows if not _opens(keys, row)]
        theirs = delete(credentials).where(credentials.c.connection == connection, credentials.c.data_key_id.in_(lost))
        fields = (await change.db.scalars(theirs.returning(credentials.c.field))).all()
        await change.db.execute(delete(data_keys).filter_by(connection=connection).where(data_keys.c.id.in_(lost)))
        lost_too = change.sealing_key is not None and change.sealing_key not in keys.by_id
        await change.announce(sealing_key=keys.first if lost_too else None)
    return tuple(sorted(set(fields)))


def _opens(keys: MasterKeys, row: RowMapping) -> bool:
    try:
        keys.unwrap(wrapped_key(row))
    except VaultError:
        return False
    return True


def _elsewhere(master_key_id: str) -> Any:
    return select(data_keys).where(data_keys.c.master_key_id != master_key_id)


async def _data_key(change: Change, keys: MasterKeys, *, connection: str, now: datetime) -> DataKey:
    newest = select(data_keys).filter_by(connection=connection).order_by(data_keys.c.created_at.desc()).limit(1)
    held = (await change.db.execute(newest)).mappings().one_or_none()
    if held is not None:
        return keys.unwrap(wrapped_key(held))
    key = DataKey.fresh(connection)
    fresh = keys.wrap(key, under=change.sealing_key)
    await verify_master_key(change, keys, fresh.master_key_id)
    facts = {"master_key_id": fresh.master_key_id, "wrapped": fresh.wrapped, "created_at": now, "wrapped_at": now}
    await change.db.execute(insert(data_keys).values(connection=connection, id=key.id, **facts))
    return key


async def verify_master_key(change: Change, keys: MasterKeys, master_key_id: str) -> None:
    """Make sure that a mistyped key under a right id seals nothing: whatever it wraps would open nowhere else.

    Raises:
        VaultError: what this master key is said to have sealed does not open.
    """
    other = select(data_keys).where(data_keys.c.master_key_id == master_key_id).limit(1)
    held = (await change.db.execute(other)).mappings().one_or_none()
    if held is not None:
        keys.unwrap(wrapped_key(held))


def wrapped_key(row: RowMapping) -> WrappedKey:
    """The data key of a row of `data_keys`, still wrapped."""
    return WrappedKey(
        connection=row["connection"], id=row["id"], master_key_id=row["master_key_id"], wrapped=row["wrapped"]
    )


def _check(field: str, values: Sequence[SecretStr]) -> None:
    if field not in CREDENTIAL_FIELDS:
        raise CredentialRefusedError(f"There is no credential {field}; there are: {', '.join(CREDENTIAL_FIELDS)}")
    if not values:
        raise CredentialRefusedError(f"No value was given for {field}")
    if len(values) > 1 and field not in SEVERAL:
        raise CredentialRefusedError(f"{field} holds one value, and {len(values)} were given")
    for value in values:
        text = value.get_secret_value()
        if not text.strip():
            raise CredentialRefusedError(f"The value for {field} is empty")
        if not text.isprintable():
            raise CredentialRefusedError(f"The value for {field} holds a line break or another control character")
