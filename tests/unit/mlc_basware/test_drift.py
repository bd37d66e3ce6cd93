"""What Basware sends that its reference does not know."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlc_basware.documents import AccountingDocument
from mlc_basware.drift import unknown_in
from mlc_sandbox.samples import bulk_invoices


def document(**members: Any) -> AccountingDocument:
    return AccountingDocument.parse(json.dumps(bulk_invoices(1)[0] | members, default=str))


def test_a_document_as_the_reference_has_it_is_no_news() -> None:
    assert unknown_in(document()) == set()


def test_new_members_and_an_unknown_status_are_named() -> None:
    found = unknown_in(document(riskScore=7, processingStatus="Parked", **{"x" * 500: 1}))

    assert found == {"riskScore", "processingStatus=Parked", "x" * 100}


@pytest.mark.parametrize("status", ["WaitingForTransfer", "DocumentFilterReleased", "InternalStatusChange"])
def test_a_known_status_is_no_news(status: str) -> None:
    assert unknown_in(document(processingStatus=status)) == set()
