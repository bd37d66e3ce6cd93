"""Addresses that may stand in a connection document: https, or plain http to this machine, and never a login. Pure."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _safe_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query:
        raise ValueError("put no user, password or query into the address; credentials are set separately")
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return url.rstrip("/")
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("use https; plain http is accepted only for this machine itself (127.0.0.1)")
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(_safe_url)]
