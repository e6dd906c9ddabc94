"""Attack: a tenant's pod bears the labels of the ingress controller's pods.

It must not stop the sleep of everybody else, by being slow, silent or wrong; and no token may be sent to it.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e import intruder
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import Json, kubectl, until
from tests.e2e.install import NAMESPACE
from tests.e2e.scene import Scene, every_controller
from waker import names

LABELS = {  # by which waker finds the pods of each controller in any namespace
    "traefik": ("traefik", ""),
    "nginx": ("ingress-nginx", "controller"),
    "contour": ("contour", "envoy"),
}
QUICK = {names.IDLE_AFTER: "3s"}
ROUNDS = 5.0  # s; five rounds of scrapes
TOKEN_FILE = "/etc/hostname"  # any file that is there; what matters is whether it is sent

pytestmark = needs_bed("uses an image that writes down what it is sent")


def pod(scene: Scene, *, listens: bool) -> Json:
    """As the controller's, with the ports under which its metrics and requests are looked for."""
    name, component = LABELS[scene.controller.ingress_class]
    labels = {"app.kubernetes.io/name": name} | ({"app.kubernetes.io/component": component} if component else {})
    ports = [{"name": "metrics", "containerPort": 8080}, {"name": "web", "containerPort": 8080}]
    image = {"image": "witness:1", "args": ["-listen", ":8080", "-name", "impostor"]} if listens else {"image": "fake"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": scene.namespace, "name": "impostor", "labels": labels},
        "spec": {"containers": [{"name": "web", "ports": ports} | image]},
    }


@contextmanager
def impostor(scene: Scene, *, listens: bool) -> Iterator[Scene]:
    """The stage of a tenant who runs such a pod, ready."""
    with intruder.second_tenant(scene) as other:
        other.create(pod(other, listens=listens))
        until("the impostor runs", lambda: is_ready(other))
        yield other


def is_ready(scene: Scene) -> bool:
    conditions = scene.api.get("Pod", scene.namespace, "impostor").get("status", {}).get("conditions", [])
    return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)


@pytest.mark.parametrize("listens", [pytest.param(True, id="answers"), pytest.param(False, id="silent")])
@every_controller
def test_others_sleep_and_wake_as_ever(scene: Scene, listens: bool) -> None:
    with impostor(scene, listens=listens):
        shop = scene.app("shop", annotations=QUICK)
        scene.asleep(shop)
        scene.visit(shop)
        scene.awake(shop)


@every_controller
def test_no_token_is_sent_to_it(scene: Scene) -> None:
    """Whether waker refuses the setting without a namespace, or knows the right namespace, is its own affair."""
    key = f"controller.{scene.controller.ingress_class}.token-file"
    scene.app("shop", annotations=QUICK)
    with impostor(scene, listens=True) as other:
        scene.api.patch("ConfigMap", NAMESPACE, names.CONFIG_MAP, {"data": {key: TOKEN_FILE}})
        try:
            time.sleep(ROUNDS)  # the claim is about time that passes
            heard = seen_by_impostor(other)
        finally:
            scene.api.patch("ConfigMap", NAMESPACE, names.CONFIG_MAP, {"data": {key: None}})
    assert not [each for each in heard if "authorization" in each["headers"]]
    assert not heard, "nor is it asked for anything"


def seen_by_impostor(scene: Scene) -> list[Json]:
    log = kubectl("logs", "-n", scene.namespace, "impostor", "--tail=-1")
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]
