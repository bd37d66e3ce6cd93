"""What can be set about this Basware: whom it lets in, and how it behaves where the vendor is silent."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from mlc_sandbox.basware.webhook import Variant

_APIS = (
    "accountingDocuments", "accounts", "advancedValidations", "companies", "costCenters", "errorFeedbacks",
    "exchangeRates", "lists", "matchingOrders", "matchingOrderLines", "paymentTerms", "projects", "subscriptions",
    "taxCodes", "vendors",
)  # fmt: skip
EVERY_SCOPE = frozenset(
    {f"{api}.{right}" for api in _APIS for right in ("read", "write", "delete")}
    | {"requestStatus.read", "requestStatus.write", "tasks.read", "taskStatus.read"}
)


class Delivery(BaseModel):
    """What becomes of an answer after its 200: how its record ends, how long that takes, how long it is told.

    `unknown_for` is how long a fresh request id answers 404; `kept_for` how long it can be asked for at all. With
    `awaited_still` an answer that did not reach P2P leaves the document's status as it was.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["Success", "NotProcessed", "Warning", "Error", "RecordExpired"] = "Success"
    category: Literal["Unknown", "Technical", "DataValidation"] = "Technical"
    message: str = "The invoice is locked by another process"
    takes: Annotated[float, Field(ge=0)] = 0
    unknown_for: Annotated[float, Field(ge=0)] = 0
    kept_for: Annotated[float, Field(gt=0)] = 90 * 24 * 3600
    awaited_still: bool = False


class Settings(BaseModel):
    """The world's settings; `POST /_sandbox/settings` changes some of them. Durations are seconds.

    With `paid_in_full` only a payment of all of it makes a document Paid; whether a part does is not documented.
    `attachments_after`: how long after the transfer attachments are shown. `attachments_api`: what becomes of them
    while the tenant has not switched them on, which is not documented: none is shown (`hidden`), or they are shown and
    cannot be fetched (`refused`). `attachment_redirects`: how many addresses lead to a file; 0 gives it at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = "sandbox-client"
    client_secret: SecretStr = SecretStr("sandbox-only-secret")
    basic_user: str = "sandbox-user"
    basic_password: SecretStr = SecretStr("sandbox-only-password")
    webhook_secret: SecretStr = SecretStr("sandbox-only-webhook-secret")
    tenant: str = "NORTHWIND-SANDBOX"

    token_life: Annotated[float, Field(gt=0)] = 3600
    token_form: Literal["jwt", "opaque"] = "jwt"
    scopes_granted: frozenset[str] = EVERY_SCOPE
    ungranted_scope: Literal["refuse", "drop"] = "refuse"

    latency: Annotated[float, Field(ge=0)] = 0
    acknowledge_seconds: Annotated[float, Field(ge=0)] = 0
    response_during_acknowledge: Literal[400, 409] = 409
    answer_after_failure: bool = False
    answer_window: Annotated[float, Field(gt=0)] | None = None
    delivery: Delivery = Delivery()
    paid_in_full: bool = False
    fresh_batch_on_retransfer: bool = True

    page_cap: Annotated[int, Field(ge=1)] = 100
    page_coding_rows: Annotated[int, Field(ge=1)] = 2000
    paging: Literal["offset", "keyset"] = "offset"

    attachments_after: Annotated[float, Field(ge=0)] = 0
    attachments_api: Literal["on", "hidden", "refused"] = "on"
    attachment_redirects: Annotated[int, Field(ge=0, le=5)] = 1

    redirects: bool = False
    redirect_life: Annotated[float, Field(gt=0)] = 900
    redirect_token_on: Literal["final", "redirect", "both"] = "final"

    push_automatically: bool = False
    push_variant: Variant = Variant()
    push_task_type: Literal["AccountingDocuments", "AccoutingDocuments"] = "AccountingDocuments"
    push_life: Annotated[float, Field(gt=0)] = 7 * 24 * 3600
