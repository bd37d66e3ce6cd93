"""What the broker's answers mean: which errors say that it is away, and the codes and headers that guard an append."""

from __future__ import annotations

import nats.errors
from nats.js.errors import NoStreamResponseError, ServiceUnavailableError

WRONG_LAST_SEQUENCE = 10071
MESSAGE_ID = "Nats-Msg-Id"
EXPECTED_LAST = "Nats-Expected-Last-Subject-Sequence"
BROKER_AWAY = (
    nats.errors.TimeoutError,
    nats.errors.ConnectionClosedError,
    nats.errors.ConnectionDrainingError,
    nats.errors.ConnectionReconnectingError,
    nats.errors.NoServersError,
    nats.errors.NoRespondersError,
    nats.errors.OutboundBufferLimitError,
    NoStreamResponseError,
    ServiceUnavailableError,
)
