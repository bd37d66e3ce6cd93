"""An invoice waits for its codes to arrive in Basware, and an unknown one is refused with its history."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mlc_common.events import InvoicePosted, InvoiceRefused, RecordAccepted, RecordChanged, RecordSent
from mlc_common.failures import TransientError
from mlc_common.masterdata_kinds import Kinds
from mlc_sandbox.samples import approved_invoices

from .conftest import Writer, approved


def gated(writer: Writer) -> Writer:
    document = writer.connection.document.model_copy(update={"kinds": Kinds(gate_posting=True)})
    return replace(writer, connection=replace(writer.connection, document=document))


def about(body: dict[str, Any], code: str) -> dict[str, Any]:
    at = datetime.now(UTC)
    return {
        "connection": "demo",
        "at": at,
        "kind": "vendor",
        "company": body["companyCode"],
        "code": code,
        "digest": "d",
    }


async def test_an_invoice_waits_until_basware_has_accepted_its_vendor(writer: Writer) -> None:
    body = approved_invoices()[0]
    code = body["supplierCode"]
    await writer.log.append(RecordChanged(**about(body, code), record="{}", run=1))
    await writer.log.append(RecordSent(**about(body, code)))

    with pytest.raises(TransientError, match=f"has not accepted vendor {code} yet") as waiting:
        await gated(writer).once(approved(body))
    assert not waiting.value.counts
    assert writer.invoices() == []
    await writer.log.append(RecordAccepted(**about(body, code)))

    assert isinstance(await gated(writer).once(approved(body)), InvoicePosted)


async def test_without_the_gate_nothing_is_asked_and_nothing_waits(writer: Writer) -> None:
    body = approved_invoices()[0]
    await writer.log.append(RecordSent(**about(body, body["supplierCode"])))

    assert isinstance(await writer.once(approved(body)), InvoicePosted)


async def test_an_unknown_vendor_is_refused_with_its_history(writer: Writer) -> None:
    body = approved_invoices()[0] | {"supplierCode": "99999"}
    await writer.log.append(RecordAccepted(**about(body, "99999")))
    await writer.log.append(RecordChanged(**about(body, "99999"), record="{}", run=2, gone=True))

    outcome = await gated(writer).once(approved(body))

    assert isinstance(outcome, InvoiceRefused)
    (unknown,) = [each for each in outcome.findings if each.code == "UNKNOWN_VENDOR"]
    assert "Basware has accepted it on" in unknown.sentence
    assert "It was gone from Epicor on" in unknown.sentence
