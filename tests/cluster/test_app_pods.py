"""The pods of a waking app: watched by their labels, while that is asked for."""

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


async def nobody(_check: ReadinessProbe) -> bool:
    """No pod answers."""
    return False


def put(cluster: DemoCluster, name: str, labels: dict[str, str]) -> None:
    """Write a pod of a node that nobody runs."""
    spec = {"nodeName": "elsewhere", "containers": [{"name": "web", "image": "web"}]}
    metadata = {"name": name, "namespace": "default", "labels": labels}
    cluster.load([{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}])


@pytest.fixture
async def watching(api: Api) -> AsyncIterator[tuple[AppPods, asyncio.TaskGroup, asyncio.Event]]:
    news = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        pods = AppPods(api, lambda app: news.set(), lambda: datetime.now(UTC), nobody)
        yield pods, tasks, news
        pods.unwatch(SHOP.id)


async def test_its_own_pods_and_no_others(cluster: DemoCluster, watching: Any) -> None:
    pods, tasks, news = watching
    assert pods.starts(SHOP.id) == []
    put(cluster, "blog-1", {"app": "blog", "tier": "web"})
    pods.watch(SHOP, tasks)
    put(cluster, "shop-1", {"app": "shop", "tier": "web", "pod-template-hash": "x"})
    async with asyncio.timeout(5):
        await news.wait()
    assert pods.starts(SHOP.id) == [Start(Step.SCHEDULED)]
    cluster.verbs.remove(kinds.PODS, Key("default", "shop-1"))
    news.clear()
    async with asyncio.timeout(5):
        await news.wait()
    assert pods.starts(SHOP.id) == []


async def test_it_ends_when_it_is_left(cluster: DemoCluster, watching: Any) -> None:
    pods, tasks, _ = watching
    pods.watch(SHOP, tasks)
    pods.watch(SHOP, tasks)
    async with asyncio.timeout(5):
        while cluster.api.watchers(kinds.PODS) != 1:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        pods.unwatch(SHOP.id)
        while cluster.api.watchers(kinds.PODS):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
