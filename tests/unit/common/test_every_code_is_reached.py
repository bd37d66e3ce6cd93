"""Every code of the catalogue is reached: by the smallest case here, or by a test with servers that is named here."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from basware_reader.answers import Lost, external_code, interim_code, interim_response, verdict
from basware_reader.approvals import WAITING, Sight
from epicor_writer.attempts import withdrawn
from epicor_writer.checks import holds, in_epicor
from epicor_writer.coding import Chart
from epicor_writer.decision import (
    Absent,
    ForeignDuplicate,
    GiveUp,
    PostedOtherwise,
    Repair,
    Said,
    Verdict,
    next_step,
)
from epicor_writer.draft import to_draft
from epicor_writer.duplicates import near_duplicates
from epicor_writer.invoice import Draft
from epicor_writer.matching import match_orders
from epicor_writer.orders import Order, OrderedLine, Receipt, Release
from epicor_writer.progress import Progress
from epicor_writer.reference import Account, Reference, Vendor
from masterdata_sync.changes import Record
from masterdata_sync.outcomes import unfollowed
from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import CATALOGUE, Finding, finding
from mlc_common.connection import ConnectionDocument
from mlc_common.events import DocumentWithdrawn, InvoicePosted, InvoiceRefused
from mlc_common.http import dump_json
from mlc_common.order_lines import ReceiptKey
from mlc_epicor.datasets import APInvHedRow

TESTS = Path(__file__).parents[2]
DAY = date(2026, 10, 28)
AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)

ANEW = "epicor_writer/test_transfers_anew.py"
FAULTS = "epicor_writer/test_posting_faults.py"
GROUPS = "epicor_writer/test_posting_groups.py"
PEOPLE = "epicor_writer/test_people.py"
KINDS, TAXES = "epicor_writer/test_kinds_checks.py", "epicor_writer/test_kinds_taxes.py"
READING = "basware_reader/test_reading_documents.py"
FOLLOWING = "basware_reader/test_following_answers.py"
WITHDRAWN = "basware_reader/test_withdrawn_documents.py"
WATCHING, TELLING = "payments/test_watching_payments.py", "payments/test_telling_payments.py"
RECORDS, LOOKING = "masterdata_sync/test_following.py", "masterdata_sync/test_looking.py"

FETCHED = "basware_reader/test_attachments.py"
BY_A_TEST_WITH_SERVERS = {
    "PAYMENT_UNCLEAR": (
        WATCHING,
        "test_a_balance_that_fits_no_transaction_is_said_and_not_told",
        "PAYMENT_UNCLEAR",
    ),
    "PAYMENT_UNREADABLE": (
        WATCHING,
        "test_an_invoice_with_a_row_that_cannot_be_read_is_unclear_and_the_others_go_on",
        "PAYMENT_UNREADABLE",
    ),
    "PAYMENT_REFUSED": (TELLING, "test_a_payment_that_basware_will_never_take_is_said_once", "PAYMENT_REFUSED"),
    "PAYMENT_NOT_DELIVERED": (
        TELLING,
        "test_a_technical_error_has_it_told_again_under_another_code_twice_at_most",
        "PAYMENT_NOT_DELIVERED",
    ),
    "PAYMENT_NOT_CONFIRMED": (TELLING, "test_what_nobody_confirms_is_said_after_the_patience", "PAYMENT_NOT_CONFIRMED"),
    "ATTACHMENTS_ABSENT": (
        FETCHED,
        "test_a_tenant_that_has_not_switched_the_api_on_hides_them_and_the_history_says_so",
        "Basware showed no attachments of the invoice within 24 hours",
    ),
    "ATTACHMENT_GIVEN_UP": (
        FETCHED,
        "test_one_that_fails_hinders_no_other_and_is_given_up_with_the_reason_when_patience_ends",
        "The attachment could not be fetched from Basware within 24 hours",
    ),
    "ATTACHMENT_NOT_IN_EPICOR": (
        "epicor_writer/test_attachments.py",
        "test_what_epicor_refuses_is_told_and_the_invoice_is_not_touched",
        "The AP invoice goes without the attachment",
    ),
    "ALREADY_POSTED": (ANEW, "test_a_corrected_number_does_not_enter_the_document_twice", "ALREADY_POSTED"),
    "SUPERSEDED": (ANEW, "test_of_two_transfers_that_waited_out_an_outage_the_newer_one_is_posted", "SUPERSEDED"),
    "REFUSED_BY_EPICOR": (FAULTS, "test_an_update_that_did_not_run_is_refused", "REFUSED_BY_EPICOR"),
    "PERIOD_REFUSED": (KINDS, "test_a_closed_period_is_refused_with_what_to_do", "PERIOD_REFUSED"),
    "ORIGINAL_NOT_FOUND": (
        KINDS,
        "test_a_credit_note_of_an_invoice_that_epicor_does_not_hold_is_entered_without_it",
        "ORIGINAL_NOT_FOUND",
    ),
    "TAX_APART": (TAXES, "test_a_tax_too_far_from_basware_s_is_entered_on_hold", "TAX_APART"),
    "TAX_ROUNDED": (TAXES, "test_a_tax_that_epicor_rounds_otherwise_is_set_to_the_suppliers", "TAX_ROUNDED"),
    "DUE_DATE_APART": (
        FAULTS,
        "test_another_due_date_than_was_sent_is_told_and_the_invoice_stays",
        "DUE_DATE_APART",
    ),
    "NEEDS_A_PERSON": (FAULTS, "test_a_question_for_a_person_is_refused_with_the_question", "NEEDS_A_PERSON"),
    "GROUP_NOT_POSTED": (GROUPS, "test_an_error_log_is_told_and_the_invoice_stays_entered", "GROUP_NOT_POSTED"),
    "GROUP_VARIANCE": (GROUPS, "test_a_variance_that_epicor_finds_is_told", "GROUP_VARIANCE"),
    "GROUP_ASKS": (
        GROUPS,
        "test_what_the_check_before_posting_asks_is_told_and_nothing_is_posted",
        "reasons(outcome) == [code]",
    ),
    "GROUP_SHARED": (
        GROUPS,
        "test_an_invoice_that_a_person_put_into_the_group_is_not_posted_with_ours",
        "GROUP_SHARED",
    ),
    "GROUP_BUSY": (GROUPS, "test_a_group_that_a_person_has_open_is_waited_for_and_then_told", "GROUP_BUSY"),
    "POSTING_NOT_SEEN": (
        GROUPS,
        "test_a_group_that_stays_in_process_is_never_asked_for_twice_and_told_in_the_end",
        "POSTING_NOT_SEEN",
    ),
    "GONE_FROM_EPICOR": (
        GROUPS,
        "test_an_invoice_that_is_deleted_while_its_posting_is_awaited_is_not_entered_again",
        "GONE_FROM_EPICOR",
    ),
    "NOT_REMOVED": (FAULTS, "test_an_invoice_that_cannot_be_deleted_is_named_as_left_behind", "NOT_REMOVED"),
    "HELD_BY_A_PERSON": (
        PEOPLE,
        "test_a_held_document_waits_without_a_call_and_is_entered_after_its_release",
        "holds the invoice back",
    ),
    "RETURNED": (
        PEOPLE,
        "test_a_returned_document_is_refused_with_the_persons_reason_even_while_it_is_held",
        "RETURNED",
    ),
    "LINKED_IS_GONE": (
        PEOPLE,
        "test_an_invoice_that_is_no_more_what_the_person_saw_is_not_confirmed",
        "LINKED_IS_GONE",
    ),
    "LINKED_IS_ANOTHERS": (
        PEOPLE,
        "test_an_invoice_that_is_no_more_what_the_person_saw_is_not_confirmed",
        "LINKED_IS_ANOTHERS",
    ),
    "LINKED_CHANGED": (
        PEOPLE,
        "test_an_invoice_that_is_no_more_what_the_person_saw_is_not_confirmed",
        "LINKED_CHANGED",
    ),
    "LINKED_DOCUMENT_CHANGED": (
        PEOPLE,
        "test_a_link_does_not_confirm_a_later_transfer_that_says_otherwise",
        "LINKED_DOCUMENT_CHANGED",
    ),
    "ABSENT_IN_BASWARE": (READING, "test_a_document_basware_does_not_know_is_recorded", '"absent"'),
    "NOT_FOR_TRANSFER": (
        READING,
        "test_another_or_unknown_status_is_recorded_once_and_not_acted_on",
        "status in noticed.reason",
    ),
    "PUSH_EXPIRED": (READING, "test_a_push_that_is_not_acted_on_is_recorded_with_the_reason", '"expired"'),
    "PUSH_OF_ANOTHER_KIND": (
        READING,
        "test_a_push_that_is_not_acted_on_is_recorded_with_the_reason",
        '"ExportedContracts"',
    ),
    "FOR_A_PERSON": (
        WITHDRAWN,
        "test_a_status_that_only_a_person_can_answer_is_recorded_and_counted_once",
        "status in noticed.reason",
    ),
    "CHANGED_IN_TRANSFER": (
        READING,
        "test_a_change_of_what_is_in_hand_is_noticed_for_a_person_once",
        "changed in Basware after its transfer",
    ),
    "ANSWER_WITHOUT_REQUEST": (
        FOLLOWING,
        "test_an_answer_found_without_its_request_is_told_to_be_out_of_sight",
        "ANSWER_WITHOUT_REQUEST",
    ),
    "ANSWER_NOT_DELIVERED": (
        FOLLOWING,
        "test_an_answer_that_p2p_refused_is_told_with_the_reason",
        "AnswerUndelivered",
    ),
    "ANSWER_NOT_CONFIRMED": (
        FOLLOWING,
        "test_an_answer_nobody_confirms_is_given_up_loudly_after_the_patience",
        "AnswerUnconfirmed",
    ),
    "BANK_CHANGE_HELD": (
        "masterdata_sync/test_bank_accounts.py",
        "test_a_changed_account_waits_for_a_person_and_the_rest_is_sent",
        "BANK_CHANGE_HELD",
    ),
    "RECORD_UNFIT": (LOOKING, "test_records_are_listed_in_pages_and_shown_field_by_field", '"refused"'),
    "RECORD_REFUSED": (RECORDS, "test_what_the_api_refuses_is_told_with_its_reason", "RECORD_REFUSED"),
    "RECORD_NOT_SAVED": (
        RECORDS,
        "test_a_refusal_of_p2p_is_told_once_and_healed_when_asked_for_again",
        "RECORD_NOT_SAVED",
    ),
    "RECORD_NOT_HEALED": (
        RECORDS,
        "test_an_item_of_a_list_that_is_lost_is_a_matter_for_a_person",
        "RECORD_NOT_HEALED",
    ),
}
"""Codes that need the answer of a far side: file, test, and the words by which the test asserts it."""


def row(**members: Any) -> dict[str, Any]:
    given = {"rowIndex": 1, "accountCode": "6100", "netTotal": Decimal("100.00"), "taxSum": Decimal("8.00")}
    return given | {"taxCode": "US-IL"} | members


def document(**members: Any) -> AccountingDocument:
    body: dict[str, Any] = {
        "invoiceId": "i1",
        "invoiceNumber": "INV-1",
        "processingStatus": WAITING,
        "companyCode": "US01",
        "supplierCode": "10432",
        "currencyCode": "USD",
        "netSum": Decimal("100.00"),
        "taxSum1": Decimal("8.00"),
        "grossSum": Decimal("108.00"),
        "invoiceDate": DAY.isoformat(),
        "paymentTermCode": "N30",
        "codingRows": [row()],
    }
    return AccountingDocument.parse(dump_json(body | members))


def connection(*, posting: dict[str, Any] | None = None, **pair: Any) -> ConnectionDocument:
    company = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}
    return ConnectionDocument.model_validate(
        {
            "name": "demo",
            "epicor": {"base_url": "https://erp.example/live"},
            "tables": {"accounts": {"rows": [], "otherwise": "refuse"}},
            "companies": [company | pair],
            "posting": posting or {},
        }
    )


def in_document(members: dict[str, Any], **rules: Any) -> Iterable[Finding]:
    """What is wrong with a document by itself."""
    body, made = document(**members), connection(**rules)
    pair = made.pair(body.companyCode)
    found = to_draft(body, pair, made.rules(pair), today=DAY, tables=made.tables)
    return () if isinstance(found, Draft) else found


def in_codes(**known: Any) -> Iterable[Finding]:
    """What is wrong with its codes, or keeps it on hold."""
    whole: dict[str, Any] = {
        "vendor": Vendor(101, "10432", "N30"),
        "accounts": {"6100": Account()},
        "taxes": frozenset({"us-il"}),
        "terms": frozenset({"n30"}),
    }
    made, reference = connection(), Reference(**whole | known)
    (pair,) = made.companies
    found = in_epicor(document(), Chart(pair, day=DAY), made.posting, reference)
    return (*found, *holds(document(), pair, made.posting, reference))


def step(given: Verdict, said: Said = Said.NOTHING, **state: Any) -> Iterable[Finding]:
    """What the posting protocol gives up for."""
    taken = next_step(Progress(**state), given, said)
    assert isinstance(taken, GiveUp)
    assert taken.code is not None
    return (finding(taken.code, **dict(taken.values) | {"number": "INV-1", "vendor": "10432"}),)


def taken_out() -> Iterable[Finding]:
    event = DocumentWithdrawn(connection="demo", at=AT, invoice_id="i1", attempt="a1", status="Removed")
    return withdrawn([event], "a1")


def near() -> Iterable[Finding]:
    made = connection()
    (pair,) = made.companies
    draft = to_draft(document(), pair, made.posting, today=DAY)
    assert isinstance(draft, Draft)
    held = APInvHedRow(
        Company="NWM", InvoiceNum="INV 01", InvoiceDate=DAY, DocInvoiceAmt=draft.total, CurrencyCode="USD"
    )
    return near_duplicates(draft, [held])


def of_order(**whole: Any) -> Iterable[Finding]:
    """What is wrong with the match to another order 4501."""
    made = connection()
    (pair,) = made.companies
    line = OrderedLine(1, "EA", Decimal(10), releases=(Release(1, Decimal(10)),))
    order = Order(**{"number": 4501, "vendor_num": 101, "currency": "USD"} | whole, lines={1: line})
    body = document(codingRows=[row(orderNumber="4501", orderLineNumber="1", matchedQuantity=10)])
    return match_orders(body, pair, made.posting, Reference(Vendor(101, "10432"), orders={4501: order})).findings


def orders(code: str) -> Iterable[Finding]:
    """What is wrong with the match to purchase order 4501."""
    members, changes, whole = ORDERS[code]
    made, line = connection(), {"releases": (Release(1, Decimal(10)),), **changes}
    (pair,) = made.companies
    order = Order(4501, 101, "USD", **whole, lines={1: OrderedLine(1, "EA", Decimal(10), **line)})
    named = {"orderNumber": "4501", "orderLineNumber": "1", "matchedQuantity": 10}
    body = document(codingRows=[row(**named | members)], orderNumbers=["4501"])
    match = match_orders(body, pair, made.posting, Reference(vendor=Vendor(101, "10432"), orders={4501: order}))
    return (*match.findings, *match.held_for)


TWO = (Release(1, Decimal(10)), Release(2, Decimal(10)))
RECEIPT = Receipt(ReceiptKey(purchase_point="", pack_slip="PS-1", pack_line=1), 1, Decimal(10))
NOT_NAMED = {"orderNumber": None, "orderLineNumber": None}
ORDERS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "ORDER_UNKNOWN": ({"orderNumber": "4711"}, {}, {}),
    "ORDER_LINE_UNKNOWN": ({"orderLineNumber": "9"}, {}, {}),
    "SEVERAL_ORDERS": ({"orderNumber": "4501 4502"}, {}, {}),
    "ORDER_NOT_OPEN": ({}, {}, {"stopped": "void"}),
    "ORDER_ROW_WITHOUT_QUANTITY": ({"matchedQuantity": None}, {}, {}),
    "ORDER_RELEASE_UNCLEAR": ({}, {"releases": TWO}, {}),
    "ORDER_RELEASE_UNKNOWN": ({"orderLineNumber": "1-3"}, {"releases": TWO}, {}),
    "ORDER_UNIT": ({"orderLineUOM": "KG"}, {}, {}),
    "RECEIPT_UNKNOWN": ({"goodsReceiptNumber": "PS-2"}, {}, {}),
    "RECEIPT_INVOICED": ({"goodsReceiptNumber": "PS-1"}, {"receipts": (replace(RECEIPT, left=Decimal(0)),)}, {}),
    "RECEIPTS_NOT_NAMED": ({}, {"receipts": (RECEIPT,)}, {}),
    "ORDER_QUANTITY": ({"matchedQuantity": 11}, {}, {}),
    "ORDER_PRICE": ({"matchedQuantity": 9}, {}, {}),
    "CREDIT_NOTE_OF_ORDER": ({"netTotal": Decimal(-1)}, {}, {}),
    "ORDER_NOT_IN_ROWS": (NOT_NAMED, {}, {}),
}


DOCUMENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "UNKNOWN_COMPANY": ({"companyCode": "XX"}, {}),
    "NO_CODING_ROWS": ({"codingRows": []}, {}),
    "NO_INVOICE_NUMBER": ({"invoiceNumber": " "}, {}),
    "NUMBER_TOO_LONG": ({"invoiceNumber": "1" * 51}, {}),
    "NO_INVOICE_DATE": ({"invoiceDate": None}, {}),
    "ROWS_DO_NOT_ADD_UP": ({"netSum": Decimal("100.01")}, {}),
    "TAX_DOES_NOT_ADD_UP": ({"taxSum1": Decimal("8.01")}, {}),
    "TOTAL_DOES_NOT_ADD_UP": ({"grossSum": Decimal("108.01")}, {}),
    "NO_TOTAL": ({"grossSum": None}, {}),
    "NO_APPLY_DATE": ({}, {"posting": {"apply_date": "voucher_date"}}),
    "PERIOD_CLOSED": ({}, {"posting": {"open_from": "2026-11-01"}}),
    "AMOUNT_TOO_FINE": ({"codingRows": [row(netTotal=Decimal("100.001"))]}, {}),
    "SUM_TOO_FINE": ({"grossSum": Decimal("108.001")}, {}),
    "TAX_NOT_EXPECTED": ({}, {"posting": {"tax": "none"}}),
    "SECOND_TAX": ({"taxSum2": Decimal(1)}, {}),
    "TAX_WITHOUT_CODE": ({"codingRows": [row(taxCode=None)]}, {}),
    "ROW_WITHOUT_AMOUNT": ({"codingRows": [row(netTotal=None)]}, {}),
    "ROW_WITHOUT_CODE": ({"codingRows": [row(accountCode=None)]}, {}),
    "NOT_IN_TABLE": ({}, {"segments": [{"field": "accountCode", "table": "accounts"}]}),
    "NOT_OF_THE_COLUMNS_KIND": (
        {},
        {"posting": {"header_fields": {"Km_c": {"template": "{invoiceNumber}", "type": "number"}}}},
    ),
    "CREDIT_NOTE_OR_NOT": (
        {"invoiceTypeName": "Credit note"},
        {"posting": {"credit_notes": {"convention": "negative sums"}}},
    ),
    "TYPE_NOT_POSTED": ({"invoiceTypeCode": "PF"}, {"posting": {"invoice_types": {"PF": {"kind": "refuse"}}}}),
    "OTHER_HOME_CURRENCY": ({"currencyCodeCompany": "EUR"}, {}),
    "NO_RATE": ({"currencyCode": "EUR"}, {"posting": {"exchange_rates": {"source": "basware"}}}),
    "RATE_DOES_NOT_FIT": (
        {"currencyCode": "EUR", "exchangeRateCompany": Decimal(2), "netSumCompany": Decimal(300)},
        {"posting": {"exchange_rates": {"source": "basware"}}},
    ),
    "PREBOOKED": ({"prebooked": True}, {}),
}  # fmt: skip

RECORD = Record("US01", "1", {"externalCode": "1"})
PURE: dict[str, Callable[[], Iterable[Finding]]] = {
    "ORDER_OF_ANOTHER_VENDOR": lambda: of_order(vendor_num=102),
    "ORDER_CURRENCY": lambda: of_order(currency="EUR"),
    "UNKNOWN_VENDOR": lambda: in_codes(vendor=None),
    "INACTIVE_VENDOR": lambda: in_codes(vendor=Vendor(101, "10432", inactive=True)),
    "VENDOR_ON_HOLD": lambda: in_codes(vendor=Vendor(101, "10432", on_hold=True)),
    "UNKNOWN_ACCOUNT": lambda: in_codes(accounts={}),
    "INACTIVE_ACCOUNT": lambda: in_codes(accounts={"6100": Account(active=False)}),
    "INVALID_ACCOUNT": lambda: in_codes(invalid={"6100": "Restricted."}),
    "UNKNOWN_TAX_CODE": lambda: in_codes(taxes=frozenset()),
    "UNKNOWN_TERMS": lambda: in_codes(terms=frozenset()),
    "DUPLICATE": lambda: step(ForeignDuplicate("group X")),
    "NEAR_DUPLICATE": near,
    "WITHDRAWN": taken_out,
    "POSTED_OTHERWISE": lambda: step(PostedOtherwise("the total is 1.00")),
    "HELD_OTHERWISE": lambda: step(Repair("the total is 1.00", "group X", "X")),
    "NOT_AS_SENT": lambda: step(Absent(), phase="removed", kept_otherwise=2, difference="no account"),
    "EPICOR_KEEPS_FAILING": lambda: step(Absent(), phase="unclear", look_ups=1, failures=4, sentence="HTTP 500"),
    "RECORD_NOT_FOLLOWED": lambda: [
        unfollowed("demo", AT, "vendor", Record("US01", "1", {"externalCode": "1"})).finding
    ],
}

COMMON: dict[str, Any] = {
    "connection": "demo", "at": AT, "invoice_id": "i1", "attempt": "a1", "connection_version": 1,
}  # fmt: skip
POSTED = InvoicePosted(
    **COMMON, company="NWM", vendor_num=1, vendor_id="1", invoice_num="INV-1", group_id="B2610280", voucher="V",
    total=Decimal(1), currency="USD", lines=1,
)  # fmt: skip
REFUSED = InvoiceRefused(**COMMON, findings=(finding("SUPERSEDED"),))


def lost(status: str, *answers: str, outcome: InvoicePosted | InvoiceRefused = POSTED) -> str:
    """Why an answer can never be taken."""
    seen = Sight(status, "b2", "L2", "A", frozenset(answers))
    found = verdict(seen, [], outcome=outcome, code=external_code(outcome))
    assert isinstance(found, Lost)
    return found.sentence


INTERIM = interim_code("demo", "i1", "a1")
SAID: dict[str, Callable[[], str | None]] = {
    "ANSWERED_BY_ANOTHER": lambda: lost("Transferred"),
    "NO_LONGER_AWAITED": lambda: lost("Completed"),
    "STANDS_IN_EPICOR": lambda: lost("Removed"),
    "POSTED_AFTER_WINDOW": lambda: lost("TransferFailed"),
    "REFUSED_AFTER_WINDOW": lambda: lost("TransferFailed", outcome=REFUSED),
    "TRANSFERRED_ANEW": lambda: lost(WAITING),
    "POSTED_LATE": lambda: lost("TransferFailed", INTERIM),
    "REFUSED_LATE": lambda: lost("TransferFailed", INTERIM, outcome=REFUSED),
    "STILL_WORKING": lambda: (
        interim_response(INTERIM, document=connection(), company_code="US01", at=AT).responseMessage
    ),
}


@pytest.mark.parametrize("code", DOCUMENT)
def test_a_fault_of_the_document_reaches_its_code(code: str) -> None:
    members, rules = DOCUMENT[code]

    assert code in {each.code for each in in_document(members, **rules)}


@pytest.mark.parametrize("code", ORDERS)
def test_a_purchase_order_that_does_not_fit_reaches_its_code(code: str) -> None:
    assert code in {each.code for each in orders(code)}


@pytest.mark.parametrize("code", PURE)
def test_what_epicor_knows_or_holds_reaches_its_code(code: str) -> None:
    assert code in {each.code for each in PURE[code]()}


@pytest.mark.parametrize("code", SAID)
def test_what_basware_shows_reaches_its_sentence(code: str) -> None:
    assert str(SAID[code]()).startswith(CATALOGUE[code].sentence.partition("{")[0])


@pytest.mark.parametrize("code", BY_A_TEST_WITH_SERVERS)
def test_a_code_that_needs_a_far_side_is_reached_by_the_test_that_is_named(code: str) -> None:
    file, name, words = BY_A_TEST_WITH_SERVERS[code]
    text = (TESTS / "integration" / file).read_text(encoding="utf-8")
    (found,) = (
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and node.name == name
    )
    first = min([found.lineno, *(each.lineno for each in found.decorator_list)])

    assert words in "\n".join(text.splitlines()[first - 1 : found.end_lineno])


def test_the_smallest_document_is_in_order_itself() -> None:
    assert in_document({}) == ()
    assert list(in_codes()) == []


def test_every_code_of_the_catalogue_is_reached() -> None:
    assert CATALOGUE.keys() == {*DOCUMENT, *ORDERS, *PURE, *SAID, *BY_A_TEST_WITH_SERVERS}
