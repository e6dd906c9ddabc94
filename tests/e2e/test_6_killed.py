"""Scenario 6: waker killed (-9) at any moment of the cycle; nothing is lost, and every app ends awake or asleep.

Three apps are pinned and released all the time, so that each kill meets them in different phases. Every version of
every object on the way must be one that a person could restore by hand: whoever is at 0 has its number saved, every
route that leads to waker has its backend saved. The moments are random; a failure names the seed.
"""

import json
import random
import time

from tests.e2e.apps import StageApp, annotations, backends
from tests.e2e.bed import needs_bed
from tests.e2e.history import Version
from tests.e2e.scene import Scene
from waker import names

KILLS = 20
LONGEST = 5.0  # seconds from a change of pins to the kill: waker's start and one way of the cycle
SETTLE_EVERY = 5  # kills; and a new pod, as Kubernetes lets one that ends often wait longer each time


@needs_bed("kills waker's process")
def test_killed_at_twenty_moments(scene: Scene) -> None:
    seed = random.randrange(10_000)
    moments = random.Random(seed)
    some = [scene.app(name, replicas=number) for name, number in (("one", 1), ("two", 2), ("three", 3))]

    for kill in range(1, KILLS + 1):
        wanted = [moments.choice(["asleep", "awake"]) for _ in some]
        for app, state in zip(some, wanted, strict=True):
            scene.pin(app, state)
        time.sleep(moments.uniform(0, LONGEST))  # the moment
        scene.waker.kill()
        if kill % SETTLE_EVERY == 0:
            settle(scene, some, wanted)
            scene.waker.renew()

    lost = [each.line(scene.history.began) for each in scene.history.versions if not restorable(each, some)]
    assert not lost, f"seed {seed}: {lost}"
    for app in some:
        scene.pin(app, None)
    for app in some:
        scene.visit(app)
    scene.awake(*some)


def settle(scene: Scene, some: list[StageApp], wanted: list[str]) -> None:
    for app, state in zip(some, wanted, strict=True):
        (scene.asleep if state == "asleep" else scene.awake)(app)


def restorable(seen: Version, some: list[StageApp]) -> bool:
    """Nothing of the user's is lost in this version of an object."""
    app = next((each for each in some if each.name == seen.name), None)
    if app is None:
        return True
    found = annotations(seen.obj)
    if seen.kind == "Ingress":
        ours = [where for where, to in backends(seen.obj).items() if to == names.WAKER_SERVICE]
        return not ours or app.name in json.dumps(found.get(names.SAVED_BACKENDS, ""))
    number = seen.obj["spec"]["replicas"] or int(found.get(names.SAVED_REPLICAS, "0"))
    return bool(number == app.replicas)
