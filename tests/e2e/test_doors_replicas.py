"""Doors with two replicas: nobody is sent to one that does not listen yet, and the book survives its writer."""

import os
import random
import signal
import time

from tests.e2e import apps, doors, load
from tests.e2e.apps import StageApp, backends
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import Json, kubectl, until
from tests.e2e.install import DEPLOYMENT, NAMESPACE
from tests.e2e.load import Who
from tests.e2e.scene import Scene, every_controller
from tests.e2e.stream import Stream
from waker import names

EVERY = 0.02  # seconds between two visitors
NEW_APPS = 30
REAL = 3  # of them have pods that answer
KILLS = 4


@every_controller
def test_a_rolling_update_loses_no_request(scene: Scene) -> None:
    """Visitors of a sleeping app meet its page, those of an awake one the app, and a third one sleeps and wakes as ever."""
    with doors.replicas(scene, 2):
        sleeper, worker, napper = (scene.app(name) for name in ("sleeper", "worker", "napper"))
        scene.pin(sleeper, "asleep")
        scene.asleep(sleeper)
        seen = doors.listed(scene.api, scene.namespace)
        assert all(len(hosts) == 2 for hosts in seen.values()), seen
        swapped = [each for each in scene.history.of("Ingress", sleeper.name) if leads_to_waker(each.obj)]
        assert swapped, "its routes lead to waker"

        some = [load.browser(sleeper.host, sleeper.name), load.curl(worker.host, worker.name)]
        with Stream(scene.address, some, EVERY) as stream:
            kubectl("rollout", "restart", "-n", NAMESPACE, f"deployment/{DEPLOYMENT}")
            kubectl("rollout", "status", "-n", NAMESPACE, f"deployment/{DEPLOYMENT}", within=180)
            until("the old pods are gone", scene.waker.ready, 60)
            scene.sleep(napper)
            scene.visit(napper)
            time.sleep(scene.controller.lag)

        stream.check()
        assert stream.seen(Who.APP) > 0 < stream.seen(Who.WAKER)
        now = {pod["status"]["podIP"] for pod in scene.waker.pods()}
        assert all(hosts == now for hosts in doors.listed(scene.api, scene.namespace).values())


def leads_to_waker(found: Json) -> bool:
    return names.WAKER_SERVICE in backends(found).values()


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
        ports = scene.api.get("Service", scene.namespace, names.WAKER_SERVICE)["spec"]["ports"]
        assert {each["port"] for each in ports} == written.keys()
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
