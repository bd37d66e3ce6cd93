"""Which lines of purchase orders the rows of a document are entered against, and what is wrong with the match. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal

from epicor_writer.codes import same_key
from epicor_writer.exchange import currency_of
from epicor_writer.kinds import is_credit
from epicor_writer.normal import as_entered
from epicor_writer.order_differences import differing, too_many
from epicor_writer.order_rows import OrderRow, order_rows, references_digest, short
from epicor_writer.orders import ZERO, Order, OrderedLine, Receipt, Release
from epicor_writer.reference import Reference
from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import Finding, finding
from mlc_common.company_rules import CompanyPair
from mlc_common.order_lines import OrderLine, OrderMatch, ReceiptKey, RowShare
from mlc_common.order_rules import Orders, Unmatched
from mlc_common.posting_rules import Posting
from mlc_common.rule_values import Action


@dataclass(frozen=True)
class Part:
    """Some of a row's quantity, on one release, from a receipt or unreceived."""

    release: int
    receipt: ReceiptKey | None
    quantity: Decimal


@dataclass
class Sheet:
    """What has become of the rows so far."""

    lines: dict[tuple[int, int, int, ReceiptKey | None], OrderLine] = field(default_factory=dict)
    expenses: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    held_for: list[Finding] = field(default_factory=list)
    remarks: list[Finding] = field(default_factory=list)
    taken: dict[tuple[int, int, ReceiptKey], Decimal] = field(default_factory=dict)

    def unfit(self, row: OrderRow, how: Unmatched, why: Finding) -> None:
        """The row cannot become a line of an order."""
        if how is Unmatched.REFUSE:
            self.findings.append(why)
            return
        self.expenses.append(row.place)
        (self.held_for if how is Unmatched.HOLD else self.remarks).append(why)

    def differs(self, how: Action, why: Finding) -> None:
        """The match is out of the ordinary."""
        {Action.POST: self.remarks, Action.HOLD: self.held_for, Action.REFUSE: self.findings}[how].append(why)

    def put(self, order: Order, line: OrderedLine, part: Part, share: RowShare) -> None:
        """A part as a line; parts of one release or receipt are one line."""
        made = OrderLine(
            order=order.number, line=line.number, release=part.release, receipt=part.receipt, part=line.part,
            quantity=part.quantity, unit=line.unit, cost=line.cost, per=line.per, shares=(share,),
        )  # fmt: skip
        if held := self.lines.get(made.key):
            both = {"quantity": held.quantity + made.quantity, "shares": (*held.shares, share)}
            made = held.model_copy(update=both)
        self.lines[made.key] = made


def match_orders(document: AccountingDocument, pair: CompanyPair, posting: Posting, known: Reference) -> OrderMatch:
    """What the rows that name orders become, by what Epicor knows of these orders."""
    entered, rules, sheet = as_entered(document, posting), posting.orders, Sheet()
    rows, credit = order_rows(entered), is_credit(document, posting)
    if not rows:
        _header_only(document, rules, sheet)
    places = posting.decimals.get(document.currencyCode.strip().upper(), 2)
    for row in rows:
        found = _order_of(row, known, rules, pair=pair, credit=credit)
        if isinstance(found, tuple):
            order, line = found
            if why := _mismatch(row, order, line, rules, currency=currency_of(entered, pair)):
                sheet.findings.append(why)
            else:
                _place(row, order, line, rules=rules, sheet=sheet, places=places)
        else:
            sheet.unfit(row, found.how, found.why)
    for how, why in differing(tuple(sheet.lines.values()), known.orders, rules, document.currencyCode, places=places):
        sheet.differs(how, why)
    return OrderMatch(
        lines=tuple(sheet.lines.values()),
        expenses=tuple(sheet.expenses),
        findings=tuple(dict.fromkeys(sheet.findings)),
        held_for=tuple(dict.fromkeys(sheet.held_for)),
        remarks=tuple(dict.fromkeys(sheet.remarks)),
        digest=references_digest(entered),
    )


def _header_only(document: AccountingDocument, rules: Orders, sheet: Sheet) -> None:
    """Orders that no row is matched to: as plain expenses they would miss the order and its receipts."""
    orders = [order.strip() for order in document.orderNumbers if order.strip()]
    if orders:
        why = finding("ORDER_NOT_IN_ROWS", field="orderNumbers", order=short(", ".join(orders)))
        how = {"expense": Action.POST, "hold": Action.HOLD, "refuse": Action.REFUSE}[rules.header_only]
        sheet.differs(how, why)


@dataclass(frozen=True)
class Unfit:
    """Why a row is no line of an order, and what to do with it."""

    how: Unmatched
    why: Finding


def _order_of(
    row: OrderRow, known: Reference, rules: Orders, *, pair: CompanyPair, credit: bool
) -> tuple[Order, OrderedLine] | Unfit:
    order = known.orders.get(row.order or 0)
    line = order.lines.get(row.line or 0) if order else None
    said = {"row": row.name, "order": row.order_text}
    if credit or (row.row.netTotal or ZERO) < ZERO or (row.quantity or ZERO) < ZERO:
        return Unfit(rules.credit_notes, finding("CREDIT_NOTE_OF_ORDER", field="orderNumber", **said))
    if len(row.orders) > 1:
        return Unfit(rules.several, finding("SEVERAL_ORDERS", field="orderNumber", **said))
    if order is None:
        return Unfit(rules.unknown, finding("ORDER_UNKNOWN", field="orderNumber", company=pair.epicor, **said))
    if known.vendor is not None and order.vendor_num != known.vendor.num:
        vendor = known.vendor.vendor_id
        return Unfit(rules.other_vendor, finding("ORDER_OF_ANOTHER_VENDOR", field="orderNumber", vendor=vendor, **said))
    if line is None:
        return Unfit(rules.unknown, finding("ORDER_LINE_UNKNOWN", field="orderLineNumber", line=row.line_text, **said))
    if not row.quantity:
        return Unfit(rules.unknown, finding("ORDER_ROW_WITHOUT_QUANTITY", field="matchedQuantity", **said))
    state = order.stopped or ("void" if line.void else None)
    if state:
        return Unfit(rules.not_open, _not_open(row, "the order" if order.stopped else "the line", state))
    return order, line


def _not_open(row: OrderRow, what: str, state: str) -> Finding:
    said = {"row": row.name, "order": row.order_text, "line": row.line_text, "what": what, "state": state}
    return finding("ORDER_NOT_OPEN", field="orderNumber", **said)


def _mismatch(row: OrderRow, order: Order, line: OrderedLine, rules: Orders, *, currency: str) -> Finding | None:
    """What makes invoice and order incomparable."""
    said = {"row": row.name, "order": order.number, "line": line.number}
    given = (row.row.orderLineUOM or "").strip()
    if given and same_key(rules.units.get(given, given)) != same_key(line.unit):
        return finding("ORDER_UNIT", field="orderLineUOM", given=given, unit=line.unit, **said)
    if order.currency and same_key(order.currency) != same_key(currency):
        return finding("ORDER_CURRENCY", field="currencyCode", currency=order.currency, given=currency, **said)
    return None


def _place(row: OrderRow, order: Order, line: OrderedLine, *, rules: Orders, sheet: Sheet, places: int) -> None:
    """Put the row's quantity on receipts and releases, and its amount beside it."""
    said = {"row": row.name, "order": order.number, "line": line.number}
    named = _named(row, line)
    if isinstance(named, str):
        sheet.findings.append(finding("RECEIPT_UNKNOWN", field="goodsReceiptNumber", receipt=short(named), **said))
        return
    quantity = row.quantity or ZERO
    pool = named or (line.receipts if rules.receipts == "first" else ())
    parts = list(_taken(order, line, pool, quantity, sheet))
    rest = quantity - sum((part.quantity for part in parts), ZERO)
    if named and not parts:
        by = ", ".join(sorted({each.invoice for each in named if each.invoice}))
        receipt = ", ".join(each.name for each in named)
        values = {"receipt": short(receipt), "by": f" (invoice {by})" if by else ""}
        sheet.findings.append(finding("RECEIPT_INVOICED", field="goodsReceiptNumber", **values, **said))
        return
    if rest:
        release = _release(row, line, rest, rules, after=parts[-1].release if parts else None)
        why = release if isinstance(release, Finding) else _closed(row, order, line, release)
        if why is not None:
            sheet.findings.append(why) if parts or why.code != "ORDER_NOT_OPEN" else sheet.unfit(
                row, rules.not_open, why
            )
            return
        assert isinstance(release, Release)  # noqa: S101 - a finding has returned
        parts.append(Part(release.number, None, rest))
        if named and (over := too_many(order.number, line, quantity, left=quantity - rest, rules=rules)):
            sheet.differs(rules.quantity.action, over)
        _unnamed(order, line, rules, sheet, named=bool(pool))
    for part, amount in zip(parts, _split(row.row.netTotal or ZERO, parts, places), strict=True):
        sheet.put(order, line, part, RowShare(place=row.place, amount=amount))


def _unnamed(order: Order, line: OrderedLine, rules: Orders, sheet: Sheet, *, named: bool) -> None:
    """Uninvoiced receipts that the invoice says nothing of: whoever invoices them later would pay twice."""
    waiting = [
        each.name for each in line.receipts if each.left > sheet.taken.get((order.number, line.number, each.key), ZERO)
    ]
    if waiting and not named:
        values = {"order": order.number, "line": line.number, "receipts": short(", ".join(waiting))}
        sheet.differs(rules.unnamed_receipts, finding("RECEIPTS_NOT_NAMED", field="goodsReceiptNumber", **values))


def _named(row: OrderRow, line: OrderedLine) -> tuple[Receipt, ...] | str:
    """The receipts that the row names, or the one that the line does not have."""
    item = (row.row.goodsReceiptItemNumber or "").strip().lstrip("0")
    whole, *each = row.receipts or ("",)
    if not whole:
        return ()
    if found := _receipts(line, whole, item):
        return found
    all_of_them = [_receipts(line, name, item if len(each) == 1 else "") for name in each]
    if not each or not all(all_of_them):
        return f"{whole}/{item}" if item else whole
    return tuple(dict.fromkeys(receipt for some in all_of_them for receipt in some))


def _receipts(line: OrderedLine, name: str, item: str) -> tuple[Receipt, ...]:
    return tuple(
        each
        for each in line.receipts
        if same_key(each.name) == same_key(name)
        or (same_key(each.key.pack_slip) == same_key(name) and item in ("", str(each.key.pack_line)))
    )


def _taken(
    order: Order, line: OrderedLine, pool: tuple[Receipt, ...], quantity: Decimal, sheet: Sheet
) -> Iterator[Part]:
    """What the receipts still have, in their order, until the quantity is met."""
    for receipt in pool:
        key = (order.number, line.number, receipt.key)
        some = min(receipt.left - sheet.taken.get(key, ZERO), quantity)
        if some > ZERO:
            sheet.taken[key] = sheet.taken.get(key, ZERO) + some
            quantity -= some
            yield Part(receipt.release, receipt.key, some)


def _release(
    row: OrderRow, line: OrderedLine, quantity: Decimal, rules: Orders, *, after: int | None
) -> Release | Finding:
    """The release of an unreceived part: the receipt's, the named, the only one, or the only one with enough left."""
    said = {"row": row.name, "order": row.order_text, "line": row.line_text}
    named = str(after) if after is not None else row.release(rules)
    if named is not None:
        found = next((each for each in line.releases if str(each.number) == named.strip().lstrip("0")), None)
        return found or finding("ORDER_RELEASE_UNKNOWN", field=rules.release_member, release=short(named), **said)
    alive = [each for each in line.releases if not each.void]
    able = [each for each in alive if each.open] or alive
    enough = [each for each in able if each.left >= quantity]
    for choice in (able, enough):
        if len(choice) == 1:
            return choice[0]
    if not able:
        return _not_open(row, "every release", "void")
    names = ", ".join(str(each.number) for each in able)
    return finding("ORDER_RELEASE_UNCLEAR", field="orderLineNumber", releases=short(names), **said)


def _closed(row: OrderRow, order: Order, line: OrderedLine, release: Release) -> Finding | None:
    """An order closes when all of it was received: its receipts can be invoiced still, more cannot."""
    states = (
        ("the order", order.open, False),
        ("the line", line.open, False),
        (f"release {release.number}", release.open, release.void),
    )
    for what, is_open, is_void in states:
        if is_void or not is_open:
            return _not_open(row, what, "void" if is_void else "closed")
    return None


def _split(amount: Decimal, parts: list[Part], places: int) -> Iterator[Decimal]:
    """The amount by quantity, to the currency's decimals; the last part gets what rounding leaves."""
    whole, left, smallest = sum((part.quantity for part in parts), ZERO), amount, Decimal(1).scaleb(-places)
    for part in parts[:-1]:
        some = (amount * part.quantity / whole).quantize(smallest, ROUND_DOWN)
        left -= some
        yield some
    if parts:
        yield left
