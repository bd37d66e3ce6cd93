"""Every alert fires for what it is for, stays silent otherwise, and is as patient as it says.

`alerts_test.yaml` is run. It is promtool's own kind of file; where promtool is installed, it has to agree.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from .promql import Labels, Series, Vector, evaluate, written

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).with_name("alerts_test.yaml")
WRITTEN = yaml.load(CASES.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - texts only; 0x60 is no number here
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load((ROOT / "deploy/telemetry/alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
}


def seconds(duration: str) -> float:
    """A duration as Prometheus writes it; `0m` is none."""
    return float(promql_parser.parse_duration(duration).total_seconds()) if re.search("[1-9]", duration) else 0.0


EVERY = seconds(WRITTEN["evaluation_interval"])


@dataclass(frozen=True)
class Case:
    """At one moment, these alerts of one rule fire and no others."""

    name: str
    rule: dict[str, Any]
    series: tuple[Series, ...]
    at: float
    expected: list[dict[str, Any]]

    def fires(self) -> Vector:
        """What fires: what was true all the time that the rule is patient, and the values now."""
        now, since = self.at - self.at % EVERY, self.at - seconds(self.rule["for"])
        found = self.true(now)
        while now > since:
            now -= EVERY
            earlier = self.true(now) if now >= 0 else {}
            found = {labels: value for labels, value in found.items() if labels in earlier}
        return found

    def true(self, at: float) -> Vector:
        """What the expression gives."""
        return evaluate(self.rule["expr"], self.series, at=at)


def cases() -> Iterator[Case]:
    for group in WRITTEN["tests"]:
        every = seconds(group["interval"])
        series = tuple(written(each["series"], each["values"], every=every) for each in group["input_series"])
        for one in group["alert_rule_test"]:
            yield Case(group["name"], RULES[one["alertname"]], series, seconds(one["eval_time"]), one["exp_alerts"])


CASE = list(cases())


@pytest.mark.parametrize("case", CASE, ids=lambda case: f"{case.rule['alert']} {case.name} {case.at:g}")
def test_an_alert_fires_when_it_should_and_only_then(case: Case) -> None:
    fired = [told(case.rule, labels, value) for labels, value in case.fires().items()]

    assert sorted(fired, key=str) == sorted(case.expected, key=str)


@pytest.mark.parametrize("name", RULES)
def test_every_alert_has_a_case_that_fires_one_that_does_not_and_one_that_is_not_true_for_long_enough(
    name: str,
) -> None:
    mine = [case for case in CASE if case.rule["alert"] == name]

    assert any(case.expected for case in mine)
    silent = [case for case in mine if not case.expected]
    assert silent
    if seconds(RULES[name]["for"]):
        assert any(case.true(case.at) for case in silent), "nothing shows that `for` is respected"


def test_promtool_agrees() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")

    ran = subprocess.run([promtool, "test", "rules", CASES], capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr


def told(rule: dict[str, Any], labels: Labels, value: float) -> dict[str, Any]:
    """A firing alert as it is sent."""
    own = dict(labels)

    def filled(match: re.Match[str]) -> str:
        return own[match[1]] if match[1] else humanized(value)

    summary = re.sub(r"{{ (?:\$labels\.(\w+)|\$value \| humanizeDuration) }}", filled, rule["annotations"]["summary"])
    assert "{{" not in summary
    return {"exp_labels": own | rule["labels"], "exp_annotations": rule["annotations"] | {"summary": summary}}


def humanized(value: float) -> str:
    """A second or more, as Prometheus's `humanizeDuration` writes it."""
    assert value >= 1
    whole = int(value)
    parts = {"d": whole // 86_400, "h": whole // 3600 % 24, "m": whole // 60 % 60, "s": whole % 60}
    while len(parts) > 1 and not next(iter(parts.values())):
        del parts[next(iter(parts))]
    return " ".join(f"{number}{unit}" for unit, number in parts.items()) if len(parts) > 1 else f"{value:.4g}s"
