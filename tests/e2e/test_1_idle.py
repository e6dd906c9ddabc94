"""Scenario 1: an idle app sleeps; under a trickle of requests it never does; its first visitor wakes it."""

import time

from tests.e2e import load
from tests.e2e.load import Who
from tests.e2e.scene import Scene, every_controller
from tests.e2e.stream import Stream
from waker import names

IDLE = 3.0  # seconds
TRICKLE = 1.0  # seconds between requests: well below IDLE, with room for scrape-interval and a controller's lag


@every_controller
def test_idle_app_sleeps_and_a_trickle_keeps_the_other_awake(scene: Scene) -> None:
    quick = {names.IDLE_AFTER: f"{IDLE:g}s"}
    idle = scene.app("idle", replicas=2, annotations=quick)
    busy = scene.app("busy", annotations=quick)

    with Stream(scene.address, [load.curl(busy.host, busy.name)], every=TRICKLE) as trickle:
        since = time.monotonic()
        scene.asleep(idle)
        time.sleep(max(0.0, since + 4 * IDLE - time.monotonic()))  # the claim is about time that passes
        assert scene.history.replicas(busy.kind, busy.name) == [1]

    assert not [answer for answer in trickle.answers if answer.who is not Who.APP], trickle.timeline()
    scene.asleep(busy)  # so it was the trickle that kept it awake

    page = scene.knock(idle)
    assert (page.who, page.status) == (Who.WAKER, 503)
    assert page.header("retry-after")
    assert "no-store" in page.header("cache-control")
    scene.visit(idle)
    scene.awake(idle)
    assert scene.history.replicas(idle.kind, idle.name) == [2, 0, 2]
