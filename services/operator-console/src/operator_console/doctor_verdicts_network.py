"""Judges names, certificates and clocks. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from operator_console.doctor_checks import Check, failed, passed, unknown

CLOCKS_MAY_DIFFER = timedelta(seconds=60)
"""Tokens and signed pushes are judged by time; beyond this they begin to fail for no visible reason."""

SOON = timedelta(days=7)


def clock(side: str, header: str | None, *, before: datetime, after: datetime) -> Check:
    """A far side's Date header against our clock just before and just after the call; whole seconds, as it is."""
    name = f"{side} clock"
    try:
        theirs = parsedate_to_datetime(header or "")
    except ValueError:
        return unknown(name, "the answer has no Date header", "compare this machine's clock with a time server")
    gap = max(before - theirs, theirs - after, timedelta(0))
    how = f"{gap.total_seconds():.0f} s apart"
    if gap <= CLOCKS_MAY_DIFFER:
        return passed(name, how)
    here = "ahead" if theirs < before else "behind"
    detail = f"{how}: this machine is {here} ({before:%Y-%m-%d %H:%M:%S} UTC here, {theirs:%Y-%m-%d %H:%M:%S} there)"
    return failed(name, detail, "set this machine's clock by a time server (chrony, systemd-timesyncd)")


def certificate(side: str, host: str, *, not_after: datetime, issuer: str, now: datetime) -> Check:
    """A certificate whose chain and name were verified, by the day it ends."""
    name, left = f"{side} tls {host}", not_after - now
    detail = f"verified; ends {not_after:%Y-%m-%d} ({left.days} days), issued by {issuer}"
    if left > SOON:
        return passed(name, detail)
    return failed(name, detail, f"whoever runs {host} must renew its certificate; calls fail when it has ended")


def untrusted(side: str, host: str, why: str) -> Check:
    """A certificate that was not verified."""
    remedy = (
        f"if {why.rstrip('.')} is a matter of a proxy or a company's own authority: put that authority into the file "
        f"that SSL_CERT_FILE names for every service; else whoever runs {host} must mend its certificate or chain"
    )
    return failed(f"{side} tls {host}", why, remedy)
