"""Bank accounts of vendors: a changed one waits for a person, and no number is readable anywhere but at Basware."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import nats
import pytest
import pytest_asyncio
import structlog
from sqlalchemy import text
from typer.testing import CliRunner

from mlc_common.events import (
    BankChangeDecided,
    BankChangeHeld,
    BankChangeWithdrawn,
    RecordRefused,
    RecordSent,
    SyncRequested,
)
from mlc_common.settings import Settings
from mlc_common.streams import MASTERDATA
from mlc_common.vault import MasterKeys
from mlc_sandbox.epicor.master_control import remove
from mlc_sandbox.faults import Fault
from operator_console import bank_commands, drift_command, masterdata_command, sync_command
from operator_console.cli import app
from operator_console.exits import CommandError
from operator_console.masterdata_records import Wanted

Opening = Callable[..., Any]
OLD, NEW, OTHER = "US64SVBK0123456789", "US64SVBK9876543210", "4455667788"
ON = {"kinds": {"vendors": {"bank_accounts": "on"}}}
AT_ONCE = {"kinds": {"vendors": {"bank_accounts": {"approve_first": False}}}}
WANTED = Wanted("northwind", "vendor", "US01")


def bank(place: Any, number: str | None, vendor: int = 101) -> None:
    """Give a vendor of NWM this one account, or none."""
    world = place.far_sides.epicor_world
    rows = world.master.rows["VendBank"]
    rows[:] = [row for row in rows if row["VendorNum"] != vendor]
    if number:
        kind = "IBANCode" if number[0].isalpha() else "BankAcctNumber"
        bare = {"Company": "NWM", "VendorNum": vendor, "BankID": "MAIN", "BankName": "Bank", "SwiftNum": "SVBKUS6S"}
        rows.append(bare | {"IBANCode": "", "BankAcctNumber": "", kind: number})
    world.next_revision()


def account(there: Any, code: str = "US01_10432") -> str | None:
    """The account number that Basware holds."""
    accounts = there[code].get("paymentMeans", [{}])[0].get("financialAccounts")
    return accounts[0]["financialAccountIdentifiers"][0]["id"] if accounts else None


async def decide(place: Any, verdict: bank_commands.Verdict, code: str = "10432") -> BankChangeDecided:
    change = await bank_commands.waiting(place.settings, "northwind", code, company="US01")
    return await bank_commands.decide(place.settings, change, verdict, reason="rang them up")


async def stream(settings: Settings) -> str:
    """Everything that MASTERDATA holds, as it is stored."""
    client = await nats.connect(settings.nats_url)
    try:
        context = client.jetstream()
        state = (await context.stream_info(MASTERDATA)).state
        found = [await context.get_msg(MASTERDATA, number) for number in range(state.first_seq, state.last_seq + 1)]
        return "\n".join(f"{each.subject} {(each.data or b'').decode()}" for each in found)
    finally:
        await client.close()


def runs_of(number: str) -> list[str]:
    """Every five digits in a row of an account number."""
    digits = re.sub(r"\D", "", number)
    return [digits[start : start + 5] for start in range(len(digits) - 4)]


@pytest_asyncio.fixture
async def unreadable(place: Any) -> AsyncIterator[None]:
    """Neither logs nor facts show more than four digits of any number here, whatever the test does."""
    with structlog.testing.capture_logs() as logs:
        yield
    told = {"stream": await stream(place.settings), "logs": json.dumps(logs, default=str)}
    for where, found in told.items():
        for number in (OLD, NEW, OTHER):
            shown = [run for run in runs_of(number) if run in re.sub(r"sealed:[\w=-]+:", "", found)]
            assert not shown, where


@pytest.mark.usefixtures("unreadable")
async def test_a_changed_account_waits_for_a_person_and_the_rest_is_sent(place: Any, opening: Opening) -> None:
    bank(place, OLD)
    async with opening(place, **AT_ONCE) as bench:
        await bench.run()
        assert account(bench.there()) == OLD
        bank(place, NEW)
        bench.world.master.vendors["NWM", 101]["Name"] = "Great Lakes Bolts LLC"
        await bench.run()
        again = await bench.run()
        kept, name = account(bench.there()), bench.there()["US01_10432"]["name"]
        (shown,) = await masterdata_command.show(place.settings, WANTED, "10432")
        event = await decide(place, "approved")
        await bench.run()

    (held,) = await place.facts(BankChangeHeld)
    assert held.finding.code == "BANK_CHANGE_HELD"
    assert (held.old, held.new) == (("IBAN …6789 at SVBKUS6S",), ("IBAN …3210 at SVBKUS6S",))
    assert (kept, name, again.sent) == (OLD, "Great Lakes Bolts LLC", 0)
    assert (shown.state, shown.bank_change) == ("held", held)
    assert (event.verdict, event.reason) == ("approved", "rang them up")
    assert event.by
    assert account(bench.there()) == NEW
    assert [each.key for each in await place.facts(SyncRequested)] == ["10432"]


@pytest.mark.usefixtures("unreadable")
async def test_a_first_account_waits_too_unless_the_file_says_otherwise(place: Any, opening: Opening) -> None:
    bank(place, OLD)
    async with opening(place, **ON) as bench:
        await bench.run()
        assert account(bench.there()) is None
        await decide(place, "approved")
        await bench.run()
        assert account(bench.there()) == OLD

        # Known without one until now: that is a change, whatever is said of first ones.
        await place.connect(**AT_ONCE)
        bank(place, OTHER, vendor=102)
    async with opening(place, **AT_ONCE) as bench:
        await bench.run()
        code = bench.world.master.vendors["NWM", 102]["VendorID"]
        assert account(bench.there(), f"US01_{code}") is None
        assert {each.code for each in await place.facts(BankChangeHeld)} == {"10432", code}


@pytest.mark.parametrize("way", ["odata", "getrows"])
async def test_accounts_are_read_either_way(place: Any, opening: Opening, way: str) -> None:
    bank(place, OLD)
    bank(place, OTHER, vendor=102)
    async with opening(place, **AT_ONCE, masterdata={"default": {"way": way}}) as bench:
        await bench.run()
        code = bench.world.master.vendors["NWM", 102]["VendorID"]
        assert (account(bench.there()), account(bench.there(), f"US01_{code}")) == (OLD, OTHER)


@pytest.mark.usefixtures("unreadable")
async def test_a_rejected_account_is_never_sent_and_asked_for_once(place: Any, opening: Opening) -> None:
    bank(place, OLD)
    async with opening(place, **AT_ONCE) as bench:
        await bench.run()
        bank(place, NEW)
        await bench.run()
        await decide(place, "rejected")
        bench.world.master.vendors["NWM", 101]["Name"] = "Renamed"
        await bench.run()
        (shown,) = await masterdata_command.show(place.settings, WANTED, "10432")
        assert (account(bench.there()), bench.there()["US01_10432"]["name"], shown.state) == (OLD, "Renamed", "sent")
        with pytest.raises(CommandError, match="No change of bank accounts"):
            await decide(place, "approved")
        assert len(await place.facts(BankChangeHeld)) == 1

        bank(place, OTHER)
        await bench.run()
        seen = await bank_commands.waiting(place.settings, "northwind", "10432", company=None)
        bank(place, OLD)
        await bench.run()
        with pytest.raises(CommandError, match="No change of bank accounts"):
            await bank_commands.decide(place.settings, seen, "approved", reason="too late")
    assert [each.verdict for each in await place.facts(BankChangeDecided)] == ["rejected"]
    assert len(await place.facts(BankChangeWithdrawn)) == 1
    assert account(bench.there()) == OLD


@pytest.mark.usefixtures("unreadable")
async def test_a_vendor_that_is_gone_keeps_the_approved_account_when_it_is_deactivated(
    place: Any, opening: Opening
) -> None:
    bank(place, OLD)
    async with opening(place, **AT_ONCE) as bench:
        await bench.run()
        bank(place, NEW)
        await bench.run()
        remove(bench.world, "Vendor", bench.world.master.vendors["NWM", 101])
        await bench.run()
        await bench.run(allow_removals=True)

    there = bench.there()["US01_10432"]
    assert there["processingStatus"]["active"] is False
    assert account(bench.there()) == OLD


@pytest.mark.usefixtures("unreadable")
async def test_what_basware_says_of_a_number_is_masked(place: Any, opening: Opening) -> None:
    bank(place, OLD)
    error = {"externalCode": "US01_10432", "errorCode": "X", "errorMessages": [f"Account {OLD} fails its check digits"]}
    refusal = {"kind": "status", "match": "US01_10432", "status": 400, "body": {"errors": [error]}, "times": -1}
    place.far_sides.basware_world.faults.add(Fault(path="/v1/vendors", method="POST", **refusal))
    async with opening(place, **AT_ONCE) as bench:
        await bench.run()
    (shown,) = await masterdata_command.show(place.settings, WANTED, "10432")

    assert shown.state == "refused"
    assert "Account …6789 fails" in str(shown.why)


@pytest.mark.usefixtures("unreadable")
async def test_no_command_shows_a_number(place: Any, opening: Opening, serving: Any) -> None:
    bank(place, OLD)
    async with opening(place, **AT_ONCE) as bench:
        await bench.run()
        assert await drift_command.drift(place.settings, WANTED, code=None, most=9) == []
        bench.there()["US01_10432"]["paymentMeans"][0]["financialAccounts"][0]["financialAccountIdentifiers"][0][
            "id"
        ] = OTHER
        (apart,) = await drift_command.drift(place.settings, WANTED, code="10432", most=9)
        bank(place, NEW)
        await bench.run()
    change = await bank_commands.waiting(place.settings, "northwind", "10432", company=None)
    (shown,) = await masterdata_command.show(place.settings, WANTED, "10432")
    async with serving(place):
        planned = await sync_command.ask(
            place.settings, connection="northwind", patience=30, kind="vendor", company="US01", key="10432", plan=True
        )

    out = drift_command.output.console()
    with out.capture() as captured:
        for each in (
            drift_command.table([apart]),
            drift_command.as_json(apart),
            bank_commands.table(change),
            change.model_dump(mode="json"),
            masterdata_command.field_by_field(shown),
            masterdata_command.as_json(shown),
            sync_command.planned(planned),
            sync_command.as_json(planned),
        ):
            out.print(each)
    seen = captured.get()
    assert {"…6789", "…3210", "…788"} <= set(re.findall(r"…\d+", seen))
    assert "sealed" not in seen
    assert not [run for number in (OLD, NEW, OTHER) for run in runs_of(number) if run in seen]


async def test_a_key_that_is_gone_sends_nothing_until_a_person_has_approved(
    place: Any, opening: Opening, engine: Any
) -> None:
    bank(place, OLD)
    async with opening(place, **AT_ONCE) as bench:
        await bench.run()
    async with engine.begin() as db:
        await db.execute(text("DELETE FROM credentials"))
        await db.execute(text("DELETE FROM data_keys"))
    await place.set_credentials(MasterKeys.parse(place.settings.master_keys))
    async with opening(place, **AT_ONCE) as bench:
        bench.world.master.vendors["NWM", 101]["Name"] = "Renamed"
        await bench.run()
        (shown,) = await masterdata_command.show(place.settings, WANTED, "10432")
        assert shown.state == "held"
        assert [each.by for each in await place.facts(RecordRefused)] == ["api"]
        assert bench.there()["US01_10432"]["name"] != "Renamed"
        await decide(place, "approved")
        await bench.run()
        assert (account(bench.there()), bench.there()["US01_10432"]["name"]) == (OLD, "Renamed")
    assert len([each for each in await place.facts(RecordSent) if each.code == "10432"]) == 2


@pytest.mark.usefixtures("unreadable")
async def test_the_word_shows_both_sides_and_asks_before_it_decides(place: Any, opening: Opening) -> None:
    bank(place, OLD)
    async with opening(place, **AT_ONCE) as bench:
        await bench.run()
        bank(place, NEW)
        await bench.run()
    database = place.settings.database_url.get_secret_value()
    env = {"MLC_NATS_URL": place.settings.nats_url, "MLC_DATABASE_URL": database, "COLUMNS": "200"}

    async def said(*words: str, answer: str | None = None) -> Any:
        return await asyncio.to_thread(CliRunner().invoke, app, ["masterdata", *words], env=env, input=answer)

    no = await said("approve", "northwind", "10432", "-m", "rang them up", answer="n\n")
    assert (no.exit_code, await place.facts(BankChangeDecided)) == (1, [])
    assert "IBAN …6789 at SVBKUS6S" in no.stdout
    assert "IBAN …3210 at SVBKUS6S" in no.stdout
    shown = await said("show", "northwind", "vendor", "10432")
    assert "No invoice in Epicor has used it." in shown.stdout
    yes = await said("approve", "northwind", "10432", "-m", "rang them up", "--yes", "--json")
    told = json.loads(yes.stdout)
    (fact,) = await place.facts(BankChangeDecided)
    assert (told["verdict"], told["by"], told["reason"]) == ("approved", fact.by, "rang them up")
    assert not [run for number in (OLD, NEW) for run in runs_of(number) if run in no.stdout + shown.stdout + yes.stdout]
