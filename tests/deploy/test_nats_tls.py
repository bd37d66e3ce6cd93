"""Services and commands talk TLS to a server that the settings' own certificates vouch for, and to no other."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mlc_common.broker import Outages, make_broker
from mlc_common.settings import Settings
from operator_console.data_folder import free_port
from operator_console.exits import CommandError
from operator_console.reach import broker


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate of 127.0.0.1 and its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / f"{name}.key").write_bytes(secret)
    return folder / f"{name}.crt"


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    port, trusted = free_port(), certificate(tmp_path, "server")
    (tmp_path / "nats.conf").write_text(
        f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{tmp_path}/js" }}\n'
        f'tls {{ cert_file: "{trusted}", key_file: "{tmp_path}/server.key" }}\n'
    )
    program = Path(sys.executable).parent / "nats-server"
    process = subprocess.Popen([program, "-c", tmp_path / "nats.conf"], stderr=subprocess.DEVNULL)
    yield f"tls://127.0.0.1:{port}", trusted
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


async def test_a_server_that_nobody_vouches_for_is_refused(secured: tuple[str, Path], tmp_path: Path) -> None:
    url, trusted = secured
    await listening(url, trusted)

    with pytest.raises(CommandError):
        async with broker(Settings(nats_url=url, nats_ca_file=certificate(tmp_path, "stranger"))):
            pass
    with pytest.raises(CommandError):
        async with broker(Settings(nats_url=url)):
            pass
