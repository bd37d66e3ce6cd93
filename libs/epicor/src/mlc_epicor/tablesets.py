"""The tables of each service's tableset: each needs a where-clause in GetRows, also to say it is not wanted. Pure.

Epicor reference, paging; the names are those of the services' published schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Tableset:
    """Tables in the order of the method's parameters; the pages of GetRows are pages of the first.

    `leading` is the first column of that table's key after Company.
    """

    leading: str
    tables: tuple[str, ...]


def _of(leading: str, tables: str) -> Tableset:
    return Tableset(leading, tuple(tables.split()))


TABLESETS: Mapping[str, Tableset] = {
    "Erp.BO.VendorSvc": _of(
        "VendorNum",
        "Vendor VendorAttch EntityGLC TaxExempt Partner PEVendWhldHist VendRestriction VendBank "
        "VendBankAttch VendCntMain VenMFBill VendorPP VenPPMFBill VenPPUPSEmail VendPPRestriction "
        "VendCnt VendCntAttch VenUPSEmail VendRemitTo",
    ),
    "Erp.BO.GLAccountSvc": _of("COACode", "GLAccount"),
    "Erp.BO.COASegValuesSvc": _of("COACode", "COASegValues COASegAcct COASegOpt COASegRes"),
    "Erp.BO.COASvc": _of("COACode", "COA COASegment COASegmentNotCreated"),
    "Erp.BO.PurTermsSvc": _of("TermsCode", "PurTerms PurTermsAttch PurTermsDtl PurTermsSched"),
    "Erp.BO.SalesTaxSvc": _of(
        "TaxCode",
        "SalesTax LangDesc SalesTRC EntityGLC SalesTxc TaxBox TaxRate EffRateEntityGLC TaxBoxEffRate "
        "TaxGRate PLSAFTCode",
    ),
    "Erp.BO.TaxRgnSvc": _of("TaxRegionCode", "TaxRgn TaxRgnSalesTax"),
    "Erp.BO.TaxCatSvc": _of("TaxCatID", "TaxCat TaxCatD"),
    "Erp.BO.CurrencySvc": _of("CurrencyCode", "Currency CurrencyAttch EntityGLC"),
    "Erp.BO.CurrExRateSvc": _of("RateGrpCode", "CurrExRate"),
    "Erp.BO.ProjectSvc": _of(
        "ProjectID",
        "Project ProjectAttch FieldServiceCalls FieldServiceContracts PBWrkMeasuredHead PBWrkMeasuredDtl "
        "WBSProjPhase ProjectCst ProjectJob ProjectMilestone ProjectCriteria ProjectOrderLine "
        "ProjectOrderRel PBdnSets PBEmpCeiling PBillSch PBRoleRt PBSchWrk PBSupCeiling PConVar ProjectPO "
        "ProjectQuot ProjectTask ProjectTaskAttch ProjPhase ProjPhaseAttch PPhaseOper ProjPhaseGLC "
        "EntityGLC ProjectPlanContractLine",
    ),
    "Erp.BO.POSvc": _of(
        "PONum",
        "POHeader POHeaderAttch PODetail PODetailAttch PORel PORelAttch PORelTax PORelTGLC PODetailInsp "
        "PODetailTax POMisc PODetailMiscTax POHeadMisc POHeaderMiscTax POHeaderTax",
    ),
    "Erp.BO.ReceiptSvc": _of(
        "VendorNum",
        "RcvHead RcvHeadAttch RcvHeadTax RcvDtl RcvDtlAttch RcvDtlAttrValueSet RcvDtlTax RcvDuty RcvMisc "
        "RcvMiscTax LegalNumGenOpts PendingRcvDtl SelectedSerialNumbers SNFormat SupplierXRef",
    ),
    "Erp.BO.JCDeptSvc": _of("JCDept", "JCDept JCDeptAttch EntityGLC"),
    "Erp.BO.PayMethodSvc": _of("PMUID", "PayMethod PayMethodProp"),
    "Erp.BO.PaymentEntrySvc": _of(
        "HeadNum",
        "CheckHed CheckHedAttch APTran APTranTGLC APTTaxDtl BankTran BankTranTaxDtl BankTranTGLC TaxDtl "
        "LegalNumGenOpts",
    ),
    "Erp.BO.APTranSearchSvc": _of("HeadNum", "APTranSearch PaymentTotals"),
}
