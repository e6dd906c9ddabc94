"""The controllers' pods: those of its own namespace only, and which have gone, as reported for each controller."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from waker.cluster.client import connect
from waker.demo import kinds
from waker.demo.cluster import DemoCluster
from waker.demo.kinds import Key
from waker.observe.controller_namespaces import ControllerNamespaces
from waker.observe.controller_pods import ControllerPods
from waker.traffic.controllers import ALL, TRAEFIK, Adapter, Selector
from waker.traffic.controllers.pod_namespaces import DeclaredNamespaces

LABELS = {"app": "edge"}
EDGE = replace(ALL[0], controller="edge", selectors=(Selector("app=edge"),))
INNER = replace(EDGE, controller="edge#inner")  # a class with settings of its own, behind the same pods
ADAPTERS: dict[str, Adapter] = {each.controller: each for each in (EDGE, INNER)}


def put(cluster: DemoCluster, name: str, namespace: str = "default", *, ready: bool = True) -> None:
    """A pod with the controller's labels."""
    metadata = {"name": name, "namespace": namespace, "labels": LABELS, "uid": f"uid-{name}"}
    spec = {"nodeName": "elsewhere", "containers": [{"name": "edge", "image": "edge"}]}
    status = {"podIP": "10.0.0.9", "phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
    cluster.load([{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}])


async def shows(fleet: ControllerPods, *names: str) -> None:
    """Until these are the pods that it knows."""
    async with asyncio.timeout(5):
        while any({each.name for each in fleet.pods(adapter)} != set(names) for adapter in (EDGE, INNER)):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[tuple[DemoCluster, ControllerPods]]:
    """Both controllers are followed."""
    async with (
        DemoCluster() as cluster,
        connect(str(cluster.kubeconfig(tmp_path / "kubeconfig"))) as api,
    ):
        namespaces = ControllerNamespaces(
            api, "kubesleeper", ADAPTERS.get, lambda _: DeclaredNamespaces(), lambda: True
        )
        await namespaces.sync()
        fleet = ControllerPods(api, lambda: datetime.now(UTC), namespaces, lambda name: [ADAPTERS[name]])
        following = asyncio.create_task(_follow(fleet))
        yield cluster, fleet
        following.cancel()


async def _follow(fleet: ControllerPods) -> None:
    async with asyncio.TaskGroup() as tasks:
        fleet.watch(ADAPTERS, tasks)


async def test_each_controller_hears_once_of_a_pod_that_both_share(watched: tuple[DemoCluster, ControllerPods]) -> None:
    cluster, fleet = watched
    for name in ("one", "two"):
        put(cluster, name)
        await shows(fleet, name)
        cluster.verbs.remove(kinds.PODS, Key("default", name))
        await shows(fleet)
        assert [each.name for each in fleet.departed(EDGE)] == [name]
        assert [each.name for each in fleet.departed(INNER)] == [name]
        assert fleet.departed(EDGE) == fleet.departed(INNER) == []


async def test_a_pod_that_ended_long_ago_does_not_depart_with_its_object(
    watched: tuple[DemoCluster, ControllerPods],
) -> None:
    cluster, fleet = watched
    put(cluster, "evicted")
    await shows(fleet, "evicted")
    cluster.verbs.set_status(kinds.PODS, Key("default", "evicted"), {"podIP": "10.0.0.9", "phase": "Failed"})
    async with asyncio.timeout(5):
        while any(each.address for each in fleet.pods(EDGE)):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)
    assert [each.name for each in fleet.departed(EDGE)] == ["evicted"]
    cluster.verbs.remove(kinds.PODS, Key("default", "evicted"))
    await shows(fleet)
    assert fleet.departed(EDGE) == []


async def test_a_pod_that_was_never_ready_does_not_depart(watched: tuple[DemoCluster, ControllerPods]) -> None:
    cluster, fleet = watched
    put(cluster, "early")
    put(cluster, "late", ready=False)
    await shows(fleet, "early", "late")
    for name in ("early", "late"):
        cluster.verbs.remove(kinds.PODS, Key("default", name))
    await shows(fleet)
    assert [each.name for each in fleet.departed(EDGE)] == ["early"]


async def test_it_is_remembered_when_a_pod_was_last_ready(watched: tuple[DemoCluster, ControllerPods]) -> None:
    cluster, fleet = watched
    put(cluster, "one")
    put(cluster, "never", ready=False)
    await shows(fleet, "one", "never")
    status = {"podIP": "10.0.0.9", "phase": "Running", "containerStatuses": [{"name": "edge", "restartCount": 1}]}
    cluster.verbs.set_status(kinds.PODS, Key("default", "one"), status)
    async with asyncio.timeout(5):
        while any(each.ready for each in fleet.pods(EDGE)):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)
    found = {each.name: (each.restarts, each.ready_after) for each in fleet.pods(EDGE)}
    assert found == {"one": (1, 0), "never": (0, None)}


async def labelled(fleet: ControllerPods, count: int) -> None:
    """Until so many namespaces of others have pods with the controller's labels."""
    async with asyncio.timeout(5):
        while len(fleet.ignored(EDGE.controller)) != count:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)


async def test_pods_elsewhere_are_ignored_and_reported_once(watched: tuple[DemoCluster, ControllerPods]) -> None:
    """Anybody may put the labels of an ingress controller on a pod."""
    cluster, fleet = watched
    put(cluster, "one")
    await shows(fleet, "one")
    cluster.load([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tenant"}}])
    put(cluster, "stranger", "tenant")
    await labelled(fleet, 1)
    await shows(fleet, "one")
    (reported,) = fleet.newly_ignored(EDGE.controller)
    assert reported.startswith("pods in namespace tenant have the labels of ingress-nginx and are ignored")
    assert "its pods are in namespace default" in reported
    put(cluster, "stranger-2", "tenant")
    await labelled(fleet, 1)
    assert fleet.newly_ignored(EDGE.controller) == []
    for name in ("stranger", "stranger-2"):
        cluster.verbs.remove(kinds.PODS, Key("tenant", name))
    await labelled(fleet, 0)
    assert fleet.departed(EDGE) == []


async def test_what_pods_do_not_count_is_known_by_their_arguments(tmp_path: Path) -> None:
    traefik = replace(TRAEFIK, selectors=(Selector("app=edge"),))
    async with DemoCluster() as cluster, connect(str(cluster.kubeconfig(tmp_path / "kubeconfig"))) as api:
        namespaces = ControllerNamespaces(
            api, "kubesleeper", lambda _: traefik, lambda _: DeclaredNamespaces(), lambda: True
        )
        await namespaces.sync()
        fleet = ControllerPods(api, lambda: datetime.now(UTC), namespaces, lambda _: [traefik])
        metadata = {"name": "one", "namespace": "default", "labels": LABELS, "uid": "one"}
        containers = [{"name": "edge", "image": "edge", "args": ["--entryPoints.web.observability.metrics=false"]}]
        spec = {"nodeName": "elsewhere", "containers": containers}
        cluster.load(
            [{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"podIP": "10.0.0.9"}}]
        )
        async with asyncio.TaskGroup() as tasks, asyncio.timeout(5):
            fleet.watch([traefik.controller], tasks)
            while not fleet.uncounted_ways(traefik.controller, {}):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)
            (why,) = fleet.uncounted_ways(traefik.controller, {})
            assert "does not count what comes through its entry point web" in why
            for task in tasks._tasks:
                task.cancel()
