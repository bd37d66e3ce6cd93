"""The duties that permissions are made of are those of the code: facts, durables, streams."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest

from mlc_common import streams
from mlc_common.events import Event
from mlc_common.permissions import DUTIES, EVERY_DURABLE, OPERATOR, durables_of, permissions_of
from mlc_common.stored_event import FactOfDocument

ROOT = Path(__file__).parents[2]
CLASSES = {each.__name__: each for each in get_args(Event)}
SERVICES = {name: ROOT / "services" / name / "src" for name in DUTIES if name != OPERATOR}
CONSOLE = "operator-console"


def made(folder: Path) -> set[str]:
    """The events that this source makes; a pattern in a `match` makes none."""
    trees = [ast.parse(path.read_text()) for path in folder.rglob("*.py")]
    calls = (node.func for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call))
    names = (node.id if isinstance(node, ast.Name) else getattr(node, "attr", "") for node in calls)
    return set(CLASSES) & set(names)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_publish_every_event_that_its_source_makes(service: str) -> None:
    # The console's source is also the command line's, whose user people are.
    user = OPERATOR if service == CONSOLE else service
    duty, found = DUTIES[user], [CLASSES[name] for name in made(SERVICES[service])]

    facts = {each.fact for each in found if issubclass(each, FactOfDocument)}
    assert facts <= set(duty.facts), "mlc_common/permissions.py does not know of it"
    others = {each.__name__ for each in found if not issubclass(each, FactOfDocument)}
    assert bool(others) == bool(duty.subjects)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_publish_nothing_that_its_source_does_not_name(service: str) -> None:
    user = OPERATOR if service == CONSOLE else service
    source = "".join(path.read_text() for path in SERVICES[service].rglob("*.py"))

    for fact in DUTIES[user].facts:
        [name] = [name for name, each in CLASSES.items() if issubclass(each, FactOfDocument) and each.fact == fact]
        assert name in source, f"{user} makes no {name}"


def test_every_fact_is_somebodys_and_only_one_users() -> None:
    facts = [fact for duty in DUTIES.values() for fact in duty.facts]

    assert sorted(facts) == sorted({each.fact for each in CLASSES.values() if issubclass(each, FactOfDocument)})


def test_every_durable_is_somebodys_and_only_one_users() -> None:
    assert tuple(make("acme") for make in EVERY_DURABLE) == streams.durables("acme")
    worked_on = [durable for user in DUTIES for durable in durables_of(user, "acme")]
    assert sorted(each.name for each in worked_on) == sorted(each.name for each in streams.durables("acme"))


@pytest.mark.parametrize("service", SERVICES)
def test_the_durables_a_service_wires_are_those_it_may_read(service: str) -> None:
    source = "".join(path.read_text() for path in SERVICES[service].rglob("*.py"))

    assert {make.__name__ for make in EVERY_DURABLE if make.__name__ in source} == {
        make.__name__ for make in DUTIES[service].durables
    }


@pytest.mark.parametrize("user", DUTIES)
def test_nobody_may_do_everything(user: str) -> None:
    allowed = permissions_of(user, ["acme"])

    broad = {">", "*", "$JS.>", "$JS.API.>", "documents.>", "$JS.API.STREAM.>", "$JS.API.CONSUMER.>", "_INBOX.>"}
    assert not broad & {*allowed.publish, *allowed.subscribe}
    destroys = [each for each in allowed.publish if "DELETE" in each or "PURGE" in each or "LEADER" in each]
    assert destroys == (["$JS.API.STREAM.MSG.DELETE.DOCUMENT_KEYS"] if user == OPERATOR else [])
