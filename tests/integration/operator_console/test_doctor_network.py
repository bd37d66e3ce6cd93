"""Names, certificates and the broker's sync, each on a real server that listens on this machine."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from mlc_common.settings import Settings
from mlc_common.topology import declare
from operator_console.data_folder import DataFolder
from operator_console.doctor_checks import Check
from operator_console.doctor_network import certificate_holds, name_resolves
from operator_console.doctor_platform import streams

NOW = datetime.now(UTC)
ME = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Northwind Test Authority")])


def certificate(folder: Path, *, days: float, host: str = "127.0.0.1") -> Path:
    """A file with a certificate for a host and its key; it signs itself and so is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.IPAddress(ipaddress.ip_address(host))
    begins = NOW - timedelta(days=90)
    made = (
        x509.CertificateBuilder()
        .subject_name(ME)
        .issuer_name(ME)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begins)
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "both.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    return file


@asynccontextmanager
async def serving(file: Path) -> AsyncIterator[str]:
    """Something that speaks TLS with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def examined(file: Path, *, trusted: bool) -> Check:
    context = ssl.create_default_context(cafile=str(file)) if trusted else None
    async with serving(file) as url:
        return await certificate_holds("epicor", url, now=NOW, context=context)


async def test_a_certificate_that_holds_passes_with_its_last_day(tmp_path: Path) -> None:
    found = await examined(certificate(tmp_path, days=60), trusted=True)

    assert found.verdict == "pass"
    assert f"{NOW + timedelta(days=60):%Y-%m-%d}" in found.detail
    assert "Northwind Test Authority" in found.detail


@pytest.mark.parametrize(
    ("days", "host", "trusted", "said"),
    [
        (60, "127.0.0.1", False, "self-signed certificate"),
        (60, "127.0.0.2", True, "IP address mismatch"),
        (-1, "127.0.0.1", True, "certificate has expired"),
        (3, "127.0.0.1", True, "(2 days)"),
    ],
)
async def test_a_certificate_that_does_not_hold_is_named(
    tmp_path: Path, days: float, host: str, trusted: bool, said: str
) -> None:
    found = await examined(certificate(tmp_path, days=days, host=host), trusted=trusted)

    assert (found.verdict, said in found.detail) == ("fail", True), found.detail
    assert "certificate" in found.remedy


async def test_a_closed_port_and_a_name_that_nobody_has_are_named() -> None:
    closed = await certificate_holds("epicor", "https://127.0.0.1:1", now=NOW)
    nobody = await name_resolves("basware", "https://no-such-host.invalid")

    assert (closed.verdict, closed.remedy) == ("fail", "let this machine reach 127.0.0.1:1")
    assert (nobody.verdict, "no-such-host.invalid" in nobody.remedy) == ("fail", True)


async def test_behind_a_proxy_the_own_look_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:3128")
    monkeypatch.setenv("no_proxy", "direct.example")

    skipped = [
        await name_resolves("epicor", "https://erp.example"),
        await certificate_holds("e", "https://e.x", now=NOW),
    ]

    assert {each.verdict for each in skipped} == {"skipped"}


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def exporting(folder: Path, port: int, *, sync: str) -> Iterator[str]:
    """A nats-server whose system account lets ours ask for its JSZ."""
    settings = folder / "nats.conf"
    settings.write_text(
        f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{folder}/js", sync_interval: {sync} }}\n'
        'system_account: SYS\naccounts {\n  SYS { exports: [{ service: "$SYS.REQ.SERVER.PING.JSZ" }] }\n'
        "  APP { jetstream: enabled, users: [{ user: a, password: b }],\n"
        '    imports: [{ service: { account: SYS, subject: "$SYS.REQ.SERVER.PING.JSZ" } }] }\n}\nno_auth_user: a\n'
    )
    program = Path(sys.executable).parent / "nats-server"
    process = subprocess.Popen([program, "-c", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"nats://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("sync", "verdict"), [("always", "pass"), ('"60s"', "fail")])
async def test_a_broker_that_lets_itself_be_asked_says_how_it_syncs(
    tmp_path: Path, unused_port: int, sync: str, verdict: str
) -> None:
    with exporting(tmp_path, unused_port, sync=sync) as url:
        client = await nats.connect(url, max_reconnect_attempts=50, reconnect_time_wait=0.1)
        await declare(client, Settings())
        found = {each.name: each for each in await streams(client, Settings(), None)}
        await client.close()

    assert found["nats durability"].verdict == verdict, found["nats durability"]


async def test_an_embedded_site_is_known_by_its_own_configuration(topology: str, tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.broker_config.parent.mkdir(parents=True, exist_ok=True)
    folder.broker_config.write_text("jetstream {\n  sync_interval: always\n}\n")
    client = await nats.connect(topology)

    found = {each.name: each for each in await streams(client, Settings(), folder)}

    await client.close()
    assert found["nats durability"].verdict == "pass"
