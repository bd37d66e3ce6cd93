"""What became of a record, by what every target system says of it."""

from __future__ import annotations

from typing import Any

import pytest

from mlc_basware.request_status import Fate, RequestStatus, fate_of, parents, parsed


def request(*items: dict[str, Any], status: str = "InProgress") -> RequestStatus:
    """One system a record."""
    systems = [{"system": f"S{number}", "items": [item]} for number, item in enumerate(items)]
    return parsed({"requestId": "r1", "requestStatus": status, "systems": systems, "somethingNew": 1})


def item(status: str, *errors: dict[str, Any], code: str = "ours") -> dict[str, Any]:
    return {"externalCode": code, "status": status, "errors": list(errors)}


LOST = {"type": "Error", "message": "Payment term not found", "category": "DataValidation"}
STUCK = {"type": "Error", "message": "The invoice is locked", "category": "Technical"}
CUT = {"type": "Warning", "message": "Voucher number was cut", "category": "Unknown"}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(None, Fate("pending"), id="not known yet"),
        pytest.param(request(), Fate("pending"), id="no system yet"),
        pytest.param(request(item("Success", code="other")), Fate("pending"), id="another record"),
        pytest.param(request(item("InProgress")), Fate("pending"), id="in progress"),
        pytest.param(request(item("Success"), item("InProgress")), Fate("pending"), id="one system is not done"),
        pytest.param(request(item("Success")), Fate("saved"), id="saved"),
        pytest.param(request(item("NotProcessed")), Fate("saved"), id="it stood there already"),
        pytest.param(request(item("Warning", CUT)), Fate("saved", ("Voucher number was cut (Unknown)",)), id="warning"),
        pytest.param(request(item("Error", {"type": "RecordExpired"})), Fate("saved"), id="a newer one counts"),
        pytest.param(
            request(item("Success"), item("Error", LOST)),
            Fate("not saved", ("Payment term not found (DataValidation)",)),
            id="one system refuses",
        ),
        pytest.param(
            request(item("Error", STUCK)),
            Fate("not saved", ("The invoice is locked (Technical)",), technical=True),
            id="for a technical reason",
        ),
        pytest.param(
            request(item("Error", STUCK, LOST)),
            Fate("not saved", ("The invoice is locked (Technical)", "Payment term not found (DataValidation)")),
            id="for a technical reason and another",
        ),
        pytest.param(request(item("Error")), Fate("not saved", ("No reason was given.",)), id="without a reason"),
        pytest.param(
            request(status="Error"),
            Fate("not saved", ("The request failed as a whole, and no record is named.",)),
            id="as a whole",
        ),
        pytest.param(request(item("SomethingNew")), Fate("pending"), id="a status nobody knows"),
    ],
)
def test_the_fate_of_a_record(found: RequestStatus | None, expected: Fate) -> None:
    assert fate_of("ours", found) == expected


def test_a_request_names_the_documents_its_answers_belong_to() -> None:
    items = (item("Success") | {"parentExternalCode": parent} for parent in ("i1", "i1", None, "i2"))

    assert parents(request(*items)) == ("i1", "i2")
    assert parents(None) == ()
