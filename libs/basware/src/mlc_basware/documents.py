"""Wire models of accounting documents: the vendor's spelling, read tolerantly into exact values. Pure.

Basware API reference, §4: members may be missing instead of null, may be added without notice, and have been seen
in another case; amounts are JSON numbers in invoice currency; business dates come in several forms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, NoReturn, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from mlc_basware import members
from mlc_common.failures import PermanentError
from mlc_common.http import kept_json

BATCH_KEY = "InvoiceBatchId"
"""The transfer parameter that tells two transfers of one accounting document apart."""

_DATE = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?"
    r"(?:Z|z|[+-]\d{2}(?::?\d{2})?)?"
)
_NO_DATE = date.min


def business_date(value: object) -> object:
    """The calendar date as written, without any time zone; an empty text and 0001-01-01 mean no date.

    Accepts a date alone, or with a time of 0 to 9 fractional digits, with `Z`, an offset or neither
    (Basware API reference, §4.6). Anything else is left to fail as it is.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not text:
        return None
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError("this is no date in a form Basware uses")
    day = date.fromisoformat(match["day"])
    return None if day == _NO_DATE else day


BusinessDate = Annotated[date | None, BeforeValidator(business_date)]
Amount = Annotated[Decimal, Field(allow_inf_nan=False)]


class _Entity(BaseModel):
    """An entity of the wire: names matched without regard to case, nulls dropped, unknown members kept aside."""

    model_config = ConfigDict(frozen=True, extra="allow", coerce_numbers_to_str=True)

    known: ClassVar[frozenset[str]]
    spelled: ClassVar[Mapping[str, str]]

    @model_validator(mode="before")
    @classmethod
    def _in_the_vendors_spelling(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        given = {name: value for name, value in data.items() if value is not None}
        renamed = {cls.spelled.get(name.lower(), name): value for name, value in given.items()}
        return renamed | {name: value for name, value in given.items() if name in cls.known}


class _Coded(_Entity):
    """An entity whose members a connection document may name."""

    def value(self, field: str) -> str | None:
        """The text of one member by its Basware name; None when it is absent, empty, unknown or no plain value."""
        name = self.spelled.get(field.lower())
        found = None if name is None else getattr(self, name, None)
        match found:
            case bool():
                return "true" if found else "false"
            case Decimal():
                return format(found, "f")
            case str():
                return found.strip() or None
            case int() | date():
                return str(found)
        return None


class TransferParameter(_Entity):
    """A key and a value that Basware hands over with the transfer."""

    known: ClassVar[frozenset[str]] = members.TRANSFER_PARAMETER
    spelled: ClassVar[Mapping[str, str]] = members.spelling(known)

    key: str
    value: str = ""


class TransferResponse(_Entity):
    """An answer to a transfer: the one we send, and those that the API layer keeps with the document."""

    known: ClassVar[frozenset[str]] = members.TRANSFER_RESPONSE
    spelled: ClassVar[Mapping[str, str]] = members.spelling(known)

    externalCode: str
    success: bool = False
    responseMessage: str | None = None
    sourceSystem: str | None = None
    voucherNumber1: str | None = None
    voucherNumber2: str | None = None
    transferDate: str | None = None
    paymentBlock: bool = False

    def to_wire(self) -> dict[str, object]:
        """The request body; what is not known is left out, since unknown and null members may be refused."""
        return self.model_dump(include=set(self.known), exclude_none=True)


class CodingRow(_Coded):
    """One posting line; any field that is not declared here is read with `value()`.

    `rowIndex` is unique within the document, not gap-free. Amounts are in invoice currency.
    """

    known: ClassVar[frozenset[str]] = members.CODING_ROW
    spelled: ClassVar[Mapping[str, str]] = members.spelling(known)

    externalCode: str | None = None
    rowIndex: int | None = None
    accountCode: str | None = None
    costCenterCode: str | None = None
    netTotal: Amount | None = None
    grossTotal: Amount | None = None
    taxSum: Amount | None = None
    taxSum2: Amount | None = None
    taxCode: str | None = None
    taxPercent: Amount | None = None
    taxPercent2: Amount | None = None
    matchingType: int | None = None
    orderNumber: str | None = None
    orderLineNumber: str | None = None
    orderLineUOM: str | None = None
    matchedQuantity: Amount | None = None
    allocatedQuantity: Amount | None = None
    receivedQuantity: Amount | None = None
    goodsReceiptNumber: str | None = None
    goodsReceiptItemNumber: str | None = None
    lastComment: str | None = None
    plannedAdditionalCostType: int | None = None


class AccountingDocument(_Coded):
    """One accounting document. Sums are in invoice currency; dates are calendar dates as written."""

    known: ClassVar[frozenset[str]] = members.DOCUMENT
    spelled: ClassVar[Mapping[str, str]] = members.spelling(known)

    invoiceId: Annotated[str, Field(min_length=1)]
    processingStatus: str
    companyCode: str
    supplierCode: str
    currencyCode: str
    paymentBlock: bool = False

    bumid: str | None = None
    p2pProcessingMode: str | None = None
    invoiceNumber: str | None = None
    voucherNumber1: str | None = None
    voucherNumber2: str | None = None
    companyName: str | None = None
    supplierName: str | None = None
    supplierSourceSystemId: str | None = None
    description: str | None = None
    invoiceTypeCode: str | None = None
    invoiceTypeName: str | None = None
    referenceNumber: str | None = None
    paymentMethod: str | None = None
    paymentTermCode: str | None = None
    paymentTermName: str | None = None
    accountingPeriod: str | None = None
    prebooked: bool | None = None
    parentInvoiceBumId: str | None = None
    lastUpdated: str | None = None
    orderNumbers: tuple[str, ...] = ()

    invoiceDate: BusinessDate = None
    voucherDate: BusinessDate = None
    baseLineDate: BusinessDate = None
    dueDate: BusinessDate = None
    cashDate: BusinessDate = None
    codingDate: BusinessDate = None
    exchangeRateBaseDate: BusinessDate = None

    netSum: Amount | None = None
    grossSum: Amount | None = None
    taxCode: str | None = None
    taxPercent1: Amount | None = None
    taxPercent2: Amount | None = None
    taxSum1: Amount | None = None
    taxSum2: Amount | None = None
    cashPercent: Amount | None = None
    cashSum: Amount | None = None
    currencyCodeCompany: str | None = None
    exchangeRateCompany: Amount | None = None
    netSumCompany: Amount | None = None
    grossSumCompany: Amount | None = None
    taxSum1Company: Amount | None = None

    codingRows: tuple[CodingRow, ...] = ()
    transferParameters: tuple[TransferParameter, ...] = ()
    transferResponses: tuple[TransferResponse, ...] = ()
    prebookResponses: tuple[TransferResponse, ...] = ()

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """The accounting document of a JSON text; every number becomes a Decimal of exactly its digits.

        Raises:
            PermanentError: it is no JSON, or a member cannot be read; the sentence names the member's path, no value.
        """
        try:
            return cls.model_validate(json.loads(text, parse_float=Decimal, parse_constant=_no_number))
        except ValidationError as error:
            raise PermanentError(f"The accounting document cannot be read: {_places(error)}.") from error
        except (ValueError, RecursionError) as error:
            raise PermanentError("The accounting document is no JSON text.") from error

    @property
    def orders(self) -> tuple[str, ...]:
        """The numbers of the purchase orders that header and coding rows name, each once."""
        named = (*self.orderNumbers, *(row.orderNumber or "" for row in self.codingRows))
        return tuple(dict.fromkeys(number.strip() for number in named if number.strip()))

    @property
    def batch(self) -> str | None:
        """The `InvoiceBatchId` of this transfer, when Basware names one."""
        batches = (p.value.strip() for p in self.transferParameters if p.key.lower() == BATCH_KEY.lower())
        return next((batch for batch in batches if batch), None)


def text_of(document: Any) -> str:
    """The JSON text of an accounting document as an answer holds it.

    Raises:
        PermanentError: it holds a number that is none.
    """
    return kept_json(document).decode()


def unknown_members(entity: AccountingDocument | CodingRow | TransferParameter | TransferResponse) -> set[str]:
    """The members of `entity` that the reference does not know, and with a path those of the entities in it."""
    found = {name for name in (entity.model_extra or {}) if name not in entity.known}
    if isinstance(entity, AccountingDocument):
        for name in ("codingRows", "transferParameters", "transferResponses"):
            found |= {f"{name}.{member}" for part in getattr(entity, name) for member in unknown_members(part)}
    return found


def _places(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}" for each in error.errors())


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
