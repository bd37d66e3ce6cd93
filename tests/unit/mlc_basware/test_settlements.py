"""What a request says of each of its records, by every system that names it."""

from __future__ import annotations

from typing import Any

import pytest

from mlc_basware.request_status import Settlement, parsed, settlements


def request(*items: dict[str, Any], status: str = "Success", systems: int = 1) -> Any:
    listed = [{"externalCode": "a"} | item for item in items]
    return parsed({"requestId": "r", "requestStatus": status, "systems": [{"items": listed}] * systems})


def error(kind: str = "Error", category: str = "DataValidation") -> dict[str, Any]:
    return {"type": kind, "message": "no", "category": category}


def told(found: Any, code: str = "a") -> Settlement:
    return settlements([code], found)[code]


@pytest.mark.parametrize(
    ("item", "word"),
    [
        ({"status": "Success"}, "saved"),
        ({"status": "Warning", "errors": [error("Warning")]}, "saved"),
        ({"status": "NotProcessed"}, "unchanged"),
        ({"status": "InProgress"}, "pending"),
        ({"status": "Error", "errors": [error()]}, "not saved"),
        ({"status": "RecordExpired"}, "expired"),
        ({"status": "Error", "errors": [error("RecordExpired")]}, "expired"),
        ({"status": "SomethingNew"}, "pending"),
    ],
)
def test_one_item_in_one_system(item: dict[str, Any], word: str) -> None:
    assert told(request(item)).word == word


def test_a_warning_is_quoted() -> None:
    assert told(request({"status": "Warning", "errors": [error("Warning")]})).messages == ("no (DataValidation)",)


@pytest.mark.parametrize(("categories", "technical"), [(["Technical"], True), (["Technical", "Unknown"], False)])
def test_only_technical_errors_are_technical(categories: list[str], technical: bool) -> None:
    found = request({"status": "Error", "errors": [error(category=each) for each in categories]})

    assert told(found).technical is technical


def test_a_record_is_in_when_every_system_has_it() -> None:
    assert told(request({"status": "Success"}, {"status": "InProgress"})).word == "pending"
    assert told(request({"status": "Success"}, {"status": "Error"})).word == "not saved"
    assert told(request({"status": "NotProcessed"}, {"status": "Success"})).word == "saved"


def test_a_request_that_has_ended_without_a_word_about_a_record_has_lost_it() -> None:
    assert told(request({"status": "Success"}), "b").word == "lost"
    assert told(request({"status": "Success"}, status="InProgress"), "b").word == "pending"
    assert told(None).word == "pending"


def test_a_request_that_failed_as_a_whole_may_help_when_tried_again() -> None:
    assert told(request(status="Error")) == Settlement(
        "not saved", ("The request failed as a whole, and no record is named.",), technical=True
    )
