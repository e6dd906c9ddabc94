"""Doors with two replicas: nobody is sent to one that does not listen yet, and the book survives its writer."""

import os
import random
import signal
import time

from tests.e2e import apps, doors
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import until
from tests.e2e.scene import Scene
from waker import names

NEW_APPS = 30
REAL = 3  # of them have pods that answer
KILLS = 4


def test_both_are_listed_before_anything_sleeps(scene: Scene) -> None:
    """Whenever a route of an app leads to waker, both replicas are listed at its door."""
    with doors.replicas(scene, 2):
        some = [scene.app(f"app-{i}") for i in range(3)]
        for app in some:
            scene.pin(app, "asleep")
        early = []
        while True:
            routed = {app.name: doors.routed(scene.api, app)[0] for app in some}
            seen = doors.listed(scene.api, scene.namespace)
            early += [(name, seen) for name, at in routed.items() if at and len(seen.get(at, ())) != 2]
            if all(routed.values()):
                break
            time.sleep(0.02)
        scene.asleep(*some)
        assert not early


@needs_bed("kills waker's process, and has pods without one")
def test_the_leader_is_killed_while_it_gives_numbers(scene: Scene) -> None:
    seed = random.randrange(10_000)
    moments = random.Random(seed)
    with doors.replicas(scene, 2):
        real = [scene.app(f"real-{i}") for i in range(REAL)]
        some = [*real]
        for turn in range(KILLS):
            few = [named(scene, f"fake-{turn}-{i:02}") for i in range((NEW_APPS - REAL) // KILLS + 1)]
            for app in few:
                scene.create(*apps.objects(app))
            if turn % 2:
                have_doors(scene, len(some) + 1)
            else:
                time.sleep(moments.uniform(0, 0.5))
            os.kill(leader(scene), signal.SIGKILL)
            until("waker runs again", lambda: len(scene.waker.processes()) == 2, 60)
            some += few
        have_doors(scene, len(some))

        written = doors.book(scene.api, scene.namespace)
        assert sorted(text.split()[1].partition("/")[2] for text in written.values()) == sorted(
            app.name for app in some
        ), f"seed {seed}"
        until("all are in the Service", lambda: in_service(scene) == written.keys(), 10)
        until("both are listed", lambda: listed_twice(scene, written), 60)
        for app in some:
            scene.pin(app, "asleep")
        scene.asleep(*some, within=120)
        assert len({doors.routed(scene.api, app)[0] for app in some}) == len(some)
        for app in some:
            scene.pin(app, "awake")
        scene.awake(*some, within=120)
        for app in real:
            scene.pin(app, None)
            scene.visit(app)


def in_service(scene: Scene) -> set[int]:
    """The numbers that the namespace's Service of waker lists."""
    found = scene.api.get("Service", scene.namespace, names.WAKER_SERVICE)
    return {int(each["port"]) for each in found["spec"]["ports"]}


def have_doors(scene: Scene, count: int) -> None:
    """Wait until so many apps have doors."""
    until(f"{count} doors", lambda: len(doors.book(scene.api, scene.namespace)) >= count, 90, every=0.005)


def named(scene: Scene, name: str) -> StageApp:
    return StageApp(scene.namespace, name, scene.controller.ingress_class, fake=True)


def listed_twice(scene: Scene, written: dict[int, str]) -> bool:
    seen = doors.listed(scene.api, scene.namespace)
    return seen.keys() == written.keys() and all(len(hosts) == 2 for hosts in seen.values())


def leader(scene: Scene) -> int:
    """The process of the holder of the Lease. It may have been killed a moment ago, and not run yet."""
    return until("the holder of the Lease runs", lambda: holders_process(scene), 60)


def holders_process(scene: Scene) -> int | None:
    holder = scene.waker.leader()
    for pod in scene.waker.pods():
        for status in pod["status"].get("containerStatuses", []):
            if pod["metadata"]["name"] == holder and "running" in status.get("state", {}):
                return int(status["containerID"].removeprefix("ground://"))
    return None
