"""Methods of business objects: which there are, what each must be given, and the call as a value."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from mlc_sandbox.epicor.draft import Draft
from mlc_sandbox.epicor.wire import KineticError, Row
from mlc_sandbox.epicor.world import EpicorWorld


@dataclass(frozen=True)
class Call:
    """One authorised call of a method. `fault` is the kind of a scripted fault that the method has to play."""

    world: EpicorWorld
    company: str
    user: str
    now: datetime
    arguments: Mapping[str, Any]
    fault: str | None = None

    def draft(self, group: str) -> Draft:
        """An empty draft for this call."""
        return Draft(world=self.world, company=self.company, group=group, user=self.user, now=self.now)


@dataclass(frozen=True)
class Method:
    """A method: parameter name -> tableset | string | number | boolean, in the declared order; all are required."""

    run: Callable[[Call], Row]
    parameters: Mapping[str, str]
    verbs: tuple[str, ...] = ("POST",)


def arguments_of_body(method: Method, body: Any) -> Mapping[str, Any]:
    """The arguments of a POST. Raises KineticError (400) for a missing, unknown or mistyped one."""
    if not isinstance(body, dict):
        raise KineticError("The body must be a JSON object of parameters.")
    for name in method.parameters:
        if name not in body:
            raise KineticError(f"Parameter {name} is not found in the input object")
    for name, value in body.items():
        if name not in method.parameters:
            raise KineticError(f"The input object has a member {name} that is not a parameter.")
        if not _fits(method.parameters[name], value):
            raise KineticError(f"Parameter {name} is not a {method.parameters[name]}.")
    return body


def _fits(kind: str, value: Any) -> bool:
    match kind:
        case "tableset":
            return isinstance(value, dict)
        case "boolean":
            return isinstance(value, bool)
        case "number":
            return isinstance(value, int | Decimal) and not isinstance(value, bool)
        case _:
            return isinstance(value, str)


def arguments_of_query(method: Method, query: Mapping[str, str]) -> Mapping[str, Any]:
    """The arguments of a GET. Raises KineticError (400) for a missing or mistyped one."""
    found: dict[str, Any] = {}
    for name, kind in method.parameters.items():
        if name not in query:
            raise KineticError(f"Parameter {name} is not found in the input object")
        if kind == "number" and not re.fullmatch(r"-?\d+", query[name]):
            raise KineticError(f"Parameter {name} is not a number.")
        found[name] = int(query[name]) if kind == "number" else query[name]
    return found
