"""Failures of HTTP calls, told apart: nothing sent, a failed read, a write whose answer is unclear."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_common.failures import PermanentError, TransientError
from mlc_common.http import Answer, UnclearAnswerError, dump_json, judge, kept_json, load_json, retry_after

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def answer(status: int, **headers: str) -> Answer:
    return Answer(
        status, httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()}), b"{}", "Test"
    )


@pytest.mark.parametrize("status", [200, 201, 204, 302, 400, 401, 404, 405, 409])
@pytest.mark.parametrize("writes", [True, False])
def test_a_clear_answer_is_the_clients_to_read(status: int, writes: bool) -> None:
    assert judge(answer(status), writes=writes, now=NOW).status == status


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_unclear_for_a_write_and_transient_for_a_read(status: int) -> None:
    with pytest.raises(UnclearAnswerError) as unclear:
        judge(answer(status), writes=True, now=NOW)
    assert unclear.value.answer is not None
    with pytest.raises(TransientError):
        judge(answer(status), writes=False, now=NOW)


@pytest.mark.parametrize("writes", [True, False])
def test_slowing_down_is_transient_also_for_a_write_and_heeds_the_pause(writes: bool) -> None:
    with pytest.raises(TransientError) as slow:
        judge(answer(429, Retry_After="7"), writes=writes, now=NOW)
    assert slow.value.retry_after == 7


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("999999", 3600.0),
        ("soon", None),
        ("\u00b2", None),
        ("\u0665", None),
        (None, None),
    ],
)
def test_a_pause_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, now=NOW) == seconds


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=6))
def test_an_amount_is_written_as_the_number_it_is(amount: Decimal) -> None:
    assert Decimal(str(load_json(dump_json({"amount": amount}))["amount"])) == amount


def test_json_keeps_the_literal_of_an_amount() -> None:
    assert dump_json(load_json('{"netSum": 2480.10, "rows": [1, "ä", true, null]}')) == (
        '{"netSum":2480.10,"rows":[1,"ä",true,null]}'.encode()
    )


@pytest.mark.parametrize("fine", ["1.2345678901234567E-25", "-5E-324", "0E-60", "1E-40", "12.50", "0"])
def test_a_number_that_floating_point_left_behind_is_kept(fine: str) -> None:
    text = kept_json({"taxPercent2": Decimal(fine)})

    assert load_json(text)["taxPercent2"] == Decimal(fine)
    assert len(text) < 70


@pytest.mark.parametrize("absurd", ["NaN", "Infinity", "1E+41", "1E+999999", "1E-999999"])
def test_an_absurd_number_is_not_kept_either(absurd: str) -> None:
    with pytest.raises(PermanentError):
        kept_json([Decimal(absurd)])


@pytest.mark.parametrize("absurd", ["NaN", "Infinity", "1E+999999", "1E-999999"])
def test_an_amount_that_no_ledger_can_hold_is_refused(absurd: str) -> None:
    with pytest.raises(PermanentError):
        dump_json(Decimal(absurd))


@pytest.mark.parametrize("body", [b"<html>", b"1e99999999999999999999", b"[" * 100_000])
def test_an_answer_that_is_no_json_is_a_permanent_failure(body: bytes) -> None:
    with pytest.raises(PermanentError, match="Test answered 200"):
        Answer(200, httpx.Headers(), body, "Test").json()
