"""Waker killed at every step of the cycle, before and after each of its writes: the next one goes on, nothing is lost."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from waker import names
from waker.demo.faults import Fault
from waker.demo.kinds import DEPLOYMENTS, INGRESSES, Key

from .scene import MERGE, RunningWaker, ServiceScene, scene

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the killed close nothing


@pytest.fixture(autouse=True)
def _buried() -> Iterator[None]:
    """What the killed left open is collected here, not in somebody else's test."""
    yield
    gc.collect()


class CrashStep(NamedTuple):
    """The so manieth write of this kind in a sleep or a wake."""

    verb: str
    resource: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} {self.nth}"


FALL = [
    CrashStep("create", "services"),
    CrashStep("create", "endpointslices"),
    CrashStep("create", "ingresses"),
    CrashStep("patch", "ingresses"),
    CrashStep("patch", "deployments"),
]
RISE = [CrashStep("patch", "deployments"), CrashStep("patch", "ingresses"), CrashStep("patch", "deployments", 2)]


async def crashed(it: ServiceScene, waker: RunningWaker, step: CrashStep, when: str) -> None:
    """Kill it when it does this: its request on the way, or done and not yet answered."""
    faults = it.cluster.api.faults
    if step.nth > 1:
        faults.order(Fault(step.verb, step.resource, times=step.nth - 1))
    last = faults.order(Fault(step.verb, step.resource, hangs=True))
    await last.reached.wait()
    if when == "after":
        before = it.cluster.store.version
        faults.clear()
        await it.until(lambda: it.cluster.store.version > before)
    await waker.crash()
    faults.clear()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_on_the_way_down(tmp_path: Path, when: str) -> None:
    async with asyncio.TaskGroup() as tasks:
        for step in FALL:
            tasks.create_task(down(tmp_path / str(step), step, when))


async def down(folder: Path, step: CrashStep, when: str) -> None:
    """Somebody asked for sleep, once. Afterwards it sleeps, and wakes, as if nothing had been."""
    async with scene(folder) as it:
        before = it.wish()
        async with it.waker() as first:
            dying = asyncio.create_task(crashed(it, first, step, when))
            it.annotate(names.SLEEP_REQUESTED_AT, "2026-01-31T12:00:00Z")
            await dying
        async with it.waker():
            await it.asleep()
            assert it.noted()[names.SAVED_REPLICAS] == "2"
            await it.served()
            await it.awake()
            await it.until(lambda: it.wish() == before)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_on_the_way_up(tmp_path: Path, when: str) -> None:
    async with asyncio.TaskGroup() as tasks:
        for step in RISE:
            tasks.create_task(up(tmp_path / str(step), step, when))


async def up(folder: Path, step: CrashStep, when: str) -> None:
    """A visitor came, once. What was written down is not forgotten; else he knocks again, as the page does."""
    async with scene(folder) as it:
        async with it.waker() as first:
            await it.put_to_sleep()
            dying = asyncio.create_task(crashed(it, first, step, when))
            while not dying.done():
                with suppress(OSError, TimeoutError):  # what it had accepted nobody closes in here
                    async with asyncio.timeout(1):
                        await it.visit()
                await asyncio.sleep(0.01)
            await dying
        async with it.waker():
            if step == RISE[0] and when == "before":
                await it.served()
            await it.awake()
            await it.until(lambda: it.replicas() == 2)
            assert (await it.visit()).status == 200


async def test_a_sleep_by_idleness_is_not_continued_by_who_did_not_see_it(tmp_path: Path) -> None:
    """Law 8: routes were swapped, then a crash. The next waker has seen no idle time of its own."""
    async with scene(tmp_path) as it:
        before = it.wish()
        async with it.waker() as first:
            dying = asyncio.create_task(crashed(it, first, CrashStep("patch", "deployments"), "before"))
            it.annotate(names.SLEEP_REQUESTED_AT, "2026-01-31T12:00:00Z")
            await dying
            it.annotate(names.SLEEP_REQUESTED_AT, None)
        assert it.held()
        async with it.waker():
            await it.awake()
            await it.until(lambda: it.wish() == before)
            assert it.replicas() == 2


async def test_asleep_it_stays_asleep(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        async with it.waker() as first:
            await it.put_to_sleep()
            await first.crash()
        writes = it.writes()
        async with it.waker() as second:
            assert (await it.private(second, "/readyz")).status == 200
            assert it.replicas() == 0
            await it.served()
            await it.awake()
        assert it.writes() > writes


async def test_everything_happened_while_it_was_away(tmp_path: Path) -> None:
    """Its Deployment was deleted, and made again by somebody who knows nothing of the sleep."""
    async with scene(tmp_path, state="asleep") as it:
        spec = it.deployment()["spec"]
        async with it.waker():
            await it.asleep()
        it.cluster.verbs.delete(DEPLOYMENTS, Key("default", "shop"))
        metadata = {"name": "shop", "namespace": "default", "annotations": {names.ENABLED: "true"}}
        it.cluster.load([{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}])
        async with it.waker():
            await it.awake()
            assert (await it.visit()).status == 200


async def test_its_ingress_was_made_new_while_it_was_away(tmp_path: Path) -> None:
    async with scene(tmp_path, state="asleep") as it:
        rules = it.ingress()["spec"]["rules"]
        async with it.waker():
            await it.asleep()
        patch = {"spec": {"rules": rules}, "metadata": {"annotations": {names.SAVED_BACKENDS: None}}}
        it.cluster.verbs.patch(INGRESSES, Key("default", "shop"), MERGE, patch)
        async with it.waker():
            await it.until(it.held)  # pinned: it sleeps on
            it.annotate(names.STATE, None)
            await it.cluster.ingress.caught_up()
            await it.served()
            await it.awake()
            assert it.ingress()["spec"]["rules"] == rules
