"""What one connection is synchronised with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from masterdata_sync.journal import Journal
from masterdata_sync.writing import Writer
from mlc_common.account_seal import AccountSeal
from mlc_common.connection import ConnectionDocument
from mlc_common.telemetry import Metrics
from mlc_epicor.client import EpicorClient
from mlc_epicor.slots import Slots
from mlc_epicor.ways import Dates


@dataclass(frozen=True)
class Sides:
    """Both far sides of a connection, and what is remembered.

    Args:
        slots: keep the calls to Epicor under its cap, across all replicas and services.
        dates: how this Epicor takes dates in filters.
        journal: the facts.
        writer: sends to Basware, and records what that says.
        engine: the database with what was seen and sent.
        seal: closes account numbers as soon as they are read; the writer opens them again.
    """

    document: ConnectionDocument
    epicor: EpicorClient
    writer: Writer
    slots: Slots
    dates: Dates
    journal: Journal
    engine: AsyncEngine
    seal: AccountSeal
    metrics: Metrics
    now: Callable[[], datetime]

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.document.name
