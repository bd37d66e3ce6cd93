"""How long a refusal takes tells nothing: neither how much of a signature was right, nor which connections there are.

What is shown is the work that is done, call by call, because a measurement of time is never sharp on a shared machine.
"""

from __future__ import annotations

import ast
import hashlib
import hmac
import inspect
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_common.connection import SignedContent, Webhook
from webhook_gateway import signature
from webhook_gateway.decision import Receiver, decide
from webhook_gateway.signature import Push, decode, verify

NOW = datetime(2026, 3, 5, 8, 31, tzinfo=UTC)
BODY = b'{"taskId":"t-1","taskStatus":"New","taskType":"AccountingDocuments","documentId":"d-1"}'
SECRETS = tuple(f"sandbox-only-{number}" for number in range(4))
ROUNDS = 20


def mac_of(secret: str) -> bytes:
    return hmac.new(secret.encode(), BODY, hashlib.sha256).digest()


def wrong_from(byte: int) -> bytes:
    right = mac_of(SECRETS[0])
    return right[:byte] + bytes(each ^ 0xFF for each in right[byte:])


def work_of(call: Callable[[], Any]) -> Counter[str]:
    """Which functions of C were called how often while it ran."""
    seen: Counter[str] = Counter()

    def note(_frame: Any, event: str, function: Any) -> None:
        if event == "c_call":
            seen[function.__name__] += 1

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return seen


def macs(call: Callable[[], Any]) -> tuple[int, int]:
    """How many MACs were computed and how many compared."""
    work = work_of(call)
    return work["hmac_digest"], work["compare_digest"]


SIGNATURES = {
    "wrong from the first byte": wrong_from(0),
    "wrong in the last byte": wrong_from(31),
    "by the first secret": mac_of(SECRETS[0]),
    "by the last secret": mac_of(SECRETS[-1]),
    "by nobody's secret": mac_of("another"),
    "all zero": bytes(32),
}


@pytest.mark.parametrize("known", [SECRETS, SECRETS[:1], ()], ids=["four secrets", "one", "none"])
@pytest.mark.parametrize("mac", SIGNATURES.values(), ids=SIGNATURES)
def test_every_candidate_is_computed_and_compared_wherever_the_match_is(mac: bytes, known: tuple[str, ...]) -> None:
    push = Push(BODY, mac.hex(), "1772699460")
    webhook = Webhook(signed=tuple(SignedContent), timestamp_header="X-Time")

    assert macs(lambda: verify(push, secrets=known, webhook=webhook, now=NOW, rounds=ROUNDS)) == (ROUNDS, ROUNDS)


@pytest.mark.parametrize("mac", [wrong_from(0), wrong_from(31)])
def test_an_unknown_connection_costs_exactly_the_calls_of_a_known_one(mac: bytes) -> None:
    push = Push(BODY, mac.hex())
    known = Receiver("northwind", Webhook(), SECRETS[:1])

    with_a_name, without = (
        work_of(lambda whom=whom: decide(push, receiver=whom, now=NOW, rounds=ROUNDS)) for whom in (known, None)
    )

    of_interest = ("hmac_digest", "compare_digest", "sha256", "openssl_sha256", "decode", "fullmatch")
    assert {name: with_a_name[name] for name in of_interest} == {name: without[name] for name in of_interest}
    assert with_a_name["hmac_digest"] == ROUNDS


@pytest.mark.parametrize("header", [None, "", "sha256=", "ab" * 31, "nonsense" * 8])
@pytest.mark.parametrize("known", [None, Receiver("northwind", Webhook(), SECRETS)])
def test_what_cannot_be_a_signature_costs_no_mac_at_all(header: str | None, known: Receiver | None) -> None:
    assert macs(lambda: decide(Push(BODY, header), receiver=known, now=NOW, rounds=ROUNDS)) == (0, 0)


@given(st.one_of(st.text(max_size=80), st.binary(min_size=32, max_size=32).map(bytes.hex)))
def test_what_is_compared_has_32_bytes_on_both_sides(header: str) -> None:
    mac = decode(header)[1]

    assert mac is None or len(mac) == len(mac_of("any")) == 32


def test_macs_are_compared_by_compare_digest_and_by_nothing_else() -> None:
    tree = ast.parse(inspect.getsource(signature))
    comparing = [node for node in ast.walk(tree) if isinstance(node, ast.Compare)]
    about_macs = [node for node in comparing if {"mac", "secret", "covered"} & names(node)]
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and "compare_digest" in ast.unparse(node.func)
    ]

    assert {ast.unparse(node) for node in about_macs} <= {
        "mac is None",
        "(covered := _covered(push, form)) is not None",
    }
    assert [ast.unparse(node) for node in calls] == ["hmac.compare_digest(hmac.digest(secret, covered, 'sha256'), mac)"]


def names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
