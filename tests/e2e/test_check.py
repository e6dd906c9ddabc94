"""`waker check` on a real API server: real rights, real quotas and policies, and both ways tried by the running service."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.apps import StageApp
from tests.e2e.cluster import Json, kubectl, until
from tests.e2e.install import CHECKOUT, NAMESPACE
from tests.e2e.load import Who
from tests.e2e.scene import Scene
from waker import names

PROBLEM = 3
TRAEFIK = pytest.mark.parametrize("controller", [pytest.param("traefik", id="traefik")], indirect=True)
POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-zero}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [UPDATE], resources: [deployments]}]
  validations: [{expression: object.spec.replicas > 0, message: zero replicas are not allowed here}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-zero}
spec:
  policyName: no-zero
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}}
"""


def checked(scene: Scene, *arguments: str) -> Json:
    done = scene.waker.command("check", "-o", "json", *arguments)
    assert done.stdout, done.stderr
    found: Json = json.loads(done.stdout)
    assert done.returncode == (PROBLEM if found["problem"] else 4 if found["unknown"] else 0)
    return found


def problems(found: Json, subject: str) -> list[Json]:
    return [each for each in found["lines"] if each["subject"] == subject and each["verdict"] == "problem"]


def of(app: StageApp) -> tuple[str, ...]:
    return "--app", app.name, "-n", app.namespace


@contextmanager
def applied(file: Path) -> Iterator[None]:
    kubectl("apply", "-f", str(file))
    try:
        yield
    finally:
        kubectl("delete", "-f", str(file))


@TRAEFIK
def test_all_is_well(scene: Scene) -> None:
    shop = scene.app("shop")
    assert scene.knock(shop).who is Who.APP

    def well() -> Json | None:
        found = checked(scene, *of(shop))
        ways = [each for each in found["lines"] if each["text"].endswith(" reaches waker")]
        return found if ways and not (found["problem"] or found["unknown"]) else None

    found = until("nothing is wrong or unknown", well, 60)
    texts = " ".join(each["text"] for each in found["lines"])
    assert "waker's ServiceAccount has all " in texts
    assert "shows traefik_service_requests_total" in texts
    assert f"{shop.namespace}/shop is enabled, and sleeps when nobody comes" in texts


@TRAEFIK
def test_a_right_that_is_gone(scene: Scene) -> None:
    role = json.loads(kubectl("get", "clusterrole", "kubesleeper-waker", "-o", "json"))
    number = next(i for i, each in enumerate(role["rules"]) if "ingresses" in each["resources"])
    lacking = json.dumps([{"op": "replace", "path": f"/rules/{number}/verbs", "value": ["get", "list", "watch"]}])
    kubectl("patch", "clusterrole", "kubesleeper-waker", "--type", "json", "-p", lacking)
    try:
        lines = until("it is found", lambda: problems(checked(scene), "rights"), 30)
    finally:
        kubectl("apply", "-f", str(CHECKOUT / "k8s" / "cluster-role.yaml"))
    assert [each["text"] for each in lines] == [
        "waker may not patch, create, delete ingresses.networking.k8s.io, and needs it to move routes"
    ]
    assert lines[0]["fix"] == "kubectl apply -k k8s/"


@TRAEFIK
def test_a_quota_and_a_policy_before_an_app_is_enabled(scene: Scene, tmp_path: Path) -> None:
    shop = scene.app("shop", annotations={names.ENABLED: "false"})
    kubectl("create", "quota", "small", "--hard=services=1", "-n", shop.namespace)
    used = "{.status.used.services}"
    until(
        "it counts", lambda: kubectl("get", "quota", "small", "-n", shop.namespace, "-o", f"jsonpath={used}") == "1", 30
    )
    (line,) = problems(checked(scene, *of(shop)), "writes")
    assert "a ResourceQuota of the namespace is used up" in line["text"]
    assert line["fix"] == f"kubectl -n {shop.namespace} describe resourcequota"
    kubectl("delete", "quota", "small", "-n", shop.namespace)
    (tmp_path / "policy").write_text(POLICY.replace("NAMESPACE", shop.namespace))
    with applied(tmp_path / "policy"):
        (line,) = until("the policy is in force", lambda: problems(checked(scene, *of(shop)), "writes"), 60)
        assert "zero replicas are not allowed here" in line["text"]
        assert line["fix"].startswith("kubectl get validatingadmissionpolicies")
    assert scene.api.get("Deployment", shop.namespace, shop.name)["spec"]["replicas"] > 0, "a dry run changes nothing"


@TRAEFIK
def test_who_may_not_act_as_waker_is_told(scene: Scene) -> None:
    account = f"system:serviceaccount:{NAMESPACE}:waker-reader"
    done = scene.waker.command("check", "--as", account)
    assert done.returncode == 1
    assert "cannot list" in done.stderr, "it has no rights at all"
