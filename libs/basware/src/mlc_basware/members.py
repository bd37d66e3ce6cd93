"""The member names of an accounting document, as the vendor spells them (Basware API reference, §4). Pure."""

from __future__ import annotations

from collections.abc import Mapping


def _names(plain: str, /, **series: int) -> frozenset[str]:
    """The names in `plain`, and for each `series` its members numbered from 1."""
    numbered = {f"{name}{number}" for name, last in series.items() for number in range(1, last + 1)}
    return frozenset(plain.split()) | numbered


DOCUMENT = _names(
    """
    invoiceId bumid p2pProcessingMode invoiceNumber voucherNumber1 voucherNumber2 voucherDate processingStatus
    originService companyCode companyName organizationCode organizationName supplierCode supplierName currencyCode
    netSum grossSum taxCode taxPercent1 taxPercent2 taxSum1 taxSum2 invoiceDate baseLineDate dueDate cashDate
    cashPercent cashSum referencePerson contractNumber description invoiceTypeCode invoiceTypeName paymentMethod
    paymentBlock paymentTermCode paymentTermName paymentTermExternalCode paymentPlanReference paymentRevelsalDocument
    codingDate prebooked referenceNumber supplierBankIBAN supplierBankBBAN supplierBankBIC supplierBankName
    accountingPeriod accountingGroup removalReason removalReasonComment disputeInfo clearingReferenceId
    clearingCountry clearingDate paymentMessage invoiceImageURL invoiceImageToken orderNumbers lastUpdated codingRows
    invoiceLines attachments transferParameters enrichmentResponses prebookResponses transferResponses
    paymentResponses removeResponses cashSumCompany cashSumOrganization exchangeRateBaseDate exchangeRateCompany
    exchangeRateOrganization taxSum1Company taxSum1Organization taxSum2Company taxSum2Organization
    currencyCodeCompany currencyCodeOrganization organizationElementCode organizationElementName grossSumCompany
    grossSumOrganization netSumCompany netSumOrganization parentInvoiceBumId supplierSourceSystemId
    removedBeforeTransfer
    """,
    text=60,
    numeric=30,
    date=10,
)

CODING_ROW = _names(
    """
    externalCode rowIndex rowOrigin lastComment accountCode accountName costCenterCode costCenterName fiscalYear
    netTotal grossTotal taxSum taxSum2 netTotalCompany netTotalOrganization grossTotalCompany grossTotalOrganization
    taxSumCompany taxSumOrganization taxSum2Company taxSum2Organization taxCode taxPercent taxPercent2
    taxJurisdictionCode orderNumber orderLineNumber orderItemNumber orderCodingRowNumber orderLineDescription
    orderLinePriceUnit orderLinePriceUnitDescription orderLineUOM subUOM contractNumber closeOrder matchingType
    orderedQuantity allocatedQuantity matchedQuantity matchedNetSum matchedGrossSum orderNetTotal orderGrossTotal
    orderLineNetTotal orderLineGrossTotal orderedNetPrice orderedGrossPrice conversionNumerator conversionDenominator
    conversionDeNumerator goodsReceiptNumber goodsReceiptItemNumber deliveryNoteNumber freightSlip receivedQuantity
    receivedNetPrice receivedGrossPrice receivedNetTotal receivedGrossTotal organizationElementCode
    organizationElementName businessUnitCode businessUnitName businessAreaCode businessAreaName profitCenterCode
    profitCenterName partnerProfitCenter plant projectCode projectName projectSubCode projectSubName workOrderCode
    workOrderName workOrderSubCode workOrderSubName internalOrderCode internalOrderName salesOrderCode salesOrderName
    salesOrderSubCode salesOrderSubName customerCode customerName employeeCode employeeName vehicleNumber vehicleName
    productCode productName serviceCode serviceName budgetCode budgetName fixedAssetCode fixedAssetName
    fixedAssetSubCode fixedAssetSubName accAssignmentCategoryCode accAssignmentCategoryName materialGroup
    conditionType commitmentItem controllingArea functionalArea network networkActivity buyerName ownerName
    plannedAdditionalCostType text84 text85
    """,
    dimCode=10,
    dimName=10,
    text=5,
    num=5,
    date=5,
)

TRANSFER_PARAMETER = _names("key value")

TRANSFER_RESPONSE = _names(
    "externalCode success responseMessage sourceSystem voucherNumber1 voucherNumber2 transferDate paymentBlock"
)

PAYMENT_RESPONSE = _names(
    """
    externalCode success responseMessage sourceSystem paymentDate paymentTermCode paymentBlock paymentMethod paidTotal
    cashDiscount checkNumber paymentMessage paymentNumber paymentDocument paymentReversalDocument
    """
)


def spelling(names: frozenset[str]) -> Mapping[str, str]:
    """Lower-case name -> the vendor's spelling; the vendor's own clients read names without regard to case."""
    return {name.lower(): name for name in names}


PLAIN_IN_DOCUMENT = DOCUMENT - {
    *("codingRows", "invoiceLines", "attachments", "orderNumbers", "transferParameters", "enrichmentResponses"),
    *("prebookResponses", "transferResponses", "paymentResponses", "removeResponses"),
}
"""The members of a document that are one value, which a text can be made of."""

PERSONAL = (
    *("referencePerson", "supplierBankIBAN", "supplierBankBBAN", "supplierBankBIC", "supplierBankName"),
    *("removalReasonComment", "lastComment", "employeeName", "buyerName", "ownerName"),
)
"""The members, at any depth, that name a person, hold a bank account, or what somebody wrote in free text. No posting
depends on them: codes, `employeeCode` among them, and the supplier's name belong to the books and stay."""
