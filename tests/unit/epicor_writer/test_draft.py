"""From document to draft: accounts, taxes, residues, texts."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epicor_writer.coding import rows_in_order
from epicor_writer.draft import to_draft, wanted
from epicor_writer.invoice import Draft
from epicor_writer.taxes import TaxLine, tax_lines
from epicor_writer.templates import fill
from mlc_basware.documents import AccountingDocument
from mlc_common.company_rules import CompanyPair
from mlc_common.posting_rules import Posting

from .conftest import TODAY, row

Document = Callable[..., AccountingDocument]
CENTS = st.decimals(min_value=Decimal("0.01"), max_value=Decimal("99999.99"), places=2)


def test_rows_are_ordered_by_their_index_and_named_by_it(document: Document) -> None:
    rows = [row(17, "3.00"), row(4, "1.00"), row(9, "2.00")]

    assert [name for name, _ in rows_in_order(document(codingRows=rows))] == ["4", "9", "17"]


def test_rows_without_an_index_keep_their_place(document: Document) -> None:
    rows = [row(17, "3.00") | {"rowIndex": None}, row(4, "1.00")]

    assert [name for name, _ in rows_in_order(document(codingRows=rows))] == ["1", "4"]


def test_taxes_are_grouped_by_epicors_code(document: Document) -> None:
    rows = [
        row(1, "100.00", "24.00", taxCode="A"),
        row(2, "10.00", "2.40", taxCode="B"),
        row(3, "5.00", "0.00", taxCode="Z"),
        row(4, "1.00"),
    ]

    assert tax_lines(document(codingRows=rows), {"A": "VAT24", "B": "VAT24"}) == (
        TaxLine("VAT24", Decimal("110.00"), Decimal("26.40")),
        TaxLine("Z", Decimal("5.00"), Decimal("0.00")),
    )


def test_a_tax_of_the_header_only_takes_the_one_code_of_the_rows(document: Document) -> None:
    rows = [row(1, "100.00", taxCode="VAT24"), row(2, "200.00", taxCode="VAT24")]
    members = {"taxSum1": Decimal("72.00"), "codingRows": rows}

    assert tax_lines(document(**members), {}) == (TaxLine("VAT24", Decimal("300.00"), Decimal("72.00")),)


def test_an_accepted_gap_lies_on_the_largest_line_and_tax(document: Document, pair: CompanyPair) -> None:
    members = {"netSum": Decimal("300.01"), "taxSum1": Decimal("24.76"), "grossSum": Decimal("324.77")}
    draft = to_draft(document(**members), pair, Posting(tolerance=Decimal("0.02")), today=TODAY)

    assert isinstance(draft, Draft)
    assert [line.amount for line in draft.lines] == [Decimal("100.00"), Decimal("200.01")]
    assert draft.taxes[0].amount == Decimal("24.76")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(st.tuples(CENTS, CENTS), min_size=1, max_size=12))
def test_lines_and_taxes_always_meet_the_control_total(
    document: Document, pair: CompanyPair, posting: Posting, amounts: list[tuple[Decimal, Decimal]]
) -> None:
    rows = [row(place, str(net), str(tax), taxCode="US-IL") for place, (net, tax) in enumerate(amounts)]
    net, tax = sum(n for n, _ in amounts), sum(t for _, t in amounts)
    body = document(codingRows=rows, netSum=net, taxSum1=tax, grossSum=net + tax)

    draft = to_draft(body, pair, posting, today=TODAY)

    assert isinstance(draft, Draft)
    assert sum(line.amount for line in draft.lines) + sum(each.amount for each in draft.taxes) == draft.total


def test_a_template_closes_up_what_is_missing(document: Document) -> None:
    assert fill("{invoiceNumber} {contractNumber}  {nonsense} x", document().value) == "INV-88214 x"


def test_codes_of_complete_rows_are_looked_up_even_when_another_row_is_not_complete(
    document: Document, pair: CompanyPair, posting: Posting
) -> None:
    rows = [row(1, "1.00"), row(2, "2.00", dimCode1=None)]

    assert wanted(document(codingRows=rows), pair, posting).accounts == {"6100|10|200"}
