"""Every reason not to post, and all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from epicor_writer.apply_dates import apply_date_of
from epicor_writer.checks import in_epicor, in_the_document
from epicor_writer.coding import Chart
from epicor_writer.matching import match_orders
from epicor_writer.reference import Account, Reference, Vendor
from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import Finding
from mlc_common.company_rules import CompanyPair
from mlc_common.posting_rules import Posting

from .conftest import TODAY, row

Document = Callable[..., AccountingDocument]
KNOWN = Reference(
    vendor=Vendor(101, "10432", "N30"),
    accounts={"6100|10|200": Account()},
    taxes=frozenset({"us-il"}),
    terms=frozenset({"n30"}),
)


def _in_the_document(document: AccountingDocument, pair: CompanyPair | None, posting: Posting) -> tuple[Finding, ...]:
    day = apply_date_of(document, posting, today=TODAY)
    return in_the_document(document, Chart(pair, day=day) if pair else None, posting, apply_date=day)


def _in_epicor(
    document: AccountingDocument, pair: CompanyPair, posting: Posting, known: Reference, *, apply_date: date | None
) -> tuple[Finding, ...]:
    return in_epicor(document, Chart(pair, day=apply_date), posting, known)


def cents(text: str) -> Decimal:
    return Decimal(text)


def test_a_document_in_order_has_no_findings(document: Document, pair: CompanyPair, posting: Posting) -> None:
    assert _in_the_document(document(), pair, posting) == ()
    assert _in_epicor(document(), pair, posting, KNOWN, apply_date=date(2026, 10, 28)) == ()


@pytest.mark.parametrize(
    ("code", "members"),
    [
        ("NO_INVOICE_NUMBER", {"invoiceNumber": "   "}),
        ("NUMBER_TOO_LONG", {"invoiceNumber": "1" * 51}),
        ("NO_INVOICE_DATE", {"invoiceDate": "0001-01-01T00:00:00Z"}),
        ("NO_TOTAL", {"grossSum": None}),
        ("ROWS_DO_NOT_ADD_UP", {"netSum": cents("300.01"), "grossSum": cents("324.76")}),
        ("TAX_DOES_NOT_ADD_UP", {"taxSum1": cents("24.76"), "grossSum": cents("324.76")}),
        ("TOTAL_DOES_NOT_ADD_UP", {"grossSum": cents("324.76")}),
        ("SECOND_TAX", {"taxSum2": cents("1.00")}),
    ],
)
def test_a_fault_of_the_header_is_found_alone(
    document: Document, pair: CompanyPair, posting: Posting, code: str, members: dict[str, Any]
) -> None:
    found = _in_the_document(document(**members), pair, posting)

    assert [each.code for each in found] == [code]


@pytest.mark.parametrize(
    ("codes", "rows"),
    [
        (["NO_CODING_ROWS"], []),
        (["NO_CODING_ROWS"], None),
        (["ROW_WITHOUT_AMOUNT"], [row(1, None, "8.25", taxCode="US-IL"), row(2, "300.00", "16.50", taxCode="US-IL")]),
        (["AMOUNT_TOO_FINE"], [row(1, "100.001", "24.75", taxCode="US-IL"), row(2, "199.999", taxCode="US-IL")]),
        (["ROW_WITHOUT_CODE"], [row(4, "300.00", "24.75", taxCode="US-IL", dimCode1=" ")]),
        (["TAX_WITHOUT_CODE"], [row(1, "300.00", "24.75")]),
    ],
)
def test_a_fault_of_the_rows_is_found(
    document: Document, pair: CompanyPair, posting: Posting, codes: list[str], rows: list[dict[str, Any]] | None
) -> None:
    found = _in_the_document(document(codingRows=rows), pair, posting)

    assert sorted({each.code for each in found}) == codes


def test_a_row_is_named_by_its_index_and_the_empty_field(
    document: Document, pair: CompanyPair, posting: Posting
) -> None:
    rows = [row(7, "300.00", "24.75", taxCode="US-IL", costCenterCode=None)]
    (found,) = _in_the_document(document(codingRows=rows), pair, posting)

    assert found.field == "costCenterCode"
    assert "row 7" in found.sentence


def test_sums_are_compared_to_the_cent_and_with_the_tolerance_when_there_is_one(
    document: Document, pair: CompanyPair
) -> None:
    off = document(netSum=Decimal("300.02"), grossSum=Decimal("324.77"))

    assert [each.code for each in _in_the_document(off, pair, Posting())] == ["ROWS_DO_NOT_ADD_UP"]
    assert _in_the_document(off, pair, Posting(tolerance=Decimal("0.02"))) == ()


def test_amounts_add_up_that_binary_fractions_would_not(
    document: Document, pair: CompanyPair, posting: Posting
) -> None:
    rows = [row(1, "0.10"), row(2, "0.20")]
    members = {"netSum": Decimal("0.30"), "taxSum1": None, "grossSum": Decimal("0.30"), "codingRows": rows}

    assert _in_the_document(document(**members), pair, posting) == ()


@pytest.mark.parametrize(
    ("convention", "listed", "code", "negative", "found"),
    [
        ("either", (), "CR", False, []),
        ("either", (), "CR", True, []),
        ("either", ("CR",), " cr ", True, []),
        ("either", ("RC", "CR"), "CR", False, ["CREDIT_NOTE_OR_NOT"]),
        ("either", ("CR",), "EXP", True, ["CREDIT_NOTE_OR_NOT"]),
        ("either", ("CR",), None, True, ["CREDIT_NOTE_OR_NOT"]),
        ("either", ("CR",), "EXP", False, []),
        ("type", ("CR",), "CR", False, []),
        ("type", ("CR",), "CR", True, []),
        ("type", ("CR",), "EXP", True, ["CREDIT_NOTE_OR_NOT"]),
        ("negative sums", ("CR",), None, True, []),
        ("negative sums", ("CR",), "CR", False, ["CREDIT_NOTE_OR_NOT"]),
    ],
)
def test_a_credit_note_is_told_by_its_type_or_its_sign_as_the_tenant_sends_it(
    document: Document,
    pair: CompanyPair,
    convention: str,
    listed: tuple[str, ...],
    code: str | None,
    negative: bool,
    found: list[str],
) -> None:
    sign = -1 if negative else 1
    rows = [row(1, str(300 * sign), str(cents("24.75") * sign), taxCode="US-IL")]
    sums = {"netSum": cents("300") * sign, "taxSum1": cents("24.75") * sign, "grossSum": cents("324.75") * sign}
    types = {each: {"kind": "credit note"} for each in listed}

    findings = _in_the_document(
        document(invoiceTypeCode=code, codingRows=rows, **sums),
        pair,
        Posting.model_validate({"invoice_types": types, "credit_notes": {"convention": convention}}),
    )

    assert [each.code for each in findings] == found


def test_net_and_gross_of_opposite_signs_are_held_for_a_person(
    document: Document, pair: CompanyPair, posting: Posting
) -> None:
    rows = [row(1, "-300.00", "400.00", taxCode="US-IL")]
    sums = {"netSum": cents("-300.00"), "taxSum1": cents("400.00"), "grossSum": cents("100.00")}

    found = _in_the_document(document(codingRows=rows, **sums), pair, posting)

    assert [each.code for each in found] == ["CREDIT_NOTE_OR_NOT"]


@pytest.mark.parametrize("name", ["Credit note", "CREDIT MEMO", "Credit-invoice (EU)"])
@pytest.mark.parametrize(("convention", "found"), [("either", ["CREDIT_NOTE_OR_NOT"]), ("type", [])])
def test_a_positive_credit_note_is_told_by_the_name_of_its_type(
    document: Document, pair: CompanyPair, name: str, convention: str, found: list[str]
) -> None:
    posting = Posting.model_validate({"credit_notes": {"convention": convention}})

    findings = _in_the_document(document(invoiceTypeCode="KG", invoiceTypeName=name), pair, posting)

    assert [each.code for each in findings] == found


def test_blank_orders_are_no_orders(document: Document, pair: CompanyPair, posting: Posting) -> None:
    blank = {"orderNumber": "  ", "orderLineNumber": "", "goodsReceiptNumber": None}
    rows = [row(1, "300.00", "24.75", taxCode="US-IL", **blank)]

    assert _in_the_document(document(codingRows=rows, orderNumbers=[" "], prebooked=False), pair, posting) == ()


def test_a_long_list_of_orders_is_cut(document: Document, pair: CompanyPair, posting: Posting) -> None:
    many = document(orderNumbers=[str(number) for number in range(4500, 4600)])

    (found,) = match_orders(many, pair, posting, Reference()).findings

    assert len(found.sentence) < 250


def test_a_prebooked_invoice_is_never_created_anew(document: Document, pair: CompanyPair, posting: Posting) -> None:
    (found,) = _in_the_document(document(prebooked=True), pair, posting)

    assert found.code == "PREBOOKED"


@pytest.mark.parametrize("tolerance", ["-0.01", "1.01"])
def test_a_tolerance_is_small_change(tolerance: str) -> None:
    with pytest.raises(ValidationError, match="tolerance"):
        Posting.model_validate({"tolerance": tolerance})


def test_tax_is_refused_where_the_connection_posts_none(document: Document, pair: CompanyPair) -> None:
    found = _in_the_document(document(), pair, Posting(tax="none"))

    assert [each.code for each in found] == ["TAX_NOT_EXPECTED"]


def test_a_voucher_date_is_asked_for_where_it_picks_the_period(document: Document, pair: CompanyPair) -> None:
    rules = Posting.model_validate({"apply_date": "voucher_date"})

    assert [each.code for each in _in_the_document(document(), pair, rules)] == ["NO_APPLY_DATE"]


def test_an_unknown_company_is_told_with_the_other_faults(document: Document, posting: Posting) -> None:
    found = _in_the_document(document(companyCode="XX01", codingRows=[]), None, posting)

    assert [each.code for each in found] == ["UNKNOWN_COMPANY", "NO_CODING_ROWS"]


def test_everything_epicor_does_not_know_is_told_at_once(
    document: Document, pair: CompanyPair, posting: Posting
) -> None:
    found = _in_epicor(document(), pair, posting, Reference(), apply_date=None)

    assert [each.code for each in found] == ["UNKNOWN_VENDOR", "UNKNOWN_ACCOUNT", "UNKNOWN_TAX_CODE", "UNKNOWN_TERMS"]
    assert "6100-10-200" in found[1].sentence


def test_codes_match_as_the_database_compares_them(document: Document, pair: CompanyPair, posting: Posting) -> None:
    members = {"paymentTermCode": " n30 "}

    assert _in_epicor(document(**members), pair, posting, KNOWN, apply_date=None) == ()


@pytest.mark.parametrize(
    ("account", "open_"),
    [
        (Account(active=False), False),
        (Account(first=date(2026, 10, 29)), False),
        (Account(last=date(2026, 10, 27)), False),
        (Account(first=date(2026, 10, 28), last=date(2026, 10, 28)), True),
    ],
)
def test_an_account_must_be_active_on_the_apply_date(
    document: Document, pair: CompanyPair, posting: Posting, account: Account, open_: bool
) -> None:
    known = Reference(KNOWN.vendor, {"6100|10|200": account}, KNOWN.taxes, KNOWN.terms)
    found = _in_epicor(document(), pair, posting, known, apply_date=date(2026, 10, 28))

    assert [each.code for each in found] == ([] if open_ else ["INACTIVE_ACCOUNT"])


def test_an_inactive_vendor_is_refused(document: Document, pair: CompanyPair, posting: Posting) -> None:
    known = Reference(Vendor(101, "10432", inactive=True), KNOWN.accounts, KNOWN.taxes, KNOWN.terms)

    assert [each.code for each in _in_epicor(document(), pair, posting, known, apply_date=None)] == ["INACTIVE_VENDOR"]


def test_tax_codes_do_not_matter_where_no_tax_is_posted(document: Document, pair: CompanyPair) -> None:
    known = Reference(KNOWN.vendor, KNOWN.accounts, frozenset(), KNOWN.terms)

    assert _in_epicor(document(), pair, Posting(tax="none"), known, apply_date=None) == ()
