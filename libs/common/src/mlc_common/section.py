"""What every section of a connection document is: frozen, and a misspelt member is an error. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Place = tuple[str | int, ...]


class Section(BaseModel):
    """A part of a connection document."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def located(title: str, mistakes: Iterable[tuple[Place, object, str]]) -> ValidationError:
    """The error of a validator that knows better than its section where the mistakes are.

    Args:
        mistakes: of each the place inside the section, what stands there, and what may stand there.
    """
    return ValidationError.from_exception_data(
        title,
        [
            InitErrorDetails(
                type=PydanticCustomError("value_error", "{allowed}", {"allowed": allowed}), loc=place, input=value
            )
            for place, value, allowed in mistakes
        ],
    )
