"""One class, two controllers, as in a migration: Traefik reads ingress-nginx's Ingresses beside ingress-nginx itself.

Half of the visitors come through each. waker is told nothing: it finds Traefik by its pods' arguments.
"""

import time

import pytest

from tests.e2e import controllers, load
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import kubectl, until
from tests.e2e.controller_flags import with_flags
from tests.e2e.load import Who
from tests.e2e.scene import Scene
from tests.e2e.stream import Stream
from waker import names

IDLE = 8.0  # seconds
QUICK = {names.IDLE_AFTER: f"{IDLE:g}s"}
PROVIDER = "--providers.kubernetesingressnginx"


@needs_bed("runs two controllers with flags of its own")
@pytest.mark.parametrize("controller", ["nginx"], indirect=True)
def test_visits_through_either_of_two_controllers_are_seen(scene: Scene) -> None:
    controllers.TRAEFIK.install(scene.api)
    with with_flags("traefik", "traefik", PROVIDER):
        until("one pod of Traefik is left", lambda: len(pods(scene)) == 1)
        beside = until("a ready pod of Traefik", lambda: controllers.TRAEFIK.address(scene.api), 60)
        idle, used = scene.app("idle", annotations=QUICK), scene.app("used", annotations=QUICK)
        until("Traefik serves it", lambda: load.ask_now(beside, load.browser(used.host, used.name)).who is Who.APP, 60)

        with Stream(beside, [load.curl(used.host, used.name)], every=1.0) as trickle:
            scene.asleep(idle)
            began = time.monotonic()
            visited = load.ask_now(beside, load.curl(idle.host, idle.name))
            assert visited.who in (Who.APP, Who.WAKER), "a visitor through Traefik wakes it"
            scene.awake(idle)
            scene.asleep(idle)
            time.sleep(max(0.0, began + 3 * IDLE - time.monotonic()))  # the claim is about time that passes
            assert scene.history.replicas(used.kind, used.name) == [1], "used through Traefik alone"
        assert not [answer for answer in trickle.answers if answer.who is not Who.APP], trickle.timeline()

        scene.asleep(used)
        scene.visit(used)  # through ingress-nginx
        scene.awake(used)

        kubectl("scale", "-n", "ingress-nginx", "deployment/ingress-nginx-controller", "--replicas=0")
        try:
            why = until("the setting is named", lambda: reason(scene, used.name, "controller.nginx.adapter"), 60)
            assert "set controller.nginx.adapter: traefik" in why
            scene.api.patch(
                "ConfigMap", "kubesleeper", names.CONFIG_MAP, {"data": {"controller.nginx.adapter": "traefik"}}
            )
            scene.asleep(used)
        finally:
            kubectl("scale", "-n", "ingress-nginx", "deployment/ingress-nginx-controller", "--replicas=1")
            scene.api.patch("ConfigMap", "kubesleeper", names.CONFIG_MAP, {"data": {"controller.nginx.adapter": None}})


def pods(scene: Scene) -> list[object]:
    """All of Traefik's."""
    return list(scene.api.list("Pod", controllers.TRAEFIK.namespace, controllers.TRAEFIK.pods))


def reason(scene: Scene, name: str, words: str) -> str:
    """Why an app is as it is, if the words are in it."""
    (app,) = scene.waker.status(scene.namespace, name)
    return str(app["reason"]) if words in app["reason"] else ""
