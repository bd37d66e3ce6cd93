"""Where the money goes: distributions of a line (APInvExp) and the GL accounts behind them (APInvExpTGLC)."""

from datetime import date

from mlc_sandbox.company import BOOK, CHART
from mlc_sandbox.epicor.draft import Draft, changes, duplicate, money, same_revision, shown, sign_of
from mlc_sandbox.epicor.purchasing import account_of
from mlc_sandbox.epicor.seed import BOOKS, SUSPENSE, Master
from mlc_sandbox.epicor.tables import date_of
from mlc_sandbox.epicor.wire import KineticError, Row
from mlc_sandbox.epicor.world import Invoice

EXPENSE = "APInvExp"
ACCOUNT = "APInvExpTGLC"
_SEGMENTS = ("SegValue1", "SegValue2", "SegValue3")


def valid_account(master: Master, company: str, chart: str, account: str, *, day: date, table: str) -> Row:
    """The GL account in Epicor's internal form. Raises KineticError for an unknown one, or one closed on the day."""
    found = master.accounts.get((company, chart, account))
    if found is None:
        raise KineticError(f"GL Account {account} is not valid.", table=table, field="GLAccount")
    if not found["Active"]:
        raise KineticError(f"GL Account {account} is inactive.", table=table, field="GLAccount")
    first, last = (date_of(found[name]) if found[name] else day for name in ("EffFrom", "EffTo"))
    if not first <= day <= last:
        message = f"GL Account {account} is not effective on {day.isoformat()}."
        raise KineticError(message, table=table, field="GLAccount")
    return found


def save_expense(draft: Draft, row: Row) -> Row:
    """Apply one APInvExp row by its RowMod. Its GLAccount is a view column: it is never taken from the row."""
    invoice = draft.parent(EXPENSE, row)
    line = row.get("InvoiceLine", 0)
    if line not in invoice.lines:
        raise KineticError(f"There is no line {line}.", table=EXPENSE, field="InvoiceLine")
    sequence = row.get("InvExpSeq", 0)
    if row["RowMod"] == "A":
        if (line, sequence) in invoice.expenses:
            raise duplicate(draft.world, EXPENSE, "InvExpSeq")
        return _add_expense(draft, invoice, row)
    stored = invoice.expenses.get((line, sequence))
    if stored is None:
        raise KineticError("Record not found.", table=EXPENSE, field="InvExpSeq")
    same_revision(EXPENSE, row, stored)
    if row["RowMod"] == "D":
        del invoice.expenses[line, sequence]
        gone = [key for key in invoice.accounts if key[:2] == (line, sequence)]
        for key in gone:
            del invoice.accounts[key]
        return stored
    stored |= {**changes(draft, row), **_amounts(draft, invoice, {**stored, **row})}
    return stored


def _add_expense(draft: Draft, invoice: Invoice, row: Row) -> Row:
    line = row["InvoiceLine"]
    sequence = row.get("InvExpSeq", 0) or next_sequence(invoice, line)
    if sequence < 1:
        raise KineticError("InvExpSeq must be positive.", table=EXPENSE, field="InvExpSeq")
    stamp = {"Company": draft.company, "InvExpSeq": sequence, **draft.world.stamp(), "RowMod": ""}
    invoice.expenses[line, sequence] = {**row, **_amounts(draft, invoice, row), **stamp}
    return invoice.expenses[line, sequence]


def next_sequence(invoice: Invoice, line: int) -> int:
    """The next free InvExpSeq of a line."""
    return max((sequence for found, sequence in invoice.expenses if found == line), default=0) + 1


def _amounts(draft: Draft, invoice: Invoice, row: Row) -> Row:
    amount = shown(draft, invoice, EXPENSE, row, "DocScrExpAmt", "DocExpAmt") or money(0)
    stored = amount * sign_of(draft, invoice)
    return {"DocScrExpAmt": amount, "ScrExpAmt": amount, "DocExpAmt": stored, "ExpAmt": stored}


def save_account(draft: Draft, row: Row) -> Row:
    """Apply one APInvExpTGLC row by its RowMod; its keys must name a distribution of the invoice."""
    invoice = draft.parent(ACCOUNT, row)
    key = _account_key(invoice, row)
    stored = invoice.accounts.get(key)
    if row["RowMod"] == "A":
        if stored is not None:
            raise duplicate(draft.world, ACCOUNT, "GLAccount")
        stamp = {"Company": draft.company, **draft.world.stamp(), "RowMod": ""}
        invoice.accounts[key] = {**row, **_account_columns(draft, invoice, row), **stamp}
        return invoice.accounts[key]
    if stored is None:
        raise KineticError("Record not found.", table=ACCOUNT, field="GLAccount")
    same_revision(ACCOUNT, row, stored)
    if row["RowMod"] == "D":
        return invoice.accounts.pop(key)
    stored |= {**changes(draft, row), **_account_columns(draft, invoice, {**stored, **row})}
    return stored


def _account_key(invoice: Invoice, row: Row) -> tuple[int, int, str, str]:
    line, sequence = row.get("InvoiceLine", 0), row.get("InvExpSeq", 0)
    if row.get("RelatedToFile") != EXPENSE:
        raise KineticError("RelatedToFile must be APInvExp.", table=ACCOUNT, field="RelatedToFile")
    if (line, sequence) not in invoice.expenses:
        message = f"There is no distribution {sequence} of line {line}."
        raise KineticError(message, table=ACCOUNT, field="InvExpSeq")
    keys = (str(row["VendorNum"]), row["InvoiceNum"].rstrip().casefold(), str(line), str(sequence))
    for name, key in zip(("Key1", "Key2", "Key3", "Key4"), keys, strict=True):
        if row.get(name, "").rstrip().casefold() != key:
            raise KineticError(f"{name} does not name the distribution.", table=ACCOUNT, field=name)
    book, record = row.get("BookID", ""), row.get("RecordType", "")
    if book not in BOOKS and book:
        raise KineticError("A valid Book is required.", table=ACCOUNT, field="BookID")
    if record not in ("A", "R"):
        raise KineticError("RecordType must be A or R.", table=ACCOUNT, field="RecordType")
    return line, sequence, book, record


def _account_columns(draft: Draft, invoice: Invoice, row: Row) -> Row:
    """What an account row holds beside what was sent. A blank account is stored blank."""
    if not row.get("GLAccount"):
        return {"GLAccount": ""}
    day, chart = date_of(invoice.header["ApplyDate"]), row.get("COACode", "")
    found = valid_account(draft.world.master, draft.company, chart, row["GLAccount"], day=day, table=ACCOUNT)
    for name in _SEGMENTS:
        if row.get(name, found[name]) not in ("", found[name]):
            raise KineticError(f"{name} does not belong to the account.", table=ACCOUNT, field=name)
    shown = {"GLAccountGLAcctDisp": found["GLAcctDispGLAcctDisp"], "GLAccountAccountDesc": found["AccountDesc"]}
    return {**{name: found[name] for name in _SEGMENTS}, **shown}


def add_order_distributions(draft: Draft, invoice: Invoice) -> None:
    """Lines of purchase orders without a distribution get the whole amount on their release's account.

    A distribution that was made so follows the line's amount; where the account is missing, it is stored blank.
    """
    for number, line in invoice.lines.items():
        mine = [row for (found, _), row in invoice.expenses.items() if found == number]
        if line["LineType"] != "M" and not mine:
            add_default_distribution(draft, invoice, line, account=account_of(draft, line))
            invoice.made_by_epicor.add(number)
        for row in mine:
            if len(mine) == 1 and number in invoice.made_by_epicor and row["DocExpAmt"] != line["DocExtCost"]:
                amounts = _amounts(draft, invoice, {"DocScrExpAmt": line["ScrDocExtCost"]})
                row |= {**amounts, "SysRevID": draft.world.next_revision()}


def add_default_distribution(draft: Draft, invoice: Invoice, line: Row, *, account: str = SUSPENSE) -> None:
    """What the save trigger of some tenants does: the whole line once more, to the suspense account."""
    number, keys = line["InvoiceLine"], {name: line[name] for name in ("VendorNum", "InvoiceNum", "InvoiceLine")}
    amount = {"DocExpAmt": line["DocExtCost"], "COACode": CHART, "BookID": BOOK}
    expense = _add_expense(draft, invoice, {**keys, **amount})
    sequence = expense["InvExpSeq"]
    named = {"Key1": str(line["VendorNum"]), "Key2": line["InvoiceNum"], "Key3": str(number), "Key4": str(sequence)}
    row = {**keys, "InvExpSeq": sequence, **named, "RelatedToFile": EXPENSE, "GLAccount": account, "RowMod": "A"}
    save_account(draft, {**row, "COACode": CHART, "BookID": BOOK, "RecordType": "A", "UserCanModify": True})


def blank_accounts(invoice: Invoice, *, since: int) -> None:
    """Lose the accounts written after the revision `since`, as the per-line entry does."""
    for row in invoice.accounts.values():
        if row["SysRevID"] > since:
            row |= dict.fromkeys(("GLAccount", "GLAccountGLAcctDisp", "GLAccountAccountDesc", *_SEGMENTS), "")


def show_accounts(invoice: Invoice) -> None:
    """Fill the view columns of APInvExp from the account rows."""
    held = {key[:2]: row for key, row in invoice.accounts.items() if key[3] == "A"}
    for key, expense in invoice.expenses.items():
        account = held.get(key, {})
        expense["GLAccount"] = account.get("GLAccount", "")
        expense["GLAccountDesc"] = account.get("GLAccountAccountDesc", "")
        expense["ExpDispGLAcct"] = account.get("GLAccountGLAcctDisp", "")
