"""A small bundle with telling contents, made without any server."""

from __future__ import annotations

from hashlib import sha256

from operator_console.audit.bundle import Header, Links, Section, Writer, event_line
from operator_console.audit.chain import Message, genesis, link_of, step
from operator_console.audit.signing import Anchor, Signer

SIGNER = Signer.of(bytes(range(32)))
LARGE = b'{"large": true}'


def message(sequence: int, invoice: str = "i1") -> Message:
    return Message(
        "DOCUMENTS",
        sequence,
        f"2026-11-22T09:00:{sequence:02}.123456789Z",
        f"documents.demo.{invoice}.noticed.a{sequence}",
        {"Nats-Msg-Id": f"demo/{invoice}/a{sequence}"},
        f'{{"at":"…","number":{sequence}}}'.encode(),
    )


def messages() -> list[Message]:
    """Six, of two documents; the fifth is no text, the last is under claim check."""
    made = [message(sequence, f"i{sequence % 2}") for sequence in range(1, 7)]
    claimed = {"Claim-Check": sha256(LARGE).hexdigest(), "Nats-Msg-Id": "x"}
    made[4] = Message("DOCUMENTS", 5, made[4].time, made[4].subject, {}, b"\xff\x00")
    made[5] = Message("DOCUMENTS", 6, made[5].time, made[5].subject, claimed, b"")
    return made


def bundle(*, owner: str | None = None, last: int = 6, signer: Signer = SIGNER) -> list[bytes]:
    """The lines of a bundle of these messages, anchored after the third and the sixth."""
    lines: list[bytes] = []
    writer = Writer(lines.append)
    scope = {"stream": "DOCUMENTS"}
    writer.add(Header(made_at="2026-11-22T10:00:00+00:00", made_by="an auditor", version="0.1.0", scope=scope))
    head, previous = genesis("DOCUMENTS"), None
    writer.add(Section(stream="DOCUMENTS", first=1, last=last, before=head.hex(), owner=owner))
    for each in messages():
        link = link_of(each)
        head = step(head, each.sequence, link)
        shown = each.sequence <= last and (owner is None or each.subject.startswith(f"{owner}."))
        claim = LARGE if each.sequence == 6 else None
        writer.add(event_line(each, link, claim) if shown else Links.of(each.sequence, link))
        if each.sequence in (3, 6):
            at = f"2026-11-22T09:0{each.sequence}:00+00:00"
            anchor = Anchor(
                stream="DOCUMENTS", sequence=each.sequence, head=head.hex(), at=at, previous=previous, signatures={}
            )
            writer.add(anchor.signed([signer]))
            previous = anchor.digest()
    writer.seal([signer])
    return lines
