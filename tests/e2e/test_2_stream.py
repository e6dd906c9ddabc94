"""Scenario 2: nobody in a stream of requests sees anything but the app's 200 and waker's 503 page.

The stream is half browsers, which get the page, and half programs, which are held and forwarded. An open loop, every
request on a connection of its own: what a swap loses, it shows.
"""

import time

from tests.e2e import load
from tests.e2e.apps import StageApp
from tests.e2e.cluster import until
from tests.e2e.load import Who
from tests.e2e.scene import Scene, every_controller
from tests.e2e.stream import Stream
from waker import names

EVERY = 0.01  # seconds
TURNS = 10


def clients(app: StageApp) -> list[load.Request]:
    return [load.browser(app.host, app.name), load.curl(app.host, app.name)]


@every_controller
def test_pinned_asleep_and_released_ten_times(scene: Scene) -> None:
    shop = scene.app("shop")

    with Stream(scene.address, clients(shop), EVERY) as stream:
        for _ in range(TURNS):
            scene.pin(shop, "asleep")
            scene.asleep(shop)
            scene.pin(shop, None)
            scene.awake(shop)

    stream.check()
    assert scene.history.replicas(shop.kind, shop.name) == [1, *[0, 1] * TURNS]
    assert stream.seen(Who.APP) > 0
    assert stream.seen(Who.WAKER) > 0


@every_controller
def test_asked_to_sleep_under_load_it_turns_back(scene: Scene) -> None:
    shop = scene.app("shop")

    with Stream(scene.address, clients(shop), EVERY) as stream:
        since = time.monotonic()
        scene.waker.do("sleep", shop.name, "-n", shop.namespace)
        until("the request is answered", lambda: answered(scene, shop, since), 60)
        scene.awake(shop)
        time.sleep(2 * scene.controller.lag)  # what was under way at the last change ends

    stream.check()
    assert scene.history.replicas(shop.kind, shop.name) == [1]


def answered(scene: Scene, app: StageApp, since: float) -> bool:
    """`waker sleep` was seen on the workload and is gone again."""
    asked = [
        names.SLEEP_REQUESTED_AT in each.obj["metadata"].get("annotations", {})
        for each in scene.history.of(app.kind, app.name, since)
    ]
    return any(asked) and not asked[-1]
