"""More doors than a slice has room for, and one that cannot be opened."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e import doors
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import Json, until
from tests.e2e.scene import Scene, every_controller
from waker import names

MANY = 149  # and a real one
TAKE = (
    "import socket, sys; s = socket.create_server(('', int(sys.argv[1]))); print('taken', flush=True); sys.stdin.read()"
)


@needs_bed("has pods without a process")
@every_controller
def test_an_app_of_the_second_slice_sleeps_and_wakes(scene: Scene) -> None:
    doors.fakes(scene, MANY)
    until("all have doors", lambda: len(doors.book(scene.api, scene.namespace)) == MANY, 120)
    shop = scene.app("shop")
    number = until("it has a door", lambda: doors.number(scene.api, shop), 120)
    until("all are listed", lambda: len(doors.listed(scene.api, scene.namespace)) == MANY + 1, 120)
    sizes = {each["metadata"]["name"]: len(each["ports"]) for each in slices(scene)}
    assert sizes == {f"{names.WAKER_SERVICE}-1": 100, f"{names.WAKER_SERVICE}-2": MANY + 1 - 100}
    second = next(each for each in slices(scene) if each["metadata"]["name"].endswith("-2"))
    assert number in {port["port"] for port in second["ports"]}

    scene.pin(shop, "asleep")
    scene.asleep(shop, within=120)
    scene.pin(shop, None)
    scene.visit(shop)
    scene.awake(shop)


def slices(scene: Scene) -> list[Json]:
    return scene.api.list("EndpointSlice", scene.namespace, doors.SLICES)


@needs_bed("goes into the network of waker's pod")
def test_a_port_that_somebody_has_keeps_one_app_awake(scene: Scene) -> None:
    first = scene.app("first")
    until("it has a door", lambda: doors.number(scene.api, first))
    following = int(doors.data(scene.api)["next"])
    with taken(scene, following):
        unlucky = scene.app("unlucky")
        until("it has a door", lambda: doors.number(scene.api, unlucky) == following)
        lucky = scene.app("lucky")
        scene.pin(unlucky, "asleep")
        scene.sleep(first, lucky)
        until("it is reported", lambda: [each for each in scene.events(unlucky.name) if "NoDoor" in each])
        assert scene.history.replicas(unlucky.kind, unlucky.name) == [1]
        assert doors.routed(scene.api, unlucky) == [0]
        scene.visit(first)
    scene.asleep(unlucky)


@contextmanager
def taken(scene: Scene, port: int) -> Iterator[None]:
    """Another process of waker's pod listens there."""
    (pid,) = scene.waker.processes()
    command = ["nsenter", "-t", str(pid), "-n", sys.executable, "-c", TAKE, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"taken\n"
        try:
            yield
        finally:
            process.kill()
