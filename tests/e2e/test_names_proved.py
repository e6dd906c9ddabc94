"""Traffic 5: controller pods count under the names that waker builds, so an app that nobody has ever visited is known."""

from tests.e2e import apps
from tests.e2e.apps import StageApp
from tests.e2e.cluster import Json, until
from tests.e2e.scene import Scene, every_controller
from tests.e2e.test_explain import explained


@every_controller
def test_an_app_that_nobody_has_visited_is_known(scene: Scene) -> None:
    shop = StageApp(scene.namespace, "shop", scene.controller.ingress_class)
    scene.create(*apps.objects(shop))
    scene.awake(shop)

    found = until("every pod has counted waker's own request", lambda: proved(scene, shop), 60)

    (series,) = found["series"]
    assert [each["requests"] or 0 for each in series["values"]] == [0] * len(found["pods"]), "nobody has come"
    assert [each["kind"] for each in found["against"]] == ["in-use"], "its idle period runs"
    assert found["sleepsAt"]


def proved(scene: Scene, shop: StageApp) -> Json | None:
    found = explained(scene, shop)
    return found if found["pods"] and all(each["namesProved"] for each in found["pods"]) else None
