"""Why a document stands where it stands: the catalogue's owner and remedy, and the facts that say so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mlc_common.catalogue import CATALOGUE, entry_of, finding
from mlc_common.eventlog import Recorded
from mlc_common.events import DocumentFact
from operator_console.dead_letters import DeadLetter
from operator_console.explaining import Explanation, explain
from operator_console.view import Phase

from .test_view import facts, folded

AT = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def explained(*names: str, letters: tuple[DeadLetter, ...] = (), **changed: DocumentFact) -> Explanation:
    known = {**facts(), **changed}
    events = [known[name] for name in names]
    timeline = [Recorded(event, number, AT) for number, event in enumerate(events, start=1)]
    return explain(folded(*events), timeline, letters)


def test_a_refusal_names_owner_field_remedy_and_everything_else_that_is_wrong() -> None:
    findings = (
        finding("UNKNOWN_VENDOR", field="supplierCode", vendor="1", company="NWM"),
        finding("UNKNOWN_TERMS", field="paymentTermCode", terms="N31", company="NWM"),
    )
    refused = facts()["refused"].model_copy(update={"findings": findings})

    found = explained("approved", "refused", "answered", refused=refused)

    assert found.sentence == "Supplier 1 does not exist in Epicor company NWM."
    assert (found.code, found.field) == ("UNKNOWN_VENDOR", "supplierCode")
    assert (found.owner, found.remedy) == (CATALOGUE["UNKNOWN_VENDOR"].owner, CATALOGUE["UNKNOWN_VENDOR"].remedy)
    assert [each.code for each in found.also] == ["UNKNOWN_TERMS"]
    assert [(each.sequence, each.what, each.connection_version) for each in found.evidence] == [(2, "refused", 1)]


def test_a_posted_invoice_needs_nobody_and_says_whether_basware_knows() -> None:
    before, after = explained("approved", "intended", "posted"), explained("approved", "intended", "posted", "answered")

    assert before.sentence.endswith("group B2611201; Basware has not been told yet.")
    assert after.sentence.endswith("group B2611201; Basware knows.")
    assert (after.owner, after.remedy) == (None, None)


def test_an_invoice_on_hold_in_epicor_is_somebodys_to_release() -> None:
    held_for = (finding("VENDOR_ON_HOLD", vendor="10432", company="NWM"),)
    posted = facts()["posted"].model_copy(update={"held_for": held_for})

    found = explained("approved", "posted", "answered", posted=posted)

    assert (found.owner, found.code) == (CATALOGUE["VENDOR_ON_HOLD"].owner, "VENDOR_ON_HOLD")


def test_a_held_document_says_who_holds_it_and_what_can_be_decided() -> None:
    found = explained("approved", "held")

    assert found.sentence == "mia holds the invoice back: the price is disputed"
    assert (found.code, found.owner) == ("HELD_BY_A_PERSON", "AP")


def test_an_unclear_posting_is_looked_up_by_itself() -> None:
    found = explained("approved", "intended", "unclear")

    assert found.sentence == "The answer did not arrive."
    assert found.remedy == "Nothing: it is looked up again by itself."


def test_what_nobody_could_handle_is_integrations_to_mend() -> None:
    letter = DeadLetter(7, AT, "epicor-writer_demo", "DOCUMENTS", 1, "s", 5, "Bug", "A bug.", "demo", "i1")
    known = facts()["approved"]
    status = folded(known)
    stuck = type(status)(**{**vars(status), "phase": Phase.STUCK, "reason": "A bug."})

    found = explain(stuck, [Recorded(known, 1, AT)], [letter])

    assert (found.owner, found.sentence) == ("integration", "Nobody could handle it: A bug.")
    assert [(each.what, each.sequence) for each in found.evidence] == [("dead letter", 7)]


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_sentence_of_the_catalogue_is_recognised_again(code: str) -> None:
    names = {name: f"value of {name}" for name in _names(CATALOGUE[code].sentence)}

    assert entry_of(finding(code, **names).sentence) == (code, CATALOGUE[code])


def test_a_sentence_of_somebody_else_is_not_recognised() -> None:
    assert entry_of("The answer did not arrive.") is None


def _names(sentence: str) -> list[str]:
    return [part.partition("}")[0] for part in sentence.split("{")[1:]]
