"""The two sandboxes as the demo stages and inspects them, through their control planes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from mlc_common.http import dump_json, load_json
from operator_console.data_folder import DataFolder, free_port
from operator_console.demo_scenario import NOT_OURS_TO_SEE, WEBHOOK_SECRET
from operator_console.exits import CommandError
from operator_console.supervisor import Program

SANDBOX = "sandbox"
PATIENCE = 60


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
        await self._call("POST", f"{self._ports.epicor_root}/_sandbox/faults", list(faults))

    async def went_wrong(self) -> list[dict[str, Any]]:
        """The scripted faults of Epicor, each with how often it `fired`."""
        found: list[dict[str, Any]] = (await self._epicor("faults"))["faults"]
        return found

    async def documents(self) -> list[dict[str, Any]]:
        """Every document in Basware."""
        found: list[dict[str, Any]] = (await self._basware("GET", "state"))["documents"]
        return found

    async def vendors(self) -> int:
        """How many vendors Basware holds."""
        return len((await self._basware("GET", "state"))["vendors"])

    async def invoices(self) -> list[dict[str, Any]]:
        """Every AP invoice in Epicor."""
        found: list[dict[str, Any]] = (await self._epicor("invoices"))["invoices"]
        return found

    async def epicor_state(self) -> dict[str, Any]:
        """Epicor's companies, groups and counts."""
        state: dict[str, Any] = await self._epicor("state")
        return state

    async def _basware(self, method: str, path: str, body: Any = None) -> Any:
        return await self._call(method, f"{self._ports.basware_url}/_sandbox/{path}", body)

    async def _epicor(self, path: str) -> Any:
        return await self._call("GET", f"{self._ports.epicor_root}/_sandbox/{path}", None)

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
