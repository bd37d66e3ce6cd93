"""The lines of a bundle: canonical JSON, one value a line, the last one seals all before it. Pure.

header, then for each stream a section with messages, links and anchors in the order of sequences, then the seal.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from operator_console.audit.chain import Message, canonical
from operator_console.audit.signing import HEX_DIGEST, Anchor, Signatures, Signer, signatures

LINKS_A_LINE = 1000
HEX_LINK = r"^[0-9a-f]{128}$"


class Line(BaseModel):
    """One line; what is not said here is not allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def to_json(self) -> bytes:
        """Its one text, without the line break."""
        return canonical(self.model_dump(exclude_none=True))


class Header(Line):
    """What the bundle is: line 1."""

    kind: Literal["bundle"] = "bundle"
    format: Literal[1] = 1
    made_at: str
    made_by: str
    version: str = Field(description="of the program that wrote it")
    scope: dict[str, str] = Field(description="what was asked for, in words")


class Section(Line):
    """A range of one stream.

    Without `owner` every message from `first` to `last` is in the bundle; with it, every message of that owner is, and
    of the others their links. Links of later messages, up to an anchor, may follow.
    """

    kind: Literal["section"] = "section"
    stream: str
    first: int = Field(ge=1)
    last: int = Field(ge=1)
    before: str = Field(pattern=HEX_DIGEST, description="the running digest before `first`")
    owner: str | None = None


class Content(Line):
    """Bytes: as text where they are UTF-8, else in base64."""

    text: str | None = None
    base64: str | None = None

    @classmethod
    def of(cls, content: bytes) -> Content:
        """Bytes, made fit for a line."""
        try:
            return cls(text=content.decode())
        except UnicodeDecodeError:
            return cls(base64=base64.b64encode(content).decode())

    def content(self) -> bytes:
        """The bytes again.

        Raises:
            ValueError: it is not of this form.
        """
        if (self.text is None) == (self.base64 is None):
            raise ValueError("either text or base64")
        return self.text.encode() if self.text is not None else base64.b64decode(self.base64 or "", validate=True)


class Event(Line):
    """A message as its stream holds it, its link, and the content it claims when that is in the object store."""

    kind: Literal["message"] = "message"
    sequence: int = Field(ge=1)
    time: str
    subject: str
    headers: dict[str, str]
    payload: Content
    claim: Content | None = None
    link: str = Field(pattern=HEX_LINK)

    def message(self, stream: str) -> Message:
        """The message that is linked."""
        return Message(stream, self.sequence, self.time, self.subject, self.headers, self.payload.content())


class Links(Line):
    """The links of messages that are not in the bundle, from sequence `first` on."""

    kind: Literal["links"] = "links"
    first: int = Field(ge=1)
    links: str = Field(description="base64 of 64 bytes a link")

    @classmethod
    def of(cls, first: int, links: bytes) -> Links:
        """Joined links, made fit for a line."""
        return cls(first=first, links=base64.b64encode(links).decode())


class Seal(Line):
    """The last line: signed is the SHA-256 of all bytes before it."""

    kind: Literal["seal"] = "seal"
    sha256: str = Field(pattern=HEX_DIGEST)
    signatures: Signatures

    def statement(self) -> bytes:
        """What is signed."""
        return b"ml-connector bundle 1\n" + self.sha256.encode()


AnyLine = Header | Section | Event | Links | Anchor | Seal
LINE: TypeAdapter[AnyLine] = TypeAdapter(Annotated[AnyLine, Field(discriminator="kind")])


class Writer:
    """Writes the lines of a bundle one after another and remembers their digest, nothing else."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._digest = sha256()

    def add(self, line: Line | Anchor) -> None:
        """One more line."""
        text = line.to_json() + b"\n"
        self._digest.update(text)
        self._write(text)

    def seal(self, signers: Sequence[Signer]) -> None:
        """The last line."""
        seal = Seal(sha256=self._digest.hexdigest(), signatures={})
        self._write(seal.model_copy(update={"signatures": signatures(seal.statement(), signers)}).to_json() + b"\n")


def event_line(message: Message, link: bytes, claim: bytes | None) -> Event:
    """The line of a message."""
    return Event(
        sequence=message.sequence,
        time=message.time,
        subject=message.subject,
        headers=dict(message.headers),
        payload=Content.of(message.payload),
        claim=None if claim is None else Content.of(claim),
        link=link.hex(),
    )
