"""The manifests hold the rules of the house, for every workload, and fit the schemas of Kubernetes and KEDA."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from mlc_common.permissions import DUTIES, OPERATOR, durables_of, inbox_prefix
from mlc_common.settings import Settings, Timings
from operator_console.keda import SCALING, WAITING_ON_PURPOSE, counting
from webhook_gateway.hook import LARGEST_BODY

ROOT = Path(__file__).parents[2]
OVERLAYS = tuple(f"{overlay}{part}" for overlay in ("single", "production") for part in ("", "/before", "/operator"))

Manifest = dict[str, Any]
SERVICES = {name for name in DUTIES if name != OPERATOR}
SERVICE_OVERLAYS = ("single", "production")
NEWEST = "1.32"
LONGEST_HANDLER: dict[str, Callable[[Timings], float]] = {
    "webhook-gateway": lambda timings: timings.push_body,
    "basware-reader": lambda timings: timings.basware_read,
    "epicor-writer": lambda timings: timings.epicor_write,
    "masterdata-sync": lambda timings: max(timings.epicor_read, timings.basware_read),
    "operator-console": lambda _: 60.0,
}
CERTIFICATES = "/run/certificates"
FAR_SIDES = 443
FLOWS: dict[str, set[int]] = {
    "webhook-gateway": {53, 4222, 5432, 4318},
    "basware-reader": {53, 4222, 5432, 4318, FAR_SIDES},
    "epicor-writer": {53, 4222, 5432, 4318, FAR_SIDES},
    "masterdata-sync": {53, 4222, 5432, 4318, FAR_SIDES},
    "operator-console": {53, 4222, 5432, 4318},
    "migration": {53, 5432},
    "topology": {53, 4222, 5432},
    "operator": {53, 4222, 5432, FAR_SIDES},
}


@cache
def rendered(overlay: str) -> tuple[Manifest, ...]:
    """Everything an overlay applies."""
    return kustomized(ROOT / "deploy/k8s/overlays" / overlay)


def kustomized(folder: Path) -> tuple[Manifest, ...]:
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not here: manifests are parsed, not rendered")
    done = subprocess.run([program, "kustomize", str(folder)], capture_output=True, text=True, check=True)
    return tuple(yaml.safe_load_all(done.stdout))


def pod_of(manifest: Manifest) -> Manifest:
    """The pod's own part of whatever runs one."""
    spec: Manifest = manifest["spec"] if manifest["kind"] == "Pod" else manifest["spec"]["template"]["spec"]
    return spec


def workloads(overlay: str) -> list[Manifest]:
    """Whatever runs a pod in an overlay."""
    return [each for each in rendered(overlay) if each["kind"] in ("Deployment", "Job", "Pod")]


def name(manifest: dict[str, Any]) -> str:
    return str(manifest["metadata"]["name"])


def of_kind(overlay: str, kind: str) -> dict[str, dict[str, Any]]:
    return {name(each): each for each in rendered(overlay) if each["kind"] == kind}


@pytest.mark.parametrize("path", sorted((ROOT / "deploy").rglob("*.yaml")), ids=lambda path: path.name)
def test_every_file_is_yaml(path: Path) -> None:
    assert [each for each in yaml.safe_load_all(path.read_text()) if each is not None]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_fits_its_schema(overlay: str) -> None:
    keda = json.loads((ROOT / "deploy/k8s/autoscaling/scaledobject.schema.json").read_text())
    for manifest in rendered(overlay):
        if manifest["apiVersion"].startswith("keda.sh/"):
            plain = {key: value for key, value in manifest.items() if key != "metadata"}
            jsonschema.validate(plain | {"metadata": {"name": name(manifest)}}, keda)
        else:
            kubernetes_validate.validate(manifest, NEWEST, strict=True)


def test_the_network_policy_of_nats_fits_its_schema_and_lets_in_whoever_uses_nats() -> None:
    policy = yaml.safe_load((ROOT / "deploy/nats/network.yaml").read_text())
    kubernetes_validate.validate(policy, NEWEST, strict=True)
    [client] = [each for each in policy["spec"]["ingress"] if each["ports"][0]["port"] == 4222]

    allowed = set(client["from"][0]["podSelector"]["matchExpressions"][0]["values"])
    assert allowed == {user for user, ports in FLOWS.items() if 4222 in ports}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_shut_in(overlay: str) -> None:
    for workload in workloads(overlay):
        pod = pod_of(workload)
        assert pod["automountServiceAccountToken"] is False
        assert pod["serviceAccountName"] == name(workload)
        assert "hostNetwork" not in pod
        assert "hostPID" not in pod
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["runAsGroup"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "privileged": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]
            assert "@sha256:" in container["image"] or not container["image"].endswith(":latest")
            assert ":" in container["image"]
        [tmp] = [volume for volume in pod["volumes"] if volume["name"] == "tmp"]
        assert "sizeLimit" in tmp["emptyDir"]
        assert not [volume for volume in pod["volumes"] if "hostPath" in volume]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_are_files_by_reference(overlay: str) -> None:
    assert not [each for each in rendered(overlay) if each["kind"] == "Secret"], "a Secret is made beside, never here"
    for workload in workloads(overlay):
        pod = pod_of(workload)
        for container in pod["containers"]:
            assert not [each for each in container["env"] if "valueFrom" in each]
            assert not [each for each in container["envFrom"] if "secretRef" in each]
        [secrets] = [volume for volume in pod["volumes"] if volume["name"] == "secrets"]
        assert secrets["projected"]["defaultMode"] == 0o440
        mounted = {source["secret"]["name"] for source in secrets["projected"]["sources"]}
        assert f"{name(workload)}-access" in mounted or name(workload) == "topology"
        assert len(mounted & {f"{user}-access" for user in (*SERVICES, "operator", "migration")}) == 1


@pytest.mark.parametrize("overlay", SERVICE_OVERLAYS)
def test_every_service_has_all_it_needs(overlay: str) -> None:
    deployments = of_kind(overlay, "Deployment")
    assert set(deployments) == SERVICES
    for kind in ("ServiceAccount", "PodDisruptionBudget", "NetworkPolicy"):
        assert set(deployments) <= set(of_kind(overlay, kind)), kind
    for service, deployment in deployments.items():
        labels = {"app.kubernetes.io/name": service}
        assert deployment["spec"]["selector"]["matchLabels"] == labels
        assert labels.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
        assert of_kind(overlay, "PodDisruptionBudget")[service]["spec"] == {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": labels},
        }
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        spread = {each["topologyKey"] for each in pod_of(deployment)["topologySpreadConstraints"]}
        assert spread == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
        assert all(each["labelSelector"]["matchLabels"] == labels for each in spread_of(deployment))


def spread_of(deployment: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pod_of(deployment)["topologySpreadConstraints"]
    return found


@pytest.mark.parametrize("overlay", SERVICE_OVERLAYS)
def test_probes_and_the_time_to_finish(overlay: str) -> None:
    timings = settings_of(overlay).timings
    for service, deployment in of_kind(overlay, "Deployment").items():
        pod = pod_of(deployment)
        [container] = pod["containers"]
        assert container["startupProbe"]["httpGet"] == {"path": "/healthz", "port": "operators"}
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz", "an outage of others is no reason"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        longest = before + timings.graceful + LONGEST_HANDLER[service](timings)
        assert pod["terminationGracePeriodSeconds"] > longest


def settings_of(overlay: str) -> Settings:
    """What an overlay's ConfigMap makes of the settings that every service shares."""
    fields = {name.removeprefix("MLC_").lower(): value for name, value in variables(overlay).items()}
    patience = {name.removeprefix("timings__"): fields.pop(name) for name in list(fields) if "timings__" in name}
    return Settings.model_validate(fields | {"timings": patience})


def variables(overlay: str) -> dict[str, str]:
    [found] = of_kind(overlay, "ConfigMap").values()
    return dict(found["data"])


def test_whoever_changes_a_timing_is_told_of_the_grace_periods() -> None:
    text = (ROOT / "deploy/k8s/base/common/settings.env").read_text()
    [told] = [part for part in text.split("\n# MLC_") if "terminationGracePeriodSeconds" in part]

    for timing in ("GRACEFUL", "PUSH_BODY", "BASWARE_READ", "EPICOR_READ", "EPICOR_WRITE"):
        assert timing in told


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nats_and_postgresql_are_trusted_by_mounted_certificates(overlay: str) -> None:
    told = variables(overlay)
    assert told["MLC_NATS_URL"].startswith("tls://")
    files = {Path(told["MLC_NATS_CA_FILE"]), Path(told["PGSSLROOTCERT"])}
    assert {str(file.parent) for file in files} == {CERTIFICATES}
    manual = (ROOT / "docs/kubernetes.md").read_text()
    assert all(f"`{file.name}`" in manual for file in files)
    for workload in workloads(overlay):
        pod = pod_of(workload)
        [volume] = [each for each in pod["volumes"] if each["name"] == "certificates"]
        assert volume["configMap"]["name"] == "trusted-certificates"
        for container in pod["containers"]:
            assert {"name": "certificates", "mountPath": CERTIFICATES, "readOnly": True} in container["volumeMounts"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_the_flows_that_exist_are_open(overlay: str) -> None:
    policies = of_kind(overlay, "NetworkPolicy")
    assert policies.pop("default-deny")["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert set(policies) == {name(each) for each in workloads(overlay)}
    for who, policy in policies.items():
        spec = policy["spec"]
        assert spec["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": who}}
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        assert {port["port"] for rule in spec["egress"] for port in rule["ports"]} == FLOWS[who]
        assert all("from" in rule for rule in spec["ingress"])
        inwards = {port["port"] for rule in spec["ingress"] for port in rule["ports"]}
        assert inwards == ({8081, 8080} if who == "webhook-gateway" else {8081} if who in SERVICES else set())


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_service_reaches_far_sides_only_if_its_code_talks_to_one(service: str) -> None:
    # What the console's source asks of the far sides is asked by its command line, whose pod is the operator's.
    files = "src/**/app.py" if service == "operator-console" else "src/**/*.py"
    used = {each for path in (ROOT / "services" / service).rglob(files) for each in imported(path)}

    assert (FAR_SIDES in FLOWS[service]) == bool(used & clients())


def clients() -> set[str]:
    """The modules that call a vendor: who only reads what a vendor has sent needs no way out."""
    folders = (ROOT / "libs/basware/src", ROOT / "libs/epicor/src")
    paths = {
        ".".join(path.relative_to(folder).with_suffix("").parts): path
        for folder in folders
        for path in folder.rglob("*.py")
    }
    found = {module for module, path in paths.items() if "httpx" in imported(path)}
    assert {"mlc_basware.client", "mlc_epicor.client"} <= found
    return found


def imported(path: Path) -> set[str]:
    """Every module that a file names in an import, also one that stands in a function."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    whole = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    parts = {
        f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    return plain | whole | parts


@pytest.mark.parametrize("overlay", SERVICE_OVERLAYS)
def test_only_the_hook_is_public(overlay: str) -> None:
    [ingress] = of_kind(overlay, "Ingress").values()
    [rule] = ingress["spec"]["rules"]
    [path] = rule["http"]["paths"]
    [service] = of_kind(overlay, "Service").values()

    assert (path["path"], path["backend"]["service"]["port"]["name"]) == ("/hooks/", "public")
    assert [port["targetPort"] for port in service["spec"]["ports"]] == ["public"]
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
    limit = ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"]
    assert limit == f"{LARGEST_BODY // 1024}k", "a smaller one refuses pushes that the gateway takes"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everybody_is_the_user_at_nats_that_the_permissions_know(overlay: str) -> None:
    for workload in workloads(overlay):
        [container] = pod_of(workload)["containers"]
        user = name(workload) if name(workload) in SERVICES else OPERATOR
        own = {each["name"]: each["value"] for each in container["env"]}
        assert own == {"MLC_NATS_USER": user, "MLC_NATS_INBOX_PREFIX": inbox_prefix(user)}


def test_the_jobs_come_before_and_declare_as_the_console_does() -> None:
    for overlay in SERVICE_OVERLAYS:
        jobs = of_kind(f"{overlay}/before", "Job")
        commands = {name: pod_of(job)["containers"][0]["command"] for name, job in jobs.items()}
        assert commands == {
            "migration": ["ml-connector", "migrate", "--grant"],
            "topology": ["ml-connector", "topology"],
        }
        assert all(job["spec"]["activeDeadlineSeconds"] and job["spec"]["backoffLimit"] for job in jobs.values())


def test_single_is_one_replica_of_each_and_production_scales_by_backlog() -> None:
    assert {each["spec"]["replicas"] for each in of_kind("single", "Deployment").values()} == {1}
    production = of_kind("production", "Deployment")
    scaled = {
        each["spec"]["scaleTargetRef"]["name"]: (fewest(each), each)
        for each in rendered("production")
        if each["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")
    }
    assert set(scaled) == {"webhook-gateway", "basware-reader", "epicor-writer", "masterdata-sync"}
    for service, deployment in production.items():
        if service in scaled:
            assert "replicas" not in deployment["spec"], "two hands on one number"
            assert scaled[service][0] >= 2
        else:
            assert deployment["spec"]["replicas"] == 2


def fewest(scaler: dict[str, Any]) -> int:
    return int(scaler["spec"].get("minReplicas") or scaler["spec"]["minReplicaCount"])


LOOKING_AGAIN_LATER = {
    "basware-deliveries": "basware-reader/src/basware_reader/deliveries.py",
    "basware-payments": "basware-reader/src/basware_reader/payment_deliveries.py",
    "basware-attachments": "basware-reader/src/basware_reader/attachment_fetching.py",
    "masterdata-following": "masterdata-sync/src/masterdata_sync/following.py",
}
"""Where the handlers say so of durables whose messages wait on purpose."""


def test_a_service_scales_on_each_durable_whose_messages_do_not_wait_on_purpose() -> None:
    # KEDA counts a message that waits for its next try, so there a backlog would stand for a day and scale to the most.
    kinds = {durable.name.partition("_")[0] for user in SCALING for durable in durables_of(user, "acme")}
    assert set(LOOKING_AGAIN_LATER) == WAITING_ON_PURPOSE < kinds
    assert all("counts=False" in (ROOT / "services" / source).read_text() for source in LOOKING_AGAIN_LATER.values())
    for each in (each for each in rendered("production") if each["kind"] == "ScaledObject"):
        triggers = {(t["metadata"]["stream"], t["metadata"]["consumer"]) for t in each["spec"]["triggers"]}
        own = [d for d in durables_of(name(each), "acme") if d.name.partition("_")[0] not in LOOKING_AGAIN_LATER]
        assert triggers == {(d.stream, d.name) for d in own}


def test_the_manual_tells_how_far_each_service_scales_and_on_what() -> None:
    rows = re.findall(r"^\| ([a-z-]+) \| (.+?) \|", (ROOT / "docs/kubernetes.md").read_text(), flags=re.M)
    told = {service: by for service, by in rows if "KEDA" in by}

    assert set(told) == set(SCALING)
    for service, scaling in SCALING.items():
        assert f"KEDA {scaling.fewest} to {scaling.most}" in told[service]
        assert set(re.findall(r"`([a-z-]+)_`", told[service])) == {
            each.name.partition("_")[0] for each in counting(service, "acme")
        }


def test_keda_refuses_what_its_schema_does_not_know() -> None:
    schema = json.loads((ROOT / "deploy/k8s/autoscaling/scaledobject.schema.json").read_text())
    [scaled, *_] = yaml.safe_load_all((ROOT / "deploy/k8s/autoscaling/scaledobjects.yaml").read_text())
    jsonschema.validate(scaled, schema)

    for where, what in (("spec", "maxReplicas"), ("trigger", "stream_name"), ("trigger", "lagThreshold")):
        wrong = json.loads(json.dumps(scaled))
        part = wrong["spec"] if where == "spec" else wrong["spec"]["triggers"][0]["metadata"]
        part[what] = 100  # the scaler's metadata are strings
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_the_prometheus_operator_finds_every_service(tmp_path: Path) -> None:
    own = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    parts = {"resources": "overlays/production", "components": "monitoring"}
    found = {kind: [os.path.relpath(ROOT / "deploy/k8s" / part, tmp_path.resolve())] for kind, part in parts.items()}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(own | found | {"namespace": "ml-connector"}))
    manifests = kustomized(tmp_path)

    [monitor] = [each for each in manifests if each["kind"] == "PodMonitor"]
    assert monitor["metadata"]["namespace"] == "ml-connector"
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    wanted = monitor["spec"]["selector"]["matchLabels"]
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    deployments = [each for each in manifests if each["kind"] == "Deployment"]
    assert {name(each) for each in deployments} == SERVICES
    for each in deployments:
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert wanted.items() <= labels.items()
        assert labels[monitor["spec"]["jobLabel"]] == name(each)
        [container] = pod_of(each)["containers"]
        told = each["spec"]["template"]["metadata"]["annotations"]
        [port] = [port["containerPort"] for port in container["ports"] if port["name"] == endpoint["port"]]
        assert told["prometheus.io/port"] == str(port)
        assert told["prometheus.io/path"] == endpoint["path"]
