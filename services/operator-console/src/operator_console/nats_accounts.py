"""The permissions of `mlc_common.permissions` in NATS's words: for the official chart, or for a server's own file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from mlc_common.permissions import DUTIES, permissions_of

ACCOUNT = "MLC"

_QUOTED_VARIABLE = re.compile(r'"<< (\$\w+) >>"')


def password_variable(user: str) -> str:
    """The environment variable of the NATS server that holds this user's password."""
    return f"NATS_PASSWORD_{user.upper().replace('-', '_')}"


def accounts(connections: Iterable[str]) -> dict[str, Any]:
    """The account with its users, passwords by reference in the chart's spelling (`<< $VARIABLE >>`)."""
    names = tuple(connections)
    return {ACCOUNT: {"jetstream": "enabled", "users": [_user(user, names) for user in DUTIES]}}


def _user(user: str, connections: tuple[str, ...]) -> dict[str, Any]:
    allowed = permissions_of(user, connections)
    return {
        "user": user,
        "password": f"<< ${password_variable(user)} >>",
        "permissions": {
            "publish": {"allow": list(allowed.publish)},
            "subscribe": {"allow": list(allowed.subscribe)},
        },
    }


def chart_values(connections: Iterable[str]) -> dict[str, Any]:
    """A values file for the official chart that adds the account; it is given after the hand-written one."""
    return {"config": {"merge": {"accounts": accounts(connections)}}}


def server_file(connections: Iterable[str]) -> str:
    """The same for `include` in a server's own configuration; the passwords come from its environment."""
    text = json.dumps({"accounts": accounts(connections)}, indent=2)
    return _QUOTED_VARIABLE.sub(r"\1", text)[1:-1].strip() + "\n"
