"""Scenario 8: what cannot be read is reported where its author looks, and changes nothing."""

import time
from functools import partial

from tests.e2e import apps
from tests.e2e.apps import StageApp, annotations
from tests.e2e.cluster import until
from tests.e2e.install import NAMESPACE, QUICK
from tests.e2e.scene import Scene, event_line
from waker import names

BAD = {"soon": names.IDLE_AFTER, "sleepy": names.STATE, "maybe": names.ENABLED}
IDLE = 2.0  # seconds
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}


def test_bad_annotations(scene: Scene) -> None:
    some = [scene.app(value, annotations={names.IDLE_AFTER: f"{IDLE:g}s", BAD[value]: value}) for value in BAD]
    before = [scene.api.get("Ingress", app.namespace, app.name)["spec"] for app in some]

    for app in some:
        told_about = until(f"{app.name} is reported", partial(warnings, scene, app.name), 20)
        assert all(BAD[app.name] in event for event in told_about)
        (status,) = scene.waker.status(app.namespace, app.name)
        assert status["phase"] == "NotManaged"
        assert BAD[app.name] in status["reason"]
    time.sleep(2 * IDLE)  # the claim is about time that passes
    for app in some:
        assert scene.history.replicas("Deployment", app.name) == [1]
        assert annotations(scene.history.of("Deployment", app.name)[-1].obj)[BAD[app.name]] == app.name
    assert [scene.api.get("Ingress", app.namespace, app.name)["spec"] for app in some] == before


def warnings(scene: Scene, value: str) -> list[str]:
    """The Warning Events about the app of this name that quote its bad value."""
    return [event for event in scene.events(value) if event.startswith("Warning") and repr(value) in event]


def test_volumes_that_would_be_deleted(scene: Scene) -> None:
    """A StatefulSet whose claims go when it is scaled down is never scaled down: not asked, not pinned, not idle."""
    shop = StageApp(scene.namespace, "shop", scene.controller.ingress_class, kind="StatefulSet",
                    annotations={names.IDLE_AFTER: f"{IDLE:g}s", names.STATE: "asleep"})  # fmt: skip
    workload, *others = apps.objects(shop)
    workload["spec"] |= {
        "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete", "whenDeleted": "Retain"},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": CLAIM}],
    }
    scene.create(workload, *others)

    until("it is told", lambda: any("whenScaled: Delete" in each for each in scene.events("shop")), 20)
    scene.waker.command("sleep", "statefulset/shop", "-n", scene.namespace)
    time.sleep(2 * IDLE)  # the claim is about time that passes
    assert scene.history.replicas("StatefulSet", "shop") == [1]
    assert "whenScaled: Delete" in scene.waker.do("explain", "statefulset/shop", "-n", scene.namespace)


def test_bad_setting(scene: Scene) -> None:
    shop = scene.app("shop")
    bad = {"idle-after": "tomorrow", "scrape-interval": "-1s", "hold-for": "for ever"}
    try:
        scene.api.patch("ConfigMap", NAMESPACE, names.CONFIG_MAP, {"data": bad})
        for key in bad:
            until(f"an Event tells {key}", partial(told, scene, key), 20)
            until(f"the log tells {key}", partial(logged, scene, key), 20, every=1)
        scene.sleep(shop)  # it goes on, with what it had
        scene.visit(shop)
        scene.awake(shop)
    finally:
        scene.api.patch("ConfigMap", NAMESPACE, names.CONFIG_MAP, {"data": QUICK})


def told(scene: Scene, key: str) -> bool:
    found = scene.api.list("Event", NAMESPACE)
    return any(key in event_line(one) for one in found if one["involvedObject"]["kind"] == "ConfigMap")


def logged(scene: Scene, key: str) -> bool:
    return key in scene.waker.log(400)
