"""A program: both far sides with the least work, so that what is measured is the product and not an emulator.

Every id of 32 hexadecimal digits is a document that waits for its transfer: it is made from a template when it is
asked for. What was posted and answered is remembered, so that both books can be compared; the same control plane as
the emulators' (`/_sandbox/...`) shows them, counts calls, and sets how long an answer takes. Nothing is checked but
what would spoil the books: an invoice that is there already, an answer given twice. Lists are empty: nothing is found
by a sweep.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import httptools
import uvloop

from mlc_sandbox.basware.world import WAITING
from mlc_sandbox.epicor import EpicorWorld
from mlc_sandbox.epicor.entity_sets import list_entities
from mlc_sandbox.epicor.wire import DUPLICATE, NOT_FOUND
from mlc_sandbox.exact_json import dumps
from mlc_sandbox.samples import bulk_invoices

TEMPLATES = 512
KEPT_SAVES = 20_000
ID = 32
IN_PROGRESS, TRANSFERRED = b"TransferInProgress", b"Transferred"


@dataclass(frozen=True)
class Answer:
    """What is sent back. `about`: the document or AP invoice that the call was about, if one."""

    status: int
    body: bytes = b""
    about: bytes = b""
    request_id: bytes = b""


@dataclass
class Calls:
    """Calls of one far side: so many in flight, and how often one began about what another was about just then."""

    latency: float = 0.0
    total: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    met: int = 0
    saves: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=KEPT_SAVES))
    _about: set[bytes] = field(default_factory=set)

    def begun(self, about: bytes) -> bool:
        """A call arrived; whether it is the only one about this."""
        self.total += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        alone = about not in self._about
        if about and alone:
            self._about.add(about)
        self.met += not alone
        return alone

    def ended(self, about: bytes, *, alone: bool) -> None:
        """A call is answered."""
        self.in_flight -= 1
        if alone:
            self._about.discard(about)

    def shown(self) -> dict[str, Any]:
        """For the control plane."""
        counts = {name: getattr(self, name) for name in ("total", "in_flight", "max_in_flight", "met")}
        return counts | {"calls": list(self.saves)}


class Basware:
    """Tokens, documents from templates, acknowledges, transfer responses, and what became of them."""

    def __init__(self) -> None:
        self.calls = Calls()
        self._templates = [_template(body) for body in bulk_invoices(TEMPLATES, seed=1)]
        self._status: dict[bytes, bytes] = {}
        self._answers: dict[bytes, bytes] = {}
        self._acknowledged: dict[bytes, int] = {}

    def answer(self, method: bytes, target: bytes, body: bytes) -> Answer:
        """The answer to one call."""
        path = target.partition(b"?")[0]
        _, _, kind, *rest = path.split(b"/")
        if kind == b"tokens":
            scope = dict(parse_qsl(body.decode()))["scope"]
            token = {"access_token": "static", "scope": scope, "expires_in": 3600, "token_type": "Bearer"}
            return Answer(200, json.dumps(token).encode())
        if kind == b"requestStatus" and rest:
            return self._request(rest[0])
        if kind != b"accountingDocuments" or not rest or len(rest[0]) != ID:
            return Answer(404)
        match method, rest[1:]:
            case b"GET", []:
                return self._document(rest[0])
            case b"POST", [b"acknowledge"]:
                return self._acknowledge(rest[0])
            case b"POST", [b"transferResponses"]:
                return self._take(rest[0], body)
        return Answer(404)

    def _document(self, name: bytes) -> Answer:
        template = self._templates[int(name[:4], 16) % TEMPLATES]
        said = self._answers.get(name)
        given = b'{"externalCode":"%b","success":true}' % said if said else b""
        status = self._status.get(name, WAITING.encode())
        text = template.replace(b"@ID@", name).replace(b"@STATUS@", status).replace(b"@GIVEN@", given)
        return Answer(200, b'{"accountingDocuments":[%b]}' % text, name)

    def _acknowledge(self, name: bytes) -> Answer:
        self._acknowledged[name] = self._acknowledged.get(name, 0) + 1
        if name in self._status:
            return Answer(405, b'{"errors":[{"message":"already acknowledged"}]}', name)
        self._status[name] = IN_PROGRESS
        return Answer(200, b'"acknowledged"', name)

    def _take(self, name: bytes, body: bytes) -> Answer:
        said = json.loads(body)
        if self._status.get(name) == TRANSFERRED:
            return Answer(400, b'{"errors":[{"message":"not allowed in Transferred"}]}', name)
        if said["success"]:
            self._status[name] = TRANSFERRED
        else:
            self._status[name] = b"TransferFailed"
        self._answers[name] = said["externalCode"].encode()
        return Answer(200, body, name, request_id=name + b"." + self._answers[name])

    def _request(self, request: bytes) -> Answer:
        parent, _, code = request.decode().partition(".")
        item = {"externalCode": code, "parentExternalCode": parent, "status": "Success", "errors": []}
        system = {"system": "P2P", "systemStatus": "Success", "items": [item]}
        found = {"requestId": request.decode(), "requestStatus": "Success", "systems": [system]}
        return Answer(200, json.dumps({"requestStatus": [found]}).encode())

    def control(self, what: bytes) -> Any:
        """What the control plane shows."""
        if what == b"state":
            return {
                "documents": [
                    {"invoiceId": each.decode(), "processingStatus": status.decode()}
                    for each, status in self._status.items()
                ],
                "acknowledged_again": sum(each > 1 for each in self._acknowledged.values()),
            }
        return self.calls.shown() if what == b"calls" else {}


def _template(body: dict[str, Any]) -> bytes:
    """A document with places for its id, which is its number and its transfer too, its status and its answers."""
    named = {"invoiceId": "@ID@", "invoiceNumber": "@ID@", "processingStatus": "@STATUS@"}
    batch = {"transferParameters": [{"key": "InvoiceBatchId", "value": "@ID@"}]}
    text = dumps(body | named | batch | {"transferResponses": ["@GIVEN@"]})
    return text.replace('"@GIVEN@"', "@GIVEN@").encode()


class Epicor:
    """Master data as the emulator has it, groups, and AP invoices: absent until saved, then read back as sent."""

    def __init__(self) -> None:
        self.calls = Calls()
        self._world = EpicorWorld()
        self._known: dict[bytes, Answer] = {}
        self._groups: dict[bytes, bytes] = {}
        self._held: dict[bytes, bytes] = {}
        self._saves: dict[bytes, int] = {}
        self._ids: dict[bytes, str] = {}
        self._methods: dict[bytes, Callable[[bytes, bytes, bytes], Answer]] = {
            b"Erp.BO.APInvoiceSvc/GetByID": self._invoice,
            b"Erp.BO.APInvoiceSvc/UpdateMaster": self._save,
            b"Erp.BO.APInvSearchSvc/APInvSearches": lambda *_: Answer(200, b'{"value":[]}'),
            b"Erp.BO.APInvGrpSvc/GetByID": self._group,
            b"Erp.BO.APInvGrpSvc/GetNewAPInvGrpNoLock": lambda *_: Answer(200, _NEW_GROUP),
            b"Erp.BO.APInvGrpSvc/Update": self._make_group,
            b"Erp.BO.APInvGrpSvc/UnlockGroup": lambda *_: Answer(200, b"{}"),
            b"Erp.BO.GLAccountSvc/ValidateGLAccount": lambda *_: Answer(200, b"{}"),
        }

    def answer(self, method: bytes, target: bytes, body: bytes) -> Answer:
        """The answer to one call."""
        path, _, query = target.partition(b"?")
        company, service, name = path.split(b"/")[5:8]
        if known := self._methods.get(service + b"/" + name):
            return known(company, query, body)
        if method != b"GET":
            return _refused(404, f"Resource not found: {path.decode()}", "Epicor.RESTApi.ApiException")
        if target not in self._known:
            options = dict(parse_qsl(query.decode()))
            rows = list_entities(self._world, company.decode(), service.decode(), name.decode(), options)
            self._known[target] = Answer(200, dumps(rows).encode())
        return self._known[target]

    def _invoice(self, company: bytes, query: bytes, _body: bytes) -> Answer:
        key = company + b"?" + query
        held = self._held.get(key)
        if held is None:
            return _refused(404, "Record not found.", NOT_FOUND, about=key)
        return Answer(200, b'{"returnObj":%b}' % held, key)

    def _save(self, company: bytes, _query: bytes, body: bytes) -> Answer:
        dataset = json.loads(body)["ds"]
        header = dataset["APInvHed"][0]
        number = header["InvoiceNum"]
        key = b"%b?vendorNum=%d&invoiceNum=%b" % (company, header["VendorNum"], number.encode())
        self.calls.saves.append(
            {"path": "APInvoiceSvc/UpdateMaster", "invoice": number, "at": datetime.now(UTC).isoformat()}
        )
        self._saves[key] = self._saves.get(key, 0) + 1
        if key in self._held:
            return _refused(400, "Duplicate entry in AP invoices.", DUPLICATE, about=key)
        header |= {"DocInvoiceAmt": header["DocInvoiceVendorAmt"], "DocInvoiceVariance": 0, "RowMod": ""}
        self._held[key] = text = json.dumps(dataset).encode()
        self._ids[key] = header["ExternalID"]
        return Answer(200, b'{"parameters":{"ds":%b,"lUpdateRan":true,"requiresUserInput":false}}' % text, key)

    def _group(self, company: bytes, query: bytes, _body: bytes) -> Answer:
        held = self._groups.get(company + query.partition(b"=")[2])
        if held is None:
            return _refused(404, "Record not found.", NOT_FOUND)
        return Answer(200, held)

    def _make_group(self, company: bytes, _query: bytes, body: bytes) -> Answer:
        row = json.loads(body)["ds"]["APInvGrp"][0] | {"RowMod": "", "ActiveUserID": ""}
        held = json.dumps({"returnObj": {"APInvGrp": [row]}}).encode()
        self._groups[company + row["GroupID"].encode()] = held
        return Answer(200, b"{}")

    def control(self, what: bytes) -> Any:
        """What the control plane shows."""
        if what == b"invoices":
            return {"invoices": [{"ExternalID": self._ids[key], "saves": self._saves[key]} for key in self._held]}
        return self.calls.shown() if what == b"calls" else {}


_NEW_GROUP = b'{"parameters":{"ds":{"APInvGrp":[{"GroupID":"","RowMod":"A"}]}}}'


def _refused(status: int, message: str, kind: str, *, about: bytes = b"") -> Answer:
    body = {"HttpStatus": status, "ErrorMessage": message, "ErrorType": kind}
    return Answer(status, json.dumps(body).encode(), about)


class Connection(asyncio.Protocol):
    """One connection; one call at a time, as HTTP clients do."""

    def __init__(self, far_side: Basware | Epicor) -> None:
        self._far_side = far_side
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for calls."""
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)
        self._target, self._body = b"", b""

    def data_received(self, data: bytes) -> None:
        """Some of a call."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Some of the target."""
        self._target += url

    def on_body(self, body: bytes) -> None:
        """Some of the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """The whole call is here."""
        target, self._target, body, self._body = self._target, b"", self._body, b""
        calls = self._far_side.calls
        if target.startswith(b"/_sandbox/"):
            if body:
                calls.latency = json.loads(body)["latency"]
            shown = self._far_side.control(target.rpartition(b"/")[2])
            self._send(Answer(200, json.dumps(shown).encode()))
            return
        answer = self._far_side.answer(self._parser.get_method(), target, body)
        alone = calls.begun(answer.about)
        if calls.latency:
            self._loop.call_later(calls.latency, self._finish, answer, alone)
        else:
            self._finish(answer, alone)

    def _finish(self, answer: Answer, alone: bool) -> None:
        self._far_side.calls.ended(answer.about, alone=alone)
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        more = b"x-amzn-RequestId: %b\r\n" % answer.request_id if answer.request_id else b""
        head = b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n"
        self._transport.write(head % (answer.status, more, len(answer.body)) + answer.body)


async def run(basware_port: int, epicor_port: int) -> None:
    """Serve until a signal says stop."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    for far_side, port in ((Basware(), basware_port), (Epicor(), epicor_port)):
        await loop.create_server(lambda served=far_side: Connection(served), "127.0.0.1", port)
    await stop.wait()


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--basware-port", type=int, required=True)
    parser.add_argument("--epicor-port", type=int, required=True)
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(arguments.basware_port, arguments.epicor_port))


if __name__ == "__main__":
    main()
