"""What every service shares: events, streams, the event log, retries, the vault and the one service bootstrap."""
