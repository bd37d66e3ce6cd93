"""Wishes against subscriptions as they are, and deletions that hit nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from mlc_basware.subscription_plans import Wish, deletions, read_subscription, standing, wishes
from mlc_common.connection import ConnectionDocument
from mlc_common.failures import PermanentError

OURS = "https://bridge.example/hooks/basware/acme"
OTHERS = "https://other.example/in"
WISH = Wish("AccountingDocuments", "WaitingForTransfer")


def held(**changes: Any) -> Any:
    return read_subscription(
        {
            "taskType": "AccountingDocuments",
            "taskSubType": "WaitingForTransfer",
            "subscriptionType": "Webhook",
            "notificationWebhookURL": OURS,
            "webhookAuthenticationToken": "s3cret-ö",
            "lastUpdated": "2026-11-20T08:00:00Z",
        }
        | changes
    )


@pytest.mark.parametrize(
    ("subscriptions", "expected"),
    [
        ([], "missing"),
        ([held()], "right"),
        ([held(notificationWebhookURL=f"{OURS}/")], "right"),
        ([held(taskSubType="All")], "right"),
        ([held(taskSubType=None)], "right"),
        ([held(taskType="RequestStatus")], "missing"),
        ([held(webhookAuthenticationToken="x")], "other secret"),
        ([held(webhookAuthenticationToken=None)], "other secret"),
        ([held(notificationWebhookURL=OTHERS)], "elsewhere"),
        ([held(notificationWebhookURL=OTHERS, taskSubType="All")], "missing"),
        ([held(notificationWebhookURL=OTHERS), held()], "right"),
    ],
)
def test_a_wish_stands_in_one_of_four_ways(subscriptions: list[Any], expected: str) -> None:
    assert standing(WISH, subscriptions, url=OURS, secrets=("older", "s3cret-ö")) == expected


def test_a_secret_is_in_no_representation() -> None:
    assert "s3cret" not in repr(held())


def test_prebookings_are_wished_for_where_they_are_entered() -> None:
    company = {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}
    body = {"name": "acme", "epicor": {"base_url": "https://erp.example/live"}, "companies": [company]}
    assert wishes(ConnectionDocument.model_validate(body)) == (WISH,)

    body["posting"] = {"prebooking": "create"}
    assert Wish("AccountingDocuments", "WaitingForPrebook") in wishes(ConnectionDocument.model_validate(body))


def test_a_deletion_names_its_type_and_the_second_before_it() -> None:
    early = held(notificationWebhookURL=OTHERS, lastUpdated="2026-11-20T07:59:59Z")

    (deletion,) = deletions([held(), early], url=OURS)

    assert (deletion.sub_type, deletion.after.isoformat()) == ("WaitingForTransfer", "2026-11-20T07:59:59+00:00")
    assert deletion.catches(held())
    assert not deletion.catches(early)
    assert deletions([early], url=OURS) == ()


@pytest.mark.parametrize(
    ("ours", "other"),
    [
        (held(), held(notificationWebhookURL=OTHERS, lastUpdated="2026-11-21T00:00:00Z")),
        (held(), held(notificationWebhookURL=OTHERS, lastUpdated=None)),
        (held(taskSubType="All"), held(notificationWebhookURL=OTHERS, taskSubType="WaitingForPrebook")),
    ],
)
def test_a_deletion_that_would_hit_others_is_refused(ours: Any, other: Any) -> None:
    with pytest.raises(PermanentError, match="would also delete"):
        deletions([ours, other], url=OURS)


def test_what_basware_gives_no_time_for_cannot_be_deleted_narrowly() -> None:
    with pytest.raises(PermanentError, match="does not say when"):
        deletions([held(lastUpdated="yesterday")], url=OURS)
