"""The comparisons of the doctor, as functions of values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from mlc_common.connection import ConnectionDocument
from mlc_common.streams import STREAMS, reader_durable
from mlc_common.topology import stream_config
from mlc_epicor.errors import Refusal
from mlc_epicor.probe_replies import Reply
from operator_console.doctor_checks import Check
from operator_console.doctor_needs import needed_columns, needed_credentials, needed_scopes, questions
from operator_console.doctor_verdicts_basware import scopes, token_refused
from operator_console.doctor_verdicts_epicor import doors, service
from operator_console.doctor_verdicts_model import dates, pinned, segments
from operator_console.doctor_verdicts_network import certificate, clock
from operator_console.doctor_verdicts_platform import (
    credentials,
    durability,
    durable,
    privileges,
    schema,
    stream,
    sync_of,
    wanted_of,
)

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
UNAUTHORISED = "System.UnauthorizedAccessException"


def document(*, segments: Any = None, **sections: Any) -> ConnectionDocument:
    given = segments or [{"field": "accountCode"}, {"field": "costCenterCode"}]
    company = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": given}
    body = {"name": "acme", "epicor": {"base_url": "https://erp.example/live"}, "companies": [company]}
    return ConnectionDocument.model_validate(body | sections)


def denied(message: str, status: int = 401) -> Reply:
    return Reply(0.1, refusal=Refusal(status, UNAUTHORISED, message, "epicor"))


def verdicts(checks: list[Check]) -> dict[str, str]:
    return {each.name: each.verdict for each in checks}


@pytest.mark.parametrize(
    ("seconds", "verdict", "said"),
    [
        (0, "pass", "0 s apart"),
        (-59, "pass", "59 s apart"),
        (61, "fail", "behind"),
        (-120, "fail", "ahead"),
    ],
)
def test_clocks_may_differ_by_a_minute(seconds: int, verdict: str, said: str) -> None:
    there = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)

    found = clock("epicor", there, before=NOW, after=NOW)

    assert (found.verdict, said in found.detail) == (verdict, True)


@pytest.mark.parametrize("header", [None, "", "yesterday", "Wed, 32 Nov 2026 09:00:00 GMT"])
def test_an_answer_without_a_time_tells_nothing(header: str | None) -> None:
    assert clock("epicor", header, before=NOW, after=NOW).verdict == "unknown"


def test_a_slow_answer_is_no_wrong_clock() -> None:
    there = format_datetime(NOW + timedelta(seconds=90), usegmt=True)

    assert clock("epicor", there, before=NOW, after=NOW + timedelta(seconds=100)).verdict == "pass"


def test_a_certificate_that_ends_within_a_week_fails() -> None:
    ends = {
        days: certificate("epicor", "h", not_after=NOW + timedelta(days=days), issuer="i", now=NOW) for days in (6, 8)
    }

    assert [each.verdict for each in ends.values()] == ["fail", "pass"]
    assert "2026-12-01" in ends[6].detail


def test_what_is_switched_on_decides_what_is_needed() -> None:
    plain = document(kinds={"vendors": None})
    rich = document(
        kinds={
            "accounts": {},
            "tax_codes": True,
            "dimensions": {"cc": {"segment": 2, "to": "costCenters"}},
            "orders": {},
        },
        payments={"mode": "follow", "read": "BAQ", "baq": {"id": "Paid"}},
        posting={"success": "posted", "validate_accounts": False, "header_fields": {"Own_c": {"template": "{text1}"}}},
        masterdata={"kinds": {"vendor": {"way": "getrows"}}},
        attachments={"fetch": True, "to_epicor": "upload"},
        epicor={"base_url": "https://erp.example/live", "sign_in": "oauth2"},
    )
    plain_paths, rich_paths = ({q.path for q in questions(d, d.companies[0]) if q.needed} for d in (plain, rich))

    assert needed_scopes(plain) == ("accountingDocuments.read", "accountingDocuments.write", "requestStatus.read")
    assert {"costCenters.write", "accounts.read", "matchingOrderLines.write"} < set(needed_scopes(rich))
    assert rich_paths - plain_paths == {
        "BaqSvc/Paid/Data",
        "Erp.BO.COASegValuesSvc/COASegValues",
        "Erp.BO.POSvc/POes",
        "Erp.BO.POSvc/PODetails",
        "Erp.BO.ReceiptSvc/RcvDtls",
        "Erp.BO.SalesTaxSvc/TaxRates",
        "Erp.BO.VendorSvc/GetRows",
        "Erp.PROC.APInvoicePostSvc/GetNewParameters",
        "Ice.BO.AttachmentSvc/FileExists",
    }
    assert plain_paths - rich_paths == {"Erp.BO.GLAccountSvc/ValidateGLAccount"}
    assert {"Own_c", "ExternalID"} < needed_columns(rich)["APInvHed"]
    assert "SegValue2" in needed_columns(plain)["APInvExpTGLC"]
    assert "epicor.client_secret" in needed_credentials(rich)
    assert "epicor.password" in needed_credentials(plain)


def test_scopes_are_asked_for_granted_or_not_told() -> None:
    needed = ("a.read", "a.write")

    assert scopes(needed, asked=("a.read",), granted=frozenset(needed)).detail == "not asked for: a.write"
    assert scopes(needed, asked=needed, granted=frozenset({"a.read"})).detail == "not granted: a.write"
    assert scopes(needed, asked=needed, granted=None).verdict == "unknown"
    assert "a.delete" in scopes(needed, asked=needed, granted=frozenset({*needed, "a.delete"})).detail
    assert "token_url" in token_refused("no", 404).remedy


def test_three_causes_share_a_401_and_are_told_apart() -> None:
    wrong = doors({"NWM": denied("Invalid username or password.")}, connection="acme")
    key = doors({"NWM": denied("Invalid API Key [hidden] Company NWM.")}, connection="acme")
    scope = doors({"NWM": denied("Access denied (Erp.BO.Vendor.GetRows).", 403)}, connection="acme")

    assert verdicts(wrong)["epicor sign-in"] == "fail"
    assert set(list(verdicts(wrong).values())[1:]) == {"skipped"}
    assert verdicts(key) == {
        "epicor sign-in": "pass",
        "epicor api key": "fail",
        "epicor licence": "pass",
        "epicor company NWM": "skipped",
    }
    assert set(verdicts(scope).values()) == {"pass"}


def test_a_company_at_a_wrong_address_and_a_shared_licence_are_told() -> None:
    nowhere = Reply(0.1, refusal=Refusal(404, "", "Not Found"))

    assert verdicts(doors({"NWM": nowhere}, connection="acme"))["epicor company NWM"] == "fail"
    slow = next(each for each in doors({"NWM": Reply(20.4, value={})}, connection="acme") if "licence" in each.name)
    assert (slow.verdict, "20 s" in slow.detail) == ("fail", True)


@pytest.mark.parametrize(
    ("refusal", "verdict"),
    [
        (None, "pass"),
        (Refusal(404, "Ice.Common.RecordNotFoundException", "Record not found.", "epicor"), "pass"),
        (Refusal(404, "Epicor.RESTApi.ApiException", "Resource not found", "epicor"), "fail"),
        (Refusal(401, UNAUTHORISED, "Access denied (X).", "epicor"), "fail"),
        (Refusal(403, UNAUTHORISED, "Access denied (X).", "epicor"), "fail"),
        (Refusal(401, UNAUTHORISED, "Invalid username or password.", "epicor"), "fail"),
        (Refusal(400, "Microsoft.OData.ODataException", "Could not find a property", "epicor"), "fail"),
    ],
)
def test_a_service_is_judged_by_what_it_says(refusal: Refusal | None, verdict: str) -> None:
    question = questions(document(), document().companies[0])[0]

    found = service(question, "NWM", Reply(0.1, refusal=refusal))

    assert found.verdict == verdict
    assert bool(found.remedy) == (verdict == "fail")


def chart(*kinds: bool, longest: int = 4) -> list[dict[str, Any]]:
    return [
        {"SegmentNbr": number, "SegmentName": f"S{number}", "Dynamic": dynamic, "MaxLength": longest}
        for number, dynamic in enumerate(kinds, start=1)
    ]


@pytest.mark.parametrize(
    ("mapped", "rows", "said"),
    [
        (None, chart(False, False), None),
        (None, list(reversed(chart(False, False))), None),
        (None, chart(False, False, True), None),
        (None, chart(False), "the mapping has 2 segments, the chart 1"),
        (None, chart(False, False, False), "the mapping has 2 segments, the chart 3"),
        (None, chart(False, True), "segment 2 is dynamic in the chart"),
        ([{"field": "accountCode", "dynamic": True}], chart(False), "segment 1 is not dynamic in the chart"),
        ([{"constant": "12345"}], chart(False), "segment 1 takes 4 characters, the mapping makes 5"),
        ([{"field": "accountCode", "pad_to": 6}], chart(False), "segment 1 takes 4 characters, the mapping makes 6"),
        (None, [], "company NWM has no chart MAIN"),
    ],
)
def test_segments_are_compared_by_number_kind_and_length(mapped: Any, rows: Any, said: str | None) -> None:
    whole = document(segments=mapped)

    found = segments(whole.companies[0], whole, rows)

    assert found.verdict == ("fail" if said else "pass")
    assert said is None or said in found.detail


def test_segments_out_of_order_are_seen_where_master_data_numbers_them() -> None:
    swapped = [{"field": "costCenterCode"}, {"field": "accountCode"}]
    whole = document(
        segments=swapped, kinds={"accounts": {}, "dimensions": {"cc": {"segment": 2, "to": "costCenters"}}}
    )

    detail = segments(whole.companies[0], whole, chart(False, False)).detail

    assert "accountCode is segment 2 in the mapping, but `kinds` reads it from segment 1" in detail
    assert "costCenterCode is segment 1 in the mapping, but `kinds` reads it from segment 2" in detail


def test_dates_are_judged_by_what_the_connection_insists_on() -> None:
    insists = document(payments={"mode": "follow", "date_literal": "zoned"}, masterdata={"date_form": "plain"})

    assert pinned(insists) == ("zulu", "plain")
    assert dates(["plain"], insisted=("zulu",), follows=True).verdict == "fail"
    assert dates([], insisted=(), follows=True).verdict == "fail"
    assert dates([], insisted=(), follows=False).verdict == "unknown"
    assert dates(["plain", "zulu"], insisted=("zulu",), follows=True).verdict == "pass"


def test_a_stream_is_held_against_its_declaration() -> None:
    wanted = wanted_of(stream_config(STREAMS[0], replicas=1))
    as_declared = {**wanted, "max_age": None}

    assert stream("S", as_declared, wanted).verdict == "pass"
    assert stream("S", as_declared | {"deny_purge": False}, wanted).detail == "deny_purge is off, not on"
    assert "move the stream" in stream("S", as_declared | {"storage": "memory"}, wanted).remedy
    assert stream("S", None, wanted).remedy == "ml-connector topology"


@pytest.mark.parametrize(
    ("replicas", "syncs", "verdict"),
    [
        ([3, 5], None, "pass"),
        ([1, 3], None, "unknown"),
        ([1], "always", "pass"),
        ([1], "120 s", "fail"),
        ([], None, "unknown"),
    ],
)
def test_the_guarantee_in_force_is_named(replicas: list[int], syncs: str | None, verdict: str) -> None:
    found = durability(replicas, syncs=syncs, servers=1)

    assert found.verdict == verdict
    assert verdict == "pass" or "sync_interval: always" in found.remedy


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"data": {"config": {"sync_interval": 120_000_000_000}}}, "120 s"),
        ({"data": {"config": {"sync_interval": 120_000_000_000, "sync_always": True}}}, "always"),
        ({"data": {"config": {}}}, None),
        ({"data": None}, None),
        ({}, None),
    ],
)
def test_what_a_server_says_of_its_sync(answer: dict[str, Any], expected: str | None) -> None:
    assert sync_of(answer) == expected


def test_a_durable_is_held_against_its_declaration() -> None:
    wanted = reader_durable("acme")
    held = {"filter_subjects": list(wanted.subjects), "ack_wait": 30_000_000_000}

    assert durable(wanted, held, ack_wait=30).verdict == "pass"
    assert durable(wanted, held | {"filter_subjects": ["x"]}, ack_wait=30).detail == "it reads other subjects"
    assert durable(wanted, held, ack_wait=60).detail == "ack_wait is 30 s, not 60 s"
    assert "5 tries" in durable(wanted, held | {"max_deliver": 5}, ack_wait=30).detail
    one = {"filter_subject": wanted.subjects[0], "ack_wait": 30_000_000_000}
    assert durable(wanted, one, ack_wait=30).verdict == "pass"


def test_database_and_keys() -> None:
    assert schema(["0004", "0005"]).detail == "behind; missing: 0004, 0005"
    assert privileges([f"SELECT on t{n}" for n in range(7)]).detail.endswith("and 2 more")
    both = credentials(["a", "b"], ["a"], {"c": "it does not open"}, name="acme")
    assert [each.name for each in both] == ["key material c", "credentials"]
    assert "credentials discard acme" in both[0].remedy
    assert verdicts(credentials(["a"], ["a"], {}, name="acme")) == {"key material": "pass"}
