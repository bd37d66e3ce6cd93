"""OData's metadata in the forms it may come in."""

from __future__ import annotations

import pytest

from mlc_common.failures import PermanentError
from mlc_epicor.service_metadata import read_metadata

FOUR = """<?xml version="1.0"?><edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Erp"><EntityType Name="APInvoice">
<Key><PropertyRef Name="Company"/></Key><Property Name="Company" Type="Edm.String"/></EntityType>
<Action Name="UpdateMaster" IsBound="false"><Parameter Name="ds"/><Parameter Name="cGroupID"/></Action>
</Schema></edmx:DataServices></edmx:Edmx>"""
OLDER = """<Edmx xmlns="http://schemas.microsoft.com/ado/2007/06/edmx"><Schema><ComplexType Name="APInvDtlRow">
<Property Name="InvoiceLine"/></ComplexType><EntityContainer><FunctionImport Name="UpdateMaster"><Parameter Name="ds"/>
</FunctionImport></EntityContainer></Schema></Edmx>"""


def test_types_and_methods_are_found_whatever_they_are_called() -> None:
    four, older = read_metadata(FOUR), read_metadata(OLDER)

    assert four.columns("APInvHed") == {"Company"}
    assert four.methods["UpdateMaster"] == {"ds", "cGroupID"}
    assert older.columns("APInvDtl") == {"InvoiceLine"}
    assert older.methods["UpdateMaster"] == {"ds"}
    assert older.columns("APInvHed") is None


@pytest.mark.parametrize(
    "text", ["", "<html><body>maintenance", "{}", '<!DOCTYPE x [<!ENTITY a "b">]><Edmx/>', "<!entity x><Edmx/>"]
)
def test_what_is_no_metadata_is_said(text: str) -> None:
    with pytest.raises(PermanentError, match="metadata"):
        read_metadata(text)
