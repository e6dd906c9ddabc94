"""Attack: a tenant writes an Ingress for the host of somebody else's app, and waits until that app sleeps.

The controller does not send it a single request: it does not serve the class, or the older Ingress wins. Nor may waker.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e import intruder
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.intruder import SECRETS, seen, send, whose
from tests.e2e.scene import Scene, every_controller
from waker import names

CARD = b"card=4111111111111111"
ASKED = 10  # requests that show who wins at the controller; old and new workers of nginx answer side by side
STRANGER = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: stranger}
spec:
  ingressClassName: $class
  rules:
  - host: $host
    http:
      paths:
      - {path: $path, pathType: Prefix, backend: {service: {name: stranger, port: {name: http}}}}
"""

pytestmark = needs_bed("uses an image that writes down what it is sent")


@contextmanager
def stranger_beside(
    scene: Scene, shop: StageApp, ingress_class: str, path: str = "/", enabled: str = "true"
) -> Iterator[StageApp]:
    """A stranger's app that runs, in another namespace, with an Ingress for the shop's host."""
    with intruder.second_tenant(scene) as other:
        intruder.write(other, STRANGER.replace("$class", ingress_class), host=shop.host, path=path)
        annotations = {names.ENABLED: enabled}
        yield intruder.witness(other, "stranger", annotations, ingresses=("stranger",), path=path)


@pytest.mark.parametrize(
    ("path", "enabled"),
    [
        pytest.param("/", "true", id="same-path"),
        pytest.param("/account", "true", id="longer-path"),
        pytest.param("/account", "false", id="not-enabled"),
    ],
)
@every_controller
def test_of_a_class_that_nobody_serves(scene: Scene, path: str, enabled: str) -> None:
    shop = intruder.witness(scene, "shop")
    with stranger_beside(scene, shop, "served-by-nobody", path, enabled) as stranger:
        scene.sleep(shop)

        answer = send(scene, shop.host, "/account/pay", body=CARD)

        assert seen(scene, stranger) == []
        assert whose(answer, shop, stranger) == shop.name
        (delivered,) = seen(scene, shop)
        assert (delivered["body"], delivered["path"]) == (CARD.decode(), "/account/pay")
        assert {name: delivered["headers"].get(name.lower()) for name, _ in SECRETS} == dict(SECRETS)
        scene.awake(shop)


@every_controller
def test_of_a_class_that_nobody_serves_for_a_browser(scene: Scene) -> None:
    """A page of the stranger's would have waker's look on the shop's host, and wake the wrong app."""
    shop = intruder.witness(scene, "shop")
    with stranger_beside(scene, shop, "served-by-nobody", "/account") as stranger:
        scene.sleep(shop)

        assert whose(intruder.ask(scene, shop.host, "/account"), shop, stranger) == shop.name
        scene.awake(shop)
        assert seen(scene, stranger) == []


@pytest.mark.parametrize("controller", [pytest.param("nginx", id="nginx")], indirect=True)
def test_of_a_class_that_is_served_and_newer(scene: Scene) -> None:
    """ingress-nginx lets the older one win. Traefik and Contour do not keep to one: there the stranger may win by itself."""
    shop = intruder.witness(scene, "shop")
    time.sleep(1.1)  # creationTimestamp counts seconds
    with stranger_beside(scene, shop, scene.controller.ingress_class) as stranger:
        time.sleep(scene.controller.lag + 1)
        awake = {whose(intruder.ask(scene, shop.host), shop, stranger) for _ in range(ASKED)}
        assert awake == {shop.name}
        scene.sleep(shop)

        answer = send(scene, shop.host, "/", body=CARD)

        assert whose(answer, shop, stranger) == shop.name
        assert seen(scene, stranger) == []
        scene.awake(shop)
