"""Every form of signature that may be met is taken, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlc_common.connection import SignedContent, Webhook
from webhook_gateway.signature import Push, Reason, Verdict, decode, rounds_for, timestamp_instant, to_try, verify

NOW = datetime(2026, 3, 5, 8, 31, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
SECRET = "sandbox-only-webhook-secret"
BODY = b'{"taskId":"t-1"}'

ENCODINGS: dict[str, Callable[[bytes], str]] = {
    "hex": lambda mac: mac.hex(),
    "base64": lambda mac: base64.b64encode(mac).decode(),
    "base64url": lambda mac: base64.urlsafe_b64encode(mac).decode(),
}
BEFORE_THE_BODY = {
    SignedContent.BODY: b"",
    SignedContent.TIMESTAMP_BODY: STAMP.encode(),
    SignedContent.TIMESTAMP_DOT_BODY: STAMP.encode() + b".",
    SignedContent.TIMESTAMP_COLON_BODY: STAMP.encode() + b":",
}

secrets = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
printable_secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)
encodings = st.sampled_from(sorted(ENCODINGS))
prefixes = st.sampled_from(["", "sha256=", "SHA256=", "hmac-sha256=", "HMAC-SHA256=", "sha256= "])
contents = st.sampled_from(list(SignedContent))


def mac_of(body: bytes, *, secret: str = SECRET, content: SignedContent = SignedContent.BODY) -> bytes:
    return hmac.new(secret.encode(), BEFORE_THE_BODY[content] + body, hashlib.sha256).digest()


def watching(*signed: SignedContent, **more: object) -> Webhook:
    return Webhook(signed=signed or (SignedContent.BODY,), timestamp_header="X-Time", **more)


def judged(
    push: Push, *, secrets: tuple[str, ...] = (SECRET,), webhook: Webhook | None = None, now: datetime = NOW
) -> Verdict:
    return verify(push, secrets=secrets, webhook=webhook or Webhook(), now=now)


@given(st.binary(max_size=200), secrets, encodings, prefixes, contents, st.booleans(), st.booleans())
def test_every_documented_spelling_of_the_right_signature_is_taken_and_named(
    body: bytes, secret: str, encoding: str, prefix: str, content: SignedContent, padded: bool, spaced: bool
) -> None:
    mac = mac_of(body, secret=secret, content=content)
    written = ENCODINGS[encoding](mac)
    header = prefix + (written if padded else written.rstrip("="))
    push = Push(body, f" {header} " if spaced else header, STAMP)

    verdict = judged(push, secrets=("another-secret", secret), webhook=watching(*SignedContent))

    assert verdict.reason is None
    ambiguous = encoding == "base64url" and not {"-", "_"} & set(written)
    assert verdict.variant == f"{content}/{'base64' if ambiguous else encoding}"


@given(st.binary(max_size=100), st.integers(0, 255))
def test_one_flipped_bit_of_the_signature_is_a_wrong_signature(body: bytes, bit: int) -> None:
    mac = bytearray(mac_of(body))
    mac[bit // 8] ^= 1 << bit % 8

    assert judged(Push(body, bytes(mac).hex())).reason is Reason.WRONG_SIGNATURE


@given(st.binary(max_size=100), st.binary(max_size=100))
@example(b"", b" ")
def test_a_signature_of_another_body_is_a_wrong_signature(signed: bytes, sent: bytes) -> None:
    verdict = judged(Push(sent, mac_of(signed).hex()))

    assert (verdict.reason is None) == (signed == sent)


@given(printable_secrets, printable_secrets)
def test_a_signature_by_another_secret_is_a_wrong_signature(ours: str, theirs: str) -> None:
    verdict = judged(Push(BODY, mac_of(BODY, secret=theirs).hex()), secrets=(ours,))

    assert (verdict.reason is None) == (ours == theirs)


@given(st.text(max_size=100))
@example("é" * 64)
@example("a" * 64)
@example("=" * 44)
@example("sha256=")
def test_garbage_never_verifies_and_never_raises(header: str) -> None:
    assert judged(Push(BODY, header), webhook=watching(*SignedContent)).variant is None


def test_every_push_costs_as_many_macs_as_the_most_demanding_connection() -> None:
    assert rounds_for([]) == rounds_for([0, 1, 3]) == 4
    most = rounds_for([3, 20, 4])
    assert most == 20

    forms = tuple(SignedContent)
    known: list[tuple[tuple[bytes, ...], tuple[SignedContent, ...]]] = [
        ((), ()),
        ((b"one",), forms[:1]),
        ((b"1", b"2", b"3"), forms),
        ((b"1", b"2", b"3", b"4", b"5"), forms),
    ]
    for stamp in (STAMP, None):
        work = [to_try(Push(BODY, None, stamp), secrets=each, forms=those, rounds=most) for each, those in known]
        assert [len(each) for each in work] == [20] * len(known)


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
def test_an_empty_secret_can_never_verify(empty: str) -> None:
    signed_with_nothing = Push(BODY, hmac.new(empty.encode(), BODY, hashlib.sha256).hexdigest())

    assert judged(signed_with_nothing, secrets=(empty,)) == Verdict(None, Reason.NO_SECRET)
    assert judged(signed_with_nothing, secrets=(empty, SECRET)) == Verdict(None, Reason.WRONG_SIGNATURE)


def test_the_stand_in_secret_of_the_spare_rounds_opens_nothing() -> None:
    forged = Push(BODY, mac_of(BODY, secret="nobody's").hex())

    assert judged(forged) == Verdict(None, Reason.WRONG_SIGNATURE)
    assert judged(forged, secrets=()) == Verdict(None, Reason.NO_SECRET)


def test_no_secret_at_all_verifies_nothing() -> None:
    assert judged(Push(BODY, mac_of(BODY).hex()), secrets=()) == Verdict(None, Reason.NO_SECRET)


def test_every_active_secret_verifies_while_they_rotate() -> None:
    for secret in ("sandbox-only-old", "sandbox-only-new"):
        push = Push(BODY, mac_of(BODY, secret=secret).hex())

        assert judged(push, secrets=("sandbox-only-new", "sandbox-only-old")) == Verdict("body/hex", None)


def test_a_form_that_is_not_configured_does_not_verify() -> None:
    push = Push(BODY, mac_of(BODY, content=SignedContent.TIMESTAMP_DOT_BODY).hex(), STAMP)

    assert judged(push, webhook=watching(SignedContent.BODY)).reason is Reason.WRONG_SIGNATURE
    assert judged(push, webhook=watching(SignedContent.TIMESTAMP_DOT_BODY)).variant == "timestamp.body/hex"


def test_a_form_that_covers_the_timestamp_needs_one() -> None:
    push = Push(BODY, mac_of(BODY, content=SignedContent.TIMESTAMP_DOT_BODY).hex(), None)

    assert judged(push, webhook=watching(SignedContent.TIMESTAMP_DOT_BODY)).reason is Reason.WRONG_SIGNATURE


def test_a_missing_and_an_unreadable_signature_are_told_apart_for_the_operator() -> None:
    assert judged(Push(BODY, None)).reason is Reason.NO_SIGNATURE
    assert judged(Push(BODY, "sha256=xyz")).reason is Reason.UNREADABLE_SIGNATURE


@pytest.mark.parametrize(
    "header",
    [
        "ab" * 31,
        "ab" * 33,
        "ab " * 32,
        "sha1=" + "ab" * 32,
        "sha256=sha256=" + "ab" * 32,
        base64.b64encode(bytes(31)).decode(),
        base64.b64encode(bytes(33)).decode(),
        "A" * 42,
        "A" * 43 + "==",
        "A+" * 10 + "-" * 23,
    ],
)
def test_only_32_bytes_in_one_spelling_are_a_signature(header: str) -> None:
    assert decode(header)[1] is None


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_a_push_within_the_tolerance_is_fresh_either_way(seconds: int) -> None:
    push = Push(BODY, mac_of(BODY).hex(), STAMP)

    assert judged(push, webhook=watching(), now=NOW + timedelta(seconds=seconds)).reason is None


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_a_push_beyond_the_tolerance_is_stale_either_way(seconds: int) -> None:
    push = Push(BODY, mac_of(BODY).hex(), STAMP)

    assert judged(push, webhook=watching(), now=NOW + timedelta(seconds=seconds)).reason is Reason.STALE


def test_the_tolerance_is_configuration() -> None:
    push = Push(BODY, mac_of(BODY).hex(), STAMP)
    late = NOW + timedelta(seconds=11)

    assert judged(push, webhook=watching(tolerance_seconds=10), now=late).reason is Reason.STALE
    assert judged(push, webhook=watching(tolerance_seconds=11), now=late).reason is None


def test_a_missing_timestamp_matters_only_when_it_is_required() -> None:
    push = Push(BODY, mac_of(BODY).hex(), None)

    assert judged(push, webhook=watching()).reason is None
    assert judged(push, webhook=watching(timestamp_required=True)).reason is Reason.NO_TIMESTAMP


def test_an_unreadable_timestamp_proves_no_freshness() -> None:
    push = Push(BODY, mac_of(BODY).hex(), "yesterday")

    assert judged(push, webhook=watching()).reason is Reason.UNREADABLE_TIMESTAMP


@pytest.mark.parametrize(
    "text",
    [
        "1772699460",
        "1772699460.25",
        "1772699460000",
        "1772699460123",
        "2026-03-05T08:31:00Z",
        "2026-03-05T08:31:00.123+00:00",
        "2026-03-05T10:31:00+02:00",
        "2026-03-05T08:31:00",
        " 1772699460 ",
    ],
)
def test_seconds_milliseconds_and_iso_times_are_one_instant(text: str) -> None:
    moment = timestamp_instant(text)

    assert moment is not None
    assert abs(moment - NOW) < timedelta(seconds=1)


@given(st.text(max_size=40))
@example("9" * 13)
@example("9" * 14)
@example("٣" * 10)
@example("")
def test_any_timestamp_text_is_an_aware_instant_or_none(text: str) -> None:
    moment = timestamp_instant(text)

    assert moment is None or moment.utcoffset() is not None
