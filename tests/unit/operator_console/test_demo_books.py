"""The demo may end well only when all three books agree; every way to disagree is noticed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from operator_console.demo_books import Books, count, disagreements
from operator_console.demo_masterdata import WORDS, counted, missing
from operator_console.demo_payments import payments, untold
from operator_console.demo_scenario import Scenario, epicor_faults, pushes, scenario
from operator_console.view import DocumentStatus, Phase

PLAN = scenario()
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def status(invoice_id: str, phase: Phase) -> DocumentStatus:
    return DocumentStatus("demo", invoice_id, "a", phase, NOW, NOW, 1, answered=True)


def books(plan: Scenario = PLAN) -> Books:
    """Books as they are when all went well."""
    outcomes = {expected.invoice_id: True for expected in plan.posted} | dict.fromkeys(plan.refused, False)
    basware: list[dict[str, Any]] = [
        {
            "invoiceId": invoice_id,
            "processingStatus": "Transferred" if success else "TransferFailed",
            "transferResponses": [{"success": success}],
            "acknowledgements": 1,
        }
        for invoice_id, success in outcomes.items()
    ]
    basware += [{"invoiceId": each, "processingStatus": "New", "transferResponses": None} for each in plan.only_forged]
    epicor = [
        {
            "ExternalID": expected.invoice_id,
            "Company": expected.company,
            "VendorNumVendorID": expected.vendor,
            "InvoiceNum": expected.number,
            "DocInvoiceAmt": expected.total,
            "DocInvoiceVendorAmt": expected.total,
            "APInvHed": [{"CurrencyCode": expected.currency}],
            "APInvExp": [
                {"InvoiceLine": line, "InvExpSeq": 1, "DocExpAmt": amount}
                for line, (_, amount) in enumerate(expected.bookings.elements(), 1)
            ],
            "APInvExpTGLC": [
                {"InvoiceLine": line, "InvExpSeq": 1, "GLAccount": account}
                for line, (account, _) in enumerate(expected.bookings.elements(), 1)
            ],
        }
        for expected in plan.posted
    ]
    ours = [status(each, Phase.POSTED if success else Phase.REFUSED) for each, success in outcomes.items()]
    return Books(ours, basware, epicor, [{"GroupID": "B1", "ActiveUserID": ""}])


def test_books_that_agree_say_nothing_and_count_right() -> None:
    found = books()

    assert disagreements(PLAN, found) == []
    assert str(count(found)) == "approved=82 posted=71 refused=11 answered=82 duplicates=0 unanswered=0"


def without(rows: Any, position: int = 0) -> list[Any]:
    return [row for number, row in enumerate(rows) if number != position]


def changed(rows: Any, **values: Any) -> list[Any]:
    return [{**rows[0], **values}, *rows[1:]]


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (replace(books(), epicor=without(books().epicor)), "0 times"),
        (replace(books(), epicor=[*books().epicor, books().epicor[0]]), "2 times"),
        (replace(books(), epicor=changed(books().epicor, DocInvoiceAmt=Decimal("0.01"))), "with 0.01 instead of"),
        (replace(books(), epicor=changed(books().epicor, DocInvoiceVendorAmt=Decimal(7))), "with 7 instead of"),
        (replace(books(), epicor=changed(books().epicor, APInvExpTGLC=[])), "on no account"),
        (replace(books(), epicor=changed(books().epicor, APInvExp=[], APInvExpTGLC=[])), "without 2480.00 on 5020|20"),
        (replace(books(), epicor=changed(books().epicor, Company="NWF")), "with NWF instead of NWM"),
        (replace(books(), epicor=changed(books().epicor, VendorNumVendorID="1")), "with 1 instead of 10432"),
        (replace(books(), epicor=changed(books().epicor, InvoiceNum="X")), "with X instead of INV-88214"),
        (replace(books(), epicor=changed(books().epicor, APInvHed=[{"CurrencyCode": "EUR"}])), "EUR instead of USD"),
        (replace(books(), epicor=changed(books().epicor, ExternalID="stranger")), "stranger, which must not be there"),
        (replace(books(), groups=[{"GroupID": "B1", "ActiveUserID": "bwlink"}]), "still locked"),
        (replace(books(), basware=changed(books().basware, transferResponses=[])), "0 answers"),
        (replace(books(), basware=changed(books().basware, transferResponses=[{"success": True}] * 2)), "2 answers"),
        (replace(books(), basware=changed(books().basware, processingStatus="TransferInProgress")), "InProgress"),
        (replace(books(), basware=changed(books().basware, transferResponses=[{"success": False}])), "Transferred"),
        (replace(books(), ours=without(books().ours)), "as unknown instead of posted"),
        (replace(books(), ours=[*books().ours, status("stranger", Phase.POSTED)]), "stranger, which nobody may"),
    ],
)
def test_every_disagreement_is_noticed(wrong: Books, complaint: str) -> None:
    assert [each for each in disagreements(PLAN, wrong) if complaint in each]


def test_one_wrong_account_makes_the_books_disagree() -> None:
    found = books()
    [first, *rest] = found.epicor[0]["APInvExpTGLC"]
    wrong = [{**first, "GLAccount": "6199|10|200"}, *rest]

    complaints = disagreements(PLAN, replace(found, epicor=changed(found.epicor, APInvExpTGLC=wrong)))

    assert complaints[0].endswith("with 2480.00 on 6199|10|200, which must not be there")
    assert complaints[1].endswith("without 2480.00 on 5020|20|310")


def test_two_accounts_that_changed_places_make_the_books_disagree() -> None:
    found = books()
    at = next(place for place, invoice in enumerate(found.epicor) if len(invoice["APInvExpTGLC"]) == 2)
    [one, other] = found.epicor[at]["APInvExpTGLC"]
    swapped = [{**one, "GLAccount": other["GLAccount"]}, {**other, "GLAccount": one["GLAccount"]}]
    epicor = [*found.epicor[:at], {**found.epicor[at], "APInvExpTGLC": swapped}, *found.epicor[at + 1 :]]

    assert len(disagreements(PLAN, replace(found, epicor=epicor))) == 4


def test_an_acknowledged_forgery_is_noticed() -> None:
    forged = sorted(PLAN.only_forged)[0]
    basware = [{**each, "acknowledgements": 1} if each["invoiceId"] == forged else each for each in books().basware]

    assert [each for each in disagreements(PLAN, replace(books(), basware=basware)) if forged in each]


def test_duplicates_and_silence_are_counted() -> None:
    good = books()
    twice = replace(
        good,
        epicor=[*good.epicor, good.epicor[0]],
        basware=changed(good.basware, transferResponses=[{"success": True}] * 2, processingStatus="TransferInProgress"),
    )

    assert (count(twice).duplicates, count(twice).unanswered) == (2, 1)


def test_the_scenario_plays_what_it_promises() -> None:
    orders = pushes(PLAN)
    genuine = [invoice_id for ids, how in orders if not how.get("forge") for invoice_id in ids]
    forged = [invoice_id for ids, how in orders if how.get("forge") for invoice_id in ids]

    assert PLAN.lost_push not in genuine
    assert not PLAN.only_forged & set(genuine)
    assert PLAN.only_forged < set(forged)
    assert any(how.get("repeat") == 2 for _, how in orders)
    assert len(genuine) == len(set(genuine)) == PLAN.approved - len(PLAN.later) - 1
    assert {fault["kind"] for fault in epicor_faults(PLAN)} == {"drop_after", "status"}
    assert PLAN.refused_by_epicor in PLAN.refused
    assert PLAN.lost_answer in {expected.invoice_id for expected in PLAN.posted}


def master_data() -> dict[str, list[str]]:
    """What P2P holds of master data when all that the invoices need has arrived."""
    held = {path: ["US01_X"] for path in WORDS}
    of_segments = ("/v1/accounts", "/v1/lists/ACC_LIST_1", "/v1/costCenters")
    for each in PLAN.posted:
        ours = {"NWM": "US01", "NWF": "FI01"}[each.company]
        held["/v1/vendors"].append(f"{ours}_{each.vendor}")
        for account, _ in each.bookings:
            for path, code in zip(of_segments, account.split("|"), strict=True):
                held[path].append(f"{ours}_{code}")
    return held


def test_master_data_is_there_when_nothing_is_missing() -> None:
    assert missing(PLAN, master_data()) == []
    assert counted({"/v1/taxCodes": ["a", "b"]})["tax codes"] == 2


@pytest.mark.parametrize(
    ("path", "code", "sentence"),
    [
        ("/v1/vendors", "US01_10432", "Basware does not hold US01_10432 among its vendors"),
        ("/v1/accounts", "US01_5020", "Basware does not hold US01_5020 among its accounts"),
        ("/v1/costCenters", "US01_310", "Basware does not hold US01_310 among its cost centres"),
        ("/v1/lists/ACC_LIST_1", "US01_20", "Basware does not hold US01_20 among its departments"),
    ],
)
def test_one_code_that_is_not_there_is_noticed(path: str, code: str, sentence: str) -> None:
    held = master_data()
    held[path] = [each for each in held[path] if each != code]

    assert missing(PLAN, held) == [sentence]


def test_a_kind_that_never_came_is_noticed() -> None:
    assert missing(PLAN, master_data() | {"/v1/matchingOrderLines": []}) == ["Basware holds no order lines"]


def test_what_basware_was_told_of_payments_is_counted() -> None:
    paid = payments(PLAN)
    told = [
        {
            "invoiceId": each.invoice.invoice_id,
            "paymentResponses": [{}] * each.responses,
            "payment": {"paidTotal": each.stands},
        }
        for each in paid
    ]

    assert untold(paid, told, voided=True) == []
    assert [sentence.split(" as ")[0] for sentence in untold(paid, told, voided=False)] == [
        f"Basware holds {paid[2].invoice.number}"
    ]
    twice = [{**told[0], "paymentResponses": [{}, {}]}, *told[1:]]
    assert "after 2 responses instead of 2684.60 after 1" in untold(paid, twice, voided=True)[0]
    less = [told[0], {**told[1], "payment": {}}, told[2]]
    assert "as paid with None" in untold(paid, less, voided=True)[0]
