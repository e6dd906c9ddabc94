"""Apps that a GitOps tool syncs all the time: with the recipes' ignore rules they sleep and wake, and new versions arrive."""

import copy
import time

import pytest

from tests.e2e import apps, gitops
from tests.e2e.apps import StageApp
from tests.e2e.cluster import Json, until
from tests.e2e.gitops import GitOpsTool
from tests.e2e.scene import Scene
from waker import names

LONG = 8.0  # seconds; sixteen looks of the tool, and more than two moves of waker


@pytest.mark.parametrize("recipe", gitops.RECIPES)
def test_with_the_recipe_it_puts_nothing_back(scene: Scene, recipe: str) -> None:
    shop = StageApp(scene.namespace, "shop", scene.controller.ingress_class, replicas=2)
    data = StageApp(scene.namespace, "data", scene.controller.ingress_class, kind="StatefulSet")
    written = [*apps.objects(shop), *apps.objects(data)]
    with GitOpsTool(scene.api, written, gitops.rules(recipe)) as tool:
        until("it has made them", lambda: len(tool.synced) >= len(written))
        for each in (shop, data):
            scene.answering(each, each.host)
        tool.synced.clear()

        scene.sleep(shop, data)
        time.sleep(LONG)
        scene.asleep(shop, data)
        assert tool.synced == []

        written[0] = with_note(written[0], "another version")
        until("the version is there", lambda: note(scene, shop) == "another version")
        time.sleep(LONG)
        assert tool.synced == ["Deployment"]
        scene.asleep(shop)

        for each in (shop, data):
            scene.visit(each)
        scene.awake(shop, data)
        time.sleep(LONG)
        assert tool.synced == ["Deployment"]
    assert scene.history.replicas("Deployment", "shop") == [2, 0, 2]
    assert not [each for each in scene.events("shop") if names.EventReason.CANNOT_SLEEP in each]


def test_without_rules_it_keeps_the_app_awake_and_that_is_told(scene: Scene) -> None:
    """The counterpart: that tool does put back what it may."""
    shop = scene.app("shop")
    with GitOpsTool(scene.api, apps.objects(shop)) as tool:
        scene.waker.do("sleep", "deployment/shop", "-n", scene.namespace)
        until("it has put something back", lambda: "Ingress" in tool.synced, 30)
        until("its user is told", lambda: any("point" in each for each in scene.events("shop")), 90)
        scene.awake(shop)


def with_note(workload: Json, text: str) -> Json:
    """Another version: its pods differ."""
    found = copy.deepcopy(workload)
    found["spec"]["template"]["metadata"]["annotations"] = {"note": text}
    return found


def note(scene: Scene, app: StageApp) -> str:
    template = scene.api.get(app.kind, app.namespace, app.name)["spec"]["template"]
    return str((template["metadata"].get("annotations") or {}).get("note", ""))
