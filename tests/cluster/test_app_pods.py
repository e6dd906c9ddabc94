"""The pods of a waking app: found by their labels, and watched until `unwatch`."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from waker.cluster.app_pods import AppPods
from waker.cluster.client import Api
from waker.demo import kinds
from waker.demo.cluster import DemoCluster
from waker.demo.kinds import Key
from waker.plan.model import AppId, Kind, Workload
from waker.plan.progress import Start, Step
from waker.plan.readiness_probes import ReadinessProbe

SHOP = Workload(AppId(Kind.DEPLOYMENT, "default", "shop"), "uid", "1", 1, {"app": "shop", "tier": "web"}, {})


async def never_passes(_probe: ReadinessProbe) -> bool:
    """No probe passes."""
    return False


def put(cluster: DemoCluster, name: str, labels: dict[str, str]) -> None:
    """Create a pod on a node that does not exist, so that it never starts."""
    spec = {"nodeName": "elsewhere", "containers": [{"name": "web", "image": "web"}]}
    metadata = {"name": name, "namespace": "default", "labels": labels}
    cluster.load([{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}])


@pytest.fixture
async def watching(api: Api) -> AsyncIterator[tuple[AppPods, asyncio.TaskGroup, asyncio.Event]]:
    changed = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        pods = AppPods(api, lambda app: changed.set(), lambda: datetime.now(UTC), never_passes)
        yield pods, tasks, changed
        pods.unwatch(SHOP.id)


async def test_only_the_apps_own_pods_are_seen(cluster: DemoCluster, watching: Any) -> None:
    pods, tasks, changed = watching
    assert pods.starts(SHOP.id) == []
    put(cluster, "blog-1", {"app": "blog", "tier": "web"})
    pods.watch(SHOP, tasks)
    put(cluster, "shop-1", {"app": "shop", "tier": "web", "pod-template-hash": "x"})
    async with asyncio.timeout(5):
        await changed.wait()
    assert pods.starts(SHOP.id) == [Start(Step.SCHEDULED)]
    cluster.verbs.remove(kinds.PODS, Key("default", "shop-1"))
    changed.clear()
    async with asyncio.timeout(5):
        await changed.wait()
    assert pods.starts(SHOP.id) == []


async def test_unwatch_ends_the_watch(cluster: DemoCluster, watching: Any) -> None:
    pods, tasks, _ = watching
    pods.watch(SHOP, tasks)
    pods.watch(SHOP, tasks)
    async with asyncio.timeout(5):
        while cluster.api.watchers(kinds.PODS) != 1:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)
        pods.unwatch(SHOP.id)
        while cluster.api.watchers(kinds.PODS):  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)
