"""Subjects: whatever identifier comes from outside, it is one token and never another's."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_common.streams import (
    REDELIVERED,
    STREAMS,
    anchor_subject,
    dead_letter_subject,
    document_key_subject,
    document_subject,
    durables,
    masterdata_redelivery_subject,
    masterdata_subject,
    notification_subject,
    operation_subject,
    redelivery_subject,
    sync_subject,
    template_of,
    token,
)


@given(st.text())
def test_any_identifier_becomes_one_token_that_nats_accepts(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_=-]{1,200}", token(text))


@given(st.text(), st.text())
def test_different_identifiers_never_share_a_token(one: str, other: str) -> None:
    assert (token(one) == token(other)) == (one == other)


@pytest.mark.parametrize(("text", "expected"), [("4711.2", "4711=2E2"), ("a b", "a=20b"), ("*", "=2A"), ("", "=")])
def test_what_would_change_the_meaning_of_a_subject_is_encoded(text: str, expected: str) -> None:
    assert token(text) == expected


def test_a_document_has_one_subject_per_fact_and_attempt() -> None:
    assert document_subject("demo", "inv.1", "posted", "b1") == "documents.demo.inv=2E1.posted.b1"


def test_every_durable_reads_a_declared_stream_and_only_its_own_connection() -> None:
    declared = {stream.name: stream.subjects[0].removesuffix(">") for stream in STREAMS}

    for durable in durables("acme"):
        assert all(subject.startswith(f"{declared[durable.stream]}acme.") for subject in durable.subjects)
        assert durable.name.endswith("_acme")


def test_a_message_that_is_handed_out_again_goes_to_the_durable_that_gave_it_up_and_to_no_other() -> None:
    takers = [each for each in durables("acme") if each.work != each.subjects]

    for taker in takers:
        service = taker.name.removesuffix("_acme")
        made = {
            "DOCUMENTS": redelivery_subject("acme", "i.1", service, 7),
            "MASTERDATA": masterdata_redelivery_subject("acme", service, 7),
        }[taker.stream]
        pattern = [each.split(".") for each in taker.subjects if REDELIVERED in each]
        readers = [
            each.name
            for each in durables("acme")
            for subject in each.subjects
            if each.stream == taker.stream and fits(subject.split("."), made.split("."))
        ]
        assert readers == [taker.name]
        assert len(pattern) == 1
        assert {*taker.work} | {".".join(pattern[0])} == {*taker.subjects}

    assert len(takers) == 6


def fits(pattern: list[str], subject: list[str]) -> bool:
    return len(pattern) == len(subject) and all(a in ("*", b) for a, b in zip(pattern, subject, strict=True))


@pytest.mark.parametrize(
    ("subject", "template"),
    [
        (notification_subject("acme", "t1", "0a"), "notifications.{connection}.{task}.{digest}"),
        (document_subject("acme", "i.1", "posted", "b1"), "documents.{connection}.{invoice}.posted.{attempt}"),
        (
            masterdata_subject("acme", "vendor", "US01", "sync", "sent"),
            "masterdata.{connection}.vendor.{company}.{code}.sent",
        ),
        (
            redelivery_subject("acme", "i.1", "basware-payments", 7),
            "documents.{connection}.{invoice}.redelivered.{service}.{sequence}",
        ),
        (
            masterdata_redelivery_subject("acme", "masterdata-sync", 7),
            "masterdata.{connection}.redelivered.{service}.{sequence}",
        ),
        (sync_subject("acme", "r1", "requested"), "masterdata.{connection}.sync.{request}.requested"),
        (operation_subject("acme", "paused"), "operations.{connection}.paused"),
        (dead_letter_subject("epicor-writer_acme"), "deadletters.{durable}"),
        (document_key_subject("acme", "i1"), "document_keys"),
        (anchor_subject("DOCUMENTS", 7), "anchors"),
    ],
)
def test_a_template_says_the_kind_of_subject_and_nothing_it_is_about(subject: str, template: str) -> None:
    assert template_of(subject) == template
