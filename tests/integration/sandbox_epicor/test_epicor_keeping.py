"""The books of the sandbox survive a restart."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from mlc_sandbox.basware import BaswareWorld
from mlc_sandbox.epicor import EpicorWorld
from mlc_sandbox.exact_json import dumps, loads
from mlc_sandbox.keeping import restore, snapshot
from mlc_sandbox.samples import bulk_invoices


async def test_what_was_kept_is_the_same_again(grouped: Any, world: EpicorWorld) -> None:
    await grouped.save(grouped.invoice(lines=(("0.10", "6100|10|200"), ("0.20", "6100|10|310"))))
    again = EpicorWorld()

    text = dumps(snapshot(basware=BaswareWorld(), epicor=world))
    restore(loads(text), basware=BaswareWorld(), epicor=again)

    assert again.invoices == world.invoices
    assert again.groups == world.groups
    assert again.next_revision() == world.next_revision()


def run(folder: Path, *requests: tuple[str, str, Any]) -> list[Any]:
    """Start the sandbox on a folder, send requests (side, path, body) to it, stop it; the JSON answers."""
    command = [sys.executable, "-m", "mlc_sandbox.serve", "--data-dir", str(folder)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        httpx.Client(trust_env=False) as client,
    ):
        assert process.stdout is not None
        urls = json.loads(process.stdout.readline())
        headers = {"x-api-key": "sandbox-only-api-key", "Content-Type": "application/json"}
        answers = [
            client.request(
                "GET" if body is None else "POST",
                f"{urls[side].removesuffix('/sandbox')}{path}",
                content=None if body is None else dumps(body),
                headers=headers,
                auth=("bwlink", "sandbox-only-password"),
            ).json()
            for side, path, body in requests
        ]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    return answers


def test_a_restarted_process_knows_what_it_knew(tmp_path: Path) -> None:
    group = {"ds": {"APInvGrp": [{"Company": "NWM", "GroupID": "BW1", "RowMod": "A"}]}}
    update = "/sandbox/api/v2/odata/NWM/Erp.BO.APInvGrpSvc/Update"
    (document,) = bulk_invoices(1)
    added = ("basware", "/_sandbox/documents", {"accountingDocuments": [document]})

    run(tmp_path / "books", ("epicor", update, group), added)
    epicor, basware = run(tmp_path / "books", ("epicor", "/_sandbox/state", None), ("basware", "/_sandbox/state", None))

    assert [row["GroupID"] for row in epicor["groups"]] == ["BW1"]
    assert document["invoiceId"] in json.dumps(basware)
