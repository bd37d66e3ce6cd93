"""What is due once Basware has said, or not said, what became of a record; and the change that nobody sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from masterdata_sync.verdicts import MOST_TIMES, Standing, Step, changed_by_itself, next_step, words_for
from mlc_basware.request_status import Settlement
from mlc_sandbox.basware.fields import violations

PLAIN = Standing(number=1, newest=True, accepted=False, earlier=None, overdue=False)
SAVED, UNCHANGED, EXPIRED = Settlement("saved"), Settlement("unchanged"), Settlement("expired")
PENDING, LOST = Settlement("pending"), Settlement("lost")
BAD_DATA = Settlement("not saved", ("Payment term X not found",))
TECHNICAL = Settlement("not saved", ("Timeout",), technical=True)


@pytest.mark.parametrize(
    ("told", "changes", "step"),
    [
        (SAVED, {}, "accept"),
        (SAVED, {"newest": False}, "accept"),
        (PENDING, {}, "wait"),
        (PENDING, {"overdue": True}, "send again"),
        (PENDING, {"overdue": True, "newest": False}, "leave"),
        (LOST, {}, "send again"),
        (LOST, {"newest": False}, "leave"),
        (LOST, {"number": MOST_TIMES}, "hold"),
        (EXPIRED, {"newest": False}, "leave"),
        (EXPIRED, {}, "send again"),
        (BAD_DATA, {}, "refuse"),
        (BAD_DATA, {"newest": False}, "leave"),
        (TECHNICAL, {}, "send again"),
        (TECHNICAL, {"number": MOST_TIMES}, "hold"),
        (UNCHANGED, {"accepted": True}, "accept"),
        (UNCHANGED, {"earlier": SAVED}, "accept"),
        (UNCHANGED, {}, "send again"),
        (UNCHANGED, {"earlier": TECHNICAL}, "send again"),
        (UNCHANGED, {"earlier": BAD_DATA}, "send again"),
        (UNCHANGED, {"newest": False}, "leave"),
    ],
)
def test_what_is_due(told: Settlement, changes: dict[str, Any], step: Step) -> None:
    assert next_step(told, replace(PLAIN, **changes)) == step


def names(member: str) -> dict[str, Any]:
    return {"externalCode": "US01_1", member: [{"language": "en-US", "translation": "Inventory"}]}


@pytest.mark.parametrize(
    "entity",
    [
        names("accountNames"),
        names("costCenterNames"),
        names("taxCodeNames"),
        names("paymentTermNames"),
        {"vendorCode": "1", "name": "Great Lakes"},
        {"orderNumber": "4501"},
        {"lineNumber": "1", "orderExternalCode": "US01_PO_4501"},
        {"projectCode": "P-1", "validUntil": "2099-12-31T00:00:00Z"},
    ],
    ids=lambda entity: next(name for name in entity if name != "externalCode"),
)
def test_each_time_the_record_is_another_one_and_says_the_same(entity: dict[str, Any]) -> None:
    sent = [entity]
    for number in range(2, MOST_TIMES + 1):
        # Each starts from what was sent last, as it is found in the stream.
        changed = changed_by_itself(sent[-1], number)
        assert changed is not None
        sent.append(changed)

    assert all(one != other for place, one in enumerate(sent) for other in sent[:place])
    for member, translations in sent[-1].items():
        if member.endswith("Names"):
            assert {each["translation"] for each in translations} == {"Inventory"}
            assert len({each["language"] for each in translations}) == len(translations)
            assert all(violations("LanguageTranslationEntity", each) == [] for each in translations)


@pytest.mark.parametrize("entity", [{"rate": 1, "currencyCodeFrom": "EUR"}, {"externalCode": "x", "text_1": "10"}])
def test_a_rate_and_an_item_of_a_list_have_no_place_for_such_a_change(entity: dict[str, Any]) -> None:
    assert changed_by_itself(entity, 2) is None


def test_basware_is_quoted_and_where_it_says_nothing_that_is_said() -> None:
    assert words_for(BAD_DATA) == "Payment term X not found"
    assert words_for(LOST) == "Basware's answer does not name it."
    assert words_for(Settlement("not saved")) == "No reason was given."
