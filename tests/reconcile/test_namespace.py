"""A namespace is looked at as a whole only if something that its pass depends on has changed. A waker without an API server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from bench.crowd import REPLICA, Crowd, crowd, deployment, ingress, service
from waker import names
from waker.cluster.writes import Writes
from waker.observe.keys import NamespaceKey
from waker.observe.replicas import ListeningReport
from waker.plan.doors import book_of
from waker.plan.model import Phase
from waker.plan.owned_objects import DesiredObjects
from waker.plan.routes.route import Holder
from waker.reconcile import namespace
from waker.reconcile.app import AppReconciler
from waker.reconcile.namespace import NamespaceReconciler

SPACE = "apps-0"
HELD = {
    "routes": [
        {
            "host": "app-0.example.org",
            "path": "/",
            "pathType": "Prefix",
            "backend": {"service": {"name": "app-0", "port": {"name": "http"}}},
            "at": "2026-01-31T12:00:00Z",
            "swaps": 1,
        }
    ]
}


@dataclass
class SpaceScene:
    """Three apps, whose doors are listed as they should be. `looks`: how often all of it was looked at."""

    it: Crowd
    apps: AppReconciler
    namespaces: NamespaceReconciler
    looks: list[object]

    async def passes(self) -> int:
        """Two passes; how many of them were whole ones."""
        before = len(self.looks)
        for _ in range(2):
            await self.namespaces.reconcile(NamespaceKey(SPACE))
        return len(self.looks) - before


@asynccontextmanager
async def scene(patched: pytest.MonkeyPatch) -> AsyncIterator[SpaceScene]:
    looks: list[object] = []
    whole = NamespaceReconciler._whole_pass

    async def counted(self: NamespaceReconciler, *about: Any) -> float | None:
        looks.append(about)
        return await whole(self, *about)

    async def restored(*_about: Any) -> None:
        return

    patched.setattr(NamespaceReconciler, "_whole_pass", counted)
    patched.setattr(Writes, "restore", restored)
    async with crowd(3, 1) as it, asyncio.TaskGroup() as tasks:
        it.fill()
        it.publish()
        context = it.waker.context(tasks)
        found = SpaceScene(it, AppReconciler(context), NamespaceReconciler(context), looks)
        for app in it.apps:
            await found.apps.reconcile(app)
        await found.passes()
        assert await found.passes() == 0, "the first pass has made everything, the second has seen it"
        yield found
        for task in list(tasks._tasks):
            task.cancel()


def changed_route(it: Crowd, **change: Any) -> None:
    """The first app is published once more, with its route changed."""
    found = it.waker.registry.get(it.apps[0])
    assert found
    (route,) = found.routes
    it.waker.registry.publish(found.app, found.plan, None, (replace(route, **change),))


def an_app_comes(it: Crowd) -> None:
    new = it.apps[0]._replace(name="new")
    for each in (deployment(new), service(new), ingress(SPACE, "new", [new])):
        it.put(each)
    found = it.waker.registry.get(it.apps[0])
    assert found
    it.waker.registry.publish(new, found.plan, None, ())


def a_port_changes(it: Crowd) -> None:
    found = service(it.apps[0])
    found["spec"]["ports"][0]["appProtocol"] = "kubernetes.io/ws"
    it.put(found)


def a_route_is_left(it: Crowd) -> None:
    """An Ingress that says it has routes at waker, which no app claims."""
    found = ingress(SPACE, "left", [it.apps[0]])
    found["metadata"]["annotations"][names.SAVED_BACKENDS] = str(HELD).replace("'", '"')
    it.put(found)


def the_class_changes(it: Crowd) -> None:
    found = ingress(SPACE, "shared", it.apps, "2")
    found["spec"]["ingressClassName"] = "other"
    it.put(found)


def the_book_changes(it: Crowd) -> None:
    data = it.waker.doors.book.data()
    it.waker.doors.book = book_of("7", {key: text for key, text in data.items() if key != "20000"})


def a_door_fails(it: Crowd) -> None:
    it.waker.replicas._reports[REPLICA] = ListeningReport("7", frozenset({20_001}))


def the_lease_is_lost(it: Crowd) -> None:
    it.waker.lease._renewed = float("-inf")


def somebody_edits_the_service(it: Crowd) -> None:
    found = it.waker.cluster.services._store[SPACE][names.WAKER_SERVICE]
    it.waker.cluster.services._update((SPACE, names.WAKER_SERVICE), replace(found, ports=found.ports[:1], version="9"))


@pytest.mark.parametrize(
    "change",
    [
        an_app_comes, a_port_changes, a_route_is_left, the_class_changes, the_book_changes, a_door_fails,
        the_lease_is_lost, somebody_edits_the_service,
    ],
)  # fmt: skip
async def test_whatever_a_pass_depends_on_has_all_of_it_looked_at(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[Crowd], None]
) -> None:
    async with scene(monkeypatch) as it:
        change(it.it)
        assert await it.passes() > 0


async def test_a_sleep_and_a_wake_have_nothing_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """They move routes that have doors, and keep the doors."""
    async with scene(monkeypatch) as it:
        registry, app = it.it.waker.registry, it.it.apps[0]
        found = registry.get(app)
        assert found
        workload = it.it.waker.cluster.observe(app, it.it.waker.config.live)
        assert workload
        for phase, holder in ((Phase.ASLEEP, Holder.WAKER), (Phase.WAKING, Holder.WAKER), (Phase.AWAKE, Holder.APP)):
            moved = tuple(replace(route, holder=holder) for route in found.routes)
            registry.publish(app, replace(found.plan, phase=phase), workload.policy, moved)
            assert await it.passes() == 0


async def test_it_is_looked_at_now_and_then_whatever_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch) as it:
        monkeypatch.setattr(namespace, "ALL_AGAIN", timedelta())
        assert await it.passes() == 2


async def test_a_door_that_is_closed_in_time_is_looked_at_until_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its app may not sleep any more, and has routes that were given back a moment ago."""
    async with scene(monkeypatch) as it:
        changed_route(it.it, holder=Holder.WAKER)
        changed_route(it.it, holder=Holder.APP)
        assert await it.passes() == 2


async def test_a_pass_works_with_one_book_from_its_beginning_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old book is restored, and is completed again while a pass lets others have their turn: nothing is unlisted."""
    made: list[int] = []

    async def ensure(_writes: object, _namespace: str, desired: DesiredObjects, *_about: object) -> None:
        made.append(len(desired.doors))

    async with scene(monkeypatch) as it:
        doors, sleep = it.it.waker.doors, asyncio.sleep
        newest = doors.book

        async def others_have_their_turn(seconds: float) -> None:
            doors.book = newest
            await sleep(seconds)

        doors.book = book_of("6", {key: text for key, text in newest.data().items() if key not in ("20001", "20002")})
        monkeypatch.setattr("waker.reconcile.namespace.owned_objects.ensure", ensure)
        monkeypatch.setattr("waker.reconcile.namespace.asyncio.sleep", others_have_their_turn)
        for _ in range(2):
            await it.namespaces.reconcile(NamespaceKey(SPACE))
    assert doors.book is newest
    assert set(made) <= {3}
