"""The doctor against a site in order and against one broken thing at a time, on real servers."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nats
import pytest
import sqlalchemy
from nats.js.api import StreamConfig
from pydantic import SecretStr

from mlc_common import migrations
from mlc_sandbox.faults import Fault
from operator_console.doctor_checks import Check, any_failed, as_json
from operator_console.doctor_command import examine
from operator_console.doctor_connection import Examiner
from operator_console.doctor_limits import Limit
from operator_console.exits import CommandError, Exit

STEPS = Path(migrations.__file__).parent / "versions"

Site = Any
"""See conftest."""

OTHER_KEY = "k2:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="


def failures(found: dict[str, Check]) -> dict[str, Check]:
    return {name: each for name, each in found.items() if each.verdict == "fail"}


async def only_failure(site: Site, name: str) -> Check:
    """The one check that fails, which has this name and a remedy."""
    found = failures(await site.examined())
    assert list(found) == [name], {each: check.detail for each, check in found.items()}
    assert found[name].remedy
    return found[name]


async def test_a_site_in_order_passes_and_says_what_it_cannot_see(site: Site) -> None:
    calls = site.epicor.calls

    found = await site.examined()

    assert {name for name, each in found.items() if each.verdict != "pass"} == {
        "nats durability",  # one copy, and a client cannot see the server's sync_interval
        "basware tls 127.0.0.1",
        "epicor tls 127.0.0.1",
    }
    assert found["nats durability"].verdict == "unknown"
    assert "sync_interval: always" in found["nats durability"].remedy
    assert found["epicor UpdateMaster"].detail == "takes the seven parameters"
    assert calls.max_in_flight <= 2
    assert not site.epicor.groups
    assert not site.epicor.invoices
    written = [each for each in site.basware.calls.log if each["method"] != "GET" and each["path"] != "/v1/tokens"]
    assert not written


async def test_the_write_probe_makes_an_empty_group_and_leaves_none(site: Site) -> None:
    found = await site.examined(write_probe=True)

    assert not failures(found)
    assert found["epicor write NWM"].detail == "group MLDOCTOR was made and deleted"
    assert not site.epicor.groups
    paths = [each["path"] for each in site.epicor.calls.log]
    assert sum(path.endswith("APInvGrpSvc/Update") for path in paths) == 2
    assert sum(path.endswith("APInvGrpSvc/DeleteByID") for path in paths) == 2


async def test_a_write_probe_that_may_not_write_says_so(site: Site) -> None:
    site.epicor.settings = site.epicor.settings.model_copy(update={"denied": frozenset({"Erp.BO.APInvGrpSvc/Update"})})

    found = failures(await site.examined(write_probe=True))

    assert set(found) == {"epicor write NWM", "epicor write NWF"}
    assert "Access denied (Erp.BO.APInvGrp.Update)" in found["epicor write NWM"].detail


async def test_a_write_probe_whose_answer_is_lost_cleans_up_and_one_left_behind_is_named(site: Site) -> None:
    site.epicor.faults.add(Fault(kind="drop_after", path="APInvGrpSvc/Update"))
    lost = failures(await site.examined(write_probe=True))
    assert set(lost) == {"epicor write NWM"}
    assert not site.epicor.groups

    site.epicor.faults.add(Fault(kind="status", path="APInvGrpSvc/DeleteByID", status=500))
    left = failures(await site.examined(write_probe=True))
    assert set(left) == {"epicor write NWM"}
    again = failures(await site.examined(write_probe=True))
    assert "MLDOCTOR is there already" in again["epicor write NWM"].detail
    assert "delete the AP invoice group MLDOCTOR" in again["epicor write NWM"].remedy


async def test_a_wrong_epicor_password_is_tried_once_and_everything_behind_it_is_skipped(site: Site) -> None:
    await site.set(epicor_password="not-the-password")

    wrong = await only_failure(site, "epicor sign-in")

    assert "credentials set demo" in wrong.remedy
    assert site.epicor.calls.total <= 3  # the clock, and one knock a company


async def test_a_wrong_api_key_is_told_from_a_company_that_the_key_does_not_open(site: Site) -> None:
    await site.set(epicor_api_key="not-the-key")
    key = await only_failure(site, "epicor api key")
    assert "epicor.api_key" in key.remedy
    assert "not-the-key" not in str(key)

    await site.set(epicor_api_key="sandbox-only-api-key")
    companies = site.body["companies"]
    await site.apply(companies=[companies[0], companies[1] | {"epicor": "NWX"}])
    company = await only_failure(site, "epicor company NWX")
    assert "companies[].epicor" in company.remedy


async def test_a_client_of_the_identity_provider_is_examined_the_same_way(site: Site) -> None:
    base = site.body["epicor"]["base_url"]
    token_url = f"{base.removesuffix('/sandbox')}/connect/token"
    await site.apply(epicor={"base_url": base, "sign_in": "oauth2", "token_url": token_url})
    unset = failures(await site.examined())
    assert "epicor.client_id" in unset["credentials"].detail

    await site.set(epicor_client_id="bw-sync", epicor_client_secret="sandbox-only-secret")
    assert not failures(await site.examined())

    await site.set(epicor_client_secret="not-the-clients")
    wrong = await only_failure(site, "epicor answers")
    assert "check epicor.client_id, epicor.client_secret, token_url and scope" in wrong.detail
    assert "not-the-clients" not in str(wrong)


async def test_a_service_outside_the_keys_scope_is_named(site: Site) -> None:
    site.epicor.settings = site.epicor.settings.model_copy(update={"denied": frozenset({"Erp.BO.PurTermsSvc"})})

    found = failures(await site.examined())

    assert set(found) == {"epicor Erp.BO.PurTermsSvc/PurTerms NWM", "epicor Erp.BO.PurTermsSvc/PurTerms NWF"}
    assert all("allow Erp.BO.PurTermsSvc in the API key's access scope" in each.remedy for each in found.values())


async def test_what_only_some_invoices_need_is_unknown_and_no_failure(site: Site) -> None:
    denied = frozenset({"Erp.BO.ReceiptSvc", "Erp.BO.COASvc"})
    site.epicor.settings = site.epicor.settings.model_copy(update={"denied": denied})

    found = await site.examined()

    assert not failures(found)
    assert found["epicor Erp.BO.ReceiptSvc/RcvDtls NWM"].verdict == "unknown"
    assert "Chart of Accounts Maintenance" in found["epicor segments NWM"].remedy


async def test_used_up_licences_are_named(site: Site) -> None:
    site.epicor.settings = site.epicor.settings.model_copy(update={"licences": "web services only"})
    assert not failures(await site.examined())

    site.epicor.settings = site.epicor.settings.model_copy(update={"licences": "used up"})
    licence = await only_failure(site, "epicor licence")

    assert "Maximum users exceeded" in licence.detail
    assert "calls_in_flight" in licence.remedy


async def test_a_tenant_without_metadata_is_unknown_and_a_missing_column_fails(site: Site) -> None:
    for kind in ("absent", "types only"):
        site.epicor.settings = site.epicor.settings.model_copy(update={"metadata": kind})
        found = await site.examined()
        assert found["epicor UpdateMaster"].verdict == "unknown"
        assert "suppressUserPrompts" in found["epicor UpdateMaster"].remedy
        assert not failures(found)

    hidden = frozenset({"APInvHed.ExternalID"})
    site.epicor.settings = site.epicor.settings.model_copy(update={"metadata": "whole", "hidden_columns": hidden})
    assert (await only_failure(site, "epicor columns APInvHed")).detail == "missing: ExternalID"


async def test_a_column_of_the_tenant_that_is_not_there_is_named_with_its_place(site: Site) -> None:
    await site.apply(posting={"header_fields": {"Project_c": {"template": "{text1}"}}})

    wrong = await only_failure(site, "epicor columns APInvHed")

    assert wrong.detail == "missing: Project_c"
    assert "extended table maintenance" in wrong.remedy


async def test_a_date_form_that_is_insisted_on_and_not_taken_fails(site: Site) -> None:
    site.epicor.settings = site.epicor.settings.model_copy(update={"date_literals": "local"})
    assert (await site.examined())["epicor dates"].detail == "filters take: plain"

    await site.apply(payments={"mode": "follow", "date_literal": "zoned"})

    assert "insists on zulu" in (await only_failure(site, "epicor dates")).detail


async def test_segments_that_are_not_the_charts_are_named(site: Site) -> None:
    companies = site.body["companies"]
    await site.apply(companies=[companies[0] | {"segments": companies[0]["segments"][:2]}, companies[1]])
    wrong = await only_failure(site, "epicor segments NWM")
    assert wrong.detail.startswith("the mapping has 2 segments, the chart 3")

    await site.apply(companies=[companies[0] | {"chart": "OTHER"}, companies[1]])
    assert "no chart OTHER" in (await only_failure(site, "epicor segments NWM")).detail

    for row in site.epicor.master.rows["COASegment"]:
        row["Dynamic"] = row["SegmentNbr"] == 3
    await site.apply(companies=companies)
    found = failures(await site.examined())
    assert set(found) == {"epicor segments NWM", "epicor segments NWF"}
    assert "segment 3 is dynamic in the chart" in found["epicor segments NWM"].detail


@pytest.mark.parametrize("minutes", [10, -10])
async def test_a_clock_that_is_minutes_off_is_named_on_both_sides(site: Site, minutes: int) -> None:
    site.ahead = timedelta(minutes=minutes)

    found = failures(await site.examined())

    assert set(found) == {"basware clock", "epicor clock"}
    assert ("ahead" if minutes > 0 else "behind") in found["epicor clock"].detail
    assert "time server" in found["basware clock"].remedy


@pytest.mark.parametrize("how", ["refuse", "drop"])
async def test_a_scope_that_basware_does_not_grant_is_named_either_way(site: Site, how: str) -> None:
    granted = site.basware.settings.scopes_granted - {"vendors.write"}
    changes = {"scopes_granted": granted, "ungranted_scope": how}
    site.basware.settings = site.basware.settings.model_copy(update=changes)

    scopes = await only_failure(site, "basware scopes")

    assert scopes.detail == "not granted: vendors.write"
    assert scopes.remedy == "let Basware's administration grant the API user: vendors.write"


async def test_a_scope_that_the_file_does_not_ask_for_is_named(site: Site) -> None:
    scopes = ["accountingDocuments.read", "accountingDocuments.write", "vendors.read", "vendors.write"]
    await site.apply(basware=site.body["basware"] | {"scopes": scopes})

    assert "add to basware.scopes: requestStatus.read" in (await only_failure(site, "basware scopes")).remedy


async def test_a_wrong_basware_secret_is_named(site: Site) -> None:
    await site.set(basware_client_secret="not-the-secret")

    token = await only_failure(site, "basware token")

    assert "basware.client_secret" in token.remedy


async def test_subscriptions_are_missing_elsewhere_or_signed_otherwise(site: Site) -> None:
    wanted = "basware push WaitingForTransfer"
    for changes, said in (
        ({"notificationWebhookURL": "https://old.example/hooks"}, "goes to another address: https://old.example/hooks"),
        ({"webhookAuthenticationToken": "somebody-elses-webhook-secret"}, "a secret that is not this connection's"),
        ({"taskType": "RequestStatus", "taskSubType": "Error"}, "there is no subscription of"),
    ):
        site.basware.subscriptions = [site.subscribed(**changes)]
        wrong = await only_failure(site, wanted)
        assert said in wrong.detail
        assert "ml-connector subscription ensure demo" in wrong.remedy
        assert "somebody-elses" not in str(wrong)

    site.basware.subscriptions = [site.subscribed(taskSubType="All")]
    assert (await site.examined())[wanted].verdict == "pass"


async def test_subscriptions_that_cannot_be_seen_are_unknown(site: Site) -> None:
    granted = site.basware.settings.scopes_granted - {"subscriptions.read"}
    site.basware.settings = site.basware.settings.model_copy(update={"scopes_granted": granted})

    found = await site.examined()

    assert not failures(found)
    assert found["basware push WaitingForTransfer"].verdict == "unknown"
    assert "subscriptions.read" in found["basware push WaitingForTransfer"].remedy


async def test_a_missing_durable_and_a_stream_that_can_be_deleted_from_are_named(site: Site) -> None:
    client = await nats.connect(site.settings.nats_url)
    js = client.jetstream()
    await js.delete_consumer("DOCUMENTS", "epicor-writer_demo")
    assert (await only_failure(site, "nats durable epicor-writer_demo")).remedy == "ml-connector topology"

    await js.delete_stream("OPERATIONS")
    await js.delete_stream("MASTERDATA")
    await js.add_stream(StreamConfig(name="OPERATIONS", subjects=["operations.>"]))
    await client.close()
    found = failures(await site.examined())

    assert "deny_delete is off, not on" in found["nats stream OPERATIONS"].detail
    assert found["nats stream MASTERDATA"].detail == "it does not exist"
    assert {found[f"nats stream {name}"].remedy for name in ("OPERATIONS", "MASTERDATA")} == {"ml-connector topology"}


async def test_a_broker_that_is_gone_is_one_line(site: Site) -> None:
    site.settings = site.settings.model_copy(update={"nats_url": "nats://somebody:pass-of-nats@127.0.0.1:1"})

    gone = await only_failure(site, "nats")

    assert "127.0.0.1:1" in gone.detail
    assert "pass-of-nats" not in str(gone)


async def at_version(site: Site, version: str) -> None:
    async with site.engine.begin() as db:
        await db.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = :version"), {"version": version})


async def test_a_schema_that_is_behind_or_ahead_is_named(site: Site) -> None:
    first, *later = [each.stem.split("_")[0].removeprefix("r") for each in sorted(STEPS.glob("r*.py"))]
    await at_version(site, first)
    behind = await only_failure(site, "database schema")
    assert behind.detail == f"behind; missing: {', '.join(later)}"
    assert behind.remedy == "ml-connector migrate"

    await at_version(site, "9999")
    assert "newer version" in (await only_failure(site, "database schema")).detail


async def test_rights_that_our_database_user_lacks_are_named(site: Site) -> None:
    async with site.engine.begin() as db:
        for statement in (
            "DROP ROLE IF EXISTS mlc_clerk",
            "CREATE ROLE mlc_clerk LOGIN",
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO mlc_clerk",
            "REVOKE UPDATE, DELETE ON connections FROM mlc_clerk",
        ):
            await db.execute(sqlalchemy.text(statement))
    url = site.settings.database_url.get_secret_value().replace("postgres:@", "mlc_clerk:@")
    site.settings = site.settings.model_copy(update={"database_url": SecretStr(url)})
    try:
        lacking = await only_failure(site, "database privileges")
    finally:
        async with site.engine.begin() as db:
            await db.execute(sqlalchemy.text("DROP OWNED BY mlc_clerk"))
            await db.execute(sqlalchemy.text("DROP ROLE mlc_clerk"))

    assert lacking.detail == "missing: mlc_clerk: UPDATE on connections, mlc_clerk: DELETE on connections"
    assert "ml-connector migrate --grant" in lacking.remedy


async def test_rights_that_a_services_role_lacks_are_named(site: Site) -> None:
    async with site.engine.begin() as db:
        name = await db.scalar(sqlalchemy.text("SELECT current_database()"))
        made = "SELECT FROM pg_roles WHERE rolname = 'mlc_epicor_writer'"
        await db.execute(
            sqlalchemy.text(
                f"DO $$ BEGIN IF NOT EXISTS ({made}) THEN CREATE ROLE mlc_epicor_writer LOGIN; END IF; END $$"
            )
        )
        await db.execute(sqlalchemy.text(f"GRANT CONNECT ON DATABASE {name} TO mlc_epicor_writer"))

    lacking = await only_failure(site, "database privileges")

    assert "mlc_epicor_writer: SELECT on connection_changes" in lacking.detail
    assert "and 1 more" in lacking.detail


async def test_a_database_that_is_gone_leaves_the_broker_examined(site: Site) -> None:
    site.settings = site.settings.model_copy(
        update={"database_url": SecretStr("postgresql://joe:pass-of-joe@127.0.0.1:1/none")}
    )

    found = await site.examined()

    assert found["database"].verdict == "fail"
    assert found["far sides"].verdict == "skipped"
    assert found["nats stream DOCUMENTS"].verdict == "pass"
    assert "pass-of-joe" not in str(found)


async def test_a_credential_that_does_not_open_is_named_and_the_rest_goes_on(site: Site) -> None:
    async with site.engine.begin() as db:
        change = "UPDATE credentials SET sealed = decode('00', 'hex') || sealed WHERE field = 'epicor.password'"
        await db.execute(sqlalchemy.text(change))

    found = failures(await site.examined())

    assert set(found) == {"key material epicor.password", "epicor"}
    assert "ml-connector credentials" in found["key material epicor.password"].remedy


async def test_other_master_keys_open_nothing_and_it_says_what_to_do(site: Site) -> None:
    site.settings = site.settings.model_copy(update={"master_keys": SecretStr(OTHER_KEY)})

    found = failures(await site.examined())

    assert "key material basware.client_id" in found
    assert "credentials discard demo" in found["key material basware.client_id"].remedy


async def test_what_hangs_is_cut_off_and_the_rest_goes_on(site: Site) -> None:
    site.epicor.faults.add(Fault(kind="delay", path="PurTerms", seconds=30, times=-1))

    began = datetime.now(UTC)
    found = failures(await site.examined(seconds=1.5))

    assert set(found) == {"epicor Erp.BO.PurTermsSvc/PurTerms NWM", "epicor Erp.BO.PurTermsSvc/PurTerms NWF"}
    assert found["epicor Erp.BO.PurTermsSvc/PurTerms NWM"].detail == "no answer within 1.5 s"
    assert (datetime.now(UTC) - began).total_seconds() < 25


async def test_no_secret_is_in_what_it_says(site: Site) -> None:
    site.basware.faults.add(Fault(kind="status", path="subscriptions", status=500, times=-1))

    said = str(as_json((await site.examined()).values()))

    for secret in ("sandbox-only", "0123456789abcdef", "MDEyMzQ1"):
        assert secret not in said


async def test_an_unknown_connection_is_bad_input(site: Site) -> None:
    examiner = Examiner(site.settings, Limit(5), lambda: datetime.now(UTC))

    with pytest.raises(CommandError, match="There is no connection nope") as caught:
        await examine(examiner, "nope")

    assert caught.value.code == Exit.USAGE


async def test_all_connections_are_examined_without_a_name(site: Site) -> None:
    found = await examine(Examiner(site.settings, Limit(20), lambda: datetime.now(UTC)), None)

    assert not any_failed(found)
    assert {each.connection for each in found} == {None, "demo"}


@dataclass(frozen=True)
class Ended:
    """How a run of the real program ended."""

    code: int
    out: str
    errors: str


async def typed(site: Site, folder: Path, *words: str) -> Ended:
    """What happens when a person types this."""
    settings = site.settings
    program = Path(sys.executable).parent / "ml-connector"
    ours = {
        "MLC_NATS_URL": settings.nats_url,
        "MLC_DATABASE_URL": settings.database_url.get_secret_value(),
        "MLC_MASTER_KEYS": settings.master_keys.get_secret_value(),
    }
    both = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(program, *words, cwd=folder, env=os.environ | ours, **both)
    out, errors = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), errors.decode())


async def test_the_exit_code_tells_and_no_secret_is_printed(site: Site, tmp_path: Path) -> None:
    whole = await typed(site, tmp_path, "doctor", "demo", "--json")
    checks = json.loads(whole.out)["checks"]
    assert whole.code == Exit.OK
    assert {each["verdict"] for each in checks} == {"pass", "unknown", "skipped"}
    assert set(checks[0]) == {"connection", "check", "verdict", "detail", "remedy"}

    granted = site.basware.settings.scopes_granted - {"vendors.write"}
    changes = {"scopes_granted": granted, "ungranted_scope": "drop"}
    site.basware.settings = site.basware.settings.model_copy(update=changes)
    site.basware.subscriptions = [site.subscribed(webhookAuthenticationToken="secret-of-somebody")]
    await site.set(epicor_api_key="key-that-epicor-echoes")
    broken = await typed(site, tmp_path, "doctor", "demo", "--json")
    table = await typed(site, tmp_path, "doctor")
    listed = await typed(site, tmp_path, "subscription", "list", "demo")
    unknown = await typed(site, tmp_path, "doctor", "nope")

    wrong = {each["check"] for each in json.loads(broken.out)["checks"] if each["verdict"] == "fail"}
    assert wrong == {"basware scopes", "basware push WaitingForTransfer", "epicor api key"}
    assert "fail: 3" in table.out
    assert [each.code for each in (broken, table, listed, unknown)] == [1, 1, 0, 2]
    assert unknown.errors == "There is no connection nope; see what there is: ml-connector connection list\n"
    printed = "".join(each.out + each.errors for each in (whole, broken, table, listed, unknown))
    for secret in ("sandbox-only", "key-that", "secret-of", "MDEyMzQ1"):
        assert secret not in printed
