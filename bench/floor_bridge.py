"""A program: the floor of the pipeline. The same calls and synced facts for each invoice, one after another, no more.

It keeps no promise: no history, no checks, no read-back compared, no retry. What the product takes beyond it is the
price of the promises and of general-purpose clients.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import resource
import sys
import time
import uuid
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import nats
import uvloop
from nats.js import JetStreamContext

from bench.line import Line, line
from bench.place import document
from epicor_writer.draft import to_draft
from epicor_writer.groups import group_ids
from epicor_writer.invoice import Draft
from epicor_writer.mapping import to_dataset
from epicor_writer.reference import Vendor
from mlc_basware.documents import AccountingDocument, TransferResponse
from mlc_common.connection import ConnectionDocument
from mlc_common.http import dump_json, load_json
from mlc_common.settings import Settings
from operator_console.demo_far_sides import Ports
from operator_console.demo_scenario import CREDENTIALS

FACT = b"x" * 600
"""About as long as the facts that do not carry a document."""

_JSON = {"Content-Type": "application/json"}
_SERVICE = "/sandbox/api/v2/odata"


@dataclass
class Bridge:
    """One worker: a line to each far side, and the stream."""

    slot: int
    at_once: int
    basware: Line
    epicor: Line
    stream: JetStreamContext
    connection: ConnectionDocument
    token: dict[str, str]
    signed: dict[str, str]
    vendors: Mapping[tuple[str, str], Vendor]

    async def carry(self, invoice_id: str) -> float:
        """Bring one invoice over; seconds until UpdateMaster was sent."""
        started = time.perf_counter()
        await self._store(f"notifications.floor.{invoice_id}.1", FACT)
        path = f"/v1/accountingDocuments/{invoice_id}"
        found = load_json(await self._ask(self.basware, "GET", path, self.token))
        text = dump_json(found["accountingDocuments"][0])
        await self._store(f"documents.floor.{invoice_id}.approved.1", text)
        sent = await self._save(invoice_id, AccountingDocument.parse(text.decode()), started)
        await self._store(f"documents.floor.{invoice_id}.posted.1", FACT)
        await self._ask(self.basware, "POST", f"{path}/acknowledge", self.token | _JSON)
        await self._store(f"documents.floor.{invoice_id}.acknowledged.1", FACT)
        answer = TransferResponse(externalCode=str(uuid.uuid4()), success=True, responseMessage="floor")
        await self._ask(
            self.basware, "POST", f"{path}/transferResponses", self.token | _JSON, dump_json(answer.to_wire())
        )
        await self._store(f"documents.floor.{invoice_id}.answered.1", FACT)
        return sent

    async def _save(self, invoice_id: str, read: AccountingDocument, started: float) -> float:
        pair = self.connection.pair(read.companyCode)
        assert pair is not None
        draft = to_draft(read, pair, self.connection.posting, today=datetime.now(UTC).date())
        assert isinstance(draft, Draft), draft
        vendor = self.vendors[pair.epicor, str(read.supplierCode)]
        group = group_ids("F", draft.apply_date, slot=self.slot, cap=self.at_once)[0]
        dataset = to_dataset(draft, vendor, group_id=group)
        key = urlencode({"vendorNum": vendor.num, "invoiceNum": draft.invoice_num}, quote_via=quote)
        look = f"{_SERVICE}/{pair.epicor}/Erp.BO.APInvoiceSvc/GetByID?{key}"
        where = f"VendorNum eq {vendor.num} and DocInvoiceAmt eq {draft.total}"
        alike = urlencode({"$filter": where, "$select": "InvoiceNum,InvoiceDate", "$top": "100"})
        search = f"{_SERVICE}/{pair.epicor}/Erp.BO.APInvSearchSvc/APInvSearches?{alike}"
        await self._ask(self.epicor, "GET", search, self.signed)
        await self._ask(self.epicor, "GET", look, self.signed, wanted=404)
        await self._store(f"documents.floor.{invoice_id}.intended.1", FACT)
        await self._open(pair.epicor, group, draft)
        ask = {"cGroupID": group, "cTableName": "APInvHed", "suppressUserPrompts": True}
        checks = dict.fromkeys(("runChkCPay", "runChkBankRef", "runChkRevChrg"), False)
        sent = time.perf_counter() - started
        await self._call(pair.epicor, "APInvoiceSvc/UpdateMaster", {"ds": dataset.to_wire(), **ask, **checks})
        await self._ask(self.epicor, "GET", look, self.signed)
        await self._call(pair.epicor, "APInvGrpSvc/UnlockGroup", {"InGroupID": group})
        return sent

    async def _open(self, company: str, group: str, draft: Draft) -> None:
        look = f"{_SERVICE}/{company}/Erp.BO.APInvGrpSvc/GetByID?groupID={group}"
        status, _ = await self.epicor.exchange("GET", look, headers=self.signed)
        if status == 200:
            return
        await self._call(company, "APInvGrpSvc/GetNewAPInvGrpNoLock", {"ds": {"APInvGrp": []}})
        row = {"Company": company, "GroupID": group, "ApplyDate": f"{draft.apply_date}T00:00:00", "RowMod": "A"}
        await self._call(company, "APInvGrpSvc/Update", {"ds": {"APInvGrp": [row]}})

    async def _call(self, company: str, method: str, value: Any) -> None:
        await self._ask(
            self.epicor, "POST", f"{_SERVICE}/{company}/Erp.BO.{method}", self.signed | _JSON, dump_json(value)
        )

    async def _store(self, subject: str, payload: bytes) -> None:
        headers = {"Nats-Msg-Id": subject, "Nats-Expected-Last-Subject-Sequence": "0"}
        await self.stream.publish(subject, payload, headers=headers, timeout=5)

    async def _ask(
        self,
        far_side: Line,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        wanted: int | None = None,
    ) -> bytes:
        status, said = await far_side.exchange(method, target, headers=headers, body=body)
        if status != wanted if wanted else status >= 300:
            raise RuntimeError(f"{method} {target} answered {status}: {said[:300]!r}")
        return said


async def sign_in(basware: Line) -> dict[str, str]:
    """The header that lets calls to Basware in."""
    pair = f"{CREDENTIALS['basware.client_id']}:{CREDENTIALS['basware.client_secret']}"
    headers = {
        "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    scopes = "accountingDocuments.read accountingDocuments.write"
    form = urlencode({"grant_type": "client_credentials", "scope": scopes}).encode()
    _, said = await basware.exchange("POST", "/v1/tokens", headers=headers, body=form)
    return {"Authorization": f"Bearer {json.loads(said)['access_token']}"}


async def read_vendors(epicor: Line, signed: Mapping[str, str], companies: list[str]) -> dict[tuple[str, str], Vendor]:
    """Every vendor by company and id."""
    found = {}
    for company in companies:
        select = urlencode({"$select": "VendorID,VendorNum,TermsCode", "$top": "100"})
        target = f"{_SERVICE}/{company}/Erp.BO.VendorSvc/Vendors?{select}"
        _, said = await epicor.exchange("GET", target, headers=signed)
        for row in json.loads(said)["value"]:
            found[company, row["VendorID"]] = Vendor(row["VendorNum"], row["VendorID"], row.get("TermsCode") or "")
    return found


async def run(ids: list[str], ports: Ports, *, at_once: int) -> dict[str, Any]:
    """Bring these documents over, so many at once."""
    settings, connection = Settings(), document(ports)
    assert settings.nats_password
    async with AsyncExitStack() as stack:
        password = settings.nats_password.get_secret_value()
        client = await nats.connect(settings.nats_url, user=settings.nats_user, password=password)
        stack.push_async_callback(client.close)
        pair = f"{CREDENTIALS['epicor.username']}:{CREDENTIALS['epicor.password']}"
        basic = f"Basic {base64.b64encode(pair.encode()).decode()}"
        signed = {"Authorization": basic, "x-api-key": CREDENTIALS["epicor.api_key"]}
        workers: list[Bridge] = []
        token: dict[str, str] = {}
        vendors: dict[tuple[str, str], Vendor] = {}
        for slot in range(at_once):
            basware = await stack.enter_async_context(line(ports.basware_url))
            epicor = await stack.enter_async_context(line(ports.epicor_root))
            token = token or await sign_in(basware)
            vendors = vendors or await read_vendors(epicor, signed, [each.epicor for each in connection.companies])
            stream = client.jetstream()
            workers.append(Bridge(slot, at_once, basware, epicor, stream, connection, token, signed, vendors))
        return await _timed(workers, ids)


async def _timed(workers: list[Bridge], ids: list[str]) -> dict[str, Any]:
    waiting, sent = list(ids), list[float]()

    async def work(bridge: Bridge) -> None:
        while waiting:
            sent.append(await bridge.carry(waiting.pop()))

    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    await asyncio.gather(*map(work, workers))
    took, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"per_second": len(ids) / took, "cpu": busy / len(ids) * 1000, "sent": [each * 1000 for each in sent]}


def main() -> None:
    """Read ids, a line each; print one JSON object with times in milliseconds."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("basware_port", type=int)
    parser.add_argument("epicor_port", type=int)
    parser.add_argument("--at-once", type=int, default=8)
    arguments = parser.parse_args()
    ports = Ports(arguments.basware_port, arguments.epicor_port)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(run(sys.stdin.read().split(), ports, at_once=arguments.at_once))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
