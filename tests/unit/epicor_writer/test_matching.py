"""Rows that name purchase orders: what they are matched with, and what is said when they cannot be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from epicor_writer.draft import to_draft
from epicor_writer.invoice import Draft
from epicor_writer.matching import match_orders
from epicor_writer.order_rows import references_digest
from epicor_writer.orders import Order, OrderedLine, Receipt, Release, orders_of
from epicor_writer.reference import Reference, Vendor
from mlc_common.company_rules import CompanyPair
from mlc_common.order_lines import OrderMatch, ReceiptKey
from mlc_common.order_rules import Tolerance
from mlc_common.posting_rules import Posting, PostingOverrides
from mlc_epicor.orders import order_rows

from .conftest import TODAY, Document, row

TEN = Decimal(10)


def receipt(slip: str, left: int = 10, *, item: int = 1, release: int = 1, invoice: str = "") -> Receipt:
    return Receipt(ReceiptKey(purchase_point="", pack_slip=slip, pack_line=item), release, Decimal(left), None, invoice)


def line(*releases: Release, receipts: tuple[Receipt, ...] = (), **members: Any) -> OrderedLine:
    """Order line 1: pieces at 10.00."""
    return OrderedLine(1, "EA", TEN, releases=releases or (Release(1, Decimal(100)),), receipts=receipts, **members)


def known(*lines: OrderedLine, **members: Any) -> Reference:
    """Order 4501 of supplier 10432."""
    order = Order(
        **{"number": 4501, "vendor_num": 101, "currency": "USD"} | members, lines={x.number: x for x in lines}
    )
    return Reference(vendor=Vendor(101, "10432", terms="N30"), orders={4501: order})


def order_row(index: int = 1, quantity: str | None = "10", net: str = "100.00", **members: Any) -> dict[str, Any]:
    named = {"orderNumber": "4501", "orderLineNumber": "1", "matchedQuantity": quantity and Decimal(quantity)}
    return row(index, net, **named | members)


def matched(document: Document, pair: CompanyPair, *rows: dict[str, Any], known: Reference, **rules: Any) -> OrderMatch:
    body = document(codingRows=list(rows), taxSum1=None)
    return match_orders(body, pair, Posting.model_validate({"orders": rules}), known)


def codes(match: OrderMatch) -> list[str]:
    return [each.code for each in match.findings]


UNFIT: list[tuple[str, dict[str, Any], Reference]] = [
    ("ORDER_UNKNOWN", {"orderNumber": "4502"}, known(line())),
    ("ORDER_UNKNOWN", {"orderNumber": "PO-4501"}, known(line())),
    ("ORDER_UNKNOWN", {"orderNumber": "99999999999999"}, known(line())),
    ("ORDER_UNKNOWN", {"orderNumber": None, "goodsReceiptNumber": "PS-1"}, known(line())),
    ("SEVERAL_ORDERS", {"orderNumber": "4501, 4502"}, known(line())),
    ("SEVERAL_ORDERS", {"orderNumber": "4501;4502"}, known(line())),
    ("ORDER_LINE_UNKNOWN", {"orderLineNumber": "2"}, known(line())),
    ("ORDER_LINE_UNKNOWN", {"orderLineNumber": None}, known(line())),
    ("ORDER_LINE_UNKNOWN", {"orderLineNumber": "1, 2"}, known(line())),
    ("ORDER_OF_ANOTHER_VENDOR", {}, known(line(), vendor_num=102)),
    ("ORDER_ROW_WITHOUT_QUANTITY", {"matchedQuantity": None}, known(line())),
    ("ORDER_ROW_WITHOUT_QUANTITY", {"matchedQuantity": 0}, known(line())),
    ("ORDER_NOT_OPEN", {}, known(line(), stopped="not approved")),
    ("ORDER_NOT_OPEN", {}, known(line(void=True))),
    ("ORDER_NOT_OPEN", {}, known(line(), open=False)),
    ("ORDER_NOT_OPEN", {}, known(line(open=False))),
    ("ORDER_NOT_OPEN", {}, known(line(Release(1, TEN, open=False)))),
    ("ORDER_NOT_OPEN", {}, known(line(Release(1, TEN, void=True)))),
    ("CREDIT_NOTE_OF_ORDER", {"netTotal": Decimal(-100), "matchedQuantity": -10}, known(line())),
]
ACTIONS = {
    "ORDER_UNKNOWN": "unknown",
    "ORDER_LINE_UNKNOWN": "unknown",
    "ORDER_ROW_WITHOUT_QUANTITY": "unknown",
    "SEVERAL_ORDERS": "several",
    "ORDER_OF_ANOTHER_VENDOR": "other_vendor",
    "ORDER_NOT_OPEN": "not_open",
    "CREDIT_NOTE_OF_ORDER": "credit_notes",
}


@pytest.mark.parametrize(("code", "members", "reference"), UNFIT)
@pytest.mark.parametrize("how", ["refuse", "hold", "expense"])
def test_a_row_that_is_no_line_of_its_order_becomes_what_the_connection_says(
    document: Document, pair: CompanyPair, how: str, code: str, members: dict[str, Any], reference: Reference
) -> None:
    match = matched(document, pair, order_row(**members), known=reference, **{ACTIONS[code]: how})

    assert match.lines == ()
    assert codes(match) == ([code] if how == "refuse" else [])
    assert [each.code for each in match.held_for] == ([code] if how == "hold" else [])
    assert [each.code for each in match.remarks] == ([code] if how == "expense" else [])
    assert match.expenses == (() if how == "refuse" else (0,))


ALWAYS_REFUSED: list[tuple[str, dict[str, Any], Reference]] = [
    ("ORDER_UNIT", {"orderLineUOM": "BX"}, known(line())),
    ("ORDER_CURRENCY", {}, known(line(), currency="EUR")),
    ("RECEIPT_UNKNOWN", {"goodsReceiptNumber": "PS-9"}, known(line(receipts=(receipt("PS-1"),)))),
    (
        "RECEIPT_UNKNOWN",
        {"goodsReceiptNumber": "PS-1", "goodsReceiptItemNumber": "7"},
        known(line(receipts=(receipt("PS-1"),))),
    ),
    ("RECEIPT_INVOICED", {"goodsReceiptNumber": "PS-1"}, known(line(receipts=(receipt("PS-1", 0, invoice="A"),)))),
    ("ORDER_RELEASE_UNCLEAR", {}, known(line(Release(1, TEN), Release(2, TEN)))),
    ("ORDER_RELEASE_UNKNOWN", {"orderLineNumber": "1-3"}, known(line(Release(1, TEN), Release(2, TEN)))),
]


@pytest.mark.parametrize(("code", "members", "reference"), ALWAYS_REFUSED)
def test_a_match_that_nobody_can_know_is_refused(
    document: Document, pair: CompanyPair, code: str, members: dict[str, Any], reference: Reference
) -> None:
    match = matched(document, pair, order_row(**members), known=reference)

    assert codes(match) == [code]
    assert (match.lines, match.expenses) == ((), ())


@pytest.mark.parametrize(
    ("releases", "members", "rules", "chosen"),
    [
        ((Release(3, TEN),), {}, {}, 3),
        ((Release(1, TEN, open=False), Release(2, TEN)), {}, {}, 2),
        ((Release(1, Decimal(4)), Release(2, TEN)), {}, {}, 2),
        ((Release(1, TEN), Release(2, TEN)), {"orderLineNumber": "1/2"}, {}, 2),
        ((Release(1, TEN), Release(2, TEN)), {"orderItemNumber": "2"}, {"release_member": "orderItemNumber"}, 2),
    ],
)
def test_the_release_is_the_named_or_the_only_one_or_that_with_enough_left(
    document: Document,
    pair: CompanyPair,
    releases: tuple[Release, ...],
    members: dict[str, Any],
    rules: dict[str, Any],
    chosen: int,
) -> None:
    match = matched(document, pair, order_row(**members), known=known(line(*releases)), **rules)

    assert codes(match) == []
    assert [each.release for each in match.lines] == [chosen]


def test_a_receipt_names_the_release(document: Document, pair: CompanyPair) -> None:
    reference = known(line(Release(1, TEN), Release(2, TEN), receipts=(receipt("PS-1", release=2),)))

    match = matched(document, pair, order_row(goodsReceiptNumber="ps-1 "), known=reference)

    (made,) = match.lines
    assert (made.release, made.receipt) == (2, ReceiptKey(purchase_point="", pack_slip="PS-1", pack_line=1))


@pytest.mark.parametrize("named", ["PS-1, PS-2", "PS-1/1;PS-2/1"])
def test_a_row_of_several_receipts_is_split_by_their_quantities(
    document: Document, pair: CompanyPair, named: str
) -> None:
    reference = known(line(receipts=(receipt("PS-1", 3), receipt("PS-2", 7))))

    match = matched(
        document, pair, order_row(net="100.01", goodsReceiptNumber=named), known=reference, price={"absolute": 1}
    )

    assert [(each.quantity, each.amount) for each in match.lines] == [(3, Decimal("30.00")), (7, Decimal("70.01"))]


def test_two_rows_of_one_receipt_share_what_is_left_of_it(document: Document, pair: CompanyPair) -> None:
    reference = known(line(receipts=(receipt("PS-1", 10),)))
    rows = [
        order_row(1, "6", "60.00", goodsReceiptNumber="PS-1"),
        order_row(2, "6", "60.00", goodsReceiptNumber="PS-1"),
    ]

    match = matched(document, pair, *rows, known=reference)

    received, rest = match.lines
    assert (received.quantity, [share.amount for share in received.shares]) == (10, [Decimal(60), Decimal(40)])
    assert (rest.receipt, rest.quantity) == (None, 2)
    assert [each.code for each in match.held_for] == ["ORDER_QUANTITY"]


def test_receipts_first_leaves_the_rest_unreceived(document: Document, pair: CompanyPair) -> None:
    reference = known(line(receipts=(receipt("PS-1", 4),)))

    match = matched(document, pair, order_row(), known=reference, receipts="first")

    assert [(each.receipt is not None, each.quantity) for each in match.lines] == [(True, 4), (False, 6)]
    assert (match.findings, match.held_for) == ((), ())


@pytest.mark.parametrize(("how", "place"), [("refuse", "findings"), ("hold", "held_for"), ("post", "remarks")])
@pytest.mark.parametrize(
    ("code", "member", "net", "left"),
    [("ORDER_PRICE", "price", "130.00", 100), ("ORDER_QUANTITY", "quantity", "100.00", 8)],
)
def test_a_difference_beyond_the_tolerance_does_what_the_connection_says(
    document: Document, pair: CompanyPair, code: str, member: str, net: str, left: int, how: str, place: str
) -> None:
    reference = known(line(Release(1, Decimal(left))))

    match = matched(document, pair, order_row(net=net), known=reference, **{member: {"action": how}})

    assert [each.code for each in getattr(match, place)] == [code]
    assert len(match.lines) == 1


@pytest.mark.parametrize(
    ("limits", "difference", "accepted"),
    [
        ({}, "0", True),
        ({}, "0.01", False),
        ({"percent": 5}, "5", True),
        ({"percent": 5}, "5.01", False),
        ({"absolute": 3}, "-3", True),
        ({"absolute": 3}, "3.01", False),
        ({"percent": 5, "absolute": 3}, "4", False),
        ({"percent": 1, "absolute": 3}, "2", False),
    ],
)
def test_every_limit_that_is_named_is_kept(limits: dict[str, Any], difference: str, accepted: bool) -> None:
    tolerance = Tolerance.model_validate(limits)

    assert tolerance.accepts(Decimal(difference), expected=Decimal(100)) is accepted


def test_a_price_that_rounds_to_the_amount_is_no_difference(document: Document, pair: CompanyPair) -> None:
    odd = OrderedLine(1, "EA", Decimal("0.33333"), releases=(Release(1, Decimal(100)),))

    match = matched(document, pair, order_row(net="3.33"), known=known(odd))

    assert (match.findings, match.held_for) == ((), ())


def test_a_row_without_codes_leaves_the_account_to_the_order_and_one_with_some_does_not(
    document: Document, pair: CompanyPair
) -> None:
    bare = {"accountCode": None, "dimCode1": None, "costCenterCode": None}
    sums = {"netSum": Decimal(100), "grossSum": Decimal(100), "taxSum1": None}
    for codes_of_row, complete in ((bare, True), (bare | {"accountCode": "6100"}, False)):
        body = document(codingRows=[order_row(**codes_of_row)], **sums)
        match = match_orders(body, pair, Posting(), known(line()))
        made = to_draft(body, pair, Posting(), today=TODAY, match=match)

        if complete:
            assert isinstance(made, Draft)
            assert [each.shares for each in made.lines] == [()]
        else:
            assert not isinstance(made, Draft)
            assert [each.code for each in made] == ["ROW_WITHOUT_CODE", "ROW_WITHOUT_CODE"]


def test_a_row_without_codes_beside_one_with_codes_on_one_line_is_asked_for_them(
    document: Document, pair: CompanyPair
) -> None:
    bare = {"accountCode": None, "dimCode1": None, "costCenterCode": None}
    sums = {"netSum": Decimal(200), "grossSum": Decimal(200), "taxSum1": None}
    body = document(codingRows=[order_row(1), order_row(2, **bare)], **sums)
    match = match_orders(body, pair, Posting(), known(line()))

    made = to_draft(body, pair, Posting(), today=TODAY, match=match)

    assert not isinstance(made, Draft)
    assert {each.code for each in made} == {"ROW_WITHOUT_CODE"}


def test_a_row_that_no_match_settles_is_never_a_plain_expense(document: Document, pair: CompanyPair) -> None:
    sums = {"netSum": Decimal(100), "grossSum": Decimal(100), "taxSum1": None}

    made = to_draft(document(codingRows=[order_row()], **sums), pair, Posting(), today=TODAY)

    assert not isinstance(made, Draft)
    assert [each.code for each in made] == ["ORDER_UNKNOWN"]


def test_the_digest_tells_other_references_and_not_other_accounts(document: Document) -> None:
    same = references_digest(document(codingRows=[order_row()]))

    assert same
    assert references_digest(document(codingRows=[order_row(accountCode="9999")])) == same
    assert references_digest(document(codingRows=[order_row(quantity="9")])) != same
    assert references_digest(document()) == ""


def test_what_epicor_sends_of_an_order_becomes_values() -> None:
    rows = order_rows(
        [{"PONum": 4501, "VendorNum": 101, "CurrencyCode": "USD", "ApprovalStatus": "P"}],
        [{"PONUM": 4501, "POLine": 1, "PUM": "EA", "DocUnitCost": Decimal("4.25"), "CostPerCode": "c"}],
        [{"PONum": 4501, "POLine": 1, "PORelNum": 1, "RelQty": 30, "InvoicedQty": 40}],
        [
            {"PackSlip": "B", "PackLine": 1, "PONum": 4501, "POLine": 1, "PORelNum": 1, "VendorNum": 101,
             "VendorQty": 20, "ReceiptDate": "2026-10-02T00:00:00"},
            {"PackSlip": "A", "PackLine": 1, "PONum": 4501, "POLine": 1, "PORelNum": 1, "VendorNum": 101,
             "VendorQty": 20, "SupplierUnInvcReceiptQty": 5, "ReceiptDate": "2026-10-01T00:00:00"},
            {"PackSlip": "C", "PackLine": 1, "PONum": 4501, "POLine": 1, "PORelNum": 1, "VendorNum": 101,
             "VendorQty": 20, "Invoiced": True},
            {"PackSlip": "D", "PackLine": 1, "PONum": 4501, "POLine": 1, "PORelNum": 1, "VendorNum": 999,
             "VendorQty": 20},
        ],
    )  # fmt: skip

    order = orders_of(rows)[4501]

    made = order.lines[1]
    assert (order.stopped, made.per, made.worth(Decimal(200))) == ("not approved", "C", Decimal("8.50"))
    assert made.releases == (Release(1, Decimal(0)),)
    assert [(each.name, each.left) for each in made.receipts] == [("A/1", 5), ("B/1", 20), ("C/1", 0)]


def test_a_company_can_have_rules_of_its_own_for_orders() -> None:
    own = PostingOverrides.model_validate({"orders": {"unknown": "hold"}})

    assert own.applied_to(Posting()).orders.unknown == "hold"
    assert PostingOverrides().applied_to(Posting()).orders.unknown == "refuse"
