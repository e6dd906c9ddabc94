"""The doors of the running service: one that cannot be opened, a range that is too small, and the last waker that leaves."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.ports import next_port
from waker import names, process
from waker.demo import kinds
from waker.demo.faults import Fault, unavailable
from waker.demo.kinds import Key
from waker.demo.samples import manifests
from waker.errors import SettingsError
from waker.plan.doors import parse_key, port_name
from waker.settings.parsing import PortRange

from .scene import BLOG, ENABLED, MERGE, SHOP, ServiceScene, scene
from .test_service import own

NEXT = "127.0.0.9"  # nobody listens there


def numbers(it: ServiceScene) -> dict[str, int]:
    """The door of each app, by the app's name."""
    found = it.cluster.get("ConfigMap", "kubesleeper", names.DOORS_MAP) or {}
    data = found.get("data") or {}
    return {text.split()[1].partition("/")[2]: int(key) for key, text in data.items() if key.isdigit()}


def listed(it: ServiceScene) -> set[str]:
    """The addresses in waker's slices."""
    slices = [
        each
        for each in it.cluster.objects("EndpointSlice", "default")
        if each["metadata"]["name"].startswith(names.WAKER_SERVICE)
    ]
    return {address for piece in slices for each in piece["endpoints"] or () for address in each["addresses"]}


@contextmanager
def taken(port: int) -> Iterator[None]:
    """Somebody else listens there."""
    with socket.create_server(("127.0.0.1", port)):
        yield


def metric(text: str, name: str) -> float:
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


async def test_a_port_that_somebody_has_keeps_one_app_awake(tmp_path: Path) -> None:
    async with scene(tmp_path, BLOG, SHOP) as it:
        with taken(it.doors.first):
            async with it.waker() as running:
                await it.until(lambda: len(numbers(it)) == 2)
                assert numbers(it)["blog"] == it.doors.first
                await it.until(lambda: reasons(it, "blog"))
                it.annotate(names.STATE, "asleep", "blog")
                await it.put_to_sleep("shop")
                assert it.replicas("blog") == 2
                assert not it.held("blog")
                assert reasons(it, "shop") == []
                said = (await it.private(running, "/metrics")).body
                assert (metric(said, "kubesleeper_doors"), metric(said, "kubesleeper_doors_failed")) == (2, 1)


def reasons(it: ServiceScene, name: str) -> list[str]:
    return [message for reason, message in it.events(name) if reason == names.EventReason.NO_DOOR]


async def test_a_port_that_is_free_again_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waker.web.doors.TRY_AGAIN", 0.05)
    async with scene(tmp_path) as it, AsyncExitStack() as stack:
        with taken(it.doors.first):
            await stack.enter_async_context(it.waker())
            await it.until(lambda: reasons(it, "shop"))
        await it.put_to_sleep("shop")
        await it.served()


async def test_who_gets_no_number_is_told(tmp_path: Path) -> None:
    async with scene(tmp_path, BLOG, SHOP) as it:
        it.doors = PortRange(it.doors.first, it.doors.first)
        async with it.waker():
            await it.until(lambda: reasons(it, "blog") or reasons(it, "shop"))
            (lucky,) = numbers(it)
            (unlucky,) = {"blog", "shop"} - {lucky}
            assert "door-ports" in reasons(it, unlucky)[0]
            await it.put_to_sleep(lucky)


async def test_yesterdays_book_turns_nobody_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even while it cannot be completed: the door is where it was, until its number is somebody else's."""
    monkeypatch.setattr("waker.reconcile.doors.ERROR_AGAIN", 0.3)
    async with scene(tmp_path, BLOG, SHOP) as it, it.waker():
        for name in ("blog", "shop"):
            it.annotate(names.STATE, "asleep", name)
            await it.asleep(name)
        before = numbers(it)
        failing = it.cluster.api.faults.order(Fault(refusal=unavailable(), verb="patch", resource="configmaps"))
        gone = {"data": {str(before["shop"]): None, "20": "gibberish"}}
        it.cluster.verbs.patch(kinds.CONFIG_MAPS, Key("kubesleeper", names.DOORS_MAP), MERGE, gone)
        await failing.reached.wait()
        for _ in range(20):
            assert (await it.visit("shop")).page
        await it.until(lambda: numbers(it) == before)
        assert (await it.visit("shop")).page


def ports(it: ServiceScene) -> set[int]:
    """The ports of waker's Service."""
    found = it.cluster.get("Service", "default", names.WAKER_SERVICE)
    return {each["port"] for each in found["spec"]["ports"]} if found else set()


async def test_a_waker_that_finds_yesterdays_book_unlists_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has never seen the newer one. What the namespace's Service lists is all that is left of that."""
    monkeypatch.setattr("waker.reconcile.doors.ERROR_AGAIN", 0.3)
    async with scene(tmp_path, BLOG, SHOP) as it:
        async with it.waker():
            for name in ("blog", "shop"):
                it.annotate(names.STATE, "asleep", name)
                await it.asleep(name)
            before = numbers(it)
        gone = {"data": {str(before["shop"]): None}}
        it.cluster.verbs.patch(kinds.CONFIG_MAPS, Key("kubesleeper", names.DOORS_MAP), MERGE, gone)
        failing = it.cluster.api.faults.order(Fault(refusal=unavailable(), verb="patch", resource="configmaps"))
        async with it.waker(identity="waker-2"):
            await failing.reached.wait()
            for _ in range(20):
                assert set(before.values()) <= ports(it)
                await asyncio.sleep(0.02)
            await it.until(lambda: numbers(it) == before)
            await it.cluster.ingress.caught_up()
            assert (await it.visit("shop")).page


async def test_a_restored_book_gives_no_number_to_who_else_lists_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's Service is older than that of the app, and lists the app's number for a door that the book lacks too."""
    monkeypatch.setattr("waker.reconcile.doors.ERROR_AGAIN", 0.3)
    async with scene(tmp_path, SHOP) as it:
        stranger = {"namespace": "a-team", "name": names.WAKER_SERVICE, "labels": {names.MANAGED_BY: names.MANAGER}}
        it.cluster.load([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a-team"}}])
        it.cluster.load([{"apiVersion": "v1", "kind": "Service", "metadata": stranger, "spec": {"ports": []}}])
        it.cluster.load(manifests(BLOG, "a-team", ENABLED, 1))
        async with it.waker() as running:
            await it.put_to_sleep("shop")
            before = numbers(it)
            forged = [{"name": name_of(it, "blog"), "port": before["shop"], "targetPort": before["shop"]}]
            # Nobody corrects the stranger's Service meanwhile.
            it.cluster.api.faults.order(Fault(refusal=unavailable(), resource="services", times=None))
            failing = it.cluster.api.faults.order(Fault(refusal=unavailable(), verb="patch", resource="configmaps"))
            key = Key("a-team", names.WAKER_SERVICE)
            it.cluster.verbs.patch(kinds.SERVICES, key, MERGE, {"spec": {"ports": forged}})
            lost = {"data": {str(number): None for number in before.values()}}
            it.cluster.verbs.patch(kinds.CONFIG_MAPS, Key("kubesleeper", names.DOORS_MAP), MERGE, lost)
            await failing.reached.wait()
            seen = running.service.cluster.services.in_namespace("a-team")[names.WAKER_SERVICE]
            assert [each.number for each in seen.ports] == [before["shop"]]
            await it.until(lambda: len(numbers(it)) == 2)
            assert numbers(it) == before
            assert (await it.visit("shop")).page


def name_of(it: ServiceScene, name: str) -> str:
    """The name of the port of an app's door."""
    found = it.cluster.get("ConfigMap", "kubesleeper", names.DOORS_MAP) or {}
    keys = map(parse_key, found["data"].values())
    return next(port_name(key) for key in keys if key and key.app.name == name)


async def test_the_last_one_who_leaves_is_listed_no_more(tmp_path: Path) -> None:
    """And whoever comes next lists itself."""
    async with scene(tmp_path) as it:
        private = next_port()
        own(it.cluster, private)
        async with it.waker(advertise="", private_port=private) as running:
            await it.put_to_sleep()
            await running.service.leave()
            assert listed(it) == {"127.0.0.1"}  # it is ready: another replica may be
            ready(it, None)
            await it.until(lambda: not running.service.replicas.hosts())
            await running.service.leave()
            assert listed(it) == set()
            running.service._all_changed()
            await it.cluster.ingress.caught_up()
            assert listed(it) == set()
            ready(it, "127.0.0.1")
            await it.until(lambda: listed(it) == {"127.0.0.1"})
            await it.cluster.ingress.caught_up()
            await it.served()


def ready(it: ServiceScene, host: str | None) -> None:
    """The Service `waker` leads to this address only, or to none."""
    endpoints: list[Any] = [{"addresses": [host], "conditions": {"ready": True}}] if host else []
    it.cluster.verbs.patch(kinds.ENDPOINT_SLICES, Key("kubesleeper", "waker-1"), MERGE, {"endpoints": endpoints})


async def test_on_its_nodes_network_it_does_not_start(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        meta = {"namespace": "kubesleeper", "name": "waker-1"}
        spec = {"hostNetwork": True, "containers": [{"name": "waker", "image": "waker"}]}
        it.cluster.load([{"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}])
        with pytest.raises(ExceptionGroup) as refused:
            await process.run(it.settings(public_port=next_port(), private_port=next_port()))
        assert refused.group_contains(SettingsError, match="hostNetwork")


async def test_one_that_leaves_alone_stays_listed_until_the_next_one_is(tmp_path: Path) -> None:
    """The next one is ready before it has been found to listen; until then the only one at the doors is the one that leaves."""
    async with scene(tmp_path) as it:
        private = next_port()
        own(it.cluster, private)
        async with it.waker(advertise="", private_port=private) as running:
            await it.put_to_sleep()
            running.service.leaving = True
            assert not running.service.readiness.is_needed(running.service.replicas.hosts())
            ready(it, None)
            await it.until(lambda: not running.service.replicas.hosts())
            assert running.service.readiness.is_needed(frozenset()), "its app is asleep, and nobody else is there"
            ready(it, NEXT)
            await it.until(running.service.replicas.hosts)
            running.service._all_changed()
            await it.cluster.ingress.caught_up()
            assert listed(it) == {"127.0.0.1"}
            assert running.service.readiness.is_needed({NEXT})
            listed_is(it, NEXT)
            await it.until(lambda: not running.service.readiness.is_needed({NEXT}))


def listed_is(it: ServiceScene, host: str) -> None:
    """The next one's leader has listed it instead."""
    endpoints = [{"addresses": [host], "conditions": {"ready": True}}]
    key = Key("default", f"{names.WAKER_SERVICE}-1")
    it.cluster.verbs.patch(kinds.ENDPOINT_SLICES, key, MERGE, {"endpoints": endpoints})
