"""Looks at the way to a far side: its name, its certificate, its clock."""

from __future__ import annotations

import asyncio
import socket
import ssl
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from mlc_common.http import call
from operator_console.doctor_checks import Check, failed, passed, skipped
from operator_console.doctor_verdicts_network import certificate, clock, untrusted


async def name_resolves(side: str, url: str) -> Check:
    """Whether the host of an address has one."""
    host, port = _place(url)
    name = f"{side} dns {host}"
    if _by_proxy(url):
        return skipped(name, "calls go through the proxy of the environment, which looks names up itself")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return failed(
            name,
            f"no address: {error.strerror}",
            f"correct the host in the connection file, or this machine's DNS: {host}",
        )
    return passed(name, ", ".join(dict.fromkeys(str(each[4][0]) for each in found)))


async def certificate_holds(side: str, url: str, *, now: datetime, context: ssl.SSLContext | None = None) -> Check:
    """The certificate as the services verify it: chain, name and dates."""
    host, port = _place(url)
    name = f"{side} tls {host}"
    if urlsplit(url).scheme != "https":
        return skipped(name, "plain http on this machine")
    if _by_proxy(url):
        return skipped(name, "calls go through the proxy of the environment")
    try:
        _, writer = await asyncio.open_connection(host, port, ssl=context or httpx.create_ssl_context())
    except ssl.SSLCertVerificationError as error:
        return untrusted(side, host, error.verify_message)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror or type(error).__name__
        return failed(name, f"no TLS connection to port {port}: {why}", f"let this machine reach {host}:{port}")
    found: dict[str, Any] = writer.get_extra_info("peercert") or {}
    writer.close()
    with suppress(OSError, ssl.SSLError):
        await writer.wait_closed()
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(found["notAfter"]), UTC)
    issuer = dict(each[0] for each in found.get("issuer", ()))
    return certificate(
        side, host, not_after=ends, issuer=issuer.get("organizationName") or issuer.get("commonName", "?"), now=now
    )


async def clock_agrees(side: str, url: str, *, http: httpx.AsyncClient, now: Callable[[], datetime]) -> Check:
    """A far side's clock against ours; any answer has the time, also one that refuses.

    Raises:
        TransientError: it does not answer.
    """
    before = now()
    answer = await call(http, "GET", url, writes=False, what=f"{side.capitalize()} (a look at its clock)")
    return clock(side, answer.headers.get("Date"), before=before, after=now())


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _by_proxy(url: str) -> bool:
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    return (parts.scheme in proxies or "all" in proxies) and not urllib.request.proxy_bypass(parts.hostname or "")
