"""Error bodies in every shape become one clean line, and no secret survives in it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mlc_common.http import Answer, dump_json
from mlc_epicor.errors import access_sentence, read_refusal

KEY = "sandbox-only-api-key"


def answer(status: int, body: Any) -> Answer:
    raw = body.encode() if isinstance(body, str) else dump_json(body)
    return Answer(status, httpx.Headers(), raw, "Epicor call")


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ({"ErrorMessage": "A  valid\r\nSupplier.", "ErrorType": "Ice.X"}, "Ice.X", "A valid Supplier."),
        (
            {"ErrorMessage": "Refused.", "ErrorDetails": [{"Message": "Account is blank."}, {"Message": "Refused."}]},
            "",
            "Refused. Account is blank.",
        ),
        ({"error": {"code": "E1", "message": "No property 'X'."}}, "E1", "No property 'X'."),
        ({"odata.error": {"code": "", "message": {"value": "Old form."}}}, "", "Old form."),
        ("<html><style>p{}</style><h1>502</h1>Bad Gateway</html>", "", "502 Bad Gateway"),
        ("", "", "HTTP 400 without a message"),
        ([1, 2], "", "[1,2]"),
        ({"ErrorMessage": None}, "", "HTTP 400 without a message"),
    ],
)
def test_every_shape_is_read(body: Any, kind: str, message: str) -> None:
    refusal = read_refusal(answer(400, body))

    assert (refusal.kind, refusal.message) == (kind, message)


def test_an_echoed_key_is_hidden_known_or_not() -> None:
    body = {
        "ErrorMessage": f"Invalid API Key {KEY}.\r\nCompany NWM.",
        "ErrorType": "System.UnauthorizedAccessException",
    }

    assert KEY not in read_refusal(answer(401, body)).message
    assert KEY not in access_sentence(read_refusal(answer(401, body)))
    elsewhere = read_refusal(answer(500, {"ErrorMessage": f"Trace: {KEY}"}), hide=(KEY, ""))
    assert elsewhere.message == "Trace: [hidden]"


def test_a_long_message_is_cut() -> None:
    assert len(read_refusal(answer(400, {"ErrorMessage": "x" * 1000})).message) == 300


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (409, {"ErrorMessage": "No.", "ErrorType": ""}),
        (400, {"ErrorMessage": "No.", "ErrorType": "Ice.Common.DuplicateRecordException"}),
        (400, {"ErrorMessage": "This is a duplicate entry of an existing record"}),
        (500, {"ErrorMessage": "Invoice already exists."}),
    ],
)
def test_a_duplicate_is_suspected_by_any_of_three_signs(status: int, body: Any) -> None:
    assert read_refusal(answer(status, body)).is_duplicate


def test_another_refusal_is_no_duplicate() -> None:
    assert not read_refusal(answer(400, {"ErrorMessage": "A valid Supplier is required."})).is_duplicate


@pytest.mark.parametrize(
    ("body", "absent"),
    [
        ({"ErrorMessage": "x", "ErrorType": "Epicor.RecordNotFoundException"}, True),
        ({"ErrorMessage": "Record not found.", "ErrorType": "Ice.Common.X"}, True),
        ("<html>404 Not Found</html>", False),
        ({"ErrorMessage": "No such host."}, False),
    ],
)
def test_an_absent_record_is_told_from_a_wrong_address(body: Any, absent: bool) -> None:
    assert read_refusal(answer(404, body)).is_absence is absent


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("Invalid username or password.", "credentials"),
        ("Invalid API Key abc.", "epicor.api_key"),
        ("Access denied (Erp.BO.Vendor.GetRows).", "scope"),
        ("Maximum users exceeded on license type: DefaultUser", "licence"),
    ],
)
def test_a_denied_access_says_what_to_check(message: str, word: str) -> None:
    assert word in access_sentence(read_refusal(answer(401, {"ErrorMessage": message})))


@pytest.mark.parametrize(
    ("status", "body", "own"),
    [
        (400, {"ErrorMessage": "A valid Supplier is required."}, True),
        (409, {"ErrorType": "Ice.Common.DuplicateRecordException"}, True),
        (404, {"ErrorMessage": "Record not found.", "ErrorType": "Ice.Common.RecordNotFoundException"}, True),
        (404, {"ErrorMessage": "No service matches.", "ErrorType": "Ice.Common.ApiException"}, False),
        (405, {"ErrorMessage": "No."}, False),
        (408, {"ErrorMessage": "No."}, False),
        (410, {"ErrorMessage": "No."}, False),
        (400, {"error": {"code": "1", "message": "No property 'X'."}}, False),
        (400, {"Message": "No."}, False),
        (400, {"ErrorMessage": ""}, False),
        (400, "<html>Bad Request</html>", False),
    ],
)
def test_only_epicors_own_no_is_a_refusal(status: int, body: Any, own: bool) -> None:
    assert read_refusal(answer(status, body)).is_epicors_word is own
