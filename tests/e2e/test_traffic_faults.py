"""Traffic 3: a visit is remembered whatever becomes of the controller's pod that took it.

One visit, and at once the fault; the app may sleep a whole idle period after the visit, not earlier, and it does sleep.
"""

import time
from collections.abc import Callable

import pytest

from tests.e2e import apps, entry_points
from tests.e2e.apps import Rule
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import until
from tests.e2e.entry_points import EntryPoint
from tests.e2e.load import Who
from tests.e2e.scene import Scene
from waker import names

IDLE = 4.0  # seconds


def restarted(scene: Scene, entry: EntryPoint) -> None:
    entry.delete()


def killed(scene: Scene, entry: EntryPoint) -> None:
    entry.kill()


def scaled(scene: Scene, entry: EntryPoint) -> None:
    """Up, and down to the one that Kubernetes keeps."""
    entry_points.scale(scene.api, scene.controller, 2)
    entry_points.begin_scale(scene.controller, 1)


def reloaded(scene: Scene, entry: EntryPoint) -> None:
    """A new Ingress of somebody else's."""
    there = apps.StageApp(scene.namespace, "other", scene.controller.ingress_class)
    scene.create(apps.ingress(there, "other", [Rule(there.host, "shop-of-nobody")]))


@needs_bed("kills and reloads controller pods")
@pytest.mark.parametrize(
    ("controller", "fault"),
    [
        pytest.param("traefik", restarted, id="traefik-pod-deleted"),
        pytest.param("contour", killed, id="envoy-killed"),
        pytest.param("traefik", scaled, id="traefik-scaled"),
        pytest.param("nginx", reloaded, id="nginx-reloaded"),
    ],
    indirect=["controller"],
)
def test_a_visit_just_before(scene: Scene, fault: Callable[[Scene, EntryPoint], None]) -> None:
    shop = scene.app("shop", annotations={names.IDLE_AFTER: f"{IDLE:g}s"})
    (entry,) = entry_points.scale(scene.api, scene.controller, 1)
    time.sleep(IDLE / 2)
    visit = scene.knock(shop)
    assert visit.who is Who.APP

    fault(scene, entry)

    until("it sleeps", lambda: scene.history.replicas(shop.kind, shop.name) == [1, 0])
    slept = next(each.at for each in scene.history.of(shop.kind, shop.name) if not each.obj["spec"]["replicas"])
    assert slept - visit.ended >= IDLE
    scene.address = entry_points.scale(scene.api, scene.controller, 1)[0].address
    scene.visit(shop)
    scene.awake(shop)


@needs_bed("reloads the bed's ingress-nginx")
@pytest.mark.parametrize("controller", [pytest.param("nginx", id="nginx")], indirect=True)
def test_who_was_forgotten_at_the_swap_and_comes_back(scene: Scene) -> None:
    """Its reload may cost ingress-nginx the last visit, so pods stay behind swapped routes for as long as an idle period."""
    shop = scene.app("shop", annotations={names.IDLE_AFTER: f"{2 * IDLE:g}s"})
    until("its routes lead to waker", lambda: names.WAKER_SERVICE in apps.routes(scene.api, shop).values())
    time.sleep(IDLE)  # it is followed by now, and requests have ended
    assert scene.knock(shop).who is Who.APP, "no page, for its pods are there"
    scene.awake(shop)
    assert scene.history.replicas(shop.kind, shop.name) == [1]
    scene.asleep(shop)
