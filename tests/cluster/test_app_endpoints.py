"""Where an app's pods listen: watched while it is asked for, and no longer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from waker import names
from waker.cluster.app_endpoints import BELIEVED_AFTER, AppEndpoints, accepts
from waker.cluster.client import Api
from waker.demo import kinds
from waker.demo.cluster import DemoCluster
from waker.demo.kinds import Key
from waker.plan.model import Address, AppId, Kind

SHOP = AppId(Kind.DEPLOYMENT, "default", "shop")
BLOG = AppId(Kind.DEPLOYMENT, "default", "blog")


def put(
    cluster: DemoCluster, service: str, ready: list[str], *, unready: tuple[str, ...] = (), port: str = "http"
) -> None:
    """Write the one slice of a Service."""
    name = f"{service}-1"
    endpoints = [{"addresses": [each], "conditions": {"ready": True}} for each in ready]
    endpoints += [{"addresses": [each], "conditions": {"ready": False}} for each in unready]
    obj = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": "default", "labels": {names.SLICE_SERVICE: service}},
        "addressType": "IPv4",
        "ports": [{"name": port, "port": 8080}],
        "endpoints": endpoints,
    }
    if cluster.get("EndpointSlice", "default", name):
        cluster.verbs.replace(kinds.ENDPOINT_SLICES, Key("default", name), obj)
    else:
        cluster.load([obj])


@dataclass
class Watching:
    """The watches of a test, and what they tell."""

    endpoints: AppEndpoints
    tasks: asyncio.TaskGroup
    deaf: set[str]  # hosts on which nothing listens
    told: list[AppId]
    news: asyncio.Event
    clock: list[datetime]

    def follow(self, app: AppId, *services: str) -> None:
        """As the reconciler does."""
        self.endpoints.watch(app, services, self.tasks)

    async def shows(self, app: AppId, service: str, *hosts: str) -> None:
        """Wait until these addresses are ready; they are tried whenever there is news, as the reconciler does."""
        async with asyncio.timeout(5):
            while True:
                self.news.clear()
                await self.endpoints.try_addresses(app, [(service, "http")])
                if {each.host for each in self.endpoints.ready(app, service, "http")} == set(hosts):
                    return
                await self.news.wait()


@pytest.fixture
async def watching(api: Api) -> AsyncIterator[Watching]:
    """Nothing is followed yet."""
    deaf: set[str] = set()
    told: list[AppId] = []
    news = asyncio.Event()

    def changed(app: AppId) -> None:
        told.append(app)
        news.set()

    async def reach(address: Address) -> bool:
        return address.host not in deaf

    async with asyncio.TaskGroup() as tasks:
        clock = [datetime(2026, 1, 31, 12, tzinfo=UTC)]
        endpoints = AppEndpoints(api, changed, lambda: clock[0], reach)
        yield Watching(endpoints, tasks, deaf, told, news, clock)
        for app in endpoints.watched():
            endpoints.unwatch(app)


async def watchers(cluster: DemoCluster, count: int) -> None:
    """Wait until so many slices are watched."""
    async with asyncio.timeout(5):
        while cluster.api.watchers(kinds.ENDPOINT_SLICES) != count:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)


async def test_ready_addresses_come_and_go(cluster: DemoCluster, watching: Watching) -> None:
    put(cluster, "shop", ["10.0.0.1"], unready=("10.0.0.9",))
    put(cluster, "other", ["10.0.0.7"])
    watching.follow(SHOP, "shop")
    await watching.shows(SHOP, "shop", "10.0.0.1")
    put(cluster, "shop", ["10.0.0.1", "10.0.0.2"])
    await watching.shows(SHOP, "shop", "10.0.0.1", "10.0.0.2")
    put(cluster, "shop", [])
    await watching.shows(SHOP, "shop")
    assert set(watching.told) == {SHOP}


async def test_nothing_is_known_of_what_is_not_followed(cluster: DemoCluster, watching: Watching) -> None:
    put(cluster, "shop", ["10.0.0.1"])
    watching.follow(SHOP, "shop")
    await watching.shows(SHOP, "shop", "10.0.0.1")
    assert watching.endpoints.ready(BLOG, "shop", "http") == ()
    assert watching.endpoints.pick(BLOG, "shop", "http") is None
    assert watching.endpoints.ready(SHOP, "blog", "http") == ()
    assert watching.endpoints.ready(SHOP, "shop", "admin") == ()


async def test_in_turn(cluster: DemoCluster, watching: Watching) -> None:
    put(cluster, "shop", ["10.0.0.1", "10.0.0.2"])
    watching.follow(SHOP, "shop")
    await watching.shows(SHOP, "shop", "10.0.0.1", "10.0.0.2")
    picked = [watching.endpoints.pick(SHOP, "shop", "http") for _ in range(4)]
    assert picked[:2] == picked[2:]
    assert set(picked) == {Address("10.0.0.1", 8080), Address("10.0.0.2", 8080)}


async def test_who_is_as_good_as_ready_is_taken_if_nobody_is_ready(cluster: DemoCluster, watching: Watching) -> None:
    good = frozenset({"10.0.0.2"})
    put(cluster, "shop", [], unready=("10.0.0.1", "10.0.0.2"))
    watching.follow(SHOP, "shop")
    async with asyncio.timeout(5):
        while watching.endpoints.pick(SHOP, "shop", "http", good) != Address("10.0.0.2", 8080):
            watching.news.clear()
            await watching.news.wait()
    assert watching.endpoints.ready(SHOP, "shop", "http") == (), "Kubernetes does not say so"
    assert watching.endpoints.pick(SHOP, "shop", "http") is None
    put(cluster, "shop", ["10.0.0.2"], unready=("10.0.0.1",))
    while watching.endpoints.ready(SHOP, "shop", "http") == ():
        assert watching.endpoints.pick(SHOP, "shop", "http", good), "no gap between one word and the other"
        await watching.news.wait()
        watching.news.clear()
        assert watching.endpoints.pick(SHOP, "shop", "http", good)
        await watching.endpoints.try_addresses(SHOP, [("shop", "http")])
    put(cluster, "shop", ["10.0.0.1"], unready=("10.0.0.2",))
    await watching.shows(SHOP, "shop", "10.0.0.1")
    assert watching.endpoints.pick(SHOP, "shop", "http", good) == Address("10.0.0.1", 8080)


async def test_one_watch_an_app_as_long_as_it_is_followed(cluster: DemoCluster, watching: Watching) -> None:
    for _ in range(3):
        watching.follow(SHOP, "shop", "shop-admin")
    watching.follow(BLOG, "blog")
    await watchers(cluster, 2)
    assert set(watching.endpoints.watched()) == {SHOP, BLOG}
    watching.endpoints.unwatch(SHOP)
    watching.endpoints.unwatch(SHOP)
    await watchers(cluster, 1)
    assert watching.endpoints.watched() == [BLOG]


async def test_other_services_are_another_watch(cluster: DemoCluster, watching: Watching) -> None:
    put(cluster, "shop", ["10.0.0.1"])
    put(cluster, "shop-new", ["10.0.0.2"])
    watching.follow(SHOP, "shop")
    await watching.shows(SHOP, "shop", "10.0.0.1")
    watching.follow(SHOP, "shop-new")
    await watching.shows(SHOP, "shop-new", "10.0.0.2")
    assert watching.endpoints.ready(SHOP, "shop", "http") == ()
    await watchers(cluster, 1)


async def test_ready_is_who_accepts_connections(cluster: DemoCluster, watching: Watching) -> None:
    """Without a readiness probe a pod is called ready before it listens."""
    watching.deaf.add("10.0.0.2")
    put(cluster, "shop", ["10.0.0.1", "10.0.0.2"])
    watching.follow(SHOP, "shop")
    await watching.shows(SHOP, "shop", "10.0.0.1")
    assert not await watching.endpoints.try_addresses(SHOP, [("shop", "http")])
    watching.deaf.clear()
    assert await watching.endpoints.try_addresses(SHOP, [("shop", "http")])
    await watching.shows(SHOP, "shop", "10.0.0.1", "10.0.0.2")
    put(cluster, "shop", ["10.0.0.1"])
    await watching.shows(SHOP, "shop", "10.0.0.1")


async def test_who_refuses_waker_is_believed_after_a_while(cluster: DemoCluster, watching: Watching) -> None:
    """A NetworkPolicy may let in the ingress controller only. Routes go back then, but nothing is passed on."""
    watching.deaf.add("10.0.0.1")
    put(cluster, "shop", ["10.0.0.1"])
    watching.follow(SHOP, "shop")
    await watching.news.wait()
    assert not await watching.endpoints.try_addresses(SHOP, [("shop", "http")])
    watching.clock[0] += BELIEVED_AFTER - timedelta(seconds=1)
    await watching.shows(SHOP, "shop")
    watching.clock[0] += timedelta(seconds=1)
    await watching.shows(SHOP, "shop", "10.0.0.1")
    assert watching.endpoints.pick(SHOP, "shop", "http") is None


async def test_whether_something_listens() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        assert await accepts(Address("127.0.0.1", server.sockets[0].getsockname()[1]))
    assert not await accepts(Address("127.0.0.1", 1))
