"""The chart renders the same objects as k8s/, refuses bad values, and its documentation is its values."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import waker
from tests.docs import chart
from tests.docs.tables import rows_of
from tests.install.programs import CHART, KUBE_VERSION, ROOT, Manifest, by_name, helm, kustomize, parsed, template
from waker.settings.configmap import LIVE, Live, read_live

HOOK = "helm.sh/hook"
OF_HELM = ("helm.sh/chart", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by")
RELEASE = "kubesleeper"
WAIT_HOST = ("--set", "waitHost.enabled=true", "--set", "settings.wait-host=https://wait.example.com:8443")

OTHER_VALUES = """
image: {repository: registry.example.com/waker, tag: next, pullPolicy: Always, pullSecrets: [{name: pull}]}
highAvailability: true
settings: {idle-after: 2h, paused: true, page-status: 200, price-gib-hour: 0.0042, controller.nginx.port: 9913}
env: [{name: WAKER_LOG_FORMAT, value: json}]
resources: {limits: {memory: 256Mi}}
podLabels: {team: platform}
podAnnotations: {note: "yes"}
nodeSelector: {disk: ssd}
tolerations: [{operator: Exists}]
affinity: {nodeAffinity: {}}
priorityClassName: high
volumes: [{name: token, emptyDir: {}}]
volumeMounts: [{name: token, mountPath: /token}]
test: {url: http://traefik.traefik.svc, ingressClassName: traefik}
"""


def without_helm(obj: Manifest) -> Manifest:
    """As k8s/ has it: without what Helm adds to labels and annotations."""
    found: Manifest = json.loads(json.dumps(obj))
    meta = found["metadata"]
    meta["labels"] = {key: value for key, value in meta["labels"].items() if key not in OF_HELM}
    if "annotations" in meta:
        meta["annotations"] = {key: value for key, value in meta["annotations"].items() if not key.startswith(HOOK)}
        if not meta["annotations"]:
            del meta["annotations"]
    return found


def installed(*args: str, namespace: str = RELEASE) -> dict[str, Manifest]:
    """What an install makes, hooks aside."""
    some = template(*args, namespace=namespace)
    return by_name(without_helm(each) for each in some if HOOK not in each["metadata"].get("annotations", {}))


def hooks(event: str, *args: str) -> dict[str, Manifest]:
    some = template(*args)
    return by_name(each for each in some if each["metadata"].get("annotations", {}).get(HOOK) == event)


def of_kustomize(folder: Path) -> dict[str, Manifest]:
    """What k8s/ makes; the namespace is made by `helm install --create-namespace`."""
    return by_name(each for each in kustomize(folder) if each["kind"] != "Namespace")


def overlay(tmp_path: Path, *components: str) -> Path:
    """A kustomization of the base with these components."""
    folder = tmp_path / "overlay"
    folder.mkdir()
    base = Path("/".join([".."] * len(folder.parts[1:]))) / ROOT.relative_to("/") / "k8s"
    listed = {"resources": [str(base)], "components": [str(base / each) for each in components]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(listed))
    return folder


def test_it_makes_what_the_base_makes() -> None:
    assert installed() == of_kustomize(ROOT / "k8s")


def test_two_replicas_are_the_component(tmp_path: Path) -> None:
    found = installed("--set", "highAvailability=true")
    assert found == of_kustomize(overlay(tmp_path, "two-replicas"))
    assert found["Deployment waker"]["spec"]["replicas"] == 2


def test_the_network_policies_are_the_component(tmp_path: Path) -> None:
    values = (
        "networkPolicy.enabled=true",
        "networkPolicy.controllers={ingress-controller}",
        "networkPolicy.metrics={monitoring}",
    )
    found = installed(*(word for each in values for word in ("--set", each)))
    assert found == of_kustomize(overlay(tmp_path, "network-policies"))


def test_the_wait_host_is_the_component(tmp_path: Path) -> None:
    found, other = installed(*WAIT_HOST), of_kustomize(overlay(tmp_path, "wait-host"))
    assert found.keys() == other.keys()
    assert found["Ingress waker"] == other["Ingress waker"]


def test_the_hook_is_the_job_of_k8s() -> None:
    """But for how long it waits and tries, as Helm waits for it and it can be started again."""
    theirs = by_name(kustomize(ROOT / "k8s" / "restore"))
    ours = {name: without_helm(each) for name, each in hooks("pre-delete").items()}
    job, other = ours["Job waker-restore"]["spec"], theirs["Job waker-restore"]["spec"]
    assert job.pop("backoffLimit") == 0
    assert other.pop("backoffLimit") > 0
    assert other.pop("ttlSecondsAfterFinished")
    assert job["template"]["spec"]["containers"][0].pop("args") == ["restore", "--all", "--timeout", "3m"]
    assert other["template"]["spec"]["containers"][0].pop("args") == ["restore", "--all"]
    assert ours == theirs


def test_the_rights_of_the_hook_come_before_it_and_stay_if_it_fails_no_longer_than_it() -> None:
    found = hooks("pre-delete")
    weights = {name: int(each["metadata"]["annotations"].get(f"{HOOK}-weight", 0)) for name, each in found.items()}
    assert max(weights["Role waker-restore"], weights["RoleBinding waker-restore"]) < weights["Job waker-restore"]
    for each in found.values():
        assert each["metadata"]["annotations"][f"{HOOK}-delete-policy"] == "before-hook-creation,hook-succeeded"


def test_without_the_hook() -> None:
    assert hooks("pre-delete", "--set", "restore.enabled=false") == {}


def test_it_goes_into_any_namespace() -> None:
    found = installed(namespace="sleep")
    namespaces = {each["metadata"]["namespace"] for name, each in found.items() if not name.startswith("Cluster")}
    assert namespaces == {"sleep"}
    bound = [each["namespace"] for obj in found.values() for each in obj.get("subjects", [])]
    assert set(bound) == {"sleep"}


WHOLE = (("resources",), ("dashboard", "labels"))  # values that are described as one
MONITORING = ("serviceMonitor", "prometheusRule", "dashboard")


def test_monitoring_is_the_component(tmp_path: Path) -> None:
    found = installed(*(word for each in MONITORING for word in ("--set", f"{each}.enabled=true")))
    other = of_kustomize(overlay(tmp_path, "monitoring"))
    assert found.keys() == other.keys()
    new = found.keys() - installed().keys()
    assert new == {"ServiceMonitor waker", "PrometheusRule kubesleeper", "ConfigMap kubesleeper-dashboard"}
    for name in new:
        assert {key: found[name].get(key) for key in ("spec", "data")} == {
            key: other[name].get(key) for key in ("spec", "data")
        }
        assert other[name]["metadata"].get("labels", {}).items() <= found[name]["metadata"]["labels"].items()


@pytest.mark.parametrize("option", MONITORING)
def test_a_monitoring_object_has_the_installers_labels(option: str) -> None:
    before = installed()
    found = installed("--set", f"{option}.enabled=true", "--set", f"{option}.labels.release=prometheus")
    (new,) = found.keys() - before.keys()
    assert found[new]["metadata"]["labels"]["release"] == "prometheus"


def test_metrics_are_read_as_often_as_asked() -> None:
    found = installed("--set", "serviceMonitor.enabled=true", "--set", "serviceMonitor.interval=5s")
    (endpoint,) = found["ServiceMonitor waker"]["spec"]["endpoints"]
    assert endpoint["interval"] == "5s"


def test_a_package_of_the_chart_is_whole(tmp_path: Path) -> None:
    """With all that its templates read."""
    done = helm("package", str(CHART), "--destination", str(tmp_path))
    assert done.returncode == 0, done.stderr
    options = [word for each in MONITORING for word in ("--set", f"{each}.enabled=true")]
    (file,) = tmp_path.iterdir()
    packed = helm("template", RELEASE, str(file), "--namespace", RELEASE, *KUBE_VERSION, *options)
    assert by_name(parsed(packed.stdout)) == by_name(template(*options))


def test_values_arrive_where_they_belong(tmp_path: Path) -> None:
    """All at once."""
    file = tmp_path / "values.yaml"
    file.write_text(OTHER_VALUES)
    values = yaml.safe_load(OTHER_VALUES)
    found = installed("-f", str(file))

    data = found["ConfigMap kubesleeper"]["data"]
    assert {
        "idle-after": "2h",
        "paused": "true",
        "page-status": "200",
        "price-gib-hour": "0.0042",
        "controller.nginx.port": "9913",
    }.items() <= data.items()
    of_pods = found["Deployment waker"]["spec"]["template"]
    assert of_pods["metadata"]["labels"]["team"] == "platform"
    assert of_pods["metadata"]["annotations"] == values["podAnnotations"]
    pod = of_pods["spec"]
    for key in ("nodeSelector", "tolerations", "affinity", "priorityClassName", "volumes"):
        assert pod[key] == values[key]
    assert pod["imagePullSecrets"] == values["image"]["pullSecrets"]
    (container,) = pod["containers"]
    assert (container["image"], container["imagePullPolicy"]) == ("registry.example.com/waker:next", "Always")
    assert container["env"][-1:] == values["env"]
    assert container["resources"]["limits"] == {"memory": "256Mi"}
    assert container["volumeMounts"] == values["volumeMounts"]
    tests = hooks("test", "-f", str(file))
    assert tests["Ingress kubesleeper-test"]["spec"]["ingressClassName"] == "traefik"
    environment = tests["Pod kubesleeper-test-cycle"]["spec"]["containers"][0]["env"]
    assert {each["name"]: each.get("value") for each in environment}["URL"] == "http://traefik.traefik.svc"


def test_the_values_in_its_readme_are_good(tmp_path: Path) -> None:
    (written,) = re.findall(r"```yaml\n(.*?)```", (CHART / "README.md").read_text(), re.DOTALL)
    file = tmp_path / "values.yaml"
    file.write_text(written)
    found = installed("-f", str(file))
    live, problems = read_live(found["ConfigMap kubesleeper"]["data"], Live())
    assert problems == ()
    assert live.classes["nginx"].namespace == "ingress-nginx"
    assert {"NetworkPolicy waker", "ServiceMonitor waker", "PrometheusRule kubesleeper"} <= found.keys()


@pytest.mark.parametrize(
    ("value", "named"),
    [
        pytest.param("replicas=3", "replicas", id="a value that there is not"),
        pytest.param("settings.idle-afterr=1h", "idle-afterr", id="a setting that there is not"),
        pytest.param("settings.idle-after=soon", "idle-after", id="no duration"),
        pytest.param("settings.while-asleep=maybe", "while-asleep", id="no such way to serve"),
        pytest.param("settings.price-core-hour=cheap", "price-core-hour", id="no price"),
        pytest.param("settings.currency=euros", "currency", id="no currency"),
        pytest.param("highAvailability=yes", "highAvailability", id="no boolean"),
        pytest.param("image.pullPolicy=Often", "pullPolicy", id="no pull policy"),
        pytest.param("restore.timeout=5", "timeout", id="a time without a unit"),
        pytest.param("test.url=traefik", "url", id="no URL"),
        pytest.param("waitHost.enabled=true", "settings.wait-host", id="a wait host without a host"),
        pytest.param(
            "networkPolicy.enabled=true", "networkPolicy.controllers", id="a policy that admits no controller"
        ),
    ],
)
def test_a_bad_value_is_refused_and_named(value: str, named: str) -> None:
    done = helm("template", RELEASE, str(CHART), *KUBE_VERSION, "--set", value)
    assert done.returncode != 0
    assert named in done.stderr


def test_helm_has_nothing_to_say_against_it() -> None:
    done = helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


def test_the_version_is_wakers() -> None:
    found = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (found["version"], str(found["appVersion"])) == (waker.__version__, waker.__version__)


def described(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of all values; a key without keys of its own is one."""
    if isinstance(value, dict) and value and path not in WHOLE:
        return [each for key, below in value.items() for each in described(below, (*path, key))]
    return [path]


def test_every_value_is_described() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert [row[0] for row in rows_of("values")] == [".".join(each) for each in described(values)]


def test_the_schema_knows_every_value_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert schema["properties"].keys() - {"global"} == values.keys()
    for key, value in values.items():
        inner = schema["properties"][key].get("properties")
        if inner:
            assert inner.keys() == value.keys(), key
            assert schema["properties"][key]["additionalProperties"] is False


def test_the_settings_are_those_of_the_service() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())["settings"]
    assert list(values) == [each.key for each in LIVE]


@pytest.mark.parametrize("file", chart.FILES, ids=lambda file: file.name)
def test_what_is_generated_is_up_to_date(file: Path) -> None:
    assert chart.FILES[file]() == file.read_text(), "run: python -m tests.docs.tables"
