"""Both emulators as one process, the way people start them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from mlc_sandbox import serve


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """`python -m mlc_sandbox.serve`."""
    command = [sys.executable, "-m", "mlc_sandbox.serve", "--basware-port", "0", "--epicor-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        yield started
        started.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_says_where_it_listens_and_stops_cleanly(
    process: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert process.stdout is not None
    urls = json.loads(process.stdout.readline())
    with httpx.Client(trust_env=False) as client:
        states = [client.get(f"{url.removesuffix('/sandbox')}/_sandbox/state") for url in urls.values()]

    process.send_signal(number)
    out, errors = process.communicate(timeout=10)

    assert sorted(urls) == ["basware", "epicor"]
    assert urls["epicor"].endswith("/sandbox")
    assert [state.status_code for state in states] == [200, 200]
    assert (process.returncode, out, errors) == (0, "", "")


def test_a_dropped_connection_is_real_in_the_process_too(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    root = json.loads(process.stdout.readline())["epicor"].removesuffix("/sandbox")
    with httpx.Client(base_url=root, trust_env=False) as client:
        client.post("/_sandbox/faults", json=[{"kind": "drop_after", "path": "connect/token"}])

        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            client.post("/connect/token", data={"grant_type": "client_credentials"})

        assert client.get("/_sandbox/calls").json()["calls"][-1]["status"] == 0


async def test_the_worlds_can_be_reached_in_process() -> None:
    async with serve.running() as running, httpx.AsyncClient(trust_env=False) as client:
        running.epicor_world.settings = running.epicor_world.settings.model_copy(update={"page_cap": 3})
        state = (await client.get(f"{running.epicor_root}/_sandbox/state")).json()
        basware = await client.get(f"{running.basware}/_sandbox/state")

    assert state["settings"]["page_cap"] == 3
    assert basware.status_code == 200


async def test_stopping_does_not_wait_for_a_call_that_hangs() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        async with serve.running() as running:
            url = f"{running.epicor_root}/connect/token"
            running.epicor_world.settings = running.epicor_world.settings.model_copy(update={"latency": 60})
            with pytest.raises(httpx.ReadTimeout):
                await client.post(url, data={}, timeout=0.2)

        with pytest.raises(httpx.ConnectError):
            await client.post(url, data={})
