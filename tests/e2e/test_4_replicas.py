"""Scenario 4: what wakes is what slept: three replicas, a StatefulSet, an HPA's own number."""

from tests.e2e import apps
from tests.e2e.apps import StageApp
from tests.e2e.cluster import until
from tests.e2e.scene import Scene

HPA_SYNC = 45.0  # seconds; the autoscaler looks every 15 s


def test_replicas_come_back(scene: Scene) -> None:
    three = scene.app("three", replicas=3)
    data = scene.app("data", kind="StatefulSet", replicas=2)

    scene.sleep(three, data)
    scene.visit(three)
    scene.visit(data)

    scene.awake(three, data)
    assert scene.history.replicas("Deployment", "three") == [3, 0, 3]
    assert scene.history.replicas("StatefulSet", "data") == [2, 0, 2]


def test_an_autoscaler_takes_over_again(scene: Scene) -> None:
    shop = scene.app("shop", replicas=4)
    scene.create(apps.autoscaler(shop, 2, 5))

    scene.sleep(shop)
    until("the autoscaler leaves it alone", lambda: reason(scene, shop) == "ScalingDisabled", HPA_SYNC)
    assert scene.api.get(shop.kind, shop.namespace, shop.name)["spec"]["replicas"] == 0
    scene.visit(shop)

    scene.awake(shop)
    assert scene.history.replicas(shop.kind, shop.name) == [4, 0, 4]
    scene.api.patch(shop.kind, shop.namespace, shop.name, {"spec": {"replicas": 1}})
    until("the autoscaler raises it to its minimum", lambda: replicas(scene, shop) == 2, HPA_SYNC)


def replicas(scene: Scene, app: StageApp) -> int:
    return int(scene.api.get(app.kind, app.namespace, app.name)["spec"]["replicas"])


def reason(scene: Scene, app: StageApp) -> str:
    found = scene.api.get("HorizontalPodAutoscaler", app.namespace, app.name)
    conditions = found.get("status", {}).get("conditions", [])
    return next((str(each["reason"]) for each in conditions if each["type"] == "ScalingActive"), "")
