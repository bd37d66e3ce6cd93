"""Purchase orders for matching, and items of generic lists, as this product sends them: strict. Pure.

Basware API reference, §8.12 and §8.4. The list columns that P2P has are not in the vendor's schema: an over-long text
or a column too many passes the API and is lost in P2P, so they are kept here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mlc_basware.masterdata import (
    Amount,
    Code25,
    Code36,
    CompanyFlags,
    Currency,
    Moment,
    Part,
    Positive,
    Record,
    Text25,
    Text250,
)

Number100 = Annotated[str, Field(min_length=1, max_length=100)]
Text1000 = Annotated[str, Field(max_length=1000)]


class Order(Record):
    """The header; it becomes usable in P2P when lines exist."""

    orderNumber: Number100
    sourceSystem: Code36
    companyCode: Code25
    organizationElementCode: Annotated[str, Field(min_length=2, max_length=25)]
    orderTypeCode: Text25 = ""
    currencyCode: Currency
    created: Moment | None = None
    isClosed: bool
    description: Text1000 = ""
    supplierCode: Code25
    supplierName: Text250 = ""
    requestedDeliveryDate: Moment | None = None
    paymentTermCode: Text25 = ""


class Coding(Part):
    """One share of a line's cost, or of a receipt's."""

    externalCode: Code36
    rowIndex: Annotated[int, Field(ge=0, le=100_000)]
    allocatedQuantity: Amount
    netTotal: Amount | None = None
    accountCode: Annotated[str, Field(max_length=50)] | None = None
    costCenterCode: Annotated[str, Field(max_length=200)] | None = None
    projectCode: Text25 | None = None
    dimCode1: Annotated[str, Field(max_length=100)] | None = None
    dimCode2: Annotated[str, Field(max_length=100)] | None = None
    dimCode3: Annotated[str, Field(max_length=100)] | None = None
    dimCode4: Annotated[str, Field(max_length=100)] | None = None
    dimCode5: Annotated[str, Field(max_length=100)] | None = None


class Receipt(Part):
    """Goods that came for a line."""

    externalCode: Code36
    goodsReceiptNumber: Number100
    goodsReceiptLineNumber: Text25
    quantity: Amount
    netPrice: Amount
    netSum: Amount
    unitOfMeasure: Text25 = ""
    deliveryDate: Moment | None = None
    deliveryNoteNumber: Text250 = ""
    isDeleted: bool = False


class OrderLine(Record):
    """A line with all its receipts: posting one overwrites the whole line."""

    orderExternalCode: Code36
    lineNumber: Number100
    sortNumber: int
    quantity: Positive
    netPrice: Amount
    netSum: Amount
    currencyCode: Currency
    matchingMode: Literal["Standard"]
    isReceiptRequired: bool
    isReceiptBasedMatching: bool
    isOverreceivalAllowed: bool = False
    isClosed: bool
    isDeleted: bool
    uom: Text25 = ""
    priceUnit: Text25 = ""
    productCode: Text250 = ""
    buyerProductCode: Text250 = ""
    description: Text1000 = ""
    comment: Text1000 = ""
    requestedDeliveryDate: Moment | None = None
    orderLineCoding: list[Coding] = Field(default_factory=list)
    goodsReceipts: list[Receipt] = Field(default_factory=list)


class Columns(Part):
    """What a list has in P2P: so many text columns of so many characters, numbers and dates."""

    texts: int
    longest: int
    numbers: int = 0
    dates: int = 0


_RANGES: tuple[tuple[str, range, Columns], ...] = (
    ("ACC_LIST_", range(1, 11), Columns(texts=5, longest=250, numbers=3)),
    ("ACC_LIST_", range(11, 21), Columns(texts=5, longest=50, numbers=3)),
    ("ACC_LIST_", range(21, 31), Columns(texts=10, longest=250, numbers=5, dates=5)),
    ("ACC_LIST_", range(31, 36), Columns(texts=25, longest=250, numbers=10, dates=10)),
    ("INV_LIST_", range(1, 11), Columns(texts=5, longest=250)),
    ("INV_LIST_", range(11, 21), Columns(texts=10, longest=250, numbers=5, dates=5)),
    ("CUST_RESOLVER_", range(1, 6), Columns(texts=15, longest=250, numbers=15, dates=15)),
)
LIST_COLUMNS: Mapping[str, Columns] = {
    f"{name}{number}": columns for name, numbers, columns in _RANGES for number in numbers
}
"""The columns of every list by its key (Basware API reference, §8.4)."""


class ListItem(Record):
    """An item of a list; which columns there are is for `fits`."""

    companies: Annotated[list[CompanyFlags], Field(min_length=1)]
    model_config = Part.model_config | {"extra": "allow"}
    __pydantic_extra__: dict[str, str]

    @model_validator(mode="after")
    def _texts_only(self) -> ListItem:
        wrong = [name for name in self.__pydantic_extra__ if not name.startswith("text_")]
        if wrong:
            raise ValueError(f"{wrong[0]} is no text column")
        return self


def fits(key: str, item: Mapping[str, Any]) -> str | None:
    """Why an item does not fit the list `key` in P2P, or None when it does."""
    columns = LIST_COLUMNS[key]
    for name, value in item.items():
        if not name.startswith("text_"):
            continue
        if not 1 <= int(name.removeprefix("text_")) <= columns.texts:
            return f"{key} has no column {name}"
        if len(value) > columns.longest:
            return f"{name} has more than {columns.longest} characters"
    return None
