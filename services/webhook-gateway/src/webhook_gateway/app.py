"""webhook-gateway: takes Basware's pushes, stores them, and only then says so."""

from __future__ import annotations

from collections.abc import Mapping

from mlc_common.connections import Connection, Connections
from mlc_common.groupcommit import GroupCommit
from mlc_common.service import Runtime, Wiring, run
from mlc_common.vault import VaultError
from webhook_gateway.decision import Receiver
from webhook_gateway.handlers import Gateway
from webhook_gateway.hook import route
from webhook_gateway.signature import rounds_for


async def wire(runtime: Runtime) -> Wiring:
    """The gateway's own part of the service."""
    gateway = Gateway(
        commit=GroupCommit(runtime.nats, timeout=runtime.settings.timings.publish),
        receiver=lambda name: receiver(name, runtime.connections),
        now=runtime.now,
        counters=runtime.metrics.pushes,
        rounds=Rounds(runtime.connections),
    )
    return Wiring(routes=[route(gateway, patience=runtime.settings.timings.push_body)])


def receiver(name: str, connections: Connections) -> Receiver | None:
    """The connection a push names, paused or not; None when there is none.

    Secrets that do not open are our fault, not the sender's: it is asked to come again.
    """
    connection = connections.get(name)
    if connection is None:
        return None
    try:
        secrets = connection.secrets("basware.webhook_secret")
    except VaultError:
        return Receiver(connection.name, connection.document.basware.webhook, (), locked=True)
    return Receiver(connection.name, connection.document.basware.webhook, secrets)


class Rounds:
    """How many MACs every push costs: counted anew only when the connections changed."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._seen: Mapping[str, Connection] | None = None
        self._rounds = 0

    def __call__(self) -> int:
        """The rounds for the connections as they are now."""
        current = self._connections.current()
        if current is not self._seen:
            self._seen, self._rounds = current, rounds_for(candidates(each) for each in current.values())
        return self._rounds


def candidates(connection: Connection) -> int:
    """How many MACs a push for this connection may take to verify."""
    secrets = connection.credentials.get("basware.webhook_secret", ())
    return len(secrets) * len(connection.document.basware.webhook.signed)


def main() -> None:
    """The service's process."""
    run("webhook-gateway", wire)


if __name__ == "__main__":
    main()
