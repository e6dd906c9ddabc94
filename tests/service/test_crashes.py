"""What the next waker makes of what it finds: a sleep that somebody else has begun, or objects that changed meanwhile.

`test_every_crash` has waker killed at every single write.
"""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from waker import names
from waker.demo.faults import Fault
from waker.demo.kinds import DEPLOYMENTS, INGRESSES, Key

from .scene import MERGE, scene

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the killed close nothing


@pytest.fixture(autouse=True)
def _buried() -> Iterator[None]:
    """What the killed left open is collected here, not in somebody else's test."""
    yield
    gc.collect()


async def test_a_sleep_by_idleness_is_not_continued_by_who_did_not_see_it(tmp_path: Path) -> None:
    """Law 8: routes were swapped, then a crash. The next waker has seen no idle time of its own."""
    async with scene(tmp_path) as it:
        before = it.wish()
        async with it.waker() as first:
            down = it.cluster.api.faults.order(Fault("patch", "deployments", hangs=True))
            it.annotate(names.SLEEP_REQUESTED_AT, "2026-01-31T12:00:00Z")
            await down.reached.wait()
            await first.crash()
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
