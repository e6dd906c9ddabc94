"""Scenario 9: `waker restore --all`, then `kubectl delete -k k8s/`: every object is as its user wrote it."""

from typing import Any

from tests.e2e.apps import StageApp
from tests.e2e.cluster import ClusterApi, Json, kubectl, until
from tests.e2e.install import CHECKOUT, NAMESPACE
from tests.e2e.scene import Scene, every_controller
from waker import names

KINDS = ("Deployment", "StatefulSet", "Service", "Ingress", "EndpointSlice", "ConfigMap")
OF_CLUSTER = ("deployment.kubernetes.io/", "endpoints.kubernetes.io/")  # annotations that Kubernetes writes by itself


@every_controller
def test_restored_and_deleted(scene: Scene) -> None:
    some, before = household(scene)

    scene.waker.do("restore", "--all")
    scene.waker.uninstall()

    left_as_written(scene, some, before)


def test_restored_after_the_service_is_gone(scene: Scene) -> None:
    some, before = household(scene)

    scene.waker.uninstall()
    scene.waker.do("restore", "--all")

    left_as_written(scene, some, before)


def test_restored_by_a_job(scene: Scene) -> None:
    """For those who have no command at hand."""
    some, before = household(scene)

    kubectl("apply", "-k", str(CHECKOUT / "k8s" / "restore"))
    kubectl("wait", "--for=condition=complete", "--timeout=60s", "job/waker-restore", "-n", NAMESPACE)
    log = kubectl("logs", "-n", NAMESPACE, "job/waker-restore")
    kubectl("delete", "-k", str(CHECKOUT / "k8s" / "restore"))
    scene.waker.uninstall()

    assert "2 apps were asleep and are awake again. KubeSleeper puts nothing to sleep any more" in log
    left_as_written(scene, some, before)


def test_one_is_restored_and_then_the_service_is_gone(scene: Scene) -> None:
    """That one is its user's; the pin that keeps it so is all that is left on it."""
    shop, other = scene.app("shop", replicas=3), scene.app("slept")
    everything = written(scene.api, scene.namespace)
    scene.sleep(shop, other)

    scene.waker.do("restore", "shop", "-n", scene.namespace)
    scene.waker.uninstall()

    scene.awake(shop)
    scene.answering(shop, shop.host)
    pinned = everything["Deployment shop"]
    pinned["annotations"] |= {names.STATE: "awake"}
    now = written(scene.api, scene.namespace)
    for what in ("Deployment shop", "Ingress shop"):
        assert now[what] == everything[what]
    scene.waker.do("restore", "--all")
    scene.awake(other)


def household(scene: Scene) -> tuple[list[StageApp], dict[str, Any]]:
    """An app of each kind asleep, one awake that slept before, one awake; and all objects as they were before that."""
    shop = scene.app("shop", replicas=3)
    data = scene.app("data", kind="StatefulSet", replicas=2)
    slept, busy = scene.app("slept"), scene.app("busy")
    everything = written(scene.api, scene.namespace)
    before = {name: obj for name, obj in everything.items() if names.MANAGER not in name}
    scene.sleep(shop, data, slept)
    scene.visit(slept)
    scene.awake(slept)
    return [shop, data, slept, busy], before


def left_as_written(scene: Scene, some: list[StageApp], before: dict[str, Any]) -> None:
    scene.awake(*some)
    for app in some:
        scene.answering(app, app.host)
    until(
        "nothing of waker's is left",
        lambda: not any(names.MANAGER in name for name in written(scene.api, scene.namespace)),
        30,
    )
    assert written(scene.api, scene.namespace) == before


def written(api: ClusterApi, namespace: str) -> dict[str, Any]:
    """What users write: spec, labels and annotations by kind and name. Of slices only whose they are."""
    found = {}
    for kind in KINDS:
        for obj in api.list(kind, namespace):
            meta = obj["metadata"]
            name = meta["labels"]["kubernetes.io/service-name"] if kind == "EndpointSlice" else meta["name"]
            found[f"{kind} {name}"] = None if kind == "EndpointSlice" else _users_own(obj)
    return found


def _users_own(obj: Json) -> Any:
    meta = obj["metadata"]
    notes = {k: v for k, v in (meta.get("annotations") or {}).items() if not k.startswith(OF_CLUSTER)}
    return {"spec": obj.get("spec"), "labels": meta.get("labels"), "annotations": notes}
