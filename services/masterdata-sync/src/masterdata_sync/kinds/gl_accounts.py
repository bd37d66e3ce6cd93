"""Whole GL accounts become accounts (Epicor reference, §8.5; Basware API reference, §8.2). Pure."""

from __future__ import annotations

from masterdata_sync.kind import Entity, Kind, Owner, Row, Source, Untranslatable
from masterdata_sync.members import checked, external_code, inactive, inherited, names, text
from mlc_basware.targets import ACCOUNTS


def code(row: Row) -> str:
    """The account as people write it; the internal form (6100|10|200) where Epicor shows no other."""
    return text(row, "GLAcctDispGLAcctDisp") or text(row, "GLAccount")


def translate(row: Row, owner: Owner) -> Entity | Untranslatable:
    """The account; one of another chart is not this company's."""
    if text(row, "COACode") != owner.chart:
        return Untranslatable(code(row), f"it is of the chart {text(row, 'COACode')}", left_out=True)
    entity = {
        "externalCode": external_code(owner.company, code(row)),
        "accountCode": code(row),
        "accountNames": names(code(row), text(row, "AccountDesc")),
        "companies": inherited(owner, active=bool(row.get("Active", True))),
    }
    return checked(ACCOUNTS, code(row), entity)


KIND = Kind(
    name="account",
    source=Source(
        service="Erp.BO.GLAccountSvc",
        entity_set="GLAccounts",
        table="GLAccount",
        key=("COACode", "GLAccount"),
        columns=("COACode", "GLAccount", "AccountDesc", "Active", "GLAcctDispGLAcctDisp"),
        aliases={"GLAccount": "GLAccount1"},
    ),
    details=(),
    target=ACCOUNTS,
    needs=(),
    code=code,
    translate=translate,
    retire=inactive,
)
