"""Envelopes, error bodies and redirects, in every form that was seen or promised."""

from __future__ import annotations

import httpx
import pytest

from mlc_basware.wire import entities, error_text, is_its_own_word, is_taken, redirect_target, refused_codes
from mlc_common.failures import TransientError
from mlc_common.http import Answer


def answer(body: str = "", *, status: int = 400, **headers: str) -> Answer:
    return Answer(status, httpx.Headers(headers), body.encode(), "Basware document")


@pytest.mark.parametrize(
    "value",
    [
        [{"invoiceId": "1"}],
        {"accountingDocuments": [{"invoiceId": "1"}]},
        {"AccountingDocuments": [{"invoiceId": "1"}], "other": [1]},
        {"documents": [{"invoiceId": "1"}], "count": 1},
    ],
)
def test_records_are_found_in_any_envelope(value: object) -> None:
    assert entities(value, "accountingDocuments") == [{"invoiceId": "1"}]


def test_an_envelope_with_null_is_empty() -> None:
    assert entities({"accountingDocuments": None}, "accountingDocuments") == []


@pytest.mark.parametrize("value", ["x", None, 1, {}, {"a": [1], "b": [2]}, {"accountingDocuments": {"a": 1}}])
def test_what_holds_no_records_is_no_answer_of_the_api(value: object) -> None:
    with pytest.raises(TransientError, match="accountingDocuments"):
        entities(value, "accountingDocuments")


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://bucket.s3.example/x?sig=1", "https://bucket.s3.example/x?sig=1"),
        ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000/x"),
        ("/_storage/x", "https://api.example/_storage/x"),
    ],
)
def test_a_redirect_leads_over_https_or_stays_on_this_machine(location: str, target: str) -> None:
    assert redirect_target(answer(status=302, Location=location), "https://api.example/v1/x") == target


@pytest.mark.parametrize(
    "location", ["", "http://elsewhere.example/x?sig=hidden", "ftp://x/y", "http://[::1", "https://a:b"]
)
def test_any_other_redirect_is_refused_without_naming_it(location: str) -> None:
    with pytest.raises(TransientError) as refused:
        redirect_target(answer(status=302, Location=location), "https://api.example/v1/x")

    assert "hidden" not in str(refused.value)
    assert "elsewhere" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"hasErrors": true, "errors": [{"externalCode": "1", "message": "Too long."}, {"message": "Unknown."}]}',
         "Too long. Unknown."),
        ('{"hasError": true, "errorMessages": [{"code": "X", "message": "No."}]}', "No."),
        ('{"message": "Forbidden"}', "Forbidden"),
        ('{"detail": [{"loc": ["body"], "msg": "Field required"}]}', "Field required"),
        ('{"detail": "Not Found"}', "Not Found"),
        ('{"error": "invalid_client", "error_description": "who?"}', "invalid_client who?"),
        ('"plain words"', "plain words"),
        ("<Error/>", "HTTP 400 without an explanation"),
        ("", "HTTP 400 without an explanation"),
        ("[]", "HTTP 400 without an explanation"),
    ],
)  # fmt: skip
def test_an_error_body_is_understood_in_every_form(body: str, text: str) -> None:
    assert error_text(answer(body)) == text


def test_an_endless_error_body_is_cut() -> None:
    assert len(error_text(answer('{"message": "' + "x" * 5000 + '"}'))) == 300


def test_the_refused_records_are_named() -> None:
    body = (
        '{"errors": [{"externalCode": "US01_1", "message": "x"}, {"externalCode": null}, {"externalCode": "US01_2"}]}'
    )

    assert refused_codes(answer(body)) == {"US01_1", "US01_2"}
    assert refused_codes(answer("<xml/>")) == refused_codes(answer('{"message": "x"}')) == frozenset()


@pytest.mark.parametrize("body", ["", "  ", '{"message": "x"}', '"Not found"', "[]", "null"])
def test_an_error_that_is_empty_or_json_may_be_the_apis_own(body: str) -> None:
    assert is_its_own_word(answer(body, status=404))


@pytest.mark.parametrize("body", ["<html>Maintenance</html>", "Not Found", '{"message'])
def test_any_other_error_says_nothing_about_what_was_asked_for(body: str) -> None:
    assert not is_its_own_word(answer(body, status=404))


def test_that_a_body_is_too_large_is_said_by_the_gateway_in_text() -> None:
    assert is_its_own_word(answer("Request Entity Too Large", status=413))


def test_what_was_taken_names_the_call_or_echoes_a_record() -> None:
    assert is_taken(Answer(200, httpx.Headers({"x-amzn-requestid": "r-1"}), b"", "x"))
    assert is_taken(answer('[{"externalCode": "A"}, {"externalCode": "B"}]', status=200), ["B"])
    assert not is_taken(answer("<html>Maintenance</html>", status=200), ["B"])
    assert not is_taken(answer("", status=200), ["B"])
