"""Traffic 2: two controllers at once with two pods each: an app sleeps when it is idle at all of them, and known to be."""

import time
from collections.abc import Iterator

import pytest

from tests.e2e import apps, controllers, doors, load
from tests.e2e.apps import Rule, StageApp
from tests.e2e.cluster import TestApi, until
from tests.e2e.controllers import TestController
from tests.e2e.doors import EntryPoint
from tests.e2e.load import Who
from tests.e2e.scene import Scene
from tests.e2e.stream import Stream
from waker import names

IDLE = 3.0  # seconds
TOLD = 90.0  # seconds; an Event is written for what lasts a minute
PAIR = (controllers.TRAEFIK, controllers.CONTOUR)


@pytest.fixture
def pair(api: TestApi) -> Iterator[dict[TestController, list[EntryPoint]]]:
    """Two pods of each controller."""
    for each in PAIR:
        each.install(api)
    yield {each: doors.scale(api, each, 2) for each in PAIR}
    for each in PAIR:
        doors.scale(api, each, 1)


def behind_both(scene: Scene, pair: dict[TestController, list[EntryPoint]]) -> StageApp:
    """An app with an Ingress of each class, whose host is the class's name; it answers through every pod."""
    classes = [each.ingress_class for each in PAIR]
    shop = scene.app("shop", ingresses=tuple(classes), annotations={names.IDLE_AFTER: f"{IDLE:g}s"})
    for name in classes:
        there = StageApp(scene.namespace, "shop", name)
        scene.create(apps.ingress(there, name, [Rule(f"{name}.{scene.namespace}.example.org", "shop")]))
    everywhere = [door for some in pair.values() for door in some]
    until("it answers everywhere", lambda: all(enter(scene, each).who is Who.APP for each in everywhere))
    return shop


def enter(scene: Scene, door: EntryPoint) -> load.LoadAnswer:
    return load.ask_now(door.address, request(scene, door), patience=20)


def request(scene: Scene, door: EntryPoint) -> load.Request:
    return load.curl(f"{door.controller.ingress_class}.{scene.namespace}.example.org", "shop")


def test_visited_through_one_pod_of_one_controller(scene: Scene, pair: dict[TestController, list[EntryPoint]]) -> None:
    shop = behind_both(scene, pair)

    for door in (pair[PAIR[0]][1], pair[PAIR[1]][0]):
        with Stream(door.address, [request(scene, door)], every=IDLE / 3) as visitors:
            time.sleep(4 * IDLE)  # the claim is about time that passes
        assert all(answer.who is Who.APP for answer in visitors.answers), visitors.timeline()
        assert scene.history.replicas("Deployment", "shop") == [1]

    scene.asleep(shop)
    for door in (door for some in pair.values() for door in some):
        assert enter(scene, door).expected
    until("it is awake", lambda: enter(scene, pair[PAIR[0]][0]).who is Who.APP)


def test_a_pod_that_is_cut_off(scene: Scene, pair: dict[TestController, list[EntryPoint]]) -> None:
    door = pair[PAIR[0]][0]
    shop = behind_both(scene, pair)
    door.cut()
    try:
        enter(scene, pair[PAIR[1]][0])
        told = until(
            "its owner is told", lambda: [one for one in scene.events("shop") if "TrafficUnknown" in one], TOLD
        )
        assert door.name in told[0]
        (status,) = scene.waker.status(shop.namespace, "shop")
        assert door.name in status["reason"], status
        assert scene.history.replicas("Deployment", "shop") == [1]
    finally:
        door.join()

    scene.asleep(shop)
