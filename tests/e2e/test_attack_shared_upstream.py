"""Attack: what ingress-nginx does to one sleeping app's upstream, by annotation, must not touch another's.

It makes one upstream of all routes of a namespace that name the same Service and port, and keeps canaries, affinity and
hashing by upstream.
"""

import pytest

from tests.e2e import apps, intruder
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import until
from tests.e2e.intruder import ask, seen, whose
from tests.e2e.scene import Scene
from waker import names

NGINX = "nginx.ingress.kubernetes.io"
VISITORS = 100
CANARY = f"""
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: canary
  annotations: {{{NGINX}/canary: "true", {NGINX}/canary-weight: "30"}}
spec:
  ingressClassName: $class
  rules:
  - host: $host
    http:
      paths:
      - {{path: /, pathType: Prefix, backend: {{service: {{name: canary, port: {{name: http}}}}}}}}
"""
STICKY = {
    f"{NGINX}/affinity": "cookie",
    f"{NGINX}/session-cookie-name": "stuck",
    f"{NGINX}/upstream-hash-by": "$request_uri",
}
nginx = pytest.mark.parametrize("controller", [pytest.param("nginx", id="nginx")], indirect=True)

pytestmark = needs_bed("uses an image that writes down what it is sent")


@nginx
@pytest.mark.parametrize("first", ["sleep", "canary"])
def test_a_neighbours_canary_gets_nothing(scene: Scene, first: str) -> None:
    neighbour, shop = (intruder.witness(scene, name) for name in ("neighbour", "shop"))
    if first == "sleep":
        intruder.pin_asleep(scene, neighbour, shop)
    intruder.write(scene, CANARY, host=neighbour.host)
    canary = intruder.witness(scene, "canary", {names.ENABLED: "false"}, ingresses=("canary",))
    until("the canary gets its share", lambda: not ask(scene, neighbour.host) or seen(scene, canary))
    if first == "canary":
        # Its own canary may keep it from sleeping; what counts is whose upstream it shares.
        scene.pin(neighbour, "asleep")
        until("its routes lead to waker", lambda: names.WAKER_SERVICE in apps.routes(scene.api, neighbour).values(), 60)
        intruder.pin_asleep(scene, shop)

    found = [whose(ask(scene, shop.host, f"/{number}"), shop, neighbour, canary) for number in range(VISITORS)]

    assert found == [shop.name] * VISITORS
    assert not [each for each in seen(scene, canary) if each["headers"]["host"] == shop.host]
    intruder.stays_asleep(scene, shop)


@nginx
def test_a_neighbours_affinity_marks_nobody_else(scene: Scene) -> None:
    neighbour, shop = (intruder.witness(scene, name) for name in ("neighbour", "shop"))
    scene.api.patch("Ingress", scene.namespace, neighbour.name, {"metadata": {"annotations": STICKY}})
    until("its visitors are marked", lambda: "stuck=" in ask(scene, neighbour.host).header("set-cookie"))
    intruder.pin_asleep(scene, neighbour, shop)

    answers = [ask(scene, shop.host, f"/{number}") for number in range(VISITORS)]

    assert {whose(each, shop, neighbour) for each in answers} == {shop.name}
    assert not [each for each in answers if each.header("set-cookie")]
