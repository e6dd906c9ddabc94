"""Traffic 4: controller pods crash, cannot be read, or come and go: an idle app sleeps all the same, a used one never does."""

import itertools
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.e2e import entry_points, load, other_pods
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import Json, until
from tests.e2e.entry_points import EntryPoint
from tests.e2e.load import Who
from tests.e2e.scene import Scene
from tests.e2e.stream import Stream
from waker import names

IDLE = 6.0  # seconds
QUICK = {names.IDLE_AFTER: f"{IDLE:g}s"}
LATE = 10.0  # seconds; the way down takes two of Traefik's lag, what ends meanwhile, and a scrape or two
READ_WITHIN = 3.0  # seconds; the scrape-interval is 1 s
AGAIN = 3.0  # seconds between two changes of how many pods there are
# Of these changes. What is lost with a pod extends a clock once, and what follows within half a minute is the same loss.
LASTS = 60.0  # seconds

pytestmark = needs_bed("makes controller pods that crash, and cuts off a port of one")


@contextmanager
def used(scene: Scene) -> Iterator[StageApp]:
    """An app with a request a second meanwhile. Nobody may lose one, and it is never scaled."""
    app = scene.app("used", annotations=QUICK)
    with Stream(scene.address, [load.curl(app.host, app.name)], every=1.0) as trickle:
        yield app
        assert scene.history.replicas(app.kind, app.name) == [1]
    assert not [each for each in trickle.answers if each.who is not Who.APP], trickle.timeline()


def explained(scene: Scene, app: StageApp) -> Json:
    found: Json = json.loads(scene.waker.do("explain", app.name, "-n", app.namespace, "-o", "json"))
    return found


def slept_at(scene: Scene, app: StageApp) -> float:
    """When its replicas became 0."""
    return next(each.at for each in scene.history.of(app.kind, app.name) if not each.obj["spec"]["replicas"])


@pytest.mark.parametrize("made", [other_pods.crashing, other_pods.with_sidecar], ids=["crash-loop", "sidecar"])
def test_a_container_that_crashes_again_and_again(scene: Scene, made: Callable[[Json], None]) -> None:
    with other_pods.beside(scene, made):
        if made is other_pods.with_sidecar:
            scene.address = other_pods.entry(scene).address
        until("it crashes", lambda: other_pods.restarts(scene) > 1)
        idle = scene.app("idle", annotations=QUICK)
        with used(scene):
            visit = scene.knock(idle)
            assert visit.who is Who.APP
            time.sleep(READ_WITHIN)
            known = until("the visit is known", lambda: signs(scene, idle, "counted"))
            before = other_pods.restarts(scene)
            time.sleep(IDLE / 2)  # the claim is about time that passes
            assert signs(scene, idle, "counted") == known, "nobody else is made up"
            assert not signs(scene, idle, "lost"), "nothing can be lost by a pod that serves nobody"
            scene.asleep(idle, within=IDLE + LATE)
            assert other_pods.restarts(scene) > before, "it crashed meanwhile"
        assert IDLE <= slept_at(scene, idle) - visit.ended < IDLE + LATE
        assert scene.history.replicas(idle.kind, idle.name) == [1, 0]


def signs(scene: Scene, app: StageApp, word: str) -> list[Json]:
    """What explain has seen or lost of it."""
    return [each for each in explained(scene, app)["activity"] if word in each["what"]]


def test_in_its_nodes_network_a_pod_serves_though_it_is_not_ready(scene: Scene) -> None:
    with other_pods.beside(scene, other_pods.in_nodes_network):
        entry = other_pods.entry(scene)
        shop = scene.app("shop", annotations=QUICK)
        with cut_off(entry, 9100, 8080):
            until("it is not ready", lambda: not here(scene, entry).ready)
            assert load.ask_now(entry.address, load.curl(shop.host, shop.name)).who is Who.APP, "it serves"
            visit = scene.knock(shop)
            why = "controller.traefik.excuse-after"  # once waker, too, has heard that it is not ready
            until("it is named", lambda: why in against(scene, shop, entry.name), 60)
            assert "its node's own address" in against(scene, shop, entry.name)
            time.sleep(max(0.0, visit.ended + 2 * IDLE - time.monotonic()))  # the claim is about time that passes
            assert scene.history.replicas(shop.kind, shop.name) == [1]
            set_class(scene, "5s")
            try:
                scene.asleep(shop)
                scene.visit(shop)
                scene.awake(shop)
            finally:
                set_class(scene, None)


def against(scene: Scene, app: StageApp, pod: str) -> str:
    """What explain says of a pod that cannot be read."""
    found = [each for each in explained(scene, app)["against"] if each["kind"] == "not-read" and pod in each["text"]]
    return f"{found[0]['text']} {found[0]['fix']}" if found else ""


def here(scene: Scene, entry: EntryPoint) -> EntryPoint:
    return next(each for each in entry_points.entry_points(scene.api, scene.controller) if each.name == entry.name)


def set_class(scene: Scene, excuse_after: str | None) -> None:
    scene.api.patch(
        "ConfigMap", "kubesleeper", names.CONFIG_MAP, {"data": {"controller.traefik.excuse-after": excuse_after}}
    )


@contextmanager
def cut_off(entry: EntryPoint, *ports: int) -> Iterator[None]:
    """Nobody gets an answer at these ports of a pod any more."""
    inside = ["nsenter", "-t", str(entry.process), "-n", "nft"]
    some = ", ".join(map(str, ports))
    rule = f"table inet cut {{ chain in {{ type filter hook input priority 0; tcp dport {{ {some} }} drop; }}; }}"
    subprocess.run([*inside, rule], check=True)
    try:
        yield
    finally:
        subprocess.run([*inside, "delete table inet cut"], check=True)


@pytest.mark.parametrize("controller", ["traefik", "nginx"], indirect=True)
def test_pods_that_come_and_go(scene: Scene) -> None:
    entry_points.scale(scene.api, scene.controller, 1)
    scene.address = until("one pod", lambda: scene.controller.address(scene.api))
    idle = scene.app("idle", annotations=QUICK)
    try:
        with used(scene):
            assert scene.knock(idle).who is Who.APP
            began = time.monotonic()
            for replicas in itertools.cycle([3, 1, 2, 1]):
                entry_points.begin_scale(scene.controller, replicas)
                time.sleep(AGAIN)
                if time.monotonic() > began + LASTS:
                    break
            assert scene.history.replicas(idle.kind, idle.name) == [1, 0], "it slept, once"
    finally:
        entry_points.begin_scale(scene.controller, 1)
