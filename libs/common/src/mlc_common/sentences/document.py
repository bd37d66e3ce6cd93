"""What can be wrong with an accounting document itself. Pure."""

from __future__ import annotations

from mlc_common.sentences.entry import Entry

DOCUMENT: dict[str, Entry] = {
    "UNKNOWN_COMPANY": Entry(
        "Company {company} is not part of this connection.",
        "integration",
        "Add the company pair to the connection file and apply it, then transfer the invoice again.",
    ),
    "NO_CODING_ROWS": Entry(
        "The invoice has no coding rows, so there is nothing to post.",
        "AP",
        "Code the invoice in Basware and transfer it again.",
    ),
    "NO_INVOICE_NUMBER": Entry(
        "The invoice has no invoice number.", "AP", "Enter the supplier's invoice number and transfer it again."
    ),
    "NUMBER_TOO_LONG": Entry(
        "Invoice number {number} is longer than Epicor's 50 characters.",
        "AP",
        "Shorten the invoice number in Basware and transfer the invoice again.",
    ),
    "NO_INVOICE_DATE": Entry(
        "The invoice has no invoice date.", "AP", "Enter the invoice date and transfer the invoice again."
    ),
    "ROWS_DO_NOT_ADD_UP": Entry(
        "The coding rows add up to {rows} {currency} net, but the invoice says {header}.",
        "AP",
        "Correct the coding so that both are equal and transfer the invoice again.",
    ),
    "TAX_DOES_NOT_ADD_UP": Entry(
        "The tax of the coding rows is {rows} {currency}, but the invoice says {header}.",
        "AP",
        "Correct the tax so that both are equal and transfer the invoice again.",
    ),
    "TOTAL_DOES_NOT_ADD_UP": Entry(
        "Net {net} plus tax {tax} is not the gross sum {gross} {currency}.",
        "AP",
        "Correct the sums of the invoice and transfer it again.",
    ),
    "NO_TOTAL": Entry(
        "The invoice has no gross sum.", "AP", "Enter the invoice's gross sum and transfer the invoice again."
    ),
    "NO_APPLY_DATE": Entry(
        "The invoice has no voucher date, which picks the accounting period.",
        "AP",
        "Enter the voucher date and transfer the invoice again.",
    ),
    "AMOUNT_TOO_FINE": Entry(
        "Coding row {row} has the amount {amount}, finer than the {places} decimals of {currency}.",
        "AP",
        "Round the row's amount and transfer the invoice again.",
    ),
    "TAX_NOT_EXPECTED": Entry(
        "The invoice carries {tax} {currency} tax, but this connection posts invoices without tax.",
        "finance systems",
        "Let the connection post taxes as given, or correct the tax in Basware, and transfer the invoice again.",
    ),
    "SECOND_TAX": Entry(
        "The invoice carries a second tax of {tax} {currency} (taxSum2); such taxes are not posted yet.",
        "AP",
        "Enter the invoice in Epicor by hand.",
    ),
    "ROW_WITHOUT_AMOUNT": Entry(
        "Coding row {row} has no net amount.", "AP", "Enter the row's amount and transfer the invoice again."
    ),
    "ROW_WITHOUT_CODE": Entry(
        "Coding row {row} has no {field}, which is needed for the GL account.",
        "AP",
        "Complete the coding row and transfer the invoice again.",
    ),
    "CREDIT_NOTE_OR_NOT": Entry(
        "The invoice type is {type} and the gross sum is {gross} {currency}; only one of them says credit note.",
        "AP",
        "Correct the type or the sums in Basware and transfer it again; if the tenant always sends credit notes "
        "so, say it in posting.credit_notes.convention.",
    ),
    "TYPE_NOT_POSTED": Entry(
        "Invoices of the type {type} are not posted by this connection.",
        "AP",
        "Enter the invoice in Epicor by hand, or correct its type in Basware and transfer it again.",
    ),
    "NOT_IN_TABLE": Entry(
        "Coding row {row}: {field} {value} stands in no row of the look-up table {table} for company {company}.",
        "finance systems",
        "Add the value to the table in the connection file, or correct the coding, and transfer the invoice again.",
    ),
    "NOT_OF_THE_COLUMNS_KIND": Entry(
        "{place}: {text} is no {kind}, as Epicor's column {column} needs it.",
        "finance systems",
        "Correct the value in Basware, or the column's template in the connection, and transfer the invoice again.",
    ),
    "PERIOD_CLOSED": Entry(
        "The apply date {day} is before {first}, the first day that is open for AP postings.",
        "AP",
        "Let the connection post on the first open day, or correct the date, and transfer the invoice again.",
    ),
    "OTHER_HOME_CURRENCY": Entry(
        "Basware's company currency is {given}, but Epicor company {company} keeps its books in {currency}.",
        "finance systems",
        "Correct the company pair in the connection or the currency of the company in Basware, and transfer it again.",
    ),
    "NO_RATE": Entry(
        "The invoice is in {currency} and carries no exchange rate, or no net sum in company currency to prove it by.",
        "AP",
        "Enter the exchange rate in Basware, or let Epicor's rate be taken, and transfer the invoice again.",
    ),
    "RATE_DOES_NOT_FIT": Entry(
        "The exchange rate {rate} does not turn the net sum {net} {currency} into {home} in company currency.",
        "AP",
        "Correct the rate or the sums in Basware and transfer the invoice again.",
    ),
    "SUM_TOO_FINE": Entry(
        "The invoice's {field} {amount} is finer than the {places} decimals of {currency}.",
        "AP",
        "Round the sum in Basware and transfer the invoice again.",
    ),
    "TAX_WITHOUT_CODE": Entry(
        "The invoice carries {tax} {currency} tax without a tax code.",
        "AP",
        "Choose a tax code in Basware and transfer the invoice again.",
    ),
}
