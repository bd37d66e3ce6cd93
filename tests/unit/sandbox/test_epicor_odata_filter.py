"""The filter language of the Epicor emulator."""

from __future__ import annotations

from typing import Any

import pytest

from mlc_sandbox.epicor.odata_filter import predicate
from mlc_sandbox.epicor.wire import KineticError

COLUMNS = {"Name": "string", "Num": "number", "Inactive": "boolean", "Day": "date"}
ROW: dict[str, Any] = {"Name": "O'Neil  ", "Num": 7, "Inactive": False, "Day": "2026-11-03T00:00:00"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Name eq 'O''Neil'", True),
        ("Name eq 'o''neil '", True),
        ("Name ne 'O''Neil'", False),
        ("Name gt 'M' and Name lt 'P'", True),
        ("startswith(Name,'O''')", True),
        ("endswith(Name, 'NEIL')", True),
        ("contains(Name,'x')", False),
        ("Num eq 7.0", True),
        ("Num ge 7 and Num le 7", True),
        ("Num gt 7 or Num lt 7", False),
        ("Num gt -1", True),
        ("not (Num eq 7)", False),
        ("not Inactive", True),
        ("Inactive eq false", True),
        ("Inactive", False),
        ("Day ge 2026-11-03", True),
        ("Day lt 2026-11-03T00:00:00Z", False),
        ("Day eq 2026-11-03T00:00:00.000+02:00", True),
        ("Day eq null", False),
        ("Num eq 1 or Num eq 7 and Inactive eq true", False),
        ("(Num eq 1 or Num eq 7) and Inactive eq false", True),
        ("7 eq Num", True),
    ],
)
def test_a_filter_holds_or_not(text: str, expected: bool) -> None:
    assert predicate(text, COLUMNS, entity="Thing")(ROW) is expected


def test_a_missing_date_is_null_and_never_before_or_after() -> None:
    row = {**ROW, "Day": None}

    assert predicate("Day eq null", COLUMNS, entity="Thing")(row)
    assert not predicate("Day lt 2030-01-01 or Day gt 2030-01-01", COLUMNS, entity="Thing")(row)


@pytest.mark.parametrize(
    "text",
    [
        "Nome eq 'x'",
        "name eq 'x'",
        "Name eq 7",
        "Num eq '7'",
        "Name",
        "Name eq 'x",
        "Name eq 'x')",
        "Name eq 'x' And Num eq 7",
        "Contains(Name,'x')",
        "contains(Name,7)",
        "contains(Name 'x')",
        "Day eq 2026-13-01",
        "Num %% 7",
        "",
    ],
)
def test_what_is_not_a_filter_is_refused(text: str) -> None:
    with pytest.raises(KineticError) as refused:
        predicate(text, COLUMNS, entity="Thing")

    assert refused.value.status == 400
