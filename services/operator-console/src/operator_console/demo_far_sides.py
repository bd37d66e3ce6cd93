"""The two sandboxes as the demo stages and inspects them, through their control planes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import httpx

from mlc_common.http import dump_json, load_json
from operator_console.data_folder import DataFolder, free_port
from operator_console.demo_scenario import NOT_OURS_TO_SEE, WEBHOOK_SECRET
from operator_console.exits import CommandError
from operator_console.supervisor import Program

SANDBOX = "sandbox"
PATIENCE = 60
LOOK_AGAIN = 0.4


@dataclass(frozen=True)
class Ports:
    """Where the two sandboxes listen."""

    basware: int
    epicor: int

    @property
    def basware_url(self) -> str:
        """Basware's base address."""
        return f"http://127.0.0.1:{self.basware}"

    @property
    def epicor_root(self) -> str:
        """Where Epicor's control plane is."""
        return f"http://127.0.0.1:{self.epicor}"

    @property
    def epicor_url(self) -> str:
        """Epicor's base address, with the instance."""
        return f"{self.epicor_root}/sandbox"


def sandbox_program(folder: DataFolder) -> tuple[Program, Ports]:
    """Both sandboxes in one process, on ports that are free now."""
    ports = Ports(free_port(), free_port())
    arguments = ("--basware-port", str(ports.basware), "--epicor-port", str(ports.epicor))
    command = (sys.executable, "-m", "mlc_sandbox.serve", *arguments)
    return Program(name=SANDBOX, command=command, log=folder.log(SANDBOX), address=ports.basware_url), ports


class FarSides:
    """Stages a rehearsal and reads both books."""

    def __init__(self, http: httpx.AsyncClient, ports: Ports) -> None:
        self._http = http
        self._ports = ports

    async def answers(self) -> str | None:
        """Something when both sandboxes answer, else None."""
        try:
            for root in (self._ports.basware_url, self._ports.epicor_root):
                await self._http.get(f"{root}/_sandbox/faults")
        except httpx.TransportError:
            return None
        return SANDBOX

    async def offer(self, documents: Sequence[dict[str, Any]]) -> None:
        """Put accounting documents into Basware, ready for transfer."""
        await self._basware("POST", "documents", {"accountingDocuments": list(documents)})

    async def withdraw(self, invoice_ids: Sequence[str]) -> None:
        """Put documents into a status in which nothing may be transferred."""
        for invoice_id in invoice_ids:
            await self._basware("POST", f"status/{invoice_id}", {"processingStatus": NOT_OURS_TO_SEE})

    async def push(self, invoice_ids: Sequence[str], hook: str, **how: Any) -> list[int]:
        """Let Basware push notifications of these documents; the HTTP status of every push."""
        order = {"invoiceIds": list(invoice_ids), "url": hook, "secret": WEBHOOK_SECRET, **how}
        answered = await self._basware("POST", "push", order)
        return [status for push in answered["pushes"] for status in push["statuses"]]

    async def go_wrong(self, faults: Sequence[dict[str, Any]]) -> None:
        """Script faults of Epicor."""
        await self._epicor("POST", "faults", list(faults))

    async def went_wrong(self) -> list[dict[str, Any]]:
        """The scripted faults of Epicor, each with how often it `fired`."""
        found: list[dict[str, Any]] = (await self._epicor("GET", "faults"))["faults"]
        return found

    async def documents(self) -> list[dict[str, Any]]:
        """Every document in Basware."""
        found: list[dict[str, Any]] = (await self._basware("GET", "state"))["documents"]
        return found

    async def records(self) -> dict[str, list[str]]:
        """The external codes of the master data that P2P took, by path."""
        held: dict[str, list[str]] = (await self._basware("GET", "state"))["p2p"]
        return held

    async def invoices(self) -> list[dict[str, Any]]:
        """Every AP invoice in Epicor."""
        found: list[dict[str, Any]] = (await self._epicor("GET", "invoices"))["invoices"]
        return found

    async def post_group(self, company: str, group: str) -> None:
        """Post a group in Epicor, as accounts payable does."""
        await self._epicor("POST", f"post/{company}/{group}")

    async def pay(self, invoice: Mapping[str, Any], amount: Decimal, *, on: date) -> int:
        """Pay something of a posted AP invoice; the payment's HeadNum."""
        part = {"vendor": invoice["VendorNum"], "invoice": invoice["InvoiceNum"], "amount": amount}
        order = {"company": invoice["Company"], "invoices": [part], "day": on.isoformat()}
        head: int = (await self._epicor("POST", "payments/pay", order))["head"]
        return head

    async def void(self, company: str, head: int, *, on: date) -> None:
        """Void a payment."""
        await self._epicor("POST", "payments/void", {"company": company, "head": head, "day": on.isoformat()})

    async def epicor_state(self) -> dict[str, Any]:
        """Epicor's companies, groups and counts."""
        state: dict[str, Any] = await self._epicor("GET", "state")
        return state

    async def _basware(self, method: str, path: str, body: Any = None) -> Any:
        return await self._call(method, f"{self._ports.basware_url}/_sandbox/{path}", body)

    async def _epicor(self, method: str, path: str, body: Any = None) -> Any:
        return await self._call(method, f"{self._ports.epicor_root}/_sandbox/{path}", body)

    async def _call(self, method: str, url: str, body: Any) -> Any:
        content = None if body is None else dump_json(body)
        headers = {"Content-Type": "application/json"}
        try:
            answer = await self._http.request(method, url, content=content, headers=headers, timeout=PATIENCE)
        except httpx.TransportError as error:
            raise CommandError(f"The sandbox does not answer ({type(error).__name__}).") from error
        if not answer.is_success:
            raise CommandError(f"The sandbox refused {method} {url}: {answer.status_code} {answer.text[:200]}")
        return load_json(answer.content)


async def until(answers: Callable[[], Awaitable[str | None]], *, within: float, what: str) -> None:
    """Ask again and again until there is an answer.

    Raises:
        CommandError: there was none within so many seconds.
    """
    try:
        async with asyncio.timeout(within):
            while await answers() is None:  # noqa: ASYNC110 - another process cannot set an event here
                await asyncio.sleep(LOOK_AGAIN)
    except TimeoutError:
        raise CommandError(f"After {within:g} s it is still not so that {what}.") from None
