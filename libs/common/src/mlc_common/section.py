"""What every section of a connection document is: frozen, and a misspelt member is an error. Pure."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of a connection document."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
