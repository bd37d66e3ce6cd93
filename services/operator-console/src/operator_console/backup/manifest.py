"""What a backup holds, in words and digests; it is written last, so a backup without it is none. Pure."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

NAME = "manifest.json"


class SavedTable(BaseModel):
    """One table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    rows: int
    sha256: str

    @property
    def file(self) -> str:
        """Where it is in the backup."""
        return f"database/{self.name}.copy"


class SavedStream(BaseModel):
    """One stream; `config` and `state` as the server's API gives and takes them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    config: dict[str, Any]
    state: dict[str, Any]
    sha256: str

    @property
    def file(self) -> str:
        """Where it is in the backup."""
        return f"streams/{self.name}.snapshot"

    @property
    def messages(self) -> int:
        """How many it holds."""
        return int(self.state["messages"])


class Manifest(BaseModel):
    """The whole backup. `master_keys` are the ids of the keys that open what is sealed in it; they are not in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    made_at: AwareDatetime
    version: str
    database_schema: str
    master_keys: tuple[str, ...]
    tables: tuple[SavedTable, ...]
    streams: tuple[SavedStream, ...]
