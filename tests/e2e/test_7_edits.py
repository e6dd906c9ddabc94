"""Scenario 7: what a user changes while the app sleeps is what counts."""

from dataclasses import replace

from tests.e2e import apps
from tests.e2e.apps import Rule, annotations
from tests.e2e.cluster import until
from tests.e2e.load import Who
from tests.e2e.scene import Scene
from waker import names


def test_replicas_edited_while_asleep(scene: Scene) -> None:
    shop = scene.app("shop", replicas=3)
    scene.sleep(shop)

    scene.api.patch("Deployment", shop.namespace, "shop", {"spec": {"replicas": 2}})

    scene.awake(replace(shop, replicas=2))
    assert scene.history.replicas("Deployment", "shop") == [3, 0, 2]
    assert scene.knock(shop).who is Who.APP


def test_backend_edited_while_asleep(scene: Scene) -> None:
    other = scene.app("other", annotations={names.ENABLED: "false"})
    shop = scene.app("shop", replicas=3)
    scene.sleep(shop)

    theirs = apps.ingress(shop, "shop", [Rule(shop.host, "other")])["spec"]
    scene.api.patch("Ingress", shop.namespace, "shop", {"spec": theirs})

    until("the new backend answers", lambda: scene.knock(replace(other, name="other"), shop.host).who is Who.APP, 30)
    until(
        "nothing is saved any more",
        lambda: names.SAVED_BACKENDS not in annotations(scene.api.get("Ingress", shop.namespace, "shop")),
        30,
    )
    until("its replicas are back", lambda: scene.history.replicas("Deployment", "shop") == [3, 0, 3], 30)
    assert apps.backends(scene.api.get("Ingress", shop.namespace, "shop")) == {(shop.host, "/"): "other"}
    until("its owner is warned", lambda: scene.events("shop"), 10)


def test_manifest_applied_again_while_asleep(scene: Scene) -> None:
    shop = scene.app("shop", replicas=2)
    scene.sleep(shop)

    theirs = apps.ingress(shop, "shop", [Rule(shop.host, "shop")])["spec"]
    scene.api.patch("Ingress", shop.namespace, "shop", {"spec": theirs})  # as kubectl apply does: annotations stay

    until("a visitor sees the page or the app", lambda: scene.knock(shop).expected, 30)
    scene.visit(shop)
    scene.awake(shop)
    assert scene.history.replicas("Deployment", "shop") == [2, 0, 2]
