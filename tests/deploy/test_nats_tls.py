"""Services and commands talk TLS to a server that the settings' own certificates vouch for, and to no other."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlc_common.broker import Outages, make_broker
from mlc_common.settings import Settings
from operator_console.data_folder import free_port
from operator_console.exits import CommandError
from operator_console.reach import broker

from .conftest import Authority


@pytest.fixture
def secured(tmp_path: Path, authority: Authority) -> Iterator[tuple[str, Path]]:
    port, secret = free_port(), authority.issue("nats-tls")
    (tmp_path / "nats.conf").write_text(
        f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{tmp_path}/js" }}\n'
        f'tls {{ cert_file: "{secret}/tls.crt", key_file: "{secret}/tls.key" }}\n'
    )
    program = Path(sys.executable).parent / "nats-server"
    process = subprocess.Popen([program, "-c", tmp_path / "nats.conf"], stderr=subprocess.DEVNULL)
    yield f"tls://127.0.0.1:{port}", authority.certificate
    process.kill()
    process.wait()


async def listening(url: str, trusted: Path) -> None:
    for _ in range(100):
        try:
            async with broker(Settings(nats_url=url, nats_ca_file=trusted)) as client:
                assert client.is_connected
                return
        except CommandError:
            await asyncio.sleep(0.05)
    pytest.fail("it does not listen")


async def test_a_service_and_a_command_trust_the_given_certificates(secured: tuple[str, Path]) -> None:
    url, trusted = secured
    await listening(url, trusted)

    made = make_broker("test", Settings(nats_url=url, nats_ca_file=trusted), outages=Outages())
    client = await made.connect()

    assert (await client.jetstream().account_info()).streams == 0
    await made.stop()


async def test_a_server_that_nobody_vouches_for_is_refused(secured: tuple[str, Path], stranger: Authority) -> None:
    url, trusted = secured
    await listening(url, trusted)

    with pytest.raises(CommandError):
        async with broker(Settings(nats_url=url, nats_ca_file=stranger.certificate)):
            pass
    with pytest.raises(CommandError):
        async with broker(Settings(nats_url=url)):
            pass
