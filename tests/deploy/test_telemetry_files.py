"""Dashboards and alerts name only what the services really tell; each alert has a line in the manual.

Whether alerts fire is in `test_alerts.py`.
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import promql_parser
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

import basware_reader.app
import epicor_writer.app
import masterdata_sync.app
import operator_console.app
import webhook_gateway.app
from mlc_common.connection import Deadline
from mlc_common.masterdata_rules import Reading
from mlc_common.service import Runtime, Wiring, serve
from mlc_common.settings import Settings, Timings
from mlc_common.telemetry import Metrics
from mlc_common.vault import MasterKeys

ROOT = Path(__file__).parents[2]
ALERTS = yaml.safe_load((ROOT / "deploy/telemetry/alerts.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((ROOT / "deploy/telemetry/dashboard.json").read_text())
EXPRESSIONS = [each["expr"] for each in ALERTS] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]
WIRES: dict[str, Callable[[Runtime], Awaitable[Wiring]]] = {
    "webhook-gateway": webhook_gateway.app.wire,
    "basware-reader": basware_reader.app.wire,
    "epicor-writer": epicor_writer.app.wire,
    "masterdata-sync": masterdata_sync.app.wire,
    "operator-console": operator_console.app.wire,
}
LABELS = (
    {"connection", "durable", "how", "reason", "variant", "status", "far_side", "stream"}
    | {"kind", "company", "mode", "standing"}
    | {"service", "version", "class", "flow"}
)
"""Each has few values: connections, their kinds and companies, durables, codes of the catalogue, words of our own."""

NOW_NOT_SET = {"clear", "remove_by_labels"}
"""What takes a figure away and tells none."""

OF_PROMETHEUS = {"up": {"namespace", "pod", "job", "instance"}}


def samples() -> dict[str, set[str]]:
    """Every sample name that a service can tell, and its labels."""
    found: dict[str, set[str]] = {}
    for family in Metrics().registry.collect():
        labels = set(getattr(_collector(family.name), "_labelnames", ()))
        for suffix in {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",)):
            found[family.name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return found


def _collector(name: str) -> object:
    registry = Metrics().registry
    return next(each for each, names in registry._collector_to_names.items() if name in names)


@pytest.mark.parametrize("service", WIRES)
async def test_every_name_is_one_that_a_running_service_tells(
    service: str, topology: str, database_url: str, tmp_path: Path
) -> None:
    settings = Settings(
        nats_url=topology,
        database_url=SecretStr(database_url),
        master_keys=SecretStr(MasterKeys.generate_line("k1")),
        port_file=tmp_path / "port",
    )
    stop = asyncio.Event()
    running = asyncio.create_task(serve(service, settings, WIRES[service], stop=stop))
    async with asyncio.timeout(20):
        while not (tmp_path / "port").exists() or not (tmp_path / "port").read_text():
            await asyncio.sleep(0.05)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{(tmp_path / 'port').read_text()}") as http:
        told = {family.name for family in text_string_to_metric_families((await http.get("/metrics")).text)}
    stop.set()
    await running

    named = {name for expression in EXPRESSIONS for name in re.findall(r"\bmlc_\w+", expression)}
    families = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in named}
    assert families
    assert families <= told


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_uses_only_labels_its_metrics_have(expression: str) -> None:
    known = samples() | OF_PROMETHEUS
    for name, selector in re.findall(r"\b(mlc_\w+|up)\b(?:\{([^}]*)\})?", expression):
        assert name in known, name
        used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
        assert used <= known[name], (name, used)
    every = set().union(*(known[name] for name in re.findall(r"\b(mlc_\w+|up)\b", expression)))
    for grouping in re.findall(r"\bby \(([^)]*)\)", expression):
        assert {each.strip() for each in grouping.split(",")} <= every
    assert promql_parser.parse(expression.replace("$connection", "acme"))


def test_every_metric_is_made_where_all_are_and_told_somewhere() -> None:
    """One that is made later would not leave by OTLP; one that nobody sets would keep its alert silent for ever."""
    common, told, made = ROOT / "libs/common/src/mlc_common", set[str](), set[str]()
    for path in (*(ROOT / "services").rglob("src/**/*.py"), *common.rglob("*.py")):
        tree = ast.parse(path.read_text())
        if path.name in ("telemetry.py", "gauges.py"):
            continue
        told |= set(_told(tree))
        made |= {
            f"{path.name}: {alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "prometheus_client"
            for alias in node.names
            if alias.name in ("Counter", "Gauge", "Histogram", "Summary") and _makes(tree, alias.name)
        }
    for method in ast.walk(ast.parse((common / "gauges.py").read_text())):
        if isinstance(method, ast.FunctionDef) and method.name in told:
            told |= {node.attr for node in ast.walk(method) if isinstance(node, ast.Attribute)}

    assert not made
    metrics = Metrics()
    kept = [vars(each) for each in (metrics, metrics.gauges, metrics.masterdata, metrics.pushes)]
    names = {name for each in kept for name, held in each.items() if isinstance(held, MetricWrapperBase)}
    assert len(names) == len(list(metrics.registry.collect()))
    assert names <= told, names - told


def _told(tree: ast.AST) -> Iterator[str]:
    """The members of our metrics that a module uses, but for those it only clears."""
    cleared = {
        id(node)
        for each in ast.walk(tree)
        for node in (
            ast.walk(each.iter)
            if isinstance(each, ast.For)
            else [each.value]
            if isinstance(each, ast.Attribute) and each.attr in NOW_NOT_SET
            else []
        )
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in cleared:
            holder = getattr(node.value, "attr", getattr(node.value, "id", ""))
            if holder.lstrip("_") in ("metrics", "gauges", "masterdata", "pushes", "counters"):
                yield node.attr


def _makes(tree: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Call) and getattr(node.func, "id", "") == name for node in ast.walk(tree))


def test_no_label_can_hold_a_document() -> None:
    assert set().union(*samples().values()) - {"le"} <= LABELS
    for path in (*(ROOT / "services").rglob("src/**/*.py"), *(ROOT / "libs").rglob("src/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "labels":
                given = ast.unparse(node)
                assert not re.search(r"invoice|attempt|document_id|voucher|subject|request|sequence", given), given


def test_the_thresholds_fit_the_timings_they_watch() -> None:
    expression = {each["alert"].removeprefix("MlConnector"): each["expr"] for each in ALERTS}
    timings, window = Timings(), Deadline()

    def threshold(alert: str) -> float:
        return float(re.findall(r"[<>]=? ([\d.]+)$", expression[alert])[0])

    assert threshold("SweepOverdue") >= 3 * timings.sweep, "one sweep that fails is no alarm"
    assert threshold("BacklogOld") < window.minutes * 60 * window.warn, "people hear of it before Basware gives up"
    windows = {float(each) * 60 for each in re.findall(r"\[(\d+)m\]", expression["NothingSucceeds"])}
    assert min(windows) >= 2 * timings.retry_ceiling, "a message that always fails is tried within each"
    assert threshold("MasterDataOld") >= 24 * Reading().full.every, "a few runs that fail are no alarm"  # type: ignore[operator]
    interim = window.minutes * 60 * (1 - window.answer)
    assert 0 < threshold("DeadlineNear") < window.minutes * 60 * (1 - window.warn)
    assert threshold("DeadlineNear") < interim, "the interim answer comes first; who still waits then is in danger"


@pytest.mark.parametrize("alert", ALERTS, ids=lambda each: each["alert"])
def test_an_alert_is_whole_and_has_a_line_in_the_manual(alert: dict[str, object]) -> None:
    assert set(alert) == {"alert", "expr", "for", "labels", "annotations"}
    assert alert["labels"]["severity"] in ("page", "warning", "info")  # type: ignore[index]
    assert re.fullmatch(r"\d+[mh]", str(alert["for"]))
    summary = str(alert["annotations"]["summary"])  # type: ignore[index]
    every = set().union(*samples().values(), *OF_PROMETHEUS.values())
    assert set(re.findall(r"\$labels\.(\w+)", summary)) <= every
    assert f"| `{alert['alert']}` |" in (ROOT / "docs/operations.md").read_text()


def test_no_two_alerts_share_a_name_and_no_line_of_the_manual_is_left_over() -> None:
    names = [each["alert"] for each in ALERTS]
    assert len(set(names)) == len(names)
    manual = set(re.findall(r"^\| `(MlConnector\w+)` \|", (ROOT / "docs/operations.md").read_text(), flags=re.M))
    assert manual == set(names)


def test_the_dashboard_shows_what_operators_ask_for() -> None:
    shown = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])

    told = {re.sub(r"_(bucket|count|sum)$", "", name) for name in samples()}
    not_shown = {name for name in told if name not in shown}
    assert not_shown == {"mlc_group_unlock_failures_total", "mlc_drift_total"}, "alerts alone tell of these"
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
