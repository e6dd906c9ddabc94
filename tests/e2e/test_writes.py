"""What waker writes on its users' objects: fields are given back, refusals are told, many apps of one Ingress share a write."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.e2e import apps
from tests.e2e.apps import Rule, StageApp
from tests.e2e.cluster import Json, kubectl, until
from tests.e2e.load import Who
from tests.e2e.scene import Scene
from waker import names

MANY = 20
POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: frozen}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: ["*"], apiVersions: ["*"], operations: [UPDATE], resources: [RESOURCE]}
  matchConditions:
  - {name: by-waker, expression: "request.userInfo.username == 'system:serviceaccount:kubesleeper:waker'"}
  - {name: here, expression: "object.metadata.namespace == 'NAMESPACE'"}
  validations:
  - {expression: "false", message: "this namespace is frozen"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: frozen}
spec: {policyName: frozen, validationActions: [Deny]}
"""


def owners(scene: Scene, kind: str, name: str) -> set[str]:
    """Who owns a field of an object."""
    found = scene.api.get(kind, scene.namespace, name)["metadata"].get("managedFields") or []
    return {each["manager"] for each in found if each.get("subresource") != "status"}


def test_whoever_applies_server_side_meets_no_conflict(scene: Scene, tmp_path: Path) -> None:
    """Awake, asleep and afterwards; what is applied while it sleeps counts as its user's edit."""
    shop = StageApp(scene.namespace, "shop", scene.controller.ingress_class)
    file = tmp_path / "shop.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": apps.objects(shop)}))

    def apply() -> None:
        kubectl("apply", "--server-side", "--field-manager=user", "-f", str(file))

    apply()
    scene.answering(shop, shop.host)
    apply()
    scene.sleep(shop)
    until("waker has given all fields back", lambda: not wakers(scene, shop), 10)
    apply()
    scene.awake(shop)
    until("its user sees it", lambda: scene.knock(shop).who is Who.APP, 30)
    scene.sleep(shop)
    scene.visit(shop)
    scene.awake(shop)
    until("waker has given all fields back", lambda: not wakers(scene, shop), 10)
    apply()
    assert (
        scene.api.get("Ingress", scene.namespace, "shop")["spec"]
        == apps.ingress(shop, "shop", [Rule(shop.host, shop.name)])["spec"]
    )


def wakers(scene: Scene, shop: StageApp) -> list[str]:
    return [kind for kind in ("Deployment", "Ingress") if names.FIELD_MANAGER in owners(scene, kind, shop.name)]


@contextmanager
def frozen(scene: Scene, resource: str) -> Iterator[None]:
    """An admission policy that lets waker change nothing of this kind in the scene's namespace."""
    text = POLICY.replace("RESOURCE", resource).replace("NAMESPACE", scene.namespace)
    command = ["kubectl", "-f", "-"]
    subprocess.run([*command, "create"], input=text, text=True, check=True, capture_output=True)
    until("the policy is in force", lambda: refused(scene, resource), 30)
    try:
        yield
    finally:
        subprocess.run([*command, "delete"], input=text, text=True, check=True, capture_output=True)


def refused(scene: Scene, resource: str) -> bool:
    """Whether waker could change nothing now."""
    waker = ("--as=system:serviceaccount:kubesleeper:waker", "--dry-run=server")
    command = ["kubectl", "annotate", resource, "shop", "-n", scene.namespace, "tried=yes", *waker]
    return subprocess.run(command, capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize("resource", ["ingresses", "deployments"])
def test_what_a_policy_refuses_is_told_and_keeps_the_app_up(scene: Scene, resource: str) -> None:
    shop = scene.app("shop")
    before = scene.api.get("Ingress", scene.namespace, "shop")["spec"]
    with frozen(scene, resource):
        scene.api.annotate(shop.kind, shop.namespace, shop.name, state="asleep")
        told = until("its user is told", lambda: [each for each in scene.events("shop") if "WriteFailed" in each], 30)
        assert "this namespace is frozen" in told[0]
        until("its routes are its own", lambda: scene.api.get("Ingress", scene.namespace, "shop")["spec"] == before, 30)
        until("it answers", lambda: scene.knock(shop).who is Who.APP, 30)
        explained = until("explain says it", lambda: said(scene, shop), 10)
        assert "this namespace is frozen" in explained
    scene.asleep(shop)


def said(scene: Scene, shop: StageApp) -> str:
    found: Json = json.loads(scene.waker.do("explain", shop.name, "-n", shop.namespace, "-o", "json"))
    return next((each["text"] for each in found["against"] if "frozen" in each["text"]), "")


def test_many_apps_of_one_ingress_share_a_write(scene: Scene) -> None:
    """They fall asleep and wake all at once, as after a night."""
    some = [
        StageApp(scene.namespace, f"app-{i:02}", scene.controller.ingress_class, ingresses=("front",))
        for i in range(MANY)
    ]
    for each in some:
        scene.create(*apps.objects(each))
    rules = [Rule(each.host, each.name) for each in some]
    scene.create(apps.ingress(some[0], "front", rules))
    until("all are ready", lambda: ready(scene) == MANY, 60)
    before = conflicts(scene)
    for state, led, up in (("asleep", {names.WAKER_SERVICE}, 0), ("awake", {each.name for each in some}, MANY)):
        for each in some:
            scene.pin(each, state)
        until(f"all are {state}", partial(is_so, scene, led, up), 60)
    assert conflicts(scene) - before <= MANY / 2


def is_so(scene: Scene, led: set[str], up: int) -> bool:
    return (leads_to(scene), ready(scene)) == (led, up)


def leads_to(scene: Scene) -> set[str]:
    """The Services to which the shared Ingress leads."""
    rules = scene.api.get("Ingress", scene.namespace, "front")["spec"]["rules"]
    return {path["backend"]["service"]["name"] for rule in rules for path in rule["http"]["paths"]}


def ready(scene: Scene) -> int:
    found = scene.api.list("Deployment", scene.namespace)
    return sum(each["status"].get("readyReplicas", 0) for each in found)


def conflicts(scene: Scene) -> float:
    text = kubectl("get", "--raw", "/api/v1/namespaces/kubesleeper/services/waker:metrics/proxy/metrics")
    counted = [
        line for line in text.splitlines() if line.startswith('kubesleeper_failed_writes_total{cause="conflict"}')
    ]
    return sum(float(line.rpartition(" ")[2]) for line in counted)
