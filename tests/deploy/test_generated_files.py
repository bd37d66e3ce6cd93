"""The files that are made from the code are what the code makes now; the settings of the manifests are the code's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from mlc_common.permissions import DUTIES
from mlc_common.settings import Settings, Timings
from operator_console.cli import app
from operator_console.nats_accounts import password_variable

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "deploy/k8s/base/common/settings.env"
VARIABLE = re.compile(r"\bMLC_[A-Z0-9_]+")
SECRET = {"MLC_NATS_PASSWORD", "MLC_DATABASE_URL"}
OF_A_SERVICE = {"MLC_NATS_USER", "MLC_NATS_INBOX_PREFIX"}
BY_FILE_INSTEAD = {"MLC_MASTER_KEYS"}


@pytest.mark.parametrize(
    ("command", "file"),
    [
        (["keda", "acme"], "k8s/autoscaling/scaledobjects.yaml"),
        (["nats", "acme"], "nats/accounts.yaml"),
        (["nats", "acme", "--server-file"], "compose/accounts.conf"),
        (["roles"], "postgres/roles.sql"),
    ],
)
def test_a_generated_file_is_what_the_command_prints(command: list[str], file: str) -> None:
    printed = CliRunner().invoke(app, ["deploy", *command])

    assert printed.exit_code == 0
    assert printed.stdout == (ROOT / "deploy" / file).read_text(), f"ml-connector deploy {' '.join(command)} > {file}"


def known() -> dict[str, object]:
    """Every setting and its default."""
    found = {f"MLC_{name.upper()}": field.default for name, field in Settings.model_fields.items() if name != "timings"}
    return found | {f"MLC_TIMINGS__{name.upper()}": field.default for name, field in Timings.model_fields.items()}


def stands() -> dict[str, tuple[bool, str]]:
    """Every variable of the settings file: whether it is set, and to what."""
    lines = re.findall(r"^(# )?(MLC_\w+)=(.*)$", SETTINGS.read_text(), flags=re.M)
    return {variable: (not comment, value) for comment, variable, value in lines}


def test_every_setting_stands_in_the_manifests_and_nothing_else_does() -> None:
    assert set(stands()) | SECRET | OF_A_SERVICE | BY_FILE_INSTEAD == set(known())
    for path in (ROOT / "deploy").rglob("*"):
        if path.suffix in (".yaml", ".env", ".conf"):
            assert set(VARIABLE.findall(path.read_text())) <= set(known()) | {"MLC_TIMINGS__"}, path


def test_a_setting_that_is_not_set_shows_its_default() -> None:
    for variable, (is_set, shown) in stands().items():
        default = known()[variable]
        if not is_set:
            assert shown == told(default), variable


def told(default: object) -> str:
    """A default as a variable says it."""
    match default:
        case None:
            return ""
        case tuple():
            return json.dumps(default)
        case bool():
            return json.dumps(default)
    return str(default)


def test_what_is_set_is_understood() -> None:
    chosen = {name: value for name, (is_set, value) in stands().items() if is_set}

    fields = {name.removeprefix("MLC_").lower(): value for name, value in chosen.items()}
    assert Settings.model_validate(fields).host == "0.0.0.0"  # noqa: S104 - in a container


def test_the_charts_values_know_every_users_password_and_sync_three_copies() -> None:
    values = yaml.safe_load((ROOT / "deploy/nats/values.yaml").read_text())

    assert set(values["container"]["env"]) == {password_variable(user) for user in DUTIES}
    assert {each["valueFrom"]["secretKeyRef"]["key"] for each in values["container"]["env"].values()} == set(DUTIES)
    assert values["config"]["cluster"]["replicas"] == 3
    assert values["config"]["jetstream"]["merge"] == {"sync_interval": "always"}
    assert values["config"]["jetstream"]["fileStore"]["pvc"]["enabled"]
    assert values["config"]["nats"]["tls"]["enabled"]
    assert values["config"]["cluster"]["tls"]["enabled"]
    assert values["podTemplate"]["merge"]["metadata"]["annotations"]["prometheus.io/port"] == str(
        values["promExporter"]["port"]
    )


def test_no_secret_stands_in_the_files() -> None:
    for path in (ROOT / "deploy").rglob("*"):
        if path.is_file() and path.suffix != ".lock":
            text = path.read_text()
            assert not re.search(r"(?i)password:?\s*[\"']?[a-z0-9]{8,}", text.replace("NATS_PASSWORD", "")), path
            assert "BEGIN" not in text.replace("$$ BEGIN", ""), path
