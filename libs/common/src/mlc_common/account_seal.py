"""Bank account numbers at rest: sealed so that equal ones read alike, and only their last characters can be read.

A sealed number is `sealed:TEXT:…1234`. The text is AES-SIV under a key derived from the connection's data key, bound to
connection, company and vendor: the same number of the same vendor always becomes the same text, so records are compared
and hashed without opening them, and nobody without the key can try numbers out.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mlc_common.vault import DataKey, VaultError

SHOWN = 4
"""Characters of a number that are shown, at most; of a short one fewer."""

_SEALED = re.compile(r"sealed:([A-Za-z0-9_=-]+):(…\S{0,4})")
_IBAN = re.compile(r"\b(?:[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}|[a-z]{2}\d{2}[a-z0-9]{11,30})\b")
_DIGITS = re.compile(r"\d(?:[ ./-]{0,3}\d){4,}")


@dataclass(frozen=True, slots=True, eq=False)
class AccountSeal:
    """Seals and opens the account numbers of one connection's vendors."""

    connection: str
    key: bytes = field(repr=False)

    @classmethod
    def under(cls, data_key: DataKey) -> Self:
        """The seal that follows from a connection's data key."""
        derived = HKDF(SHA256(), length=64, salt=None, info=b"ml-connector bank accounts 1")
        return cls(data_key.connection, derived.derive(data_key.secret))

    def seal(self, number: str, *, company: str, code: str) -> str:
        """The number, sealed for this vendor; one that is sealed already stays as it is."""
        if not number or _SEALED.fullmatch(number):
            return number
        text = AESSIV(self.key).encrypt(number.encode(), [self._place(company, code)])
        return f"sealed:{base64.urlsafe_b64encode(text).decode()}:{mask(number)}"

    def open(self, sealed: str, *, company: str, code: str) -> str:
        """The number.

        Raises:
            VaultError: it was sealed under another key, or for another vendor.
        """
        found = _SEALED.fullmatch(sealed)
        if found is None:
            return sealed
        try:
            text = base64.urlsafe_b64decode(found[1])
            return AESSIV(self.key).decrypt(text, [self._place(company, code)]).decode()
        except (InvalidTag, ValueError, binascii.Error):
            raise VaultError(
                f"A bank account of vendor {code} does not open; it was sealed under another key"
            ) from None

    def _place(self, company: str, code: str) -> bytes:
        return json.dumps([self.connection, company, code]).encode()


def mask(number: str) -> str:
    """The last characters of a number, at most a third of it."""
    plain = re.sub(r"\s", "", number)
    last = min(SHOWN, len(plain) // 3)
    return f"…{plain[-last:]}" if last else "…"


def shown(value: Any) -> Any:
    """A value of any depth with masks in the place of what is sealed: what a person may see."""
    match value:
        case str():
            return _SEALED.sub(r"\2", value)
        case Mapping():
            return {name: shown(item) for name, item in value.items()}
        case list() | tuple():
            return [shown(item) for item in value]
        case _:
            return value


def scrubbed(text: str) -> str:
    """Somebody else's sentence about a vendor, with a mask for everything that may be an account number."""
    return _DIGITS.sub(_masked, _IBAN.sub(_masked, text))


def _masked(found: re.Match[str]) -> str:
    return mask(re.sub(r"[^A-Za-z0-9]", "", found[0]))
