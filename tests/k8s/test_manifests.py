"""The manifests install what the code expects: names, ports, settings, version, and a pod without access to its node."""

import re
from typing import Any

import pytest
import yaml

import waker
from tests.k8s.conftest import FOLDER, Manifest, listed
from waker import names
from waker.settings.configmap import LIVE, Live, LiveKey, read_live
from waker.settings.flags import FLAGS, Settings
from waker.settings.parsing import parse_wait_host
from waker.traffic.controllers import ADAPTERS


@pytest.fixture(scope="session")
def pod(manifests: dict[str, Manifest]) -> dict[str, Any]:
    found: dict[str, Any] = manifests["Deployment"]["spec"]["template"]["spec"]
    return found


@pytest.fixture(scope="session")
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (found,) = pod["containers"]
    return dict(found)


def test_every_file_is_installed() -> None:
    assert sorted(listed()) == sorted(each.name for each in FOLDER.glob("*.yaml") if each.name != "kustomization.yaml")


def test_everything_is_in_the_namespace(manifests: dict[str, Manifest]) -> None:
    cluster_wide = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
    namespaces = {each["metadata"]["namespace"] for kind, each in manifests.items() if kind not in cluster_wide}
    assert namespaces == {manifests["Namespace"]["metadata"]["name"]} == {"kubesleeper"}


def test_what_kubernetes_would_fill_in_is_there_where_both_kinds_of_apply_compare_it(container: dict[str, Any]) -> None:
    """Else who has applied it client-side cannot apply it server-side: `fieldRef` is one value, with its version."""
    fields = [each["valueFrom"]["fieldRef"] for each in container["env"] if "valueFrom" in each]
    assert [each.get("apiVersion") for each in fields] == ["v1"] * len(fields) == ["v1", "v1"]


def test_the_wait_host_leads_to_the_public_port_and_is_not_in_the_base(manifests: dict[str, Manifest]) -> None:
    component = yaml.safe_load((FOLDER / "wait-host" / "kustomization.yaml").read_text())
    assert component["kind"] == "Component"
    (name,) = component["resources"]
    found = yaml.safe_load((FOLDER / "wait-host" / name).read_text())
    (rule,) = found["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert parse_wait_host(rule["host"]) == rule["host"]
    assert path["backend"]["service"] == {"name": names.OWN_SERVICE, "port": {"name": "http"}}
    assert found["metadata"]["namespace"] == manifests["Service"]["metadata"]["namespace"]
    assert "Ingress" not in manifests


def test_the_job_that_restores_runs_as_waker_does(manifests: dict[str, Manifest], container: dict[str, Any]) -> None:
    """The same image, rights and bounds, and one right more: to pause the service."""
    job = yaml.safe_load((FOLDER / "restore" / "job.yaml").read_text())
    role, binding = yaml.safe_load_all((FOLDER / "restore" / "role.yaml").read_text())
    pod = job["spec"]["template"]["spec"]
    (runs,) = pod["containers"]
    theirs = manifests["Deployment"]["spec"]["template"]
    assert (runs["image"], runs["args"]) == (container["image"], ["restore", "--all"])
    assert runs["securityContext"] == container["securityContext"]
    assert pod["securityContext"] == theirs["spec"]["securityContext"]
    assert pod["serviceAccountName"] == theirs["spec"]["serviceAccountName"] == binding["subjects"][0]["name"]
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [names.CONFIG_MAP], "verbs": ["patch"]}
    ]
    assert not job["spec"]["template"]["metadata"]["labels"].items() & theirs["metadata"]["labels"].items()


class TestSettings:
    def test_all_keys_with_their_defaults(self, manifests: dict[str, Manifest]) -> None:
        data = manifests["ConfigMap"]["data"]
        assert set(data) == {each.key for each in LIVE}
        assert read_live(data, Live()) == (Live(), ())

    def test_all_values_are_strings(self, manifests: dict[str, Manifest]) -> None:
        assert all(isinstance(value, str) for value in manifests["ConfigMap"]["data"].values())

    @pytest.mark.parametrize("key", LIVE, ids=[each.key for each in LIVE])
    def test_the_comment_is_the_help(self, key: LiveKey) -> None:
        text = (FOLDER / "settings.yaml").read_text()
        assert re.search(rf"^  # {re.escape(key.help)}\n  {key.key}:", text, re.MULTILINE)

    def test_waker_watches_this_name(self, manifests: dict[str, Manifest]) -> None:
        assert manifests["ConfigMap"]["metadata"]["name"] == names.CONFIG_MAP


def test_applying_the_manifests_again_does_not_delete_what_waker_wrote_about_visits(
    manifests: dict[str, Manifest],
) -> None:
    assert manifests[names.ACTIVITY].keys() == {"apiVersion", "kind", "metadata"}


class TestPod:
    def test_ports_are_those_of_the_code(self, container: dict[str, Any]) -> None:
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        assert ports == {"http": Settings().public_port, "metrics": Settings().private_port}

    def test_the_service_leads_to_the_pod(self, manifests: dict[str, Manifest], container: dict[str, Any]) -> None:
        service = manifests["Service"]
        assert service["metadata"]["name"] == names.OWN_SERVICE
        labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
        assert manifests["Deployment"]["spec"]["selector"]["matchLabels"].items() <= labels.items()
        targets = {each["name"]: each["targetPort"] for each in service["spec"]["ports"]}
        assert targets == {each["name"]: each["name"] for each in container["ports"]}

    def test_probes_use_the_private_port(self, container: dict[str, Any]) -> None:
        for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
            assert container[probe]["httpGet"] == {"path": path, "port": "metrics"}

    def test_variables_are_known_and_none_is_set_by_kubernetes(self, pod: dict[str, Any]) -> None:
        variables = {each["name"] for each in pod["containers"][0]["env"]}
        assert variables == {"WAKER_NAMESPACE", "WAKER_POD_NAME"} <= {each.env for each in FLAGS}
        assert pod["enableServiceLinks"] is False

    def test_it_has_no_access_to_its_node(self, pod: dict[str, Any], container: dict[str, Any]) -> None:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "volumes"}

    def test_memory_is_limited_and_cpu_is_not(self, container: dict[str, Any]) -> None:
        assert container["resources"].keys() == {"requests", "limits"}
        assert container["resources"]["limits"].keys() == {"memory"}

    def test_image_and_label_have_this_version(self, manifests: dict[str, Manifest], container: dict[str, Any]) -> None:
        name, _, tag = container["image"].rpartition(":")
        assert name.rpartition("/")[2] == "waker"
        labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
        assert tag == waker.__version__ == labels["app.kubernetes.io/version"]

    def test_controllers_follow_to_a_new_pod_before_the_old_one_ends(self, manifests: dict[str, Manifest]) -> None:
        spec = manifests["Deployment"]["spec"]
        assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        slowest = max(each.lag for each in ADAPTERS.values())
        assert spec["minReadySeconds"] > slowest.total_seconds()
