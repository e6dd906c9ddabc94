"""Traffic 2: two controllers at once with two pods each: an app sleeps when it is idle at all of them, and known to be."""

import json
import time
import urllib.request
from collections.abc import Iterator

import pytest

from tests.e2e import apps, controllers, entry_points, load
from tests.e2e.apps import Rule, StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import ClusterApi, until
from tests.e2e.controllers import IngressController
from tests.e2e.entry_points import EntryPoint
from tests.e2e.load import Who
from tests.e2e.scene import Scene
from tests.e2e.stream import Stream
from waker import names

IDLE = 3.0  # seconds
TOLD = 90.0  # seconds; an Event is written for what lasts a minute
PAIR = (controllers.TRAEFIK, controllers.CONTOUR)


@pytest.fixture
def pair(api: ClusterApi) -> Iterator[dict[IngressController, list[EntryPoint]]]:
    """Two pods of each controller."""
    for each in PAIR:
        each.install(api)
    yield {each: entry_points.scale(api, each, 2) for each in PAIR}
    for each in PAIR:
        entry_points.scale(api, each, 1)


def behind_both(scene: Scene, pair: dict[IngressController, list[EntryPoint]]) -> StageApp:
    """An app with an Ingress of each class, whose host is the class's name; it answers through every pod."""
    classes = [each.ingress_class for each in PAIR]
    shop = scene.app("shop", ingresses=tuple(classes), annotations={names.IDLE_AFTER: f"{IDLE:g}s"})
    for name in classes:
        there = StageApp(scene.namespace, "shop", name)
        scene.create(apps.ingress(there, name, [Rule(f"{name}.{scene.namespace}.example.org", "shop")]))
    everywhere = [entry for some in pair.values() for entry in some]
    until("it answers everywhere", lambda: all(enter(scene, each).who is Who.APP for each in everywhere))
    return shop


def enter(scene: Scene, entry: EntryPoint) -> load.LoadAnswer:
    return load.ask_now(entry.address, request(scene, entry), patience=20)


def request(scene: Scene, entry: EntryPoint) -> load.Request:
    return load.curl(f"{entry.controller.ingress_class}.{scene.namespace}.example.org", "shop")


@needs_bed("asks controller pods at their own addresses")
def test_visited_through_one_pod_of_one_controller(
    scene: Scene, pair: dict[IngressController, list[EntryPoint]]
) -> None:
    shop = behind_both(scene, pair)

    for entry in (pair[PAIR[0]][1], pair[PAIR[1]][0]):
        with Stream(entry.address, [request(scene, entry)], every=IDLE / 3) as visitors:
            time.sleep(4 * IDLE)  # the claim is about time that passes
        assert all(answer.who is Who.APP for answer in visitors.answers), visitors.timeline()
        assert scene.history.replicas("Deployment", "shop") == [1]

    scene.asleep(shop)
    for entry in (entry for some in pair.values() for entry in some):
        assert enter(scene, entry).expected
    until("it is awake", lambda: enter(scene, pair[PAIR[0]][0]).who is Who.APP)


def said_of_the_pod(scene: Scene, shop: StageApp, entry: EntryPoint) -> None:
    """What the metric, `explain` and the overview say of the one pod that cannot be read."""
    with urllib.request.urlopen(
        f"http://{scene.waker.pods()[0]['status']['podIP']}:9090/metrics", timeout=10
    ) as answer:
        shown = answer.read().decode().splitlines()
    pods = 'kubesleeper_controller_pods{controller="traefik.io/ingress-controller",state='
    assert {f'{pods}"unread"}} 1.0', f'{pods}"read"}} 1.0'} <= set(shown)
    facts = json.loads(scene.waker.do("explain", shop.name, "-n", shop.namespace, "-o", "json"))
    (reason,) = (each for each in facts["against"] if each["kind"] == "not-read")
    assert entry.name in reason["text"]
    assert "NetworkPolicies" in reason["fix"]
    overview = json.loads(scene.waker.do("explain", "--all", "-n", shop.namespace, "-o", "json"))
    assert [(each["code"], each["fix"], each["apps"]) for each in overview["causes"]] == [
        ("TrafficUnknown", reason["fix"], 1)
    ]


@needs_bed("cuts a controller pod off")
def test_a_pod_that_is_cut_off(scene: Scene, pair: dict[IngressController, list[EntryPoint]]) -> None:
    entry = pair[PAIR[0]][0]
    shop = behind_both(scene, pair)
    entry.cut()
    try:
        enter(scene, pair[PAIR[1]][0])
        told = until(
            "its owner is warned", lambda: [one for one in scene.events("shop") if "TrafficUnknown" in one], TOLD
        )
        assert entry.name in told[0]
        (status,) = scene.waker.status(shop.namespace, "shop")
        assert entry.name in status["reason"], status
        assert status["sleepsAt"] is None
        said_of_the_pod(scene, shop, entry)
        assert scene.history.replicas("Deployment", "shop") == [1]
    finally:
        entry.join()

    scene.asleep(shop)
