"""Chains each stream: reads what is new in order of sequence, links it, and signs where the chain stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from nats.aio.client import Client
from nats.js.errors import APIError, NotFoundError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mlc_common.database import DATABASE_ERRORS
from mlc_common.eventlog import BROKER_AWAY, EXPECTED_LAST, WRONG_LAST_SEQUENCE
from mlc_common.failures import PermanentError, TransientError
from mlc_common.streams import ANCHORS, CHAINED, anchor_subject, anchors_subject
from mlc_common.vault import MasterKeys
from operator_console.audit import signing_keys
from operator_console.audit.blocks import Block, append, end_of_chain, head_at
from operator_console.audit.chain import ADDED_WHEN_READ, LOST, Message, link_of
from operator_console.audit.signing import Anchor
from operator_console.stream_reader import StreamReader

log = structlog.stdlib.get_logger(__name__)

ONE_AT_A_TIME = "SELECT pg_try_advisory_lock(hashtextextended('audit chain', 0))"
BATCH = 1000
ANCHOR_AT_LEAST_EVERY = 10_000
"""Messages between two anchors while a long stretch is caught up."""


class BrokenChainError(PermanentError):
    """A stream is not what it was when it was chained: somebody has to find out why."""


@dataclass(frozen=True)
class Chains:
    """What the chains are made with."""

    engine: AsyncEngine
    nats: Client
    reader: StreamReader
    keys: Callable[[], MasterKeys]
    now: Callable[[], datetime]
    timeout: float

    async def up_to_date(self, stream: str) -> Anchor | None:
        """Chain and anchor all that a stream holds now; returns the last anchor, None when there is nothing to anchor.

        Safe while another one does the same: who is late changes nothing.

        Raises:
            BrokenChainError: the stream is not what it was.
            TransientError: broker or database are away, or somebody else is faster; do it again.
            VaultError: no signing key opens.
        """
        anchor = await self.last_anchor(stream)
        await self._unbroken(stream, anchor)
        while await self.catch_up(stream, anchor):
            end, _ = await self._end(stream)
            if end >= (anchor.sequence if anchor else 0) + ANCHOR_AT_LEAST_EVERY:
                anchor = await self._anchor(stream, anchor)
        return await self._anchor(stream, anchor)

    async def catch_up(self, stream: str, anchor: Anchor | None) -> int:
        """Chain one batch; returns how many sequences it held. Ends at the last anchor when that is ahead of us."""
        end, head = await self._end(stream)
        most = BATCH
        if anchor is not None and anchor.sequence > end:  # the database is older than the stream: it was restored
            most = min(BATCH, anchor.sequence - end)
        links = await self._links(stream, end + 1, most=most)
        if not links:
            return 0
        block = Block.of(stream, end + 1, head, b"".join(links))
        if anchor is not None and anchor.sequence == block.last and anchor.head != block.after.hex():
            raise BrokenChainError(_another(stream, anchor))
        async with self.engine.begin() as db:
            await append(db, block)
        return len(links)

    async def _end(self, stream: str) -> tuple[int, bytes]:
        async with self.engine.connect() as db:
            return await end_of_chain(db, stream)

    async def _links(self, stream: str, first: int, *, most: int) -> list[bytes]:
        found = await self.reader.raw(stream, {"seq": first, "next_by_subj": ">", "batch": most})
        links: list[bytes] = []
        for message in (stored(stream, each.data, each.headers or {}) for each in found):
            due = first + len(links)
            if message.sequence > due and not await self._lost(stream, due, message.sequence):
                raise TransientError(f"{stream} answers with a gap that its leader does not know.")
            while first + len(links) < min(message.sequence, first + most):
                links.append(LOST)
            if len(links) < most:
                links.append(link_of(message))
        return links

    async def _lost(self, stream: str, due: int, next_one: int) -> bool:
        """Whether the stream really lacks these sequences; a replica that lags may seem to."""
        log.error("events_lost", stream=stream, first=due, last=next_one - 1)
        try:
            held = await self.nats.jetstream(timeout=self.timeout).get_msg(stream, seq=due, subject=">", next=True)
        except BROKER_AWAY as error:
            raise TransientError("The event stream does not answer.") from error
        return held.seq == next_one

    async def last_anchor(self, stream: str) -> Anchor | None:
        """The newest anchor of a stream."""
        return await self._anchor_on(anchors_subject(stream))

    async def anchor_at(self, stream: str, sequence: int) -> Anchor | None:
        """The anchor of exactly this sequence."""
        return await self._anchor_on(anchor_subject(stream, sequence))

    async def _anchor_on(self, subject: str) -> Anchor | None:
        try:
            found = await self.nats.jetstream(timeout=self.timeout).get_last_msg(ANCHORS, subject)
        except NotFoundError:
            return None
        except BROKER_AWAY as error:
            raise TransientError("The stream of anchors does not answer.") from error
        return Anchor.model_validate_json(found.data or b"")

    async def _unbroken(self, stream: str, anchor: Anchor | None) -> None:
        end, _ = await self._end(stream)
        try:
            state = (await self.nats.jetstream(timeout=self.timeout).stream_info(stream)).state
        except NotFoundError as error:
            raise TransientError(f"The stream {stream} is not declared; run `ml-connector topology`.") from error
        except BROKER_AWAY as error:
            raise TransientError("The event stream does not answer.") from error
        if state.last_seq < max(end, anchor.sequence if anchor else 0):
            raise BrokenChainError(
                f"{stream} ends at {state.last_seq} and was chained further already; events at its end are gone."
            )
        if anchor is not None and anchor.sequence <= end:
            head = await head_at(self.engine, stream, anchor.sequence)
            if head is None or head.hex() != anchor.head:
                raise BrokenChainError(_another(stream, anchor))

    async def _anchor(self, stream: str, last: Anchor | None) -> Anchor | None:
        end, head = await self._end(stream)
        if end == (last.sequence if last else 0):
            return last
        made = Anchor(
            stream=stream,
            sequence=end,
            head=head.hex(),
            at=self.now().astimezone(UTC).isoformat(),
            previous=last.digest() if last else None,
            signatures={},
        )
        signers = await signing_keys.signers(self.engine, self.keys(), now=self.now())
        return await self._publish(made.signed(signers))

    async def _publish(self, anchor: Anchor) -> Anchor:
        subject = anchor_subject(anchor.stream, anchor.sequence)
        js = self.nats.jetstream(timeout=self.timeout)
        try:
            await js.publish(subject, anchor.to_json(), stream=ANCHORS, headers={EXPECTED_LAST: "0"})
        except BROKER_AWAY as error:
            raise TransientError("The stream of anchors does not answer; the anchor is made again.") from error
        except APIError as error:
            standing = await self._anchor_on(subject) if error.err_code == WRONG_LAST_SEQUENCE else None
            if standing is None:
                raise TransientError(f"The anchor of {anchor.stream} cannot be stored: {error.description}.") from error
            if standing.head != anchor.head:
                raise BrokenChainError(_another(anchor.stream, standing)) from None
            return standing
        # In the log too: who ships the log elsewhere has a witness that nobody here can rewrite.
        log.info("anchored", stream=anchor.stream, sequence=anchor.sequence, head=anchor.head)
        return anchor


def stored(stream: str, payload: bytes, headers: dict[str, str]) -> Message:
    """A message of a direct get, as the stream holds it."""
    return Message(
        stream,
        int(headers["Nats-Sequence"]),
        headers["Nats-Time-Stamp"],
        headers["Nats-Subject"],
        {name: value for name, value in headers.items() if name not in ADDED_WHEN_READ},
        payload,
    )


async def keep_chained(chains: Chains, *, pause: float, broken: Callable[[str, bool], None]) -> None:
    """Chain and anchor every stream for ever, one replica at a time; trouble is said once and waited out.

    Args:
        pause: seconds between two looks at the streams.
        broken: told after each look whether a stream is not what it was.
    """
    troubled = False
    while True:
        try:
            await _while_elected(chains, pause, broken)
            troubled = False
        except (TransientError, *DATABASE_ERRORS) as error:
            if not troubled:
                log.warning("chain_waits", why=str(error) or type(error).__name__)
            troubled = True
        await asyncio.sleep(min(pause, 5))


async def _while_elected(chains: Chains, pause: float, broken: Callable[[str, bool], None]) -> None:
    async with chains.engine.connect() as elected:
        await elected.execution_options(isolation_level="AUTOCOMMIT")
        if not await elected.scalar(text(ONE_AT_A_TIME)):
            return
        try:
            while True:
                for stream in CHAINED:
                    await _look_after(chains, stream, broken)
                # Also notices that the session, and with it the lock, is gone.
                await elected.scalar(text("SELECT 1"))
                await asyncio.sleep(pause)
        finally:
            # A connection that goes back to the pool would keep the lock.
            await elected.invalidate()


async def _look_after(chains: Chains, stream: str, broken: Callable[[str, bool], None]) -> None:
    try:
        await chains.up_to_date(stream)
    except BrokenChainError as error:
        log.critical("chain_broken", stream=stream, why=str(error))
        broken(stream, True)
    else:
        broken(stream, False)


def _another(stream: str, anchor: Anchor) -> str:
    return (
        f"{stream}: what is stored up to {anchor.sequence} is not what was anchored at {anchor.at}; see docs/audit.md."
    )
