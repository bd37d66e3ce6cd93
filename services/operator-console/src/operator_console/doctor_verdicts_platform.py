"""Judges broker, database and keys. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlc_common.streams import Durable
from operator_console.doctor_checks import Check, failed, passed, unknown

_DECLARE = "ml-connector topology"
_KEPT = ("storage", "retention", "discard", "max_age", "max_msgs", "max_bytes", "num_replicas", "deny_delete")
_ALSO = ("deny_purge", "subjects")
NEVER_UNDONE = frozenset({"storage", "retention"})
_DURABILITY = "nats durability"

ENOUGH = 3
"""Replicas of which a majority survives any one server."""


def stream(name: str, held: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> Check:
    """A stream's configuration as it is against how it is declared; an absent member is nought."""
    about = f"nats stream {name}"
    if held is None:
        return failed(about, "it does not exist", _DECLARE)
    differs = [
        f"{each} is {_shown(held.get(each))}, not {_shown(wanted[each])}"
        for each in wanted
        if _differs(each, held, wanted)
    ]
    if not differs:
        return passed(about, f"on disk, never deleted, replicas: {held.get('num_replicas', 1)}")
    stuck = any(each.split()[0] in NEVER_UNDONE for each in differs)
    remedy = "a server does not change this in place: move the stream to a new one" if stuck else _DECLARE
    return failed(about, "; ".join(differs), remedy)


def wanted_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a stream's declaration that its guarantees rest on."""
    return {each: config[each] for each in (*_KEPT, *_ALSO) if each in config}


def _differs(name: str, held: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return (held.get(name) or 0) != (wanted[name] or 0)


def _shown(value: object) -> str:
    return (
        {True: "on", False: "off", None: "off"}.get(value, str(value)) if isinstance(value, bool | None) else str(value)
    )


def durability(replicas: Sequence[int], *, syncs: str | None, servers: int) -> Check:
    """Which guarantee holds for a message that was acknowledged.

    Args:
        replicas: of each stream that is there.
        syncs: `sync_interval` of the server, or None where it cannot be seen.
        servers: in its cluster, as far as the connection shows.
    """
    fewest = min(replicas, default=0)
    if fewest >= ENOUGH:
        return passed(_DURABILITY, f"{fewest} replicas of every stream: a majority has it before it is acknowledged")
    if syncs == "always":
        return passed(_DURABILITY, "sync_interval: always, one copy: it is on disk before it is acknowledged")
    if syncs is not None:
        detail = f"one copy, synced every {syncs}: a power cut loses what was acknowledged since"
        return failed(
            _DURABILITY, detail, "set jetstream.sync_interval: always in nats-server, or MLC_STREAM_REPLICAS=3"
        )
    detail = f"replicas: {fewest}, servers seen: {servers}; the server's sync_interval cannot be seen from a client"
    remedy = (
        "see that nats-server's configuration has jetstream { sync_interval: always }, or use MLC_STREAM_REPLICAS=3"
    )
    return unknown(_DURABILITY, detail, remedy)


def sync_of(jsz: Mapping[str, Any]) -> str | None:
    """`sync_interval` in a server's answer to JSZ, or None when it does not say."""
    data = jsz.get("data")
    config = data.get("config") if isinstance(data, Mapping) else None
    if not isinstance(config, Mapping):
        return None
    if config.get("sync_always"):
        return "always"
    interval = config.get("sync_interval")
    return f"{interval // 1_000_000_000} s" if isinstance(interval, int) and interval > 0 else None


def durable(wanted: Durable, held: Mapping[str, Any] | None, *, ack_wait: float) -> Check:
    """A consumer as it is against how it is declared; `ack_wait` in seconds."""
    name = f"nats durable {wanted.name}"
    if held is None:
        return failed(name, "it does not exist: its service does not start", _DECLARE)
    subjects = held.get("filter_subjects") or [held.get("filter_subject")]
    wrong = []
    if sorted(map(str, subjects)) != sorted(wanted.subjects):
        wrong.append("it reads other subjects")
    if held.get("ack_wait") != int(ack_wait * 1_000_000_000):
        wrong.append(f"ack_wait is {(held.get('ack_wait') or 0) / 1_000_000_000:g} s, not {ack_wait:g} s")
    if held.get("max_deliver", -1) != -1:
        wrong.append(f"it gives up after {held.get('max_deliver')} tries")
    return failed(name, "; ".join(wrong), _DECLARE) if wrong else passed(name)


def schema(missing: Sequence[str]) -> Check:
    """The database's steps that were not applied yet."""
    if missing:
        return failed("database schema", f"behind; missing: {', '.join(missing)}", "ml-connector migrate")
    return passed("database schema", "up to date")


def privileges(lacking: Sequence[str]) -> Check:
    """`role: SELECT on table` and so on, of what our user and the services' roles lack."""
    if not lacking:
        return passed("database privileges", "every table and right that is needed")
    more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
    remedy = (
        "the services' roles: ml-connector migrate --grant, as the tables' owner; another user: GRANT what is missing"
    )
    return failed("database privileges", f"missing: {', '.join(lacking[:5])}{more}", remedy)


def credentials(needed: Iterable[str], held: Iterable[str], unreadable: Mapping[str, str], *, name: str) -> list[Check]:
    """The credentials that the connection signs in with; `held` are the fields that have a value."""
    stored = set(held)
    missing = [each for each in needed if each not in stored and each not in unreadable]
    found = [failed(f"key material {each}", why, _unreadable(name)) for each, why in sorted(unreadable.items())]
    if missing:
        found.append(failed("credentials", f"not set: {', '.join(missing)}", f"ml-connector credentials set {name}"))
    if not found:
        found.append(passed("key material", "every credential is set and opens"))
    return found


def _unreadable(name: str) -> str:
    return (
        f"put the master key back (MLC_MASTER_KEYS, or the file); if it is lost for good: ml-connector credentials "
        f"discard {name}, then ml-connector credentials set {name}"
    )
