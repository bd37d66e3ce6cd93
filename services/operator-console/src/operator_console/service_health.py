"""Asks a service on this machine whether it is alive, and whether it is ready."""

from __future__ import annotations

import httpx

from operator_console import run_state
from operator_console.data_folder import DataFolder


async def service_answers(folder: DataFolder, service: str, *, path: str = "/healthz") -> str | None:
    """The version of a service that has started and answers `path` with 200, else None."""
    port = run_state.port_of(folder, service)
    if port is None:
        return None
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=3, trust_env=False) as client:
        try:
            if (await client.get(path)).status_code != httpx.codes.OK:
                return None
            health = (await client.get("/healthz")).json()
            return str(health["version"]) if health["started"] else None
        except (httpx.TransportError, ValueError, KeyError):
            return None
