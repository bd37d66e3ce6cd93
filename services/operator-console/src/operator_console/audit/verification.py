"""Checks a bundle with nothing but its lines and public keys, and names what is wrong. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from pydantic import ValidationError

from operator_console.audit.bundle import LINE, AnyLine, Event, Header, Links, Seal, Section
from operator_console.audit.chain import LINK, LOST, canonical, genesis, link_of, owner_digest, split, step
from operator_console.audit.signing import Anchor, Keys, attested

MOST_PROBLEMS = 100
"""More are counted, not told."""


@dataclass(frozen=True, slots=True)
class Covered:
    """A range of a stream that the bundle holds.

    `owner`: all messages of this owner, else all messages. `anchored_at`: when a key that we hold signed for it.
    """

    stream: str
    first: int
    last: int
    messages: int
    owner: str | None
    anchored_at: str | None


@dataclass(slots=True)
class Report:
    """What a bundle is, and everything that is wrong with it."""

    header: Header | None = None
    covered: list[Covered] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    more: int = 0

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


class _Range:
    """A section while it is being read."""

    def __init__(self, section: Section) -> None:
        self.section = section
        self.owner = owner_digest(section.owner) if section.owner else None
        self.due = section.first
        self.head: bytes | None = bytes.fromhex(section.before)
        self.since = section.first
        self.anchored = section.first - 1
        self.anchored_at: str | None = None
        self.messages = 0


class Verifier:
    """Takes the lines of a bundle one after another; holds one line and a few digests."""

    def __init__(self, keys: Keys) -> None:
        self.report = Report()
        self._keys = keys
        self._digest = sha256()
        self._number = 0
        self._range: _Range | None = None
        self._sealed = False

    def read(self, line: bytes) -> None:
        """The next line, with its line break."""
        self._number += 1
        if self._sealed:
            self._wrong(f"line {self._number} stands after the seal")
            return
        parsed = self._parsed(line)
        match parsed:
            case Seal():
                self._end_of_range()
                self._seal(parsed)
            case Header():
                self._header(parsed)
            case Section():
                self._end_of_range()
                self._begin(parsed)
            case Event() | Links() | Anchor():
                self._in_range(parsed)
        self._digest.update(line)

    def end(self) -> Report:
        """After the last line."""
        self._end_of_range()
        if self._number and self.report.header is None:
            self._wrong("the first line is not the header of a bundle")
        if not self._sealed:
            self._wrong("the bundle has no seal: its end is missing")
        return self.report

    def _wrong(self, what: str) -> None:
        if len(self.report.problems) < MOST_PROBLEMS:
            self.report.problems.append(what)
        else:
            self.report.more += 1

    def _parsed(self, line: bytes) -> AnyLine | None:
        due = f", where {self._range.section.stream} {self._range.due} is due" if self._range else ""
        try:
            value = json.loads(line)
            if canonical(value) + b"\n" != line:
                self._wrong(f"line {self._number}{due} is not written in the one form that it may have")
            return LINE.validate_python(value)
        except ValidationError as error:
            where = ", ".join(".".join(map(str, each["loc"])) for each in error.errors(include_input=False))
            self._wrong(f"line {self._number}{due} is no line of a bundle; look at: {where or 'kind'}")
        except (ValueError, RecursionError):
            self._wrong(f"line {self._number}{due} is no JSON")
        return None

    def _header(self, header: Header) -> None:
        if self._number != 1:
            self._wrong(f"line {self._number} is another header")
        self.report.header = self.report.header or header

    def _begin(self, section: Section) -> None:
        if section.last < section.first:
            self._wrong(f"{section.stream}: the section ends at {section.last}, before it begins at {section.first}")
        if section.first == 1 and section.before != genesis(section.stream).hex():
            self._wrong(f"{section.stream}: the chain does not begin as the chain of this stream begins")
        self._range = _Range(section)

    def _in_range(self, line: Event | Links | Anchor) -> None:
        at = self._range
        if at is None:
            self._wrong(f"line {self._number} belongs to no section")
            return
        match line:
            case Event():
                self._event(at, line)
            case Links():
                self._links(at, line)
            case Anchor():
                self._anchor(at, line)

    def _event(self, at: _Range, event: Event) -> None:
        if not self._in_turn(at, event.sequence):
            return
        named = f"{at.section.stream} {event.sequence}"
        if event.sequence > at.section.last:
            self._wrong(f"{named}: was added behind the end of its section")
        try:
            self._content(at, event, named)
        except (ValueError, UnicodeError):
            self._wrong(f"{named}: the content is not written in the one form that it may have")
        at.messages += 1
        self._step(at, bytes.fromhex(event.link))

    def _content(self, at: _Range, event: Event, named: str) -> None:
        computed = link_of(event.message(at.section.stream))
        if computed.hex() != event.link:
            self._wrong(f"{named}: the event is not the one that was chained ({event.subject}, stored {event.time})")
        if at.owner is not None and computed[: LINK // 2] != at.owner:
            self._wrong(f"{named}: the event does not belong to {at.section.owner}")
        claimed = event.headers.get("Claim-Check")
        content = None if event.claim is None else event.claim.content()
        if (None if content is None else sha256(content).hexdigest()) != claimed:
            self._wrong(f"{named}: the large content is not the one that the event claims ({event.subject})")

    def _links(self, at: _Range, line: Links) -> None:
        try:
            links = base64.b64decode(line.links, validate=True)
        except (binascii.Error, ValueError):
            links = b""
        if not links or len(links) % LINK or base64.b64encode(links).decode() != line.links:
            self._wrong(f"{at.section.stream} {line.first}: the links from here on are not written as links")
            return
        for sequence, link in enumerate(split(links), line.first):
            if self._in_turn(at, sequence):
                self._other(at, sequence, link)
                self._step(at, link)

    def _other(self, at: _Range, sequence: int, link: bytes) -> None:
        """A message that is in the bundle by its link only."""
        named = f"{at.section.stream} {sequence}"
        if link == LOST:
            self._wrong(f"{named}: the stream had lost this event before it was chained")
        elif sequence <= at.section.last and at.owner is None:
            self._wrong(f"{named}: the event is missing from the bundle, only its link is there")
        elif sequence <= at.section.last and link[: LINK // 2] == at.owner:
            self._wrong(f"{named}: an event of {at.section.owner} is missing from the bundle, only its link is there")

    def _in_turn(self, at: _Range, sequence: int) -> bool:
        named = at.section.stream
        if sequence < at.due:
            self._wrong(f"{named} {sequence}: was added a second time, or stands out of its order")
            return False
        if sequence > at.due:
            self._wrong(f"{named} {_span(at.due, sequence - 1)}: dropped, or standing out of order")
            at.head, at.due = None, sequence
        return True

    def _step(self, at: _Range, link: bytes) -> None:
        if at.head is not None:
            at.head = step(at.head, at.due, link)
        at.due += 1

    def _anchor(self, at: _Range, anchor: Anchor) -> None:
        named = f"{at.section.stream}: the anchor at {anchor.sequence}"
        if anchor.stream != at.section.stream or anchor.sequence != at.due - 1:
            self._wrong(f"{named} belongs behind {anchor.stream} {anchor.sequence}, not behind {at.due - 1}")
            return
        signed = attested(anchor.statement(), anchor.signatures, self._keys)
        if signed is False:
            self._wrong(f"{named} was changed, or was not signed with this key")
            return
        if at.head is not None and at.head.hex() != anchor.head:
            self._wrong(
                f"{at.section.stream} {_span(at.since, anchor.sequence)}: the chain does not lead to the anchor at "
                f"{anchor.sequence}; an event or a link in between was changed"
            )
        at.head, at.since = bytes.fromhex(anchor.head), at.due
        if signed:
            at.anchored, at.anchored_at = anchor.sequence, anchor.at

    def _end_of_range(self) -> None:
        at, self._range = self._range, None
        if at is None:
            return
        section = at.section
        if at.due <= section.last:
            self._wrong(f"{section.stream} {_span(at.due, section.last)}: dropped from the end")
        elif at.anchored < at.due - 1:
            self._wrong(f"{section.stream} {_span(at.anchored + 1, at.due - 1)}: no anchor of this key covers this")
        found = (section.stream, section.first, section.last, at.messages, section.owner, at.anchored_at)
        self.report.covered.append(Covered(*found))

    def _seal(self, seal: Seal) -> None:
        self._sealed = True
        if seal.sha256 != self._digest.hexdigest():
            self._wrong("the seal is not the one of this bundle: something in it was changed, added or left out")
        signed = attested(seal.statement(), seal.signatures, self._keys)
        if not signed:
            why = "is not signed with this key" if signed is None else "was changed, or was not signed with this key"
            self._wrong(f"the seal {why}")


def verify(lines: Iterable[bytes], keys: Keys) -> Report:
    """Everything that is wrong with a bundle, or nothing."""
    verifier = Verifier(keys)
    for line in lines:
        verifier.read(line)
    return verifier.end()


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"
