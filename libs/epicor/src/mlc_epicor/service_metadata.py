"""What a service's $metadata says: the columns of its types and the parameters of its methods. Pure.

Epicor reference, URLs and uncertainty 17: XML per service; whether a tenant offers it, whether methods stand in it, and
whether a type is named after the table or the entity is not known, so each is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from mlc_common.failures import PermanentError

UPDATE_MASTER = "UpdateMaster"
PARAMETERS = ("ds", "cGroupID", "cTableName", "runChkCPay", "runChkBankRef", "runChkRevChrg", "suppressUserPrompts")
"""The seven of UpdateMaster; one that is not sent makes a 400 (Epicor reference, return envelopes)."""

OTHER_NAMES: Mapping[str, str] = {"APInvHed": "APInvoice"}
"""Table -> the entity's name, where it is another one."""

_METHODS = frozenset({"Action", "Function", "FunctionImport"})


@dataclass(frozen=True)
class ServiceMetadata:
    """Type -> its columns, and method -> its parameters; a method without `Parameter`s has none."""

    types: Mapping[str, frozenset[str]]
    methods: Mapping[str, frozenset[str]]

    def columns(self, table: str) -> frozenset[str] | None:
        """The columns of a table, or None when nothing is said of it."""
        names = (table, f"{table}Row", OTHER_NAMES.get(table, ""))
        return next((self.types[name] for name in names if name in self.types), None)


def read_metadata(text: str) -> ServiceMetadata:
    """The metadata of a service.

    Raises:
        PermanentError: it is no such XML.
    """
    if re.search(r"<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise PermanentError("The metadata holds a document type, which OData's never does; it is not read.")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - without a document type there are no entities to expand
    except ElementTree.ParseError as error:
        raise PermanentError("The metadata is no XML.") from error
    types = {each.get("Name", ""): _named(each, "Property") for each in root.iter() if _tag(each) == "EntityType"}
    types |= {each.get("Name", ""): _named(each, "Property") for each in root.iter() if _tag(each) == "ComplexType"}
    methods = {each.get("Name", ""): _named(each, "Parameter") for each in root.iter() if _tag(each) in _METHODS}
    return ServiceMetadata(types, methods)


def _named(element: ElementTree.Element, tag: str) -> frozenset[str]:
    return frozenset(each.get("Name", "") for each in element if _tag(each) == tag)


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
