"""Writes a bundle: the messages that were asked for, the links between them, and the anchors that sign for both."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

from mlc_common.claimcheck import CLAIM_HEADER, ClaimCheck
from mlc_common.failures import PermanentError, TransientError
from operator_console.audit import signing_keys
from operator_console.audit.blocks import Block, blocks, head_at
from operator_console.audit.bundle import LINKS_A_LINE, Header, Links, Section, Writer, event_line
from operator_console.audit.chain import LINK, Message, split
from operator_console.audit.follower import Chains, stored
from operator_console.audit.signing import Anchor, Keys, read_keys
from operator_console.audit.verification import Report, verify
from operator_console.exits import CommandError, Exit

ANCHORED_EVERY = 10_000
"""Sequences after which another anchor is put in, so that a change can be located; the last one proves all."""

TRIES = 20
LONGEST_LINE = 256 * 1024 * 1024
READ_AT_ONCE = 500


@dataclass(frozen=True)
class Wanted:
    """What to put into a section: of an owner everything, else every message; `last` None means up to now."""

    stream: str
    first: int = 1
    last: int | None = None
    owner: str | None = None


@dataclass(frozen=True)
class Written:
    """A bundle that was written, and what checking it found."""

    file: Path
    report: Report
    scope: dict[str, str] = field(default_factory=dict)


async def write_bundle(
    chains: Chains, wanted: Sequence[Wanted], *, file: Path, scope: dict[str, str], by: str
) -> Written:
    """Write a bundle and check it, as whoever gets it will. A file that is there is not touched.

    Raises:
        CommandError: the file is there already, or nothing of what was asked for is.
        BrokenChainError: a stream is not what it was when it was chained.
    """
    must_be_new(file)
    sections = [section for each in wanted if (section := await _section(chains, each)) is not None]
    if not sections:
        raise CommandError("The streams hold nothing of that.", code=Exit.USAGE)
    signers = await signing_keys.signers(chains.engine, chains.keys(), now=chains.now())
    with whole_or_not_at_all(file) as out:
        writer = Writer(out.write)
        made_at = chains.now().astimezone(UTC).isoformat()
        writer.add(Header(made_at=made_at, made_by=by, version=version("ml-connector"), scope=scope))
        for section in sections:
            await _Section(chains, section, writer).write()
        writer.seal(signers)
    public = "".join(each.public for each in await signing_keys.listing(chains.engine))
    return Written(file, check(file, read_keys(public.encode())), scope)


def must_be_new(file: Path) -> None:
    """Refuse to write over what is there.

    Raises:
        CommandError: there is such a file or folder.
    """
    if file.exists():
        raise CommandError(f"{file} is there already; choose another name.", code=Exit.USAGE)


@contextmanager
def whole_or_not_at_all(file: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner may read; it gets its name when it is whole and on disk.

    Raises:
        CommandError: there can be no such file.
    """
    beside = file.with_name(f".{file.name}.part")
    try:
        beside.unlink(missing_ok=True)
        opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.", code=Exit.USAGE) from error
    with os.fdopen(opened, "wb") as out:
        yield out
        out.flush()
        os.fsync(out.fileno())
    beside.rename(file)


def check(file: Path, keys: Keys) -> Report:
    """Verify a bundle that is a file, a line at a time."""
    with file.open("rb") as lines:
        return verify(iter(lambda: lines.readline(LONGEST_LINE), b""), keys)


async def _section(chains: Chains, wanted: Wanted) -> Section | None:
    anchor = await brought_up_to_date(chains, wanted.stream)
    if anchor is None:
        return None
    last = min(wanted.last or anchor.sequence, anchor.sequence)
    before = await head_at(chains.engine, wanted.stream, wanted.first - 1) if wanted.first <= last else None
    if before is None:
        return None
    return Section(stream=wanted.stream, first=wanted.first, last=last, before=before.hex(), owner=wanted.owner)


async def brought_up_to_date(chains: Chains, stream: str) -> Anchor | None:
    """Chain and anchor what a stream holds now, beside the service that does so all the time.

    Raises:
        TransientError: broker or database are away.
    """
    for _ in range(TRIES):
        try:
            return await chains.up_to_date(stream)
        except TransientError as error:  # the service may have been faster
            late = error
    raise late


class _Section:
    """One section while it is written: a message at a time, at most a thousand links, one block."""

    def __init__(self, chains: Chains, section: Section, writer: Writer) -> None:
        self._chains = chains
        self._section = section
        self._writer = writer
        self._claims = ClaimCheck(chains.nats, timeout=chains.timeout)
        self._links = bytearray()
        self._next = section.first
        self._anchored = section.first - 1

    async def write(self) -> None:
        section = self._section
        self._writer.add(section)
        held = messages(self._chains, section)
        upcoming = await anext(held, None)
        async for block in blocks(self._chains.engine, section.stream, first=section.first):
            for link in split(block.links[(self._next - block.first) * LINK :]):
                if upcoming is not None and upcoming.sequence == self._next:
                    await self._event(upcoming, link)
                    upcoming = await anext(held, None)
                else:
                    self._link(link)
            if await self._anchor(block):
                return

    async def _event(self, message: Message, link: bytes) -> None:
        self._flush()
        self._writer.add(event_line(message, link, await self._claimed(message)))
        self._next += 1

    async def _claimed(self, message: Message) -> bytes | None:
        if CLAIM_HEADER not in message.headers:
            return None
        try:
            return await self._claims.check_out(message.payload, message.headers)
        except PermanentError:  # gone or changed: the check of the bundle names it
            return None

    def _link(self, link: bytes) -> None:
        self._links += link
        self._next += 1
        if len(self._links) >= LINKS_A_LINE * LINK:
            self._flush()

    def _flush(self) -> None:
        if self._links:
            self._writer.add(Links.of(self._next - len(self._links) // LINK, bytes(self._links)))
            self._links.clear()

    async def _anchor(self, block: Block) -> bool:
        """Put in the anchor behind this block where one is due; whether the section ends with it."""
        at_end = block.last >= self._section.last
        if not at_end and block.last - self._anchored < ANCHORED_EVERY:
            return False
        anchor = await self._chains.anchor_at(block.stream, block.last)
        if anchor is None:
            return False
        self._flush()
        self._writer.add(anchor)
        self._anchored = block.last
        return at_end


async def messages(chains: Chains, section: Section) -> AsyncIterator[Message]:
    """The messages of a section that the stream still holds, in order."""
    subject = f"{section.owner}.>" if section.owner else ">"
    after = section.first - 1
    while True:
        request = {"seq": after + 1, "next_by_subj": subject, "batch": READ_AT_ONCE}
        found = await chains.reader.raw(section.stream, request)
        for each in found:
            message = stored(section.stream, each.data, each.headers or {})
            if message.sequence > section.last:
                return
            yield message
            after = message.sequence
        if not found:
            return
