"""Idle clocks over a restart: what one waker has written is where the next one goes on, unless somebody came meanwhile."""

import asyncio
import gc
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from waker import names
from waker.demo.kinds import CONFIG_MAPS, Key

from .scene import MERGE, NEVER, ServiceScene, scene

IDLE = timedelta(seconds=3)
LIVE = replace(NEVER, idle_after=IDLE)
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the killed close nothing


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Written as soon as it is known."""
    monkeypatch.setattr("waker.observe.activity.QUIET", timedelta())
    monkeypatch.setattr("waker.observe.activity.LOOK", 0.02)
    yield
    gc.collect()  # what the killed left open is not somebody else's


async def crashed(it: ServiceScene) -> float:
    """A waker lived until it had written about the shop. When the shop was visited, by the clock of the loop."""
    metadata = {"name": names.ACTIVITY, "namespace": "kubesleeper"}
    it.cluster.load([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}])
    assert (await it.visit()).status == 200
    visited = asyncio.get_running_loop().time()
    async with it.waker(LIVE) as first:
        await it.until(lambda: "default/shop" in written(it))
        await first.crash()
    return visited


def written(it: ServiceScene) -> str:
    """What is known of visits to whom it may concern."""
    found = it.cluster.get("ConfigMap", "kubesleeper", names.ACTIVITY)
    return str(found and (found.get("data") or {}).get("activity"))


def falling(it: ServiceScene) -> bool:
    """Its routes lead to waker."""
    found = it.cluster.get("Ingress", "default", "shop")
    return names.SAVED_BACKENDS in str(found and found["metadata"].get("annotations"))


async def test_the_next_one_goes_on(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        visited = await crashed(it)
        await asyncio.sleep(2.5)  # nobody looks
        async with it.waker(LIVE):
            began = asyncio.get_running_loop().time()
            await it.until(lambda: falling(it))
            fell = asyncio.get_running_loop().time()
            assert fell - visited >= IDLE.total_seconds()
            assert fell - began < IDLE.total_seconds(), "not an idle period of its own"
            await it.asleep()
            await it.served()


async def test_or_begins_anew(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as tasks:
        for what in ("visited", "unreadable", "gone"):
            tasks.create_task(anew(tmp_path / what, what))


async def anew(folder: Path, what: str) -> None:
    """A whole idle period from when the shop was visited again, or from when nobody knew any more."""
    async with scene(folder) as it:
        await crashed(it)
        since = asyncio.get_running_loop().time()
        if what == "visited":
            assert (await it.visit()).status == 200
        elif what == "gone":
            it.cluster.verbs.delete(CONFIG_MAPS, Key("kubesleeper", names.ACTIVITY))
        else:
            patch = {"data": {"activity": "{"}}
            it.cluster.verbs.patch(CONFIG_MAPS, Key("kubesleeper", names.ACTIVITY), MERGE, patch)
        async with it.waker(LIVE):
            await it.asleep()
            assert asyncio.get_running_loop().time() - since >= IDLE.total_seconds()
