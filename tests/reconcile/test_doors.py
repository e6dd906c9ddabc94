"""The book of doors is looked at as a whole only if a number is to be given or taken back. A waker without an API server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from bench.crowd import OWN, Crowd, crowd, deployment, ingress, service
from waker import names
from waker.observe.keys import NamespaceKey
from waker.plan.doors import DoorKey, revised
from waker.plan.model import AppId, Kind
from waker.plan.routes.route import Backend
from waker.reconcile import doors
from waker.reconcile.app import AppReconciler
from waker.reconcile.namespace import NamespaceReconciler
from waker.settings.parsing import PortRange

NEW = AppId(Kind.DEPLOYMENT, "apps-0", "new")
DOOR = str(DoorKey(NEW, Backend("new", "http")))


@dataclass
class BookScene:
    """Three apps that have doors. `looks`: how often the whole book was looked at; `changes`: what was written into it."""

    it: Crowd
    apps: AppReconciler
    namespaces: NamespaceReconciler
    doors: doors.DoorReconciler
    looks: list[object]
    changes: list[dict[str, str | None]]

    async def passes(self) -> None:
        await self.namespaces.reconcile(NamespaceKey(NEW.namespace))
        await self.doors.reconcile()

    async def deploy(self, app: AppId) -> None:
        for each in (deployment(app), service(app), ingress(app.namespace, app.name, [app])):
            self.it.put(each)
        await self.apps.reconcile(app)


@asynccontextmanager
async def scene(patched: pytest.MonkeyPatch) -> AsyncIterator[BookScene]:
    looks: list[object] = []
    changes: list[dict[str, str | None]] = []

    def counted(*about: Any) -> Any:
        looks.append(about)
        return revised(*about)

    async def patch(path: str, body: Any) -> None:
        if path.endswith(f"/namespaces/{OWN}/configmaps/{names.DOORS_MAP}"):
            changes.append(body["data"])

    patched.setattr(doors, "revised", counted)
    async with crowd(3, 1) as it, asyncio.TaskGroup() as tasks:
        patched.setattr(it.waker.writes, "patch", patch)
        it.fill()
        it.publish()
        context = it.waker.context(tasks)
        made = AppReconciler(context), NamespaceReconciler(context), doors.DoorReconciler(context)
        found = BookScene(it, *made, looks, changes)
        for app in it.apps:
            await found.apps.reconcile(app)
        await found.passes()
        yield found
        for task in list(tasks._tasks):
            task.cancel()


async def test_who_changes_nothing_of_it_has_the_book_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch) as it:
        for app in it.it.apps:
            await it.apps.reconcile(app)
            await it.passes()
        assert (len(it.looks), it.changes) == (1, [])


async def test_an_app_that_comes_later_gets_a_door_and_one_that_goes_gives_it_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene(monkeypatch) as it:
        await it.deploy(NEW)
        await it.passes()
        (change,) = it.changes
        assert DOOR in change.values()
        gone, cluster = it.it.apps[0], it.it.waker.cluster
        cluster.workloads[gone.kind]._update((gone.namespace, gone.name), None)
        await it.apps.reconcile(gone)
        await it.passes()
        assert all(None not in each.values() for each in it.changes), "its namespace still lists it"
        cluster.services._update((gone.namespace, names.WAKER_SERVICE), None)
        cluster.slices._update((gone.namespace, f"{names.WAKER_SERVICE}-1"), None)
        await it.passes()
        assert it.changes[-1]["20000"] == DOOR, "it is the next in turn, and what was written is not followed here"


@pytest.mark.parametrize("what", ["range", "pause", "lease", "time"])
async def test_what_concerns_all_doors_has_all_of_them_looked_at(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    async with scene(monkeypatch) as it:
        waker = it.it.waker
        match what:
            case "range":
                waker.config.live = replace(waker.config.live, door_ports=PortRange(21_000, 21_999))
            case "pause":
                waker.config.live = replace(waker.config.live, paused=True)
            case "lease":
                waker.lease._renewed = float("-inf")
                await it.doors.reconcile()
                waker.lease._renewed = float("inf")
            case _:
                monkeypatch.setattr(doors, "ALL_AGAIN", timedelta())
        await it.doors.reconcile()
        assert len(it.looks) == 2
