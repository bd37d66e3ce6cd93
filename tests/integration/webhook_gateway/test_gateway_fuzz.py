"""A gateway process that everybody may reach is sent whatever a stranger can think of: it refuses, and nothing else.

`make fuzz` runs the same for much longer.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import re
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest
import pytest_asyncio
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from schemathesis import GenerationMode

from mlc_common.connection import ConnectionDocument
from mlc_common.connections import apply, set_credential
from mlc_common.database import make_engine
from mlc_common.settings import Settings
from mlc_common.topology import declare
from mlc_common.vault import MasterKeys

SECRET = "sandbox-only-webhook-secret"
HOOK = "/hooks/basware/northwind"
DESCRIPTION = Path(__file__).parents[3] / "docs/webhook.openapi.yaml"
PUSH = schemathesis.openapi.from_path(DESCRIPTION)["/hooks/basware/{connection}"]["POST"]
TIMES = int(os.environ.get("MLC_FUZZ", "1"))
MEBIBYTE = 1024 * 1024


def searching(examples: int) -> settings:
    return settings(max_examples=examples * TIMES, deadline=None, suppress_health_check=list(HealthCheck))


@dataclass
class Target:
    """The gateway's process, and what a stranger sees of it."""

    process: Any

    @property
    def port(self) -> int:
        return int((self.process.folder / "public").read_text())

    @property
    def memory(self) -> int:
        """Bytes that the process holds in memory."""
        status = Path(f"/proc/{self.process.started[-1].pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024

    def assert_well(self) -> None:
        """It runs, raised nothing, and takes an honest push."""
        assert self.process.started[-1].poll() is None
        log = self.process.log.read_text()
        assert "Traceback" not in log, log[-3000:]
        assert "Exception" not in log, log[-3000:]
        body = notification()
        assert self.say(request(body, mac(body))).startswith(b"HTTP/1.1 200 ")

    def say(self, *parts: bytes, patience: float = 2) -> bytes:
        """Send bytes as they are, and what came back: up to the end of one answer, or of patience."""
        heard = b""
        with closing(socket.create_connection(("127.0.0.1", self.port))) as line, suppress(OSError):
            line.settimeout(patience)
            for part in parts:
                line.sendall(part)
            while not whole(heard) and (more := line.recv(65_536)):
                heard += more
        return heard


def whole(heard: bytes) -> bool:
    head, separator, body = heard.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return bool(separator and length and len(body) >= int(length[1]))


def notification(task: str | None = None) -> bytes:
    named = task or os.urandom(8).hex()
    return json.dumps(
        {"taskId": named, "taskStatus": "New", "taskType": "AccountingDocuments", "documentId": "d-1"}
    ).encode()


def mac(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def request(body: bytes, signature: str | None, *, to: str = "northwind", more: bytes = b"") -> bytes:
    signed = f"X-BWAPI-Signature-256: {signature}\r\n".encode() if signature else b""
    head = f"POST /hooks/basware/{to} HTTP/1.1\r\nHost: g\r\nContent-Length: {len(body)}\r\n".encode()
    return head + signed + more + b"\r\n" + body


def status(heard: bytes) -> int | None:
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", heard)
    return int(found[1]) if found else None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(
    module_broker: Any, postgres: Any, process: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Target]:
    """One gateway for all tests of this file; it knows `northwind`, and `timed`, whose signatures cover a time."""
    client = await nats.connect(module_broker.url)
    await declare(client, Settings())
    await client.close()
    name, keys, folder = (
        await postgres.create("mlc_template"),
        MasterKeys.generate_line("k1"),
        tmp_path_factory.mktemp("g"),
    )
    engine, now = make_engine(postgres.url(name)), datetime.now(UTC)
    timed = {"signed": ["timestamp.body"], "timestamp_header": "X-Time", "timestamp_required": True}
    for connection, webhook in (("northwind", {}), ("timed", timed)):
        pair = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}
        document = {
            "name": connection,
            "basware": {"webhook": webhook},
            "epicor": {"base_url": "http://127.0.0.1:1/sandbox"},
            "companies": [pair],
        }
        await apply(engine, ConnectionDocument.model_validate(document), by="test", now=now)
        await set_credential(
            engine,
            MasterKeys.parse(SecretStr(keys)),
            connection=connection,
            field="basware.webhook_secret",
            values=[SecretStr(SECRET)],
            by="test",
            now=now,
        )
    await engine.dispose()
    environment = {
        "MLC_NATS_URL": module_broker.url,
        "MLC_DATABASE_URL": postgres.url(name),
        "MLC_MASTER_KEYS": keys,
        "MLC_PORT_FILE": str(folder / "port"),
        "MLC_PUBLIC_PORT_FILE": str(folder / "public"),
        "MLC_TIMINGS__PUSH_BODY": "2",
        "MLC_TIMINGS__GRACEFUL": "2",
    }
    gateway = process(os.environ | environment, folder, folder / "gateway.log")
    await gateway.start()
    yield Target(gateway)
    gateway.end(15)
    await postgres.drop(name)


@pytest.fixture(autouse=True)
def well_afterwards(target: Target) -> Iterator[None]:
    yield
    target.assert_well()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize("named", [{"connection": "northwind"}, None], ids=["known", "any"])
def test_every_answer_is_one_that_the_description_names(
    target: Target, mode: GenerationMode, signed: bool, named: dict[str, str] | None
) -> None:
    seen: Counter[int] = Counter()

    with requests.Session() as session:
        session.trust_env = False

        @searching(40)
        @given(case=PUSH.as_strategy(generation_mode=mode, path_parameters=named))
        def answers(case: Any) -> None:
            plain = requests.Request(**case.as_transport_kwargs(base_url=f"http://127.0.0.1:{target.port}"))
            sent = session.prepare_request(plain)
            if signed:
                body = sent.body or b""
                sent.headers["X-BWAPI-Signature-256"] = mac(body.encode() if isinstance(body, str) else body)
            answer = session.send(sent)
            seen[answer.status_code] += 1
            case.validate_response(answer, excluded_checks=SEMANTIC)

        answers()

    trusted = {200, 422} if named and signed else {200, 401}
    assert set(seen) <= trusted | {404, 413}, seen
    assert seen


SEMANTIC = [
    schemathesis.checks.negative_data_rejection,
    schemathesis.checks.positive_data_acceptance,
    schemathesis.checks.missing_required_header,
]
"""Checks for interfaces that judge data; ours judges a signature first, which the strategies know nothing of."""

odd_text = st.binary(max_size=40)
methods = st.sampled_from(
    [b"POST", b"GET", b"PUT", b"HEAD", b"OPTIONS", b"TRACE", b"CONNECT", b"BREW", b"post", b"", b"PRI"]
)
ABSURD = {
    HOOK.encode() + b"/": 404,
    HOOK.encode() + b"?x=%zz#y": 200,
    b"/": 404,
    b"//hooks//basware//northwind": 404,
    b"/hooks/basware": 404,
    b"/hooks/basware/": 404,
    b"/hooks/basware/../../metrics": 404,
    b"/hooks/basware/%2e%2e%2fmetrics": 404,
    b"/hooks/basware/%00": 401,
    b"/hooks/basware/%ff%fe": 401,
    b"/hooks/basware/" + b"x" * 60_000: 401,
    b"/metrics": 404,
    b"/readyz": 404,
    b"/docs": 404,
    b"/openapi.json": 404,
    b"*": 404,
}
"""Paths, and what an otherwise honest push to them is answered."""

targets = st.one_of(
    st.sampled_from(
        [HOOK.encode(), b"/hooks/basware/\xff\xfe", b"http://127.0.0.1:1" + HOOK.encode(), b"g:443", *ABSURD]
    ),
    odd_text.map(lambda odd: b"/hooks/basware/" + odd),
    odd_text,
)
versions = st.sampled_from([b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9.9", b"HTTP/1.1 ", b"", b"ICY"])
fields = st.one_of(
    st.sampled_from(
        [
            b"Host: g",
            b"Host: [::1",
            b"Host: a b\xff",
            b"Host:",
            b"Content-Length: 10",
            b"Content-Length: 0",
            b"Content-Length: -1",
            b"Content-Length: 5, 5",
            b"Content-Length: +5",
            b"Content-Length: 0x5",
            b"Content-Length: 99999999999999999999999",
            b"Content-Length: 1e3",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: chunked, chunked",
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding: identity",
            b"Transfer-Encoding : chunked",
            b"Content-Encoding: gzip",
            b"Expect: 100-continue",
            b"Expect: nothing",
            b"Upgrade: websocket",
            b"Upgrade: h2c",
            b"Connection: upgrade",
            b"Connection: close, keep-alive",
            b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            b"traceparent: 00-" + b"f" * 500,
            b"tracestate: " + b"a=b," * 200,
            b"baggage: " + b"k=v;" * 500,
            b"X-BWAPI-Signature-256: sha256=",
            b"X-BWAPI-Signature-256: " + b"ab" * 32,
            b"X-BWAPI-Signature-256: " + b"\xe9" * 64,
            b"X-Time: 9999999999999",
            b" folded",
            b"no colon",
            b"",
        ]
    ),
    st.tuples(odd_text, odd_text).map(b": ".join),
)
contents = st.one_of(
    st.binary(max_size=300),
    st.sampled_from(
        [
            notification("t-raw"),
            b"5\r\nhello\r\n0\r\n\r\n",
            b"ffffffffffffffffff\r\nx",
            b"-5\r\nx\r\n",
            b"5;" + b"x" * 70_000,
            b"0\r\nX-Trailer: y\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n" * 50,
            b"{" * 2_000,
            b'{"taskType": "\\ud800"}',
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        ]
    ),
)


@searching(300)
@given(
    methods, targets, versions, st.lists(fields, max_size=6), contents, st.sampled_from([b"\r\n"] * 5 + [b"\n", b"\r"])
)
def test_broken_http_is_refused_or_dropped(
    target: Target, method: bytes, path: bytes, version: bytes, heads: list[bytes], body: bytes, end: bytes
) -> None:
    heard = target.say(end.join([b" ".join([method, path, version]), *heads, b"", body]), patience=0.03)

    assert status(heard) in {None, 100, 200, 400, 401, 404, 405, 408, 413, 422}, heard
    if status(heard) == 200:
        assert b"onnectionTest" in body, heard


@pytest.mark.parametrize("path", ABSURD, ids=lambda path: path[:40].decode())
def test_a_path_that_is_no_hook_leads_nowhere(target: Target, path: bytes) -> None:
    body = notification()
    head = b"POST " + path + b" HTTP/1.1\r\nHost: elsewhere.example\r\n"
    length = f"Content-Length: {len(body)}\r\nX-BWAPI-Signature-256: {mac(body)}\r\n\r\n".encode()

    heard = target.say(head + length + body)

    assert status(heard) == ABSURD[path]
    assert b"elsewhere.example" not in heard
    assert not re.search(rb"(?i)\r\n(server|location|x-powered-by):", heard)


def written(right: str) -> st.SearchStrategy[str]:
    """Spellings of a signature and of what is nearly one."""
    near = [
        right[:-1],
        right + "0",
        right[::-1],
        right[1:] + right[0],
        f"{right} {right}",
        f"{right},{right}",
        "0" * 64,
    ]
    return st.one_of(
        st.sampled_from([right, right.upper(), f"sha256={right}", f"HMAC-SHA256={right}", f" {right} "]),
        st.sampled_from(near),
        st.text("0123456789abcdef", min_size=64, max_size=64),
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=80),
    )


@searching(150)
@given(st.data())
def test_only_the_right_mac_opens_whatever_stands_around_it(target: Target, data: st.DataObject) -> None:
    body = notification()
    right = mac(body)
    header = data.draw(written(right))

    answered = status(
        target.say(request(body, None, more=b"X-BWAPI-Signature-256: " + header.encode("latin-1") + b"\r\n"))
    )

    bare = re.sub(r"(?i)^(hmac-)?sha256=", "", header.strip()).strip()
    assert answered == (200 if bare.lower() == right else 401), header


def test_a_signature_does_not_serve_another_connection_time_or_body(target: Target) -> None:
    body, now = notification(), int(datetime.now(UTC).timestamp())

    def push(stamp: int | str, signed: int | str, content: bytes = body, to: str = "timed") -> int | None:
        signature = mac(f"{signed}.".encode() + body)
        return status(target.say(request(content, signature, to=to, more=f"X-Time: {stamp}\r\n".encode())))

    assert push(now, now) == 200
    assert push(now, now) == 200, "stored once, whoever sends it again"
    assert push(now - 400, now - 400) == 401, "an old one is over"
    assert push(now, now - 400) == 401, "and a new time does not renew it"
    assert push(f"{now}.", now) == 401
    assert push(now, now, content=body + b" ") == 401
    assert push(now, now, to="northwind") == 401
    assert push("9" * 400, "9" * 400) == 401


@pytest.mark.parametrize("length", [b"10", b"-1", b"0x10", b"99999999999999999999", b"1, 1", b"1\r\nContent-Length: 2"])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_wrong_length_never_makes_a_push(target: Target, length: bytes, chunked: bool) -> None:
    body = notification()
    more = b"Transfer-Encoding: chunked\r\n" if chunked else b""
    head = f"POST {HOOK} HTTP/1.1\r\nHost: g\r\nX-BWAPI-Signature-256: {mac(body)}\r\n".encode()

    heard = target.say(head + more + b"Content-Length: " + length + b"\r\n\r\n" + body, patience=0.3)

    assert status(heard) in {None, 400, 401, 408, 413}


def test_one_request_hidden_in_another_is_not_believed(target: Target) -> None:
    """Where a proxy and we disagree about the end of a body, the rest of it must not become a push."""
    hidden = notification()
    inner = request(hidden, mac(hidden))
    for disagreeing in (
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % (len(inner) + 5),
        b"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n",
        b"Transfer-Encoding:\x0bchunked\r\nContent-Length: 5\r\n",
    ):
        outer = b"POST " + HOOK.encode() + b" HTTP/1.1\r\nHost: g\r\n" + disagreeing + b"\r\n0\r\n\r\n" + inner
        heard = target.say(outer, patience=0.3)
        assert b"HTTP/1.1 200 " not in heard, disagreeing


SLOW_LINES = 60
LOUD = 8
ROUND = 96


async def test_a_siege_costs_neither_memory_nor_honest_pushes(target: Target) -> None:
    """Slow heads, slow bodies, floods of forged and broken pushes at once; an honest sender goes on in between."""
    series = (await metrics(target)).count("\n")
    honest = asyncio.create_task(honest_pushes(target))
    slow = [dripping_head(target) for _ in range(SLOW_LINES)] + [dripping_body(target) for _ in range(SLOW_LINES)]
    lingering = asyncio.gather(*slow)
    await flood(target)
    held, logged = target.memory, target.process.log.stat().st_size

    for _ in range(2 * TIMES):
        await flood(target)
    ended = await lingering

    assert not honest.done(), "it would have ended with a push that was not answered 200"
    honest.cancel()
    assert set(ended[:SLOW_LINES]) <= {400, None}, "None: its end came before its answer was read"
    assert set(ended[SLOW_LINES:]) <= {408, None}
    assert target.memory - held < 8 * MEBIBYTE
    assert (await metrics(target)).count("\n") - series < 40, "what strangers send makes no series of metrics"
    assert target.process.log.stat().st_size - logged < 32 * 1024 * TIMES, "nor does it fill the log"


async def metrics(target: Target) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"{target.process.inside}/metrics")).text


async def honest_pushes(target: Target) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        while True:
            body = notification()
            signed = {"X-BWAPI-Signature-256": mac(body)}
            answer = await client.post(f"http://127.0.0.1:{target.port}{HOOK}", content=body, headers=signed)
            assert answer.status_code == 200
            await asyncio.sleep(0.05)


async def flood(target: Target) -> None:
    """Some hundred hostile requests, eight at a time, each kind with its expected answer."""
    large, unique = b"[" + b"1e9," * 60_000 + b"1]", os.urandom(4).hex()

    async def some(line: int) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            for count in range(ROUND):
                to, body, headers, expected = hostile(count, large, f"{unique}-{line}-{count}")
                url = f"http://127.0.0.1:{target.port}/hooks/basware/{to}"
                answer = await client.post(url, content=body, headers=headers)
                assert answer.status_code == expected, (count % 8, answer.text)

    await asyncio.gather(*(some(line) for line in range(LOUD)))


def hostile(count: int, large: bytes, unique: str) -> tuple[str, bytes, dict[str, str], int]:
    """Where to, body, headers, and what it must be answered."""
    body = notification(unique)
    forged = {"X-BWAPI-Signature-256": mac(body, "sandbox-only-guess")}
    kinds: list[tuple[str, bytes, dict[str, str], int]] = [
        ("northwind", body, forged, 401),
        (unique, body, forged, 401),
        ("northwind", large, forged, 401),
        (unique, large, {}, 401),
        ("northwind", b"x" * (256 * 1024 + 1), {}, 413),
        ("northwind", unique.encode(), {"X-BWAPI-Signature-256": mac(unique.encode())}, 422),
        ("northwind", body, {f"X-{unique}-{each}": unique for each in range(100)}, 401),
        (
            "northwind",
            body,
            {"traceparent": f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01", "baggage": unique},
            401,
        ),
    ]
    return kinds[count % len(kinds)]


async def dripping_head(target: Target) -> int | None:
    return await drip(target, f"POST {HOOK} HTTP/1.1\r\nHost: g\r\nX-Slow: ".encode())


async def dripping_body(target: Target) -> int | None:
    return await drip(target, f"POST {HOOK} HTTP/1.1\r\nHost: g\r\nContent-Length: 5000\r\n\r\n".encode())


async def drip(target: Target, beginning: bytes) -> int | None:
    """Say something, then a byte now and then, until the other side ends it; the status it ends it with, if any."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(beginning)
    heard = asyncio.create_task(reader.read())
    async with asyncio.timeout(20):
        while not heard.done():
            writer.write(b"x")
            await asyncio.wait([heard], timeout=0.25)
    writer.transport.abort()
    return None if isinstance(heard.exception(), ConnectionError) else status(heard.result())
