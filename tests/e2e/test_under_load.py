"""An app falls asleep while steady clients ask for it, through two wakers: nobody gets an error.

The clients do not stop: plain requests, uploads, and requests that are answered slowly. Whoever arrives while the app is
down gets waker's 503, or waits for the next pods. The app ends badly (see `ledger`), so a request that is still with a pod
when that is taken is lost.
"""

import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import replace

from tests.e2e import apps, doors, load
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import until
from tests.e2e.load import Request, VisitorAddress, Who
from tests.e2e.scene import Scene, every_controller
from tests.e2e.stream import Stream

EVERY = 0.02  # seconds between two requests
SLOW = 1.5  # seconds until a slow answer; less than waker waits for what controllers have taken before they followed
LONG = 8.0  # seconds; a slow answer for which waker has to wait
MANY = 20_000  # requests; more than are sent
TURNS = 2


def steady(app: StageApp) -> list[Request]:
    """What the clients send, each request with an id of its own."""
    return list(itertools.islice(_endless(app), MANY))


def _endless(app: StageApp) -> Iterator[Request]:
    agent = (("Accept", "application/json"), ("User-Agent", "steady/1"))
    for number in itertools.count():
        yield Request("get", app.host, "ledger", f"/g{number}", headers=agent)
        yield Request("post", app.host, "ledger", f"/p{number}", "POST", agent, b"x" * 4000)
        if number % 5 == 0:
            slow = (*agent, ("Prefer", f"wait={SLOW}"))
            yield Request("slow", app.host, "ledger", f"/s{number}", headers=slow)
            yield Request("slow post", app.host, "ledger", f"/t{number}", "POST", slow, b"x" * 4000)


@every_controller
def test_pinned_asleep_and_freed_again_and_again(scene: Scene) -> None:
    dice = random.Random(1)
    with doors.replicas(scene, 2):
        shop = scene.app("shop", image="ledger", ingresses=("shop",))
        scene.create(apps.ingress(shop, shop.name, [apps.Rule(shop.host, shop.name)]))
        until("it answers", lambda: load.ask_now(scene.address, steady(shop)[0]).kind == "app 200", 60)
        with Stream(scene.address, steady(shop), EVERY) as stream:
            for _ in range(TURNS):
                scene.pin(shop, "asleep")
                scene.asleep(shop)
                time.sleep(dice.uniform(0, 1))
                scene.pin(shop, None)
                until("its pods are ready", lambda: apps.listed_ready(scene.api, shop), 60, 0.01)
                time.sleep(dice.uniform(0, 2))
        stream.check()


@needs_bed("asks waker's pods themselves")
def test_a_slow_answer_through_the_waker_that_does_not_lead(scene: Scene) -> None:
    """The one that takes the pods away is another one than the one that forwards the request."""
    with doors.replicas(scene, 2):
        shop = scene.app("shop", image="ledger", ingresses=("shop",))
        scene.create(apps.ingress(shop, shop.name, [apps.Rule(shop.host, shop.name)]))
        until("it answers", lambda: load.ask_now(scene.address, steady(shop)[0]).kind == "app 200", 60)
        scene.pin(shop, "asleep")
        scene.asleep(shop)
        scene.pin(shop, None)
        slow = replace(steady(shop)[0], headers=(("Accept", "application/json"), ("Prefer", f"wait={LONG}")))
        other = VisitorAddress(scene.waker.follower()["status"]["podIP"], doors.number(scene.api, shop))
        with Stream(other, [slow, replace(slow, method="POST", body=b"x" * 4000)], EVERY) as stream:
            until("its pods are ready", lambda: apps.listed_ready(scene.api, shop), 60, 0.01)
            time.sleep(1)
            scene.pin(shop, "asleep")
            time.sleep(1)
        scene.asleep(shop)
        stream.check()
        assert stream.seen(Who.APP), "some were forwarded before"
