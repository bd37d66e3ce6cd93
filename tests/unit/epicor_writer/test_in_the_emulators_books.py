"""Whatever document is in order: the emulator takes its dataset, and what it holds then is what was meant."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given

from epicor_writer.decision import Done, TaxApart, decide
from epicor_writer.invoice import Draft
from epicor_writer.mapping import to_dataset
from epicor_writer.reference import Vendor
from mlc_common.http import dump_json
from mlc_epicor.datasets import APInvoiceDataset
from mlc_sandbox.epicor import EpicorWorld, draft, saving
from mlc_sandbox.exact_json import dumps, loads

from .test_properties import Case, drafted, valid

GROUP, VENDOR = "B2610280", Vendor(101, "10432", terms="N30")
TOLERANCE = Decimal("0.05")
WORLD = EpicorWorld()
WORLD.groups["NWM", GROUP.casefold()] = {"Company": "NWM", "GroupID": GROUP, "ApplyDate": "2026-10-28T00:00:00"}


def saved(dataset: APInvoiceDataset) -> APInvoiceDataset:
    """What the emulator holds after one UpdateMaster with the dataset."""
    work = draft.Draft(WORLD, company="NWM", group=GROUP, user="bwlink", now=datetime(2026, 11, 22, tzinfo=UTC))
    saving.save(work, saving.checked_tableset(WORLD, loads(dump_json(dataset.to_wire()))))
    work.commit()
    (invoice,) = WORLD.invoices.values()
    return APInvoiceDataset.read(loads(dumps(saving.invoice_tableset(WORLD, invoice))), what="the emulator")


@given(valid())
def test_the_dataset_of_a_valid_document_is_kept_as_it_was_meant(case: Case) -> None:
    WORLD.invoices.clear()
    made = drafted(*case)
    assert isinstance(made, Draft)
    meant = to_dataset(made, VENDOR, group_id=GROUP)

    held, tries = saved(meant), 0
    while isinstance(verdict := decide(held, meant, tax_tolerance=TOLERANCE, tries=tries), TaxApart):
        held, tries = saved(verdict.change), tries + 1

    assert isinstance(verdict, Done), verdict
    assert held.header.DebitMemo is made.credit
    assert not held.header.DocInvoiceVariance or (made.computes_tax and held.header.InvoiceHeld)
