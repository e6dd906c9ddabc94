"""Replicas and waker's own notes, changed by hand while an app sleeps or wakes."""

import time

from tests.e2e import apps
from tests.e2e.apps import StageApp, annotations
from tests.e2e.cluster import Json, until
from tests.e2e.load import Who
from tests.e2e.scene import Scene
from waker import names

VISITED_FOR = 5.0  # seconds


def test_a_wake_that_somebody_stops_stays_stopped(scene: Scene) -> None:
    shop = scene.app("shop", replicas=2)
    scene.sleep(shop)
    scene.api.patch("Deployment", shop.namespace, "shop", template(shop, broken=True))
    assert scene.knock(shop).who is Who.WAKER
    until("it is scaled up", lambda: replicas(scene, shop) == 2, 10)

    scene.api.patch("Deployment", shop.namespace, "shop", {"spec": {"replicas": 0}})

    until("its wake is over", lambda: names.STOPPED_AT in notes(scene, shop), 10)
    end = time.monotonic() + VISITED_FOR
    while time.monotonic() < end:
        assert scene.knock(shop).who is Who.WAKER
        time.sleep(0.2)
    assert scene.history.replicas("Deployment", "shop") == [2, 0, 2, 0]
    until("it is told", lambda: any("scaled it to 0 while it woke" in each for each in scene.events("shop")), 10)

    scene.api.patch("Deployment", shop.namespace, "shop", template(shop, broken=False))
    scene.waker.do("wake", "deployment/shop", "-n", shop.namespace)
    scene.awake(shop)
    assert names.STOPPED_AT not in notes(scene, shop)


def test_a_lost_number_is_its_autoscalers_minimum(scene: Scene) -> None:
    shop = scene.app("shop", replicas=4)
    scene.create(apps.autoscaler(shop, 2, 5))
    scene.sleep(shop)

    patch = {"metadata": {"annotations": {names.SAVED_REPLICAS: None}}}
    scene.api.patch("Deployment", shop.namespace, "shop", patch)
    scene.visit(shop)

    until("its replicas are set", lambda: replicas(scene, shop) == 2, 10)
    until("it is told", lambda: any("GuessedReplicas" in each for each in scene.events("shop")), 10)


def template(app: StageApp, *, broken: bool) -> Json:
    """A patch: the app's own pod template, or one whose container ends at once."""
    found = apps.workload(app)["spec"]["template"]
    if broken:
        found["spec"]["containers"][0]["args"] = ["-no-such-flag"]
    return {"spec": {"template": found}}


def replicas(scene: Scene, app: StageApp) -> int:
    return int(scene.api.get(app.kind, app.namespace, app.name)["spec"]["replicas"])


def notes(scene: Scene, app: StageApp) -> dict[str, str]:
    return annotations(scene.api.get(app.kind, app.namespace, app.name))
