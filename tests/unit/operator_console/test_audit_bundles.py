"""A bundle is checked with nothing but its lines and a public key; whatever is done to it is found and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operator_console.audit.bundle import LINE, Event, Links, Writer
from operator_console.audit.chain import LINK as LINK_BYTES
from operator_console.audit.chain import canonical, fold, genesis, link_of, owner_of, step
from operator_console.audit.signing import Signer, key_id, pem, read_keys
from operator_console.audit.verification import MOST_PROBLEMS, Covered, verify

from .bundles import SIGNER, bundle, message, messages

KEYS = {SIGNER.id: SIGNER.public}
OTHER = Signer.of(bytes(range(1, 33)))
GOLDEN = Path(__file__).parents[2] / "golden" / "audit"
FIRST_EVENT = 2


def problems(lines: list[bytes]) -> list[str]:
    return verify(lines, KEYS).problems


def resealed(lines: list[bytes]) -> list[bytes]:
    """As somebody would who also holds the sealing key: only chain and anchors can tell."""
    made: list[bytes] = []
    writer = Writer(made.append)
    writer._digest = sha256(b"".join(lines[:-1]))
    writer.seal([SIGNER])
    return [*lines[:-1], *made]


def changed(line: bytes, **values: object) -> bytes:
    return canonical(json.loads(line) | values) + b"\n"


def test_a_whole_bundle_is_sound_and_says_what_it_covers() -> None:
    report = verify(bundle(), KEYS)

    assert report.problems == []
    assert report.sound
    assert report.covered == [Covered("DOCUMENTS", 1, 6, 6, None, "2026-11-22T09:06:00+00:00")]


def test_links_beyond_the_end_lead_to_the_anchor() -> None:
    report = verify(bundle(last=4), KEYS)

    assert report.problems == []
    assert report.covered == [Covered("DOCUMENTS", 1, 4, 4, None, "2026-11-22T09:06:00+00:00")]


def test_a_documents_bundle_holds_all_of_it_and_nothing_of_the_others() -> None:
    lines = bundle(owner="documents.demo.i1")

    assert problems(lines) == []
    assert verify(lines, KEYS).covered[0].messages == 3
    assert b"documents.demo.i0" not in b"".join(lines)


def test_an_event_of_the_document_that_was_left_out_is_named() -> None:
    lines = bundle(owner="documents.demo.i1")
    third = next(at for at, line in enumerate(lines) if b'"sequence":3' in line and b'"message"' in line)
    hidden = Links.of(3, bytes.fromhex(json.loads(lines[third])["link"])).to_json() + b"\n"

    assert problems(resealed([*lines[:third], hidden, *lines[third + 1 :]])) == [
        "DOCUMENTS 3: an event of documents.demo.i1 is missing from the bundle, only its link is there"
    ]


def test_an_event_of_another_document_is_named() -> None:
    lines = bundle()
    section = changed(lines[1], owner="documents.demo.i1")

    assert "DOCUMENTS 2: the event does not belong to documents.demo.i1" in problems([lines[0], section, *lines[2:]])


def test_a_changed_event_is_named_even_with_a_new_seal() -> None:
    lines = bundle()
    lines[FIRST_EVENT + 1] = lines[FIRST_EVENT + 1].replace(b"number", b"numbre")

    assert problems(resealed(lines)) == [
        "DOCUMENTS 2: the event is not the one that was chained "
        "(documents.demo.i0.noticed.a2, stored 2026-11-22T09:00:02.123456789Z)"
    ]


def test_a_changed_event_with_its_own_link_does_not_lead_to_the_anchor() -> None:
    lines = bundle()
    forged = lines[FIRST_EVENT + 1].replace(b"number", b"numbre")
    event = LINE.validate_python(json.loads(forged))
    assert isinstance(event, Event)
    lines[FIRST_EVENT + 1] = changed(forged, link=link_of(event.message("DOCUMENTS")).hex())

    assert problems(resealed(lines)) == [
        "DOCUMENTS 1 to 3: the chain does not lead to the anchor at 3; an event or a link in between was changed"
    ]


def test_a_dropped_event_is_named() -> None:
    lines = bundle()
    del lines[FIRST_EVENT + 1]

    assert problems(resealed(lines)) == ["DOCUMENTS 2: dropped, or standing out of order"]


def test_events_dropped_from_the_end_are_named() -> None:
    lines = bundle()
    del lines[-4:-1]

    assert "DOCUMENTS 5 to 6: dropped from the end" in problems(resealed(lines))


def test_a_dropped_anchor_leaves_its_events_uncovered() -> None:
    lines = bundle()
    del lines[-2]

    assert problems(resealed(lines)) == ["DOCUMENTS 4 to 6: no anchor of this key covers this"]


def test_an_added_event_is_named() -> None:
    lines = bundle()
    lines.insert(FIRST_EVENT + 1, lines[FIRST_EVENT])

    assert problems(resealed(lines)) == ["DOCUMENTS 1: was added a second time, or stands out of its order"]


def test_an_event_added_at_the_end_is_named() -> None:
    lines = bundle()
    more = changed(lines[FIRST_EVENT], sequence=7)

    assert "DOCUMENTS 7: was added behind the end of its section" in problems(resealed([*lines[:-1], more, lines[-1]]))


def test_reordered_events_are_named() -> None:
    lines = bundle()
    lines[FIRST_EVENT], lines[FIRST_EVENT + 1] = lines[FIRST_EVENT + 1], lines[FIRST_EVENT]

    assert problems(resealed(lines))[:2] == [
        "DOCUMENTS 1: dropped, or standing out of order",
        "DOCUMENTS 1: was added a second time, or stands out of its order",
    ]


def test_changed_claimed_content_is_named() -> None:
    lines = [line.replace(b'{\\"large\\": true}', b'{\\"large\\": trux}') for line in bundle()]

    assert problems(resealed(lines)) == [
        "DOCUMENTS 6: the large content is not the one that the event claims (documents.demo.i0.noticed.a6)"
    ]


def test_without_claimed_content_an_event_is_incomplete() -> None:
    lines = bundle()
    at = next(at for at, line in enumerate(lines) if b'"claim"' in line)
    cut = {name: value for name, value in json.loads(lines[at]).items() if name != "claim"}
    lines[at] = json.dumps(cut, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    assert any("large content" in each for each in problems(resealed(lines)))


def test_what_the_stream_had_lost_is_said() -> None:
    lines = bundle(owner="documents.demo.i1")
    at = next(at for at, line in enumerate(lines) if b'"kind":"links"' in line)
    lines[at] = Links.of(2, bytes(LINK_BYTES)).to_json() + b"\n"

    assert "DOCUMENTS 2: the stream had lost this event before it was chained" in problems(resealed(lines))


def test_another_key_proves_nothing() -> None:
    found = verify(bundle(signer=OTHER), KEYS).problems

    assert found == ["DOCUMENTS 1 to 6: no anchor of this key covers this", "the seal is not signed with this key"]


def test_a_signature_by_another_key_under_our_name_is_found() -> None:
    lines = [line.replace(OTHER.id.encode(), SIGNER.id.encode()) for line in bundle(signer=OTHER)]

    assert "DOCUMENTS: the anchor at 3 was changed, or was not signed with this key" in problems(lines)
    assert "the seal was changed, or was not signed with this key" in problems(lines)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda lines: lines[:-1], "the bundle has no seal: its end is missing"),
        (lambda lines: [*lines, lines[1]], "line 12 stands after the seal"),
        (lambda lines: lines[1:], "the first line is not the header of a bundle"),
        (lambda lines: [lines[0], *lines], "line 2 is another header"),
        (lambda lines: [lines[0], *lines[2:]], "line 2 belongs to no section"),
        (lambda lines: [*lines[:3], b"}\n", *lines[3:]], "line 4, where DOCUMENTS 2 is due is no JSON"),
        (
            lambda lines: [*lines[:3], b'{"kind":"links"}\n', *lines[3:]],
            "line 4, where DOCUMENTS 2 is due is no line of a bundle; look at: links.first, links.links",
        ),
        (
            lambda lines: [*lines[:2], lines[2].replace(b'","', b'", "'), *lines[3:]],
            "line 3, where DOCUMENTS 1 is due is not written in the one form that it may have",
        ),
        (
            lambda lines: [lines[0], changed(lines[1], before="0" * 64), *lines[2:]],
            "DOCUMENTS: the chain does not begin as the chain of this stream begins",
        ),
        (
            lambda lines: [lines[0], changed(lines[1], first=9), *lines[2:]],
            "DOCUMENTS: the section ends at 6, before it begins at 9",
        ),
        (
            lambda lines: [*lines[:5], Links.of(4, b"x").to_json() + b"\n", *lines[5:]],
            "DOCUMENTS 4: the links from here on are not written as links",
        ),
        (
            lambda lines: [*lines[:2], changed(lines[2], payload={}), *lines[3:]],
            "DOCUMENTS 1: the content is not written in the one form that it may have",
        ),
        (
            lambda lines: [*lines[:2], lines[5], *lines[2:]],
            "DOCUMENTS: the anchor at 3 belongs behind DOCUMENTS 3, not behind 0",
        ),
    ],
)
def test_each_way_to_spoil_a_bundle_is_told(spoil: Callable[[list[bytes]], list[bytes]], told: str) -> None:
    assert told in problems(spoil(bundle()))


def test_an_empty_file_is_no_bundle() -> None:
    assert problems([]) == ["the bundle has no seal: its end is missing"]


def test_ten_thousand_problems_are_counted_and_not_all_told() -> None:
    report = verify([bundle()[0], *[b"{}\n"] * 1000], KEYS)

    assert len(report.problems) == MOST_PROBLEMS
    assert report.more > 800


WHOLE = b"".join(bundle())


@settings(max_examples=1500, deadline=None)
@given(at=st.integers(0, len(WHOLE) - 1), put=st.integers(1, 255))
def test_no_flipped_byte_stays_unseen(at: int, put: int) -> None:
    spoilt = WHOLE[:at] + bytes([WHOLE[at] ^ put]) + WHOLE[at + 1 :]

    assert problems(spoilt.splitlines(keepends=True))


@settings(max_examples=400, deadline=None)
@given(data=st.data(), owner=st.sampled_from([None, "documents.demo.i1"]))
def test_no_cut_copied_or_moved_line_stays_unseen(data: st.DataObject, owner: str | None) -> None:
    lines = bundle(owner=owner)
    index = st.integers(0, len(lines) - 1)
    at, to = data.draw(index), data.draw(index)
    match data.draw(st.sampled_from(["cut", "copy", "move", "truncate", "swap"])):
        case "cut":
            spoilt = lines[:at] + lines[at + 1 :]
        case "copy":
            spoilt = [*lines[:to], lines[at], *lines[to:]]
        case "move":
            rest = lines[:at] + lines[at + 1 :]
            spoilt = [*rest[:to], lines[at], *rest[to:]]
        case "truncate":
            spoilt = lines[:at]
        case _:
            spoilt = list(lines)
            spoilt[at], spoilt[to] = spoilt[to], spoilt[at]

    assert (problems(spoilt) == []) == (spoilt == lines)


@settings(max_examples=300, deadline=None)
@given(junk=st.lists(st.binary(max_size=80), max_size=8))
def test_no_junk_breaks_the_verifier(junk: list[bytes]) -> None:
    assert problems([*bundle()[:3], *junk])


def test_the_chain_binds_order_place_and_stream() -> None:
    links = [link_of(each) for each in messages()]
    head = genesis("DOCUMENTS")

    assert fold(head, 1, b"".join(links)) == step(fold(head, 1, b"".join(links[:5])), 6, links[5])
    assert fold(head, 1, b"".join(links)) != fold(head, 1, b"".join(reversed(links)))
    assert fold(head, 1, links[0]) != fold(head, 2, links[0])
    assert genesis("DOCUMENTS") != genesis("NOTIFICATIONS")


def test_an_owner_is_what_a_subject_begins_with() -> None:
    assert owner_of("documents.demo.i1.posted.a1") == "documents.demo.i1"
    assert owner_of("deadletters.writer") == "deadletters.writer"
    assert link_of(message(1))[:32] == link_of(message(2))[:32]


def test_public_keys_travel_as_pem() -> None:
    assert set(read_keys((pem(SIGNER.public) + pem(OTHER.public)).encode())) == {SIGNER.id, OTHER.id}
    assert key_id(SIGNER.public) == SIGNER.id
    for text in (b"", b"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(ValueError):  # noqa: PT011 - the library's own
            read_keys(text)
    assert "seed" not in repr(SIGNER)


def test_a_bundle_of_format_1_stays_verifiable() -> None:
    """The files were written once; never write them anew: old bundles are in the hands of others."""
    keys = read_keys((GOLDEN / "format-1.pem").read_bytes())
    for name in ("format-1-stream.jsonl", "format-1-document.jsonl"):
        lines = (GOLDEN / name).read_bytes().splitlines(keepends=True)

        assert verify(lines, keys).problems == []
        assert len(lines) == 11
