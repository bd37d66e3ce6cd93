"""The entity sets that this Epicor serves: and where their rows come from."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlc_sandbox.epicor.purchasing import RECEIPT, RELEASE, receipts, releases
from mlc_sandbox.epicor.query import Shape, read
from mlc_sandbox.epicor.settings import Settings
from mlc_sandbox.epicor.wire import NOT_FOUND, KineticError, Row
from mlc_sandbox.epicor.world import EpicorWorld

Rows = Callable[[EpicorWorld, str], Iterable[Row]]


@dataclass(frozen=True)
class EntitySet:
    """One entity set; `children` names the sets that `$expand` may add, with the columns that join them."""

    shape: Shape
    rows: Rows
    writable: bool = False
    children: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def _of_master(table: str) -> Rows:
    return lambda world, company: [row for row in world.master.rows[table] if row["Company"] == company]


def _of_invoices(table: str) -> Rows:
    def rows(world: EpicorWorld, company: str) -> Iterable[Row]:
        for invoice in world.invoices.values():
            if invoice.header["Company"] == company:
                yield from invoice.tables()[table]

    return rows


def _headers(world: EpicorWorld, company: str) -> Iterable[Row]:
    return [invoice.header for invoice in world.invoices.values() if invoice.header["Company"] == company]


def _groups(world: EpicorWorld, company: str) -> Iterable[Row]:
    return [row for row in world.groups.values() if row["Company"] == company]


def _master(
    table: str, keys: str, *, alias: str = "", children: Mapping[str, tuple[str, str]] | None = None
) -> EntitySet:
    aliases = {alias: f"{alias}1"} if alias else {}
    names = tuple(aliases.get(key, key) for key in ("Company", *keys.split()))
    return EntitySet(Shape(table, names, aliases), _of_master(table), children=children or {})


_INVOICE = ("Company", "VendorNum", "InvoiceNum")
_LINE = (*_INVOICE, "InvoiceLine")


def _entered(table: str, keys: tuple[str, ...], *, writable: bool = True) -> EntitySet:
    return EntitySet(Shape(table, keys, {}), _of_invoices(table), writable=writable)


SETS: Mapping[str, Mapping[str, EntitySet]] = {
    "Erp.BO.APInvoiceSvc": {
        "APInvoices": EntitySet(Shape("APInvHed", _INVOICE, {}), _headers, writable=True),
        "APInvDtls": _entered("APInvDtl", _LINE),
        "APInvExps": _entered("APInvExp", (*_LINE, "InvExpSeq")),
        "APInvExpTGLCs": _entered("APInvExpTGLC", (*_LINE, "InvExpSeq", "SysRowID")),
        "APInvTaxes": _entered("APInvTax", (*_INVOICE, "TaxCode", "RateCode", "ECAcquisitionSeq"), writable=False),
    },
    "Erp.BO.APInvSearchSvc": {"APInvSearches": EntitySet(Shape("APInvHed", _INVOICE, {}), _headers)},
    "Erp.BO.APInvGrpSvc": {"APInvGrps": EntitySet(Shape("APInvGrp", ("Company", "GroupID"), {}), _groups)},
    "Erp.BO.CompanySvc": {"Companies": _master("Company", "", alias="Company")},
    "Erp.BO.VendorSvc": {"Vendors": _master("Vendor", "VendorNum")},
    "Erp.BO.GLAccountSvc": {"GLAccounts": _master("GLAccount", "COACode GLAccount", alias="GLAccount")},
    "Erp.BO.COASvc": {"COASegments": _master("COASegment", "COACode SegmentNbr")},
    "Erp.BO.COASegValuesSvc": {"COASegValues": _master("COASegValues", "COACode SegmentNbr SegmentCode")},
    "Erp.BO.PurTermsSvc": {"PurTerms": _master("PurTerms", "TermsCode")},
    "Erp.BO.SalesTaxSvc": {
        "SalesTaxes": _master("SalesTax", "TaxCode"),
        "TaxRates": _master("TaxRate", "TaxCode RateCode EffectiveFrom"),
    },
    "Erp.BO.TaxRgnSvc": {"TaxRgns": _master("TaxRgn", "TaxRegionCode")},
    "Erp.BO.CurrencySvc": {"Currencies": _master("Currency", "CurrencyCode")},
    "Erp.BO.POSvc": {
        "POes": _master("POHeader", "PONum", children={"PODetails": ("PONum", "PONUM"), "PORels": ("PONum", "PONum")}),
        "PODetails": _master("PODetail", "PONUM POLine"),
        "PORels": EntitySet(Shape("PORel", ("Company", *RELEASE), {}), releases),
        "PORelTGLCs": _master("PORelTGLC", "PONum POLine PORelNum BookID"),
    },
    "Erp.BO.ReceiptSvc": {"RcvDtls": EntitySet(Shape("RcvDtl", ("Company", *RECEIPT), {}), receipts)},
}


def list_entities(world: EpicorWorld, company: str, service: str, name: str, options: Mapping[str, str]) -> Row:
    """The answer to a GET of an entity set."""
    entity_set, settings = SETS[service][name], world.settings
    expanded = _expanded(entity_set, options)
    rows = entity_set.rows(world, company) if _shows(settings, name) else []
    page = read(entity_set.shape, rows, options, cap=settings.page_cap, every_column=settings.full_rows)
    for child in expanded if settings.order_lines != "by method only" else ():
        _expand(world, company, service, child, page.value, entity_set.children[child])
    count = {"@odata.count": page.count} if options.get("$count") == "true" else {}
    return {"@odata.context": f"{service}/$metadata#{name}", **count, "value": page.value}


def _shows(settings: Settings, name: str) -> bool:
    """Whether a set has its rows; the lines of purchase orders come up empty on some tenants."""
    return name != "PODetails" or settings.order_lines == "everywhere"


def _expanded(entity_set: EntitySet, options: Mapping[str, str]) -> list[str]:
    names = [name.strip() for name in options.get("$expand", "").split(",") if name.strip()]
    for name in names:
        if name not in entity_set.children:
            raise KineticError(f"Could not find a property named '{name}' on type 'Erp.{entity_set.shape.table}'.")
    return names


def _expand(
    world: EpicorWorld, company: str, service: str, child: str, entities: list[Row], join: tuple[str, str]
) -> None:
    own, theirs = join
    rows = list(SETS[service][child].rows(world, company))
    for entity in entities:
        entity[child] = [dict(row) for row in rows if row[theirs] == entity.get(own)]


def one_entity(world: EpicorWorld, company: str, service: str, name: str, keys: list[Any]) -> Row:
    """The answer to a GET by key. Raises KineticError: 400 for another number of keys, 404 when there is none."""
    shape = SETS[service][name].shape
    if len(keys) != len(shape.keys):
        raise KineticError(f"The key of {name} is {', '.join(shape.keys)}.")
    for row in SETS[service][name].rows(world, company):
        entity = shape.entity(row, shape.keys, every=world.settings.full_rows)
        if [entity[key] for key in shape.keys] == keys:
            return {"@odata.context": f"{service}/$metadata#{name}/$entity", **entity}
    raise KineticError("Record not found.", status=404, kind=NOT_FOUND)
