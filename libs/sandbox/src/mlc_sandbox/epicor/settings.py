"""What can be set about this Epicor: whom it lets in, and how it behaves where tenants differ."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Settings(BaseModel):
    """The world's settings; `POST /_sandbox/settings` changes some of them. Durations are seconds.

    `duplicate`: how a second (Company, VendorNum, InvoiceNum) is refused; the real code is not documented.
    `auto_expense`: the save of a line also creates a default distribution, as some tenants do.
    `denied`: services (`Erp.BO.VendorSvc`) or calls (`Erp.BO.VendorSvc/Vendors`) outside the key's access scope.
    `licences`: whether one is free: for everybody, for calls that claim the web services' own, or for nobody.
    `metadata`: what `$metadata` holds: types and methods, types only, or there is none; `hidden_columns` are left out
    of it, as `APInvHed.ExternalID`.
    `broken_reads`: services whose entity sets answer 500, as heavy ones do on some tenants.
    `debit_memo_sign`: how a debit memo's amounts are stored; it is documented as negative, and not proven.
    `taxes_unasked`: saves compute the tax of every invoice that does not say ReadyToCalc false.
    `tax_rounded`: where a computed tax is rounded: once an invoice, or at every line.
    `zero_lines`: whether a line of no amount is taken.
    `closed_period`: how an apply date before `period_closed_before` is refused: with an error, or as a question.
    `tenant_columns`: what becomes of columns that a tenant may have added itself (`..._c`) and this one may not have.
    `order_lines`: where lines of purchase orders are found: everywhere, not in the set PODetails, or by method only.
    `order_accounts`: the account of a purchase-order line: its release's, or blank, as where GL controls are missing.
    `receipt_lines`: which lines GetAPUninvoicedReceipts brings: of every receipt, or of the first one only.
    `posting_queue`, `posting_takes`: how long a submitted posting waits for its agent, and then has the group.
    `posting_fails`: what the process writes into the group's PostErrorLog, instead of posting it.
    `prepost_question`, `prepost_taxes`: what the check before posting answers as ReturnMessage and TaxCalcFlag.
    `payment_amounts`: whether DocTranAmt of a payment holds discount and withheld tax too; the reference is not clear.
    `change_date`: what a ChangeDate of payments shows; `date_literals`: which of them a filter takes.
    `posting_moves_change_date`, `voids_move_change_date`: whether these changes show in ChangeDate at all.
    `empty_reads`: services whose entity sets answer 200 and no row, though there are rows.
    `first_page`: the number of the first page of GetRows; where it is 1, page 0 is the same page.
    `filters_revisions`: whether a filter may name SysRevID.
    `attachments_on_posted`: whether a posted invoice takes an attachment; `attachment_descriptions`: whether a long one
    is kept or cut; `same_file_name`: what a second upload under a name does; `largest_upload`: bytes. None of it is
    documented.
    `full_rows`: answer every column of a row, not only those with a value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str = "bwlink"
    password: SecretStr = SecretStr("sandbox-only-password")
    api_key: SecretStr = SecretStr("sandbox-only-api-key")
    client_id: str = "bw-sync"
    client_secret: SecretStr = SecretStr("sandbox-only-secret")
    scope: str = "epicor_erp"
    token_life: Annotated[float, Field(gt=0)] = 3600
    denied: frozenset[str] = frozenset()
    licences: Literal["free", "web services only", "used up"] = "free"
    metadata: Literal["whole", "types only", "absent"] = "whole"
    hidden_columns: frozenset[str] = frozenset()

    latency: Annotated[float, Field(ge=0)] = 0
    page_cap: Annotated[int, Field(ge=1)] = 100
    broken_reads: frozenset[str] = frozenset()
    empty_reads: frozenset[str] = frozenset()
    first_page: Literal[0, 1] = 1
    filters_revisions: bool = True
    full_rows: bool = False
    date_literals: Literal["any", "zoned", "local"] = "any"
    change_date: Literal["zoned", "local", "day"] = "local"
    payment_amounts: Literal["net", "gross"] = "net"
    posting_moves_change_date: bool = True
    voids_move_change_date: bool = True
    tenant_columns: Literal["keep", "drop", "refuse"] = "keep"

    order_lines: Literal["everywhere", "not in their set", "by method only"] = "everywhere"
    order_accounts: Literal["release", "blank"] = "release"
    receipt_lines: Literal["all", "first receipt"] = "all"

    duplicate: Literal[409, 400, 500] = 409
    auto_expense: bool = False
    legal_numbers: bool = False
    debit_memo_sign: Literal["negative", "as entered"] = "negative"
    inactive_vendors: Literal["refuse", "accept"] = "refuse"
    period_closed_before: date | None = None
    closed_period: Literal["refuse", "ask"] = "refuse"
    zero_lines: Literal["accept", "refuse"] = "accept"
    posting_queue: Annotated[float, Field(ge=0)] = 0
    posting_takes: Annotated[float, Field(ge=0)] = 0
    posting_fails: str = ""
    prepost_question: str = ""
    prepost_taxes: bool = False
    taxes_unasked: bool = False
    tax_rounded: Literal["invoice", "line"] = "invoice"

    document_types: frozenset[str] = frozenset({"INVOICE"})
    attachments_on_posted: Literal["accept", "refuse"] = "accept"
    attachment_descriptions: Literal["keep", "cut"] = "keep"
    same_file_name: Literal["overwrite", "refuse"] = "overwrite"
    largest_upload: Annotated[int, Field(ge=0)] | None = None
