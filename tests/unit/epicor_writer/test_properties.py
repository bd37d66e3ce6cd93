"""What holds for every document: the books balance, the same document makes the same dataset, nothing blows up."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from epicor_writer.draft import to_draft
from epicor_writer.invoice import Draft
from epicor_writer.mapping import to_dataset
from epicor_writer.matching import match_orders
from epicor_writer.orders import Order, OrderedLine, Receipt, Release
from epicor_writer.readback import differences
from epicor_writer.reference import Reference, Vendor
from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import CATALOGUE, answer_text
from mlc_common.company_rules import CompanyPair
from mlc_common.http import dump_json
from mlc_common.order_lines import ReceiptKey
from mlc_common.posting_rules import Posting

from .conftest import TODAY

PLACES = {"USD": 2, "JPY": 0, "KWD": 3}
SEGMENTS = [{"field": "accountCode"}, {"field": "dimCode1", "default": "10"}, {"constant": "200"}]
PAIR = CompanyPair.model_validate(
    {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": SEGMENTS, "tax_codes": {"VAT24": "US-IL"}}
)
DATES = st.sampled_from(["2026-10-28", "2026-10-28T00:00:00Z", "2026-10-28T23:59:59+02:00", "2026-10-28T07:36:13.053Z"])
CODES = st.sampled_from(["US-IL", "EXEMPT", "VAT24"])
RATES = st.decimals("0.001", 500, places=4)
ZERO = Decimal(0)
Case = tuple[dict[str, Any], Posting]


@st.composite
def rows_of(draw: st.DrawFn, places: int, *, taxed: bool) -> list[dict[str, Any]]:
    """Coding rows: any signs, zero amounts, gaps in the index, several tax codes or none."""
    amounts = st.decimals(-999_999, 999_999, places=places, allow_nan=False) | st.just(ZERO)
    indexes = draw(st.lists(st.integers(0, 100_000), min_size=1, max_size=12, unique=True))
    return [
        {
            "externalCode": f"r{index}",
            "rowIndex": index,
            "accountCode": draw(st.sampled_from(["6100", "6200"])),
            "netTotal": draw(amounts),
            **({"taxCode": draw(CODES), "taxSum": draw(amounts)} if taxed else {}),
        }
        for index in indexes
    ]


def turned(body: dict[str, Any]) -> dict[str, Any]:
    """The document with all signs turned."""
    rows = [row | {name: -row[name] for name in ("netTotal", "taxSum") if name in row} for row in body["codingRows"]]
    return body | {name: -body[name] for name in ("netSum", "taxSum1", "grossSum")} | {"codingRows": rows}


@st.composite
def kinds_of(draw: st.DrawFn, body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """An invoice or a credit note, as one of the tenants sends it, with the rules that say so."""
    net, gross = body["netSum"], body["grossSum"]
    body = turned(body) if (gross or net) < 0 else body
    match draw(st.sampled_from(["invoice", "negative", "negative and typed", "positive and typed"])):
        case "negative" if gross or net:
            return turned(body), {"credit_notes": {"convention": draw(st.sampled_from(["either", "negative sums"]))}}
        case "negative and typed" if gross or net:
            return turned(body) | {"invoiceTypeCode": "CR"}, {"invoice_types": {"CR": {"kind": "credit note"}}}
        case "positive and typed":
            rules = {"invoice_types": {"CR": {"kind": "credit note"}}, "credit_notes": {"convention": "type"}}
            return body | {"invoiceTypeCode": "CR"}, rules
    return body, {}


@st.composite
def rates_of(draw: st.DrawFn, body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Epicor's rate, or Basware's in either direction."""
    if draw(st.booleans()) or body["currencyCode"] == "USD":
        return body, {}
    rate = draw(RATES)
    members = {"currencyCodeCompany": "USD", "exchangeRateCompany": rate}
    home = body["netSum"] * rate if draw(st.booleans()) else body["netSum"] / rate
    body |= members | {"netSumCompany": home.quantize(Decimal("0.01"))}
    return body, {"exchange_rates": {"source": "basware", "tolerance": "10"}}


@st.composite
def valid(draw: st.DrawFn) -> Case:
    """A document that is in order, of any kind, with rules that take it."""
    currency, mode = (
        draw(st.sampled_from(sorted(PLACES))),
        draw(st.sampled_from(["as given", "epicor computes", "none"])),
    )
    rows = draw(rows_of(PLACES[currency], taxed=mode != "none" and draw(st.booleans())))
    net, tax = (sum((row.get(name, ZERO) for row in rows), ZERO) for name in ("netTotal", "taxSum"))
    if net * (net + tax) < 0:
        rows = [{name: value for name, value in row.items() if name != "taxSum"} for row in rows]
        tax = ZERO
    body = {
        "invoiceId": "7c0d4a0be7f84a6d9b1d3b5a9e2f4c61",
        "invoiceNumber": draw(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=50)),
        "processingStatus": "WaitingForTransfer",
        "companyCode": "US01",
        "supplierCode": "10432",
        "currencyCode": currency,
        "netSum": net,
        "taxSum1": tax,
        "grossSum": net + tax,
        "invoiceDate": draw(DATES),
        "paymentBlock": draw(st.booleans()),
        "codingRows": rows,
    }
    body, kind = draw(kinds_of(body))
    body, rate = draw(rates_of(body))
    rules = {"tax": mode, "zero_rows": draw(st.sampled_from(["keep", "leave out"]))} | kind | rate
    if mode != "none" and draw(st.booleans()):
        bare = [
            {name: value for name, value in row.items() if not name.startswith("tax")} for row in body["codingRows"]
        ]
        body |= {"codingRows": bare, "taxCode": "US-IL"}
    if not tax and draw(st.booleans()):
        body |= {"codingRows": []}
        rules |= {"without_rows": "one line", "default_account": {"accountCode": "6100"}}
    return body, Posting.model_validate(rules)


def drafted(body: dict[str, Any], posting: Posting) -> Draft | tuple[Any, ...]:
    return to_draft(AccountingDocument.parse(dump_json(body)), PAIR, posting, today=TODAY)


@given(valid())
def test_lines_and_taxes_of_a_valid_document_are_its_total_to_the_last_decimal(
    case: Case,
) -> None:
    body, posting = case

    draft = drafted(body, posting)

    assert isinstance(draft, Draft), [each.sentence for each in draft]
    assert draft.total == abs(body["grossSum"])
    sign = -1 if (body["grossSum"] or body["netSum"]) < 0 else 1
    tax = body["taxSum1"] * sign if draft.computes_tax else sum(each.amount for each in draft.taxes)
    assert sum(line.amount for line in draft.lines) + tax == draft.total
    rows = sorted(body["codingRows"], key=lambda row: row["rowIndex"])
    amounts = [row["netTotal"] * sign for row in rows] or [body["netSum"] * sign]
    kept = [amount for amount in amounts if amount or posting.zero_rows == "keep"] or amounts
    assert [line.amount for line in draft.lines] == kept
    assert all(sum(share.amount for share in line.shares) == line.amount for line in draft.lines)
    assert draft.credit is (sign < 0 or body.get("invoiceTypeCode") == "CR")
    assert draft.invoice_date == date(2026, 10, 28)


@given(valid())
def test_the_same_document_makes_the_same_dataset_and_it_is_what_was_meant(
    case: Case,
) -> None:
    first, second = drafted(*case), drafted(*case)

    assert isinstance(first, Draft)
    assert isinstance(second, Draft)
    vendor = Vendor(101, "10432", terms="N30")
    meant, again = (to_dataset(each, vendor, group_id="B2610280") for each in (first, second))
    assert dump_json(meant.to_wire()) == dump_json(again.to_wire())
    sign = -1 if first.credit else 1
    computed = {"DocInvoiceAmt": first.total * sign, "DocInvoiceVariance": Decimal(0)}
    held = meant.model_copy(update={"APInvHed": (meant.header.model_copy(update=computed),)})
    assert differences(meant, held) == []


@st.composite
def order_lines(draw: st.DrawFn, number: int, count: int) -> Order:
    """An order with lines of any cost, unit of cost, releases and receipts."""
    lines = {}
    for place in range(1, count + 1):
        quantities = draw(st.lists(st.integers(1, 500), min_size=1, max_size=3))
        receipts = [
            Receipt(ReceiptKey(purchase_point="", pack_slip=f"PS-{number}-{place}", pack_line=item), 1, Decimal(left))
            for item, left in enumerate(draw(st.lists(st.integers(0, 200), max_size=3)), 1)
        ]
        lines[place] = OrderedLine(
            place, "EA", draw(st.decimals("0.001", 99, places=5)), per=draw(st.sampled_from(["E", "C", "M"])),
            releases=tuple(Release(index, Decimal(left)) for index, left in enumerate(quantities, 1)),
            receipts=tuple(receipts), open=draw(st.booleans()) or draw(st.booleans()),
        )  # fmt: skip
    return Order(number, draw(st.sampled_from([101, 101, 101, 102])), "USD", lines=lines)


@st.composite
def with_orders(draw: st.DrawFn) -> tuple[dict[str, Any], Posting, Reference]:
    """A valid document some of whose rows name orders, known or not, with any rules."""
    body, posting = draw(valid().filter(lambda case: bool(case[0]["codingRows"])))
    orders = {number: draw(order_lines(number, 2)) for number in (4501, 4502)}
    rows = []
    for each in body["codingRows"]:
        named: dict[str, Any] = {}
        if draw(st.booleans()):
            named = {
                "orderNumber": draw(st.sampled_from(["4501", "4502", "4502", "4711", "4501, 4502", "PO-7"])),
                "orderLineNumber": draw(st.sampled_from(["1", "2", "1-2", "9"])),
                "matchedQuantity": draw(st.decimals(-1, 300, places=1)),
            }
            if draw(st.booleans()):
                slip = f"PS-{named['orderNumber']}-{named['orderLineNumber']}"
                named |= {"goodsReceiptNumber": slip} | draw(st.sampled_from([{}, {"goodsReceiptItemNumber": "1"}]))
            if draw(st.booleans()):
                named |= {"accountCode": None, "dimCode1": None}
        rows.append(each | named)
    how = st.sampled_from(["refuse", "hold", "expense"])
    actions = st.sampled_from(["post", "hold", "refuse"])
    rules: dict[str, Any] = {
        name: draw(how) for name in ("unknown", "several", "other_vendor", "not_open", "credit_notes")
    }
    rules |= {"price": {"action": draw(actions)}, "quantity": {"action": draw(actions), "percent": 10}}
    rules |= {"receipts": draw(st.sampled_from(["as named", "first"])), "unnamed_receipts": draw(actions)}
    rules |= {"account": draw(st.sampled_from(["row", "epicor"]))}
    known = Reference(vendor=Vendor(101, "10432", terms="N30"), orders=orders)
    return body | {"codingRows": rows}, Posting.model_validate(posting.model_dump() | {"orders": rules}), known


@given(with_orders())
def test_rows_of_orders_become_lines_that_add_up_or_a_list_of_reasons(
    case: tuple[dict[str, Any], Posting, Reference],
) -> None:
    body, posting, known = case
    document = AccountingDocument.parse(dump_json(body))

    match = match_orders(document, PAIR, posting, known)
    made = to_draft(document, PAIR, posting, today=TODAY, match=match)

    assert match == match_orders(document, PAIR, posting, known)
    if not isinstance(made, Draft):
        assert made
        assert 0 < len(answer_text(made)) <= 250
        return
    assert match.findings == ()
    sign = -1 if (body["grossSum"] or body["netSum"]) < 0 else 1
    tax = body["taxSum1"] * sign if made.computes_tax else sum(each.amount for each in made.taxes)
    assert sum(line.amount for line in made.lines) + tax == made.total
    assert {*match.held_for} <= {*made.held_for}
    assert made.hold or not match.held_for
    ours = [line for line in made.lines if line.order]
    assert len({line.order.key for line in ours if line.order}) == len(ours) == len(match.lines)
    for line in ours:
        assert line.order is not None
        assert line.quantity == line.order.quantity > 0
        assert not line.shares or sum(share.amount for share in line.shares) == line.amount
        assert min(line.order.order, line.order.line, line.order.release) > 0
    taken: dict[Any, Decimal] = {}
    for each in match.lines:
        if each.receipt:
            taken[each.receipt] = taken.get(each.receipt, ZERO) + each.quantity
    left = {r.key: r.left for order in known.orders.values() for line in order.lines.values() for r in line.receipts}
    assert all(quantity <= left[receipt] for receipt, quantity in taken.items())
    meant = to_dataset(made, Vendor(101, "10432", terms="N30"), group_id="B2610280")
    sign = -1 if made.credit else 1
    computed = {"DocInvoiceAmt": made.total * sign, "DocInvoiceVariance": ZERO}
    held = meant.model_copy(update={"APInvHed": (meant.header.model_copy(update=computed),)})
    assert [each for each in differences(meant, held) if "no GL account" not in each and "expenses" not in each] == []


MEMBERS = st.sampled_from(
    ["grossSum", "netSum", "taxSum1", "invoiceNumber", "invoiceDate", "currencyCode", "companyCode", "invoiceTypeCode"]
)
VALUES = st.one_of(st.none(), st.decimals(-9999, 9999, places=4), st.sampled_from(["", " ", "XX01", "CR", "x" * 60]))
NUMBERS = frozenset({"grossSum", "netSum", "taxSum1"})


@given(valid(), st.dictionaries(MEMBERS, VALUES, max_size=4), st.booleans(), st.booleans())
def test_any_document_becomes_a_draft_or_a_list_of_reasons_that_fits_an_answer(
    case: Case, changed: dict[str, Any], no_rows: bool, known_company: bool
) -> None:
    body, posting = case
    fitting = {
        name: value
        for name, value in changed.items()
        if (isinstance(value, Decimal) or value is None) == (name in NUMBERS) and name not in ("invoiceDate",)
    }
    broken = body | fitting | ({"codingRows": []} if no_rows else {})

    document = AccountingDocument.parse(dump_json({k: v for k, v in broken.items() if v is not None}))
    made = to_draft(document, PAIR if known_company else None, posting, today=TODAY)

    if isinstance(made, Draft):
        assert known_company
        taxes = sum(tax.amount for tax in made.taxes)
        assert made.computes_tax or sum(line.amount for line in made.lines) + taxes == made.total
    else:
        assert made
        assert {each.code for each in made} <= CATALOGUE.keys()
        assert 0 < len(answer_text(made)) <= 250
