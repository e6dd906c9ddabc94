"""What waker itself carries is a visit: a WebSocket that woke its app goes through waker for as long as it lasts."""

import itertools
import json
import time
import urllib.request

import pytest

from tests.e2e import doors, long
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import Json
from tests.e2e.long import LongLine
from tests.e2e.scene import Scene, every_controller
from waker import names

IDLE = 4.0  # seconds
LASTS = 3 * IDLE
LONG = 45.0  # seconds; more than waker waits on the way down for requests that it forwards (30 s)
LATE = 10.0  # seconds; the way down. Behind ingress-nginx pods stay for an idle period more
SOCKETS = {"projectcontour.io/websocket-routes": "/"}  # what Contour wants to be told, and nobody else
TRIES = 8  # controllers choose a replica in turn or at random

pytestmark = needs_bed("uses the WebSocket of the bed's sample app")


@every_controller
def test_a_websocket_through_waker_keeps_its_app_awake(scene: Scene) -> None:
    shop = made(scene)
    with woken_by(scene, shop) as line:
        kept_awake(scene, shop, line)


@pytest.mark.parametrize("controller", ["traefik"], indirect=True)
def test_also_one_through_a_replica_that_does_not_decide(scene: Scene) -> None:
    with doors.replicas(scene, 2):
        shop = made(scene)
        for _ in range(TRIES):
            line = woken_by(scene, shop)
            if carried(scene, shop, scene.waker.follower()):
                break
            line.close()
        else:
            pytest.fail(f"no WebSocket of {TRIES} came through the other replica")
        with line:
            assert not carried(scene, shop, holder(scene))
            kept_awake(scene, shop, line, LONG)


def made(scene: Scene) -> StageApp:
    shop = scene.app("shop", annotations={names.IDLE_AFTER: f"{IDLE:g}s"})
    scene.api.patch("Ingress", shop.namespace, shop.name, {"metadata": {"annotations": SOCKETS}})
    return shop


def woken_by(scene: Scene, shop: StageApp) -> LongLine:
    """A WebSocket that wakes the app."""
    scene.awake(shop)
    scene.sleep(shop)
    line = long.websocket(scene.address, shop.host)
    assert line.status == 101
    scene.awake(shop)
    return line


def kept_awake(scene: Scene, shop: StageApp, line: LongLine, lasts: float = LASTS) -> None:
    """As long as the line lasts, and for an idle period after that. Each message comes back whole."""
    began = time.monotonic()
    for number in itertools.count():
        text = f"message {number}".encode()
        assert line.says(text) == text
        if time.monotonic() > began + lasts:
            break
        time.sleep(0.2)  # the claim is about time that passes
    assert 0 not in scene.history.replicas(shop.kind, shop.name, since=began)
    line.close()
    ended = time.monotonic()
    scene.asleep(shop, within=2 * IDLE + LATE)
    versions = scene.history.of(shop.kind, shop.name, since=began)
    assert next(each.at for each in versions if not each.obj["spec"]["replicas"]) - ended >= IDLE


def carried(scene: Scene, shop: StageApp, pod: Json) -> int:
    """How many requests to the app this replica carries, as it says itself."""
    url = f"http://{pod['status']['podIP']}:9090/doors/{doors.number(scene.api, shop)}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return int(json.loads(answer.read())["forwarding"])


def holder(scene: Scene) -> Json:
    leader = scene.waker.leader()
    return next(pod for pod in scene.waker.pods() if pod["metadata"]["name"] == leader)
