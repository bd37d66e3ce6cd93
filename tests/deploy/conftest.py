"""Certificates for servers that the tests start, by an authority that nobody else trusts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Authority:
    """A private authority; what it issues lies in a folder each, as a Secret of Kubernetes would be mounted."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = _begun(self._name, self._name, self._key.public_key())
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self._own = own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    @property
    def certificate(self) -> Path:
        """What everything it issues is trusted by."""
        folder = self._folder / "authority"
        folder.mkdir(exist_ok=True)
        (folder / "ca.crt").write_bytes(self._own)
        return folder / "ca.crt"

    def issue(self, secret: str) -> Path:
        """A certificate of 127.0.0.1, for servers and clients: `tls.crt`, `tls.key` and `ca.crt` in a folder."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _begun(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, secret)]), self._name, key.public_key())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        signed = made.add_extension(names, critical=False).add_extension(usages, critical=False)
        folder = self._folder / secret
        folder.mkdir()
        (folder / "tls.crt").write_bytes(
            signed.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        plain = serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        (folder / "tls.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
        (folder / "ca.crt").write_bytes(self._own)
        return folder


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
    )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "trusted").mkdir()
    return Authority(tmp_path / "trusted", "ours")


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    """An authority whose certificates nobody here goes by."""
    (tmp_path / "strange").mkdir()
    return Authority(tmp_path / "strange", "stranger")
