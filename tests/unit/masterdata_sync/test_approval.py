"""Which bank accounts may be sent: a table of what was sent, held and decided before. And a walk through all of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterdata_sync.approval import approved, digest_of_accounts, opened, opens, sealed
from masterdata_sync.changes import Record
from masterdata_sync.progress import Owner
from mlc_basware.bank_accounts import accounts_of
from mlc_common.account_seal import AccountSeal
from mlc_common.bank_decisions import Decided
from mlc_common.events import BankChangeDecided, BankChangeHeld, BankChangeWithdrawn
from mlc_common.vault import DataKey

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
OWNER = Owner("northwind", "vendor", "US01")
SEAL = AccountSeal.under(DataKey(connection="northwind", id="k", secret=bytes(range(32))))
NUMBERS = {"A": "FI2112345600000785", "B": "FI9814283500171141"}
Verdict = Literal["approved", "rejected"]


def vendor(which: str, **more: Any) -> dict[str, Any]:
    """A sealed vendor with the account A or B, or none."""
    means: dict[str, Any] = {"paymentMeansCode": "SEPA", "default": True}
    if which:
        identifier = {"schemeId": "IBAN", "id": NUMBERS[which], "default": True}
        means["financialAccounts"] = [{"financialAccountIdentifiers": [identifier]}]
    entity = {"externalCode": "US01_1", "name": "Bolts", "paymentMeans": [means], **more}
    found = sealed(entity, SEAL, company="US01", code="1")
    assert isinstance(found, dict)
    return found


def held(which: str, at: datetime = AT) -> BankChangeHeld:
    found = approved(
        Record("US01", "1", vendor(which)), vendor("" if which else "A"), Decided(), OWNER, rule="always", at=at
    ).fact
    assert isinstance(found, BankChangeHeld)
    return found


def decided(which: str, verdict: Verdict) -> BankChangeDecided:
    common = {"connection": "northwind", "at": AT, "kind": "vendor", "company": "US01", "code": "1"}
    return BankChangeDecided(
        **common, digest=digest_of_accounts(vendor(which)), verdict=verdict, by="eva", reason="rang them"
    )


def withdrawn(which: str) -> BankChangeWithdrawn:
    common = {"connection": "northwind", "at": AT, "kind": "vendor", "company": "US01", "code": "1"}
    return BankChangeWithdrawn.model_validate(common | {"digest": digest_of_accounts(vendor(which))})


@pytest.mark.parametrize(
    ("sent", "now", "facts", "rule", "goes", "told"),
    [
        (None, "", [], "always", "", None),
        (None, "A", [], "always", "", "held"),
        (None, "A", [], "of changes", "A", None),
        (None, "A", [held("A")], "always", "", None),
        (None, "A", [held("A"), decided("A", "approved")], "always", "A", None),
        ("", "A", [], "of changes", "", "held"),
        ("A", "A", [], "always", "A", None),
        ("A", "B", [], "of changes", "A", "held"),
        ("A", "", [], "always", "A", "held"),
        ("A", "B", [held("B")], "always", "A", None),
        ("A", "B", [held("B"), decided("B", "approved")], "always", "B", None),
        ("A", "B", [held("B"), decided("B", "rejected")], "always", "A", None),
        ("A", "B", [held("B"), decided("B", "rejected"), held("A"), withdrawn("A")], "always", "A", "held"),
        ("A", "A", [held("B")], "always", "A", "withdrawn"),
        ("A", "A", [held("B"), decided("B", "rejected")], "always", "A", None),
        ("A", "B", [held("A"), decided("A", "approved")], "always", "A", "held"),
        ("A", "B", [decided("B", "approved"), held("")], "always", "B", "withdrawn"),
    ],
)
def test_changed_accounts_go_when_they_were_approved_and_the_rest_goes_with_the_old_ones(
    sent: str | None, now: str, facts: list[Any], rule: Any, goes: str, told: str | None
) -> None:
    record = Record("US01", "1", vendor(now, name="New name"))
    before = None if sent is None else vendor(sent)

    found, fact = approved(record, before, Decided.of(facts), OWNER, rule=rule, at=AT)

    assert accounts_of(found.entity) == accounts_of(vendor(goes))
    assert found.entity["name"] == "New name"
    match told:
        case "held":
            assert isinstance(fact, BankChangeHeld)
            assert fact.finding.code == "BANK_CHANGE_HELD"
            assert "…0785" in fact.finding.sentence or "…1141" in fact.finding.sentence
        case "withdrawn":
            assert isinstance(fact, BankChangeWithdrawn)
        case _:
            assert fact is None


steps = st.lists(st.sampled_from(["A", "B", "", "approve", "reject"]), max_size=20)


@given(steps, st.sampled_from(["always", "of changes"]))
def test_nothing_is_ever_sent_that_nobody_approved(walk: list[str], rule: Any) -> None:
    """Epicor's account changes at will, people decide at will, and every change is read and sent at once."""
    facts: list[Any] = []
    known: set[str] = {digest_of_accounts(None)}
    sent, now = None, ""
    for number, step in enumerate(walk):
        at = AT + timedelta(seconds=number)
        waits = Decided.of(facts)
        if step in ("approve", "reject"):
            if waits.held and waits.pending:
                verdict: Verdict = "approved" if step == "approve" else "rejected"
                same = waits.held.model_dump(include={"connection", "kind", "company", "code", "digest"})
                facts.append(BankChangeDecided(**same, at=at, verdict=verdict, by="eva", reason="-"))
                known |= {waits.held.digest} if step == "approve" else set()
        else:
            now = step
        record, fact = approved(Record("US01", "1", vendor(now)), sent, Decided.of(facts), OWNER, rule=rule, at=at)
        facts += [fact] if fact else []
        if sent is None and rule == "of changes":
            known.add(digest_of_accounts(record.entity))
        sent = dict(record.entity)
        assert digest_of_accounts(sent) in known
        waits = Decided.of(facts)
        different = digest_of_accounts(sent) != digest_of_accounts(vendor(now))
        if different:
            assert waits.held is not None
            assert waits.held.digest == digest_of_accounts(vendor(now))
            assert waits.pending or waits.says("rejected", waits.held.digest)
        else:
            assert not waits.pending


def test_the_number_is_opened_for_basware_only_under_the_same_key() -> None:
    record = Record("US01", "1", vendor("A"))

    assert NUMBERS["A"] in str(opened(record, SEAL))
    assert NUMBERS["A"] not in str(record.entity)
    assert not opens(record, AccountSeal.under(DataKey.fresh("northwind")))
