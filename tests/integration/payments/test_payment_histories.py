"""Every payment history of the golden files, in one site, by every way of reading: each ends as its file says."""

from __future__ import annotations

from datetime import timedelta
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlc_common.http import dump_json
from mlc_sandbox.epicor.histories import LOOK, Account, steps

if TYPE_CHECKING:
    from .conftest import MakeSite, Site

HISTORIES = sorted((Path(__file__).parents[2] / "golden" / "payments").glob("*.history"))
BAQ = {"id": "MLPayments"}
WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "search service, local times, amounts net": ({"read": "APTranSearches"}, {"payment_amounts": "net"}),
    "payment entry, times with a zone, amounts gross": (
        {"read": "APTrans"},
        {"payment_amounts": "gross", "change_date": "zoned", "date_literals": "zoned"},
    ),
    "GetRows, days only, small pages": (
        {"read": "GetRows", "overlap_minutes": 1500},
        {"payment_amounts": "net", "change_date": "day", "page_cap": 7},
    ),
    "BAQ, amounts gross, small pages, voids do not show": (
        {"read": "BAQ", "baq": BAQ},
        {"payment_amounts": "gross", "page_cap": 7, "voids_move_change_date": False},
    ),
}
PER_NAME = ("paymentDocument", "paymentReversalDocument", "paymentNumber", "checkNumber", "responseMessage")
"""Members that hold the running numbers of payments, which many histories in one set of books draw from one row."""


def rounds(text: str) -> list[list[str]]:
    """The steps between two looks."""
    found: list[list[str]] = [[]]
    for step in steps(text):
        if step == LOOK:
            found.append([])
        else:
            found[-1].append(step)
    return found


def expected(history: Path) -> tuple[int, dict[str, str]]:
    """How often Basware is told, and what it shows in the end."""
    text = history.with_suffix(".expected").read_text(encoding="utf-8")
    told, *lines = text.split("Basware, told ")[-1].splitlines()
    members = dict(line.strip().split(": ", 1) for line in lines)
    return int(told.split()[0]), {name: value for name, value in members.items() if name not in PER_NAME}


async def accounts(site: Site) -> dict[str, Account]:
    """A document for every history, and its account in the books."""
    made = {}
    for history in HISTORIES:
        first = steps(history.read_text(encoding="utf-8"))[0].split()
        name = history.stem[:36]
        made[history.stem] = await site.document(name, ("-" if "credit" in first else "") + first[1], first[2])
    return made


def shown(site: Site, history: Path) -> tuple[int, dict[str, str]]:
    """The same of what the emulator of Basware holds."""
    told = site.told(history.stem[:36])
    state = {name: value for name, value in site.state(history.stem[:36]).items() if name not in PER_NAME}
    return len(told), {name: dump_json(value).decode().strip('"') for name, value in state.items()}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", WAYS)
async def test_every_history_ends_in_the_right_state(make_site: MakeSite, way: str) -> None:
    rules, tenant = WAYS[way]
    async with make_site(**rules) as site:
        site.epicor_settings(**tenant)
        books = await accounts(site)
        parts = {history.stem: rounds(history.read_text(encoding="utf-8")) for history in HISTORIES}
        for together in zip_longest(*parts.values(), fillvalue=[]):
            for name, some in zip(parts, together, strict=True):
                for step in some:
                    books[name].play(step, at=site.clock())
            # A day later, so that what no ChangeDate shows is looked at too.
            site.clock.forward(timedelta(hours=25))
            await site.look()

        wrong = {}
        for history in HISTORIES:
            tellings, state = expected(history)
            found, members = shown(site, history)
            want = {name: value.replace("True", "true").replace("False", "false") for name, value in state.items()}
            if (found, members) != (tellings, want):
                wrong[history.stem] = ((found, members), (tellings, want))
        assert wrong == {}
        assert site.far.basware_world.refused_answers == {}
