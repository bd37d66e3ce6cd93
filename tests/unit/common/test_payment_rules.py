"""The section `payments` of a connection document."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlc_common.payment_rules import Payments


def test_nothing_is_followed_unless_it_is_said() -> None:
    rules = Payments()

    assert (rules.mode, rules.read, rules.others) == ("off", "APTranSearches", "no")


@pytest.mark.parametrize(
    "given",
    [
        {"read": "BAQ"},
        {"read": "GetRows", "baq": {"id": "MLPayments"}},
        {"read": "BAQ", "baq": {"id": "../x"}},
        {"read": "BAQ", "baq": {"id": "MLPayments", "columns": {"APTran_HeadNum": "a b"}}},
        {"minutes": 0},
        {"mode": "on"},
        {"reed": "APTrans"},
    ],
)
def test_what_cannot_be_meant_is_a_mistake(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Payments.model_validate(given)


def test_a_baq_may_call_its_columns_otherwise() -> None:
    rules = Payments.model_validate({"read": "BAQ", "baq": {"id": "P", "columns": {"APTran_HeadNum": "Calculated_H"}}})

    assert rules.baq is not None
    assert rules.baq.columns == {"APTran_HeadNum": "Calculated_H"}
