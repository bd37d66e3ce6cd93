"""The keys that sign anchors and bundles, in PostgreSQL, sealed under a master key; they rotate with an overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mlc_common.connection_changes import Change, changing
from mlc_common.credentials import verify_master_key
from mlc_common.tables import signing_keys
from mlc_common.vault import DataKey, MasterKeys, VaultError, WrappedKey
from operator_console.audit.signing import Signer, pem
from operator_console.exits import CommandError, Exit

log = structlog.stdlib.get_logger(__name__)

PLACE = "(the audit trail)"
"""What the vault binds a signing key to, where a data key is bound to its connection; no connection has such a name."""


@dataclass(frozen=True)
class SigningKey:
    """A key as everybody may know it."""

    id: str
    public: str
    created_at: datetime
    retired_at: datetime | None


async def signers(engine: AsyncEngine, keys: MasterKeys, *, now: datetime) -> tuple[Signer, ...]:
    """Every key that signs now, oldest first; the first time one is made.

    Raises:
        VaultError: there are keys, and these master keys open none of them.
    """
    async with engine.connect() as db:
        rows = await _active(db)
    if not rows:
        async with changing(engine) as change:
            if not (rows := await _active(change.db)):
                return (await _make(change, keys, now=now),)
    opened = [each for each in (_opened(row, keys) for row in rows) if each is not None]
    if not opened:
        raise VaultError(
            "The master keys here do not open the key that signs the audit trail; configure the one it is sealed "
            f"under ({', '.join(row['master_key_id'] for row in rows)}). If that is lost for good: ml-connector audit "
            "keys new, then ml-connector audit keys retire, as docs/audit.md says"
        )
    return tuple(opened)


async def add(engine: AsyncEngine, keys: MasterKeys, *, now: datetime) -> str:
    """One more key, which signs beside the others from now on; returns its id."""
    async with changing(engine) as change:
        return (await _make(change, keys, now=now)).id


async def retire(engine: AsyncEngine, key_id: str, *, now: datetime) -> None:
    """Let a key sign no more; its public half stays and verifies what it signed.

    Raises:
        CommandError: there is no such key, or it is the only one that signs.
    """
    async with changing(engine) as change:
        active = [row["id"] for row in await _active(change.db)]
        if key_id not in active:
            raise CommandError(f"No key {key_id} signs; there are: {', '.join(active) or 'none'}.", code=Exit.USAGE)
        if active == [key_id]:
            raise CommandError(
                f"{key_id} is the only key that signs; add another first: ml-connector audit keys new",
                code=Exit.REFUSED,
            )
        await change.db.execute(update(signing_keys).filter_by(id=key_id).values(retired_at=now))


async def listing(engine: AsyncEngine) -> list[SigningKey]:
    """Every key there ever was, oldest first."""
    async with engine.connect() as db:
        rows = (await db.execute(select(signing_keys).order_by(signing_keys.c.created_at))).mappings().all()
    return [
        SigningKey(
            row["id"], pem(Ed25519PublicKey.from_public_bytes(row["public"])), row["created_at"], row["retired_at"]
        )
        for row in rows
    ]


async def rewrap(engine: AsyncEngine, keys: MasterKeys) -> int:
    """Wrap every key under the first master key, as a rotation of master keys does; returns how many were moved.

    Raises:
        VaultError: some do not open; nothing was moved.
    """
    async with changing(engine) as change:
        elsewhere = select(signing_keys).where(signing_keys.c.master_key_id != keys.first).with_for_update()
        rows = (await change.db.execute(elsewhere)).mappings().all()
        for row in rows:
            fresh = keys.wrap(keys.unwrap(_wrapped(row)))
            facts = {"master_key_id": fresh.master_key_id, "wrapped": fresh.wrapped}
            await change.db.execute(update(signing_keys).filter_by(id=row["id"]).values(facts))
    return len(rows)


async def master_keys_in_use(engine: AsyncEngine) -> set[str]:
    """The master keys that a signing key is sealed under."""
    async with engine.connect() as db:
        return set((await db.scalars(select(signing_keys.c.master_key_id).distinct())).all())


async def _active(db: AsyncConnection) -> Sequence[RowMapping]:
    query = select(signing_keys).where(signing_keys.c.retired_at.is_(None)).order_by(signing_keys.c.created_at)
    return (await db.execute(query)).mappings().all()


async def _make(change: Change, keys: MasterKeys, *, now: datetime) -> Signer:
    seed = DataKey.fresh(PLACE).secret
    signer = Signer.of(seed)
    fresh = keys.wrap(DataKey(connection=PLACE, id=signer.id, secret=seed), under=change.sealing_key)
    await verify_master_key(change, keys, fresh.master_key_id)
    facts = {"master_key_id": fresh.master_key_id, "wrapped": fresh.wrapped, "created_at": now}
    public = signer.public.public_bytes_raw()
    await change.db.execute(insert(signing_keys).values(id=signer.id, public=public, **facts))
    log.info("signing_key_made", key=signer.id)
    return signer


def _opened(row: RowMapping, keys: MasterKeys) -> Signer | None:
    try:
        return Signer.of(keys.unwrap(_wrapped(row)).secret)
    except VaultError:
        log.warning("signing_key_closed", key=row["id"], master_key=row["master_key_id"])
        return None


def _wrapped(row: RowMapping) -> WrappedKey:
    return WrappedKey(PLACE, row["id"], row["master_key_id"], row["wrapped"])
