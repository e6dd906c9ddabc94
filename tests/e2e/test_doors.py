"""Doors that others write: the ConfigMap of all doors as it was yesterday, or gone; a tenant's edits. Visitors get their app.

Nothing that is written into a namespace claims a door there, and what is lost comes back from what the namespaces list.
"""

import time
from collections.abc import Callable

import pytest

from tests.e2e import apps, doors, intruder
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import ClusterApi, Json, kubectl, until
from tests.e2e.install import DEPLOYMENT, NAMESPACE
from tests.e2e.intruder import ask, whose
from tests.e2e.scene import Scene, every_controller
from waker import names

SOON = 5.0  # seconds; a Service is corrected, and a controller follows
TURNS = 5  # more often than drift is put up with

pytestmark = needs_bed("uses an image that writes down what it is sent")


def each_gets_its_own(scene: Scene, some: list[StageApp], within: float = 0.0) -> None:
    """Every visitor meets the page of the very app; if it may take a while, nobody meets another's meanwhile."""
    end = time.monotonic() + within
    while True:
        found = {app.name: whose(ask(scene, app.host), *some) for app in some}
        wrong = {name: who for name, who in found.items() if who != name}
        assert not {who for who in wrong.values() if who != intruder.NOBODY}, found
        if not wrong:
            return
        assert time.monotonic() < end, found
        time.sleep(0.05)


def test_yesterdays_book_turns_no_visitor_away(scene: Scene) -> None:
    """Some apps are newer than it, and one that it names has gone meanwhile."""
    old, gone = (intruder.witness(scene, name) for name in ("old", "gone"))
    until("both have doors", lambda: doors.number(scene.api, old) and doors.number(scene.api, gone))
    yesterday = doors.data(scene.api)
    kubectl("delete", "-n", scene.namespace, "deployment,service,ingress", gone.name)
    until("its door is gone", lambda: not doors.number(scene.api, gone), 60)
    some = [old, *(intruder.witness(scene, name) for name in ("young", "fresh"))]
    intruder.pin_asleep(scene, *some)
    before = {app.name: doors.number(scene.api, app) for app in some}

    replaced = [{"op": "replace", "path": "/data", "value": yesterday}]
    scene.api.patch("ConfigMap", NAMESPACE, names.DOORS_MAP, replaced)

    end = time.monotonic() + SOON
    while time.monotonic() < end:
        each_gets_its_own(scene, some)
    assert {app.name: doors.number(scene.api, app) for app in some} == before
    assert not doors.number(scene.api, gone)
    wakes(scene, some)


@pytest.mark.parametrize("waker_is", ["there", "away"])
def test_a_book_that_is_deleted_is_written_again(scene: Scene, waker_is: str) -> None:
    """With the numbers that the namespaces list, also by a waker that has never seen it."""
    some = [intruder.witness(scene, name) for name in ("one", "two", "three")]
    intruder.pin_asleep(scene, *some)
    before = {app.name: doors.number(scene.api, app) for app in some}
    if waker_is == "away":
        kubectl("scale", "-n", NAMESPACE, f"deployment/{DEPLOYMENT}", "--replicas=0")
        until("waker is away", lambda: not scene.waker.pods(), 60)
        assert not any(doors.listed(scene.api, scene.namespace).values()), "the last one takes its address along"

    kubectl("delete", "configmap", "-n", NAMESPACE, names.DOORS_MAP)

    if waker_is == "away":
        doors.scale(scene, 1)
        each_gets_its_own(scene, some, SOON)
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        each_gets_its_own(scene, some)
    assert {app.name: doors.number(scene.api, app) for app in some} == before
    wakes(scene, some)


def wakes(scene: Scene, some: list[StageApp]) -> None:
    """Each is woken by its own visitor, and by nobody else's."""
    for app in some:
        scene.pin(app, None)
    for i, app in enumerate(some):
        scene.visit(app)
        scene.awake(app)
        assert not [each.name for each in some[i + 1 :] if apps.asleep(scene.api, each)]


def without_a_port(api: ClusterApi, shop: StageApp, _other: int) -> None:
    change_ports(api, shop, lambda ports: [each for each in ports if each["port"] != doors.number(api, shop)])


def with_anothers_port(api: ClusterApi, shop: StageApp, other: int) -> None:
    change_ports(api, shop, lambda ports: [*ports, {"name": "mine", "port": other, "targetPort": other}])


def at_anothers_door(api: ClusterApi, shop: StageApp, other: int) -> None:
    """Every route of the shop names the other app's number."""
    found = doors.ingress(api, shop)
    for rule in found["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            path["backend"]["service"]["port"] = {"number": other}
    api.patch("Ingress", shop.namespace, shop.name, {"spec": {"rules": found["spec"]["rules"]}})


def both(api: ClusterApi, shop: StageApp, other: int) -> None:
    with_anothers_port(api, shop, other)
    at_anothers_door(api, shop, other)


def change_ports(api: ClusterApi, shop: StageApp, change: Callable[[list[Json]], list[Json]]) -> None:
    ports = api.get("Service", shop.namespace, names.WAKER_SERVICE)["spec"]["ports"]
    replaced = [{"op": "replace", "path": "/spec/ports", "value": change(ports) or [{"name": "x", "port": 1}]}]
    api.patch("Service", shop.namespace, names.WAKER_SERVICE, replaced)


@every_controller
@pytest.mark.parametrize("edit", [without_a_port, with_anothers_port, at_anothers_door, both])
def test_a_tenants_edits_are_corrected(scene: Scene, edit: Callable[[ClusterApi, StageApp, int], None]) -> None:
    with intruder.second_tenant(scene) as theirs:
        vault, shop = intruder.witness(theirs, "vault"), intruder.witness(scene, "shop")
        theirs.sleep(vault)
        scene.pin(shop, "asleep")
        scene.asleep(shop)
        number, other = doors.number(scene.api, shop), doors.number(scene.api, vault)
        assert (doors.routed(scene.api, shop), doors.routed(scene.api, vault)) == ([number], [other])

        for _ in range(TURNS):
            edit(scene.api, shop, other)
            until("it is corrected", lambda: is_right(scene.api, shop, number, other), SOON)

        each_gets_its_own(scene, [shop], SOON + scene.controller.lag)
        assert doors.number(scene.api, shop) == number
        assert not [each for each in scene.events(shop.name) if each.startswith("Warning")]
        intruder.stays_asleep(scene, shop)
        intruder.stays_asleep(theirs, vault)
        assert whose(ask(theirs, vault.host), vault) == vault.name


def is_right(api: ClusterApi, shop: StageApp, number: int, other: int) -> bool:
    """Its Service and its route are as waker had them."""
    ports = {each["port"] for each in api.get("Service", shop.namespace, names.WAKER_SERVICE)["spec"]["ports"]}
    return number in ports and other not in ports and doors.routed(api, shop) == [number]
