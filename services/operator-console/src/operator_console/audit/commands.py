"""`ml-connector audit`: export, verify, archive, keys. What a command line says becomes ranges of streams."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select

from mlc_common.eventlog import EventLog
from mlc_common.service import master_keys
from mlc_common.settings import Settings
from mlc_common.streams import CHAINED, DOCUMENTS, history_subject
from mlc_common.tables import document_status
from operator_console.audit import signing_keys
from operator_console.audit.export import Wanted, Written, check, write_bundle
from operator_console.audit.follower import Chains
from operator_console.audit.signing import Keys, read_keys
from operator_console.audit.verification import Report
from operator_console.connection_commands import operator
from operator_console.exits import CommandError, Exit
from operator_console.reach import broker, database
from operator_console.stream_reader import StreamReader

YEARS = range(1900, 2200)
"""The broker counts nanoseconds in 63 bits: it takes a later start for none, and would give everything."""

ARCHIVED = re.compile(r"([A-Z]+)-([0-9]+)-([0-9]+)\.jsonl")


@dataclass(frozen=True)
class Asked:
    """What a person asked for; one document, or all messages of a time range, of one stream or of each."""

    document: str | None = None
    connection: str | None = None
    stream: str | None = None
    since: str | None = None
    until: str | None = None


@asynccontextmanager
async def chains_of(settings: Settings) -> AsyncIterator[Chains]:
    """The chains, for one command."""
    timeout = settings.timings.publish
    async with database(settings) as engine, broker(settings) as client:
        reader = StreamReader(client, EventLog(client, timeout=timeout), timeout=timeout)
        # The edge: a person acts now.
        yield Chains(
            engine, client, reader, keys=lambda: master_keys(settings), now=lambda: datetime.now(UTC), timeout=timeout
        )


async def export(settings: Settings, asked: Asked, *, file: Path) -> Written:
    """Write a bundle of what was asked for.

    Raises:
        CommandError: it is not clear what was asked for, or there is nothing of it.
    """
    if asked.document is None and asked.stream is None and asked.since is None and asked.until is None:
        raise CommandError("Say what to export: --document, --stream, or --from and --to.", code=Exit.USAGE)
    if asked.stream not in (None, *CHAINED):
        raise CommandError(f"There is no stream {asked.stream}; there are: {', '.join(CHAINED)}.", code=Exit.USAGE)
    since, until = _instant(asked.since, "--from"), _instant(asked.until, "--to")
    scope = {name: value for name, value in vars(asked).items() if value is not None}
    async with chains_of(settings) as chains:
        if asked.document is not None:
            if asked.stream or since or until:
                raise CommandError(
                    "A document is exported whole: leave --stream, --from and --to out.", code=Exit.USAGE
                )
            wanted = [Wanted(DOCUMENTS, owner=await _owner(chains, asked.document, asked.connection))]
        else:
            streams = [asked.stream] if asked.stream else CHAINED
            wanted = [each for name in streams if (each := await _range(chains, name, since, until)) is not None]
        return await write_bundle(chains, wanted, file=file, scope=scope, by=operator())


async def archive(settings: Settings, *, before: str, folder: Path) -> list[Written]:
    """Write a bundle of each stream with what is older than this, from where the folder's last bundle ended.

    Raises:
        CommandError: the time is none, or the folder cannot be used.
    """
    until = _instant(before, "--before")
    archived = _archived(folder)
    made: list[Written] = []
    async with chains_of(settings) as chains:
        for stream in CHAINED:
            found = await _range(chains, stream, None, until)
            if found is None or found.last is None or found.last <= archived.get(stream, 0):
                continue
            first = max(archived.get(stream, 0) + 1, found.first)
            file = folder / f"{stream}-{first}-{found.last}.jsonl"
            wanted = [Wanted(stream, first, found.last)]
            scope = {"stream": stream, "before": before}
            made.append(await write_bundle(chains, wanted, file=file, scope=scope, by=operator()))
    return made


def _archived(folder: Path) -> dict[str, int]:
    """The last sequence of each stream that a bundle in this folder holds; the folder is made when it is not there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = [match for path in folder.iterdir() if (match := ARCHIVED.fullmatch(path.name))]
    return {match[1]: int(match[3]) for match in sorted(found, key=lambda match: int(match[3]))}


async def _first_held(chains: Chains, stream: str) -> int:
    return int((await chains.nats.jetstream(timeout=chains.timeout).stream_info(stream)).state.first_seq) or 1


async def _range(chains: Chains, stream: str, since: datetime | None, until: datetime | None) -> Wanted | None:
    first = await _sequence(chains, stream, since) if since else await _first_held(chains, stream)
    if first is None:
        return None
    beyond = await _sequence(chains, stream, until) if until else None
    if beyond is None:
        state = (await chains.nats.jetstream(timeout=chains.timeout).stream_info(stream)).state
        beyond = state.last_seq + 1
    return Wanted(stream, first, beyond - 1) if first < beyond else None


async def _sequence(chains: Chains, stream: str, at: datetime) -> int | None:
    """The first message that was stored at this time or later."""
    request: dict[str, Any] = {"start_time": at.isoformat(), "next_by_subj": ">", "batch": 1}
    found = await chains.reader.raw(stream, request)
    return int((found[0].headers or {})["Nats-Sequence"]) if found else None


async def _owner(chains: Chains, document: str, connection: str | None) -> str:
    """What the subjects of a document begin with; named by its id, or by its invoice number."""
    columns = document_status.c
    query = select(columns.connection, columns.invoice_id).where(
        or_(columns.invoice_id == document, columns.invoice_number == document)
    )
    if connection is not None:
        query = query.where(columns.connection == connection)
    async with chains.engine.connect() as db:
        found = (await db.execute(query)).all()
    if len(found) > 1:
        listed = ", ".join(f"{each.invoice_id} of {each.connection}" for each in found)
        raise CommandError(f"Several documents are {document}: {listed}; name one with --connection.", code=Exit.USAGE)
    if not found and connection is None:
        raise CommandError(f"No accounting document {document} is known.", code=Exit.USAGE)
    subject = history_subject(connection or found[0].connection, found[0].invoice_id if found else document)
    return subject.removesuffix(".>")


def _instant(given: str | None, option: str) -> datetime | None:
    if given is None:
        return None
    whole = f"{given}T00:00:00+00:00" if len(given) == len("2026-11-22") else given
    try:
        instant = datetime.fromisoformat(whole)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None or instant.year not in YEARS:
        raise CommandError(
            f"{option} {given} is no time; write 2026-11-22 (from midnight, UTC) or 2026-11-22T09:00:00+00:00.",
            code=Exit.USAGE,
        )
    return instant


def verified(file: Path, keys: Sequence[Path]) -> Report:
    """Check a bundle with nothing but the file and public keys.

    Raises:
        CommandError: a file cannot be read, or is not what it should be.
    """
    known: dict[str, Any] = {}
    for each in keys:
        known |= _keys(each)
    try:
        report = check(file, known)
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.", code=Exit.USAGE) from error
    if report.header is None and not report.covered:
        raise CommandError(f"{file} is no bundle of ml-connector.", code=Exit.USAGE)
    return report


def _keys(file: Path) -> Keys:
    try:
        return read_keys(file.read_bytes())
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.", code=Exit.USAGE) from error
    except ValueError as error:
        raise CommandError(f"{file} holds no Ed25519 public key in PEM form.", code=Exit.USAGE) from error


async def public_keys(settings: Settings) -> list[signing_keys.SigningKey]:
    """Every signing key there ever was; one is made when there is none."""
    async with database(settings) as engine:
        # The edge: a person acts now.
        await signing_keys.signers(engine, master_keys(settings), now=datetime.now(UTC))
        return await signing_keys.listing(engine)


async def new_key(settings: Settings) -> str:
    """One more signing key; returns its id."""
    async with database(settings) as engine:
        return await signing_keys.add(engine, master_keys(settings), now=datetime.now(UTC))  # the edge


async def retire_key(settings: Settings, key_id: str) -> None:
    """Let a signing key sign no more."""
    async with database(settings) as engine:
        await signing_keys.retire(engine, key_id, now=datetime.now(UTC))  # the edge
