"""Push subscriptions from the command line, against an emulator that calls the address before it subscribes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from mlc_common.connections import set_credentials
from mlc_common.vault import MasterKeys
from mlc_sandbox.faults import Fault
from operator_console import output, subscription_commands
from operator_console.exits import CommandError, Exit

Site = Any
"""See conftest."""

SECRET = "sandbox-only-webhook-secret"
ELSEWHERE = "https://old.example/hooks"


async def ensure(site: Site, *, replace: bool = False) -> list[str]:
    changed, _ = await subscription_commands.ensure(site.settings, "demo", replace=replace)
    return [str(each) for each in changed]


async def test_what_is_missing_is_subscribed_once_and_others_stay(site: Site) -> None:
    site.basware.subscriptions = [site.subscribed(taskType="ExportedContracts", notificationWebhookURL=ELSEWHERE)]

    assert await ensure(site) == ["AccountingDocuments / WaitingForTransfer"]
    assert await ensure(site) == []

    other, ours = site.basware.subscriptions
    assert other["notificationWebhookURL"] == ELSEWHERE
    assert (ours["notificationWebhookURL"], ours["webhookAuthenticationToken"]) == (site.hook, SECRET)
    posts = [
        each for each in site.basware.calls.log if each["path"] == "/v1/subscriptions" and each["method"] == "POST"
    ]
    assert len(posts) == 1


async def test_prebookings_are_subscribed_where_the_connection_enters_them(site: Site) -> None:
    await site.apply(posting={"prebooking": "create"})

    assert await ensure(site) == ["AccountingDocuments / WaitingForPrebook"]


async def test_another_address_is_overwritten_only_when_that_is_asked_for(site: Site) -> None:
    site.basware.subscriptions = [site.subscribed(notificationWebhookURL=ELSEWHERE)]

    with pytest.raises(CommandError, match="goes to another address already") as caught:
        await ensure(site)
    assert caught.value.code == Exit.REFUSED
    assert site.basware.subscriptions[0]["notificationWebhookURL"] == ELSEWHERE

    assert await ensure(site, replace=True) == ["AccountingDocuments / WaitingForTransfer"]
    assert [each["notificationWebhookURL"] for each in site.basware.subscriptions] == [site.hook]


async def test_a_subscription_with_a_secret_that_is_not_ours_is_mended(site: Site) -> None:
    site.basware.subscriptions = [site.subscribed(webhookAuthenticationToken="the-secret-of-last-year")]

    assert len(await ensure(site)) == 1

    assert site.basware.subscriptions[0]["webhookAuthenticationToken"] == SECRET


async def test_a_changed_secret_moves_to_the_first_one_while_pushes_signed_with_the_older_are_taken(site: Site) -> None:
    keys, values = MasterKeys.parse(site.settings.master_keys), [SecretStr("the-new-secret"), SecretStr(SECRET)]
    changed = {"basware.webhook_secret": values}
    await set_credentials(site.engine, keys, connection="demo", values=changed, by="test", now=datetime.now(UTC))
    assert (await site.examined())["basware push WaitingForTransfer"].verdict == "pass"

    assert len(await ensure(site)) == 1
    assert await ensure(site) == []

    assert site.basware.subscriptions[0]["webhookAuthenticationToken"] == "the-new-secret"


async def test_an_address_that_does_not_answer_is_one_clear_sentence(site: Site) -> None:
    webhook = {"address": "http://127.0.0.1:1/hooks/basware/demo"}
    await site.apply(basware=site.body["basware"] | {"webhook": webhook})
    site.basware.subscriptions = []

    with pytest.raises(CommandError, match="The connection test got no answer") as caught:
        await ensure(site)

    assert caught.value.code == Exit.REFUSED
    assert SECRET not in str(caught.value)


async def test_an_unclear_answer_is_looked_up_and_not_sent_again(site: Site) -> None:
    site.basware.subscriptions = []
    site.basware.faults.add(Fault(kind="drop_after", path="subscriptions", method="POST"))

    assert await ensure(site) == ["AccountingDocuments / WaitingForTransfer"]

    posts = [
        each for each in site.basware.calls.log if each["path"] == "/v1/subscriptions" and each["method"] == "POST"
    ]
    assert len(posts) == 1


async def test_an_answer_that_echoes_the_secret_does_not_show_it(site: Site) -> None:
    site.basware.subscriptions = []
    body = {"errorMessages": [{"message": f"token {SECRET} is too short"}]}
    site.basware.faults.add(Fault(kind="status", path="subscriptions", method="POST", status=400, body=body))

    with pytest.raises(CommandError, match=r"token \[hidden\] is too short"):
        await ensure(site)


async def test_removing_hits_ours_only(site: Site) -> None:
    site.basware.subscriptions = [
        site.subscribed(),
        site.subscribed(taskSubType="WaitingForPrebook", notificationWebhookURL=ELSEWHERE),
        site.subscribed(taskType="RequestStatus", taskSubType="Error", notificationWebhookURL=ELSEWHERE),
    ]

    gone, left = await subscription_commands.remove(site.settings, "demo")

    assert (gone, [each.address for each in left]) == (1, [ELSEWHERE, ELSEWHERE])
    assert (await subscription_commands.remove(site.settings, "demo"))[0] == 0


async def test_removing_is_refused_where_it_would_hit_others(site: Site) -> None:
    site.basware.subscriptions = [
        site.subscribed(taskSubType="All"),
        site.subscribed(lastUpdated="2026-11-21T00:00:00.000Z", notificationWebhookURL=ELSEWHERE),
    ]

    with pytest.raises(CommandError, match="would also delete AccountingDocuments / WaitingForTransfer") as caught:
        await subscription_commands.remove(site.settings, "demo")

    assert caught.value.code == Exit.REFUSED
    assert len(site.basware.subscriptions) == 2


async def test_the_list_shows_all_and_no_secret(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.basware.subscriptions.append(site.subscribed(taskSubType="All", notificationWebhookURL=ELSEWHERE))

    shown = await subscription_commands.listing(site.settings, "demo")
    output.show_json(subscription_commands.as_json(shown))

    printed = capsys.readouterr().out
    assert [each["ours"] for each in json.loads(printed)] == [True, False]
    assert SECRET not in printed + repr(shown)


async def test_bad_input_is_one_sentence_and_exit_code_2(site: Site) -> None:
    with pytest.raises(CommandError, match="There is no connection nope") as unknown:
        await subscription_commands.listing(site.settings, "nope")
    await site.apply(basware={"base_url": site.body["basware"]["base_url"]})
    with pytest.raises(CommandError, match=r"set basware\.webhook\.address") as nowhere:
        await ensure(site)

    assert (unknown.value.code, nowhere.value.code) == (Exit.USAGE, Exit.USAGE)
