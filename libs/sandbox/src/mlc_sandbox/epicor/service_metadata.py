"""`$metadata` of a service, as far as its sets and methods go: OData's XML."""

from collections.abc import Iterator, Mapping
from xml.sax.saxutils import quoteattr

from mlc_sandbox.epicor.business_objects import SERVICES
from mlc_sandbox.epicor.entity_sets import SETS
from mlc_sandbox.epicor.rpc import Method
from mlc_sandbox.epicor.tables import columns
from mlc_sandbox.epicor.wire import KineticError
from mlc_sandbox.epicor.world import EpicorWorld

_EDM = {"string": "Edm.String", "number": "Edm.Decimal", "boolean": "Edm.Boolean", "date": "Edm.DateTimeOffset"}
_ENTITY = {"APInvHed": "APInvoice", "POHeader": "PO"}
"""Tables whose entity has another name: an error of a real server says `Erp.PO` of the set POes."""


def metadata(world: EpicorWorld, service: str) -> str:
    """The XML text. Raises KineticError (404) for an unknown service, and where the settings say that there is none."""
    kind = world.settings.metadata
    if kind == "absent" or service not in {*SETS, *SERVICES}:
        message = f"Resource not found: {service}/$metadata"
        raise KineticError(message, status=404, kind="Epicor.RESTApi.ApiException")
    methods = SERVICES.get(service, {}) if kind == "whole" else {}
    inside = "".join([*_types(service, world.settings.hidden_columns), *_actions(methods)])
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
        f'<Schema Namespace="Erp" xmlns="http://docs.oasis-open.org/odata/ns/edm">{inside}</Schema>'
        "</edmx:DataServices></edmx:Edmx>"
    )


def _types(service: str, hidden: frozenset[str]) -> Iterator[str]:
    for table in dict.fromkeys(each.shape.table for each in SETS.get(service, {}).values()):
        shown = {name: kind for name, kind in columns(table).items() if f"{table}.{name}" not in hidden}
        rows = "".join(
            f"<Property Name={quoteattr(name)} Type={quoteattr(_EDM[kind])}/>" for name, kind in shown.items()
        )
        yield f"<EntityType Name={quoteattr(_ENTITY.get(table, table))}>{rows}</EntityType>"


def _actions(methods: Mapping[str, Method]) -> Iterator[str]:
    for name, method in methods.items():
        taken = "".join(f"<Parameter Name={quoteattr(each)}/>" for each in method.parameters)
        yield f"<Action Name={quoteattr(name)}>{taken}</Action>"
