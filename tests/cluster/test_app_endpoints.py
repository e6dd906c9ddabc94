"""Where an app's pods listen: watched until `unwatch`, only if a pod has the address, and ready once it accepts connections."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from waker import names
from waker.cluster import app_endpoints
from waker.cluster.app_endpoints import BELIEVED_AFTER, STRANGE_AFTER, AppEndpoints, Reply, accepts
from waker.cluster.client import Api
from waker.demo import kinds
from waker.demo.cluster import DemoCluster
from waker.demo.kinds import Key
from waker.plan.model import Address, AppId, Kind, Service, Workload

SHOP = AppId(Kind.DEPLOYMENT, "default", "shop")
BLOG = AppId(Kind.DEPLOYMENT, "default", "blog")
WAKER = "10.0.0.66"


def workload(app: AppId) -> Workload:
    """The Deployment of an app."""
    return Workload(app, f"uid of {app.name}", "1", 1, {"app": app.name}, {})


def service(name: str, app: AppId) -> Service:
    """A Service that selects the app's pods."""
    return Service("default", name, "1", {"app": app.name}, ())


def put_pod(
    cluster: DemoCluster, host: str, app: AppId = SHOP, *, owner: str = "shop-x1", kind: str = "ReplicaSet"
) -> None:
    """Create a pod of an app with this address. It is on a node that does not exist, so nothing else changes it."""
    reference = {"apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": f"uid of {owner}", "controller": True}
    metadata = {
        "name": f"{app.name}-{host.replace('.', '-')}",
        "namespace": "default",
        "labels": {"app": app.name, "pod-template-hash": "x1"},
        "ownerReferences": [reference],
    }
    spec = {"nodeName": "elsewhere", "containers": [{"name": "web", "image": "web"}]}
    status = {"phase": "Running", "podIP": host, "podIPs": [{"ip": host}]}
    cluster.load([{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}])


def put(
    cluster: DemoCluster, service: str, ready: list[str], *, unready: tuple[str, ...] = (), port: str = "http"
) -> None:
    """Create or replace the only slice of a Service."""
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
class WatchedEndpoints:
    """The watches of a test, and the changes that they report."""

    endpoints: AppEndpoints
    tasks: asyncio.TaskGroup
    silent: set[str]  # hosts
    refusing: set[str]  # likewise
    changes: list[AppId]
    changed: asyncio.Event
    clock: list[datetime]

    def watch(self, app: AppId, *services: str) -> None:
        """Watch the app's Services, as the reconciler does."""
        self.endpoints.watch(workload(app), [service(name, app) for name in services], self.tasks)

    async def shows(self, app: AppId, service: str, *hosts: str) -> None:
        """Wait until these hosts are ready. They are tried after each change, as the reconciler does."""
        async with asyncio.timeout(5):
            while True:
                self.changed.clear()
                await self.endpoints.try_addresses(app, [(service, "http")])
                if {each.host for each in self.endpoints.ready(app, service, "http")} == set(hosts):
                    return
                await self.changed.wait()


@pytest.fixture
def _pods(cluster: DemoCluster) -> None:
    """Two pods of the shop."""
    put_pod(cluster, "10.0.0.1")
    put_pod(cluster, "10.0.0.2")


@pytest.fixture
async def watching(api: Api) -> AsyncIterator[WatchedEndpoints]:
    """Nothing is watched yet."""
    silent: set[str] = set()
    refusing: set[str] = set()
    changes: list[AppId] = []
    changed = asyncio.Event()

    def on_change(app: AppId) -> None:
        changes.append(app)
        changed.set()

    async def try_address(address: Address) -> Reply:
        if address.host in refusing:
            return Reply.REFUSED
        return Reply.SILENT if address.host in silent else Reply.ACCEPTED

    async with asyncio.TaskGroup() as tasks:
        clock = [datetime(2026, 1, 31, 12, tzinfo=UTC)]
        endpoints = AppEndpoints(api, on_change, lambda: clock[0], lambda address: address.host == WAKER, try_address)
        yield WatchedEndpoints(endpoints, tasks, silent, refusing, changes, changed, clock)
        for app in endpoints.watched():
            endpoints.unwatch(app)


async def watchers(cluster: DemoCluster, count: int) -> None:
    """Wait until so many watches of slices, and as many of pods, are open."""
    both = (kinds.ENDPOINT_SLICES, kinds.PODS)
    async with asyncio.timeout(5):
        while {cluster.api.watchers(each) for each in both} != {count}:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)


@pytest.mark.usefixtures("_pods")
async def test_ready_addresses_come_and_go(cluster: DemoCluster, watching: WatchedEndpoints) -> None:
    put(cluster, "shop", ["10.0.0.1"], unready=("10.0.0.9",))
    put(cluster, "other", ["10.0.0.7"])
    watching.watch(SHOP, "shop")
    await watching.shows(SHOP, "shop", "10.0.0.1")
    put(cluster, "shop", ["10.0.0.1", "10.0.0.2"])
    await watching.shows(SHOP, "shop", "10.0.0.1", "10.0.0.2")
    put(cluster, "shop", [])
    await watching.shows(SHOP, "shop")
    assert set(watching.changes) == {SHOP}


@pytest.mark.usefixtures("_pods")
async def test_what_is_not_watched_has_no_addresses(cluster: DemoCluster, watching: WatchedEndpoints) -> None:
    put(cluster, "shop", ["10.0.0.1"])
    watching.watch(SHOP, "shop")
    await watching.shows(SHOP, "shop", "10.0.0.1")
    assert watching.endpoints.ready(BLOG, "shop", "http") == ()
    assert watching.endpoints.pick(BLOG, "shop", "http") is None
    assert watching.endpoints.ready(SHOP, "blog", "http") == ()
    assert watching.endpoints.ready(SHOP, "shop", "admin") == ()


@pytest.mark.usefixtures("_pods")
async def test_addresses_are_picked_in_turn(cluster: DemoCluster, watching: WatchedEndpoints) -> None:
    put(cluster, "shop", ["10.0.0.1", "10.0.0.2"])
    watching.watch(SHOP, "shop")
    await watching.shows(SHOP, "shop", "10.0.0.1", "10.0.0.2")
    picked = [watching.endpoints.pick(SHOP, "shop", "http", turn=turn) for turn in range(4)]
    assert picked[:2] == picked[2:]
    assert set(picked) == {Address("10.0.0.1", 8080), Address("10.0.0.2", 8080)}


@pytest.mark.usefixtures("_pods")
async def test_a_host_that_passed_its_probes_is_picked_if_no_address_is_ready(
    cluster: DemoCluster, watching: WatchedEndpoints
) -> None:
    probed_ready = frozenset({"10.0.0.2"})
    put(cluster, "shop", [], unready=("10.0.0.1", "10.0.0.2"))
    watching.watch(SHOP, "shop")
    async with asyncio.timeout(5):
        while watching.endpoints.pick(SHOP, "shop", "http", probed_ready) != Address("10.0.0.2", 8080):
            watching.changed.clear()
            await watching.changed.wait()
    assert watching.endpoints.ready(SHOP, "shop", "http") == (), "Kubernetes does not call it ready"
    assert watching.endpoints.pick(SHOP, "shop", "http") is None
    put(cluster, "shop", ["10.0.0.2"], unready=("10.0.0.1",))
    while watching.endpoints.ready(SHOP, "shop", "http") == ():
        assert watching.endpoints.pick(SHOP, "shop", "http", probed_ready), (
            "no gap until Kubernetes calls it ready, too"
        )
        await watching.changed.wait()
        watching.changed.clear()
        assert watching.endpoints.pick(SHOP, "shop", "http", probed_ready)
        await watching.endpoints.try_addresses(SHOP, [("shop", "http")])
    put(cluster, "shop", ["10.0.0.1"], unready=("10.0.0.2",))
    await watching.shows(SHOP, "shop", "10.0.0.1")
    assert watching.endpoints.pick(SHOP, "shop", "http", probed_ready) == Address("10.0.0.1", 8080)


async def test_one_watch_an_app_until_unwatch(cluster: DemoCluster, watching: WatchedEndpoints) -> None:
    for _ in range(3):
        watching.watch(SHOP, "shop", "shop-admin")
    watching.watch(BLOG, "blog")
    await watchers(cluster, 2)
    assert set(watching.endpoints.watched()) == {SHOP, BLOG}
    watching.endpoints.unwatch(SHOP)
    watching.endpoints.unwatch(SHOP)
    await watchers(cluster, 1)
    assert watching.endpoints.watched() == [BLOG]


@pytest.mark.usefixtures("_pods")
async def test_other_services_replace_the_watch(cluster: DemoCluster, watching: WatchedEndpoints) -> None:
    put(cluster, "shop", ["10.0.0.1"])
    put(cluster, "shop-new", ["10.0.0.2"])
    watching.watch(SHOP, "shop")
    await watching.shows(SHOP, "shop", "10.0.0.1")
    watching.watch(SHOP, "shop-new")
    await watching.shows(SHOP, "shop-new", "10.0.0.2")
    assert watching.endpoints.ready(SHOP, "shop", "http") == ()
    await watchers(cluster, 1)


@pytest.mark.usefixtures("_pods")
async def test_an_address_is_ready_once_it_accepts_connections(
    cluster: DemoCluster, watching: WatchedEndpoints
) -> None:
    """Kubernetes calls a pod without a readiness probe ready before it listens."""
    watching.refusing.add("10.0.0.2")
    put(cluster, "shop", ["10.0.0.1", "10.0.0.2"])
    watching.watch(SHOP, "shop")
    await watching.shows(SHOP, "shop", "10.0.0.1")
    watching.clock[0] += 10 * BELIEVED_AFTER
    assert await watching.endpoints.try_addresses(SHOP, [("shop", "http")]) == {("shop", "http")}, "however long"
    watching.refusing.clear()
    assert not await watching.endpoints.try_addresses(SHOP, [("shop", "http")])
    await watching.shows(SHOP, "shop", "10.0.0.1", "10.0.0.2")
    put(cluster, "shop", ["10.0.0.1"])
    await watching.shows(SHOP, "shop", "10.0.0.1")


@pytest.mark.usefixtures("_pods")
async def test_many_that_refuse_keep_nobody_else_from_being_tried(
    cluster: DemoCluster, watching: WatchedEndpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_endpoints, "TRIES_AT_ONCE", 1)
    watching.refusing.add("10.0.0.1")
    put(cluster, "shop", ["10.0.0.1", "10.0.0.2"])
    watching.watch(SHOP, "shop")
    async with asyncio.timeout(5):
        while not watching.endpoints.ready(SHOP, "shop", "http"):
            watching.clock[0] += timedelta(seconds=1)
            await watching.endpoints.try_addresses(SHOP, [("shop", "http")])
            await asyncio.sleep(0.001)
    await watching.shows(SHOP, "shop", "10.0.0.2")


@pytest.mark.usefixtures("_pods")
async def test_where_waker_cannot_connect_kubernetes_is_believed_after_a_while(
    cluster: DemoCluster, watching: WatchedEndpoints
) -> None:
    """A NetworkPolicy may admit only the ingress controller. Then routes go back, but waker forwards nothing."""
    watching.silent.add("10.0.0.1")
    put(cluster, "shop", ["10.0.0.1"])
    watching.watch(SHOP, "shop")
    async with asyncio.timeout(5):  # the slice and the pod are known, in whatever order
        while not await watching.endpoints.try_addresses(SHOP, [("shop", "http")]):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    watching.clock[0] += BELIEVED_AFTER - timedelta(seconds=1)
    await watching.shows(SHOP, "shop")
    watching.clock[0] += timedelta(seconds=1)
    await watching.shows(SHOP, "shop", "10.0.0.1")
    assert watching.endpoints.pick(SHOP, "shop", "http") is None
    watching.silent.clear()
    watching.refusing.add("10.0.0.1")
    watching.clock[0] += BELIEVED_AFTER
    await watching.endpoints.try_addresses(SHOP, [("shop", "http")])
    await watching.shows(SHOP, "shop")  # it is tried again, and what is refused was not to be believed


@pytest.mark.usefixtures("_pods")
async def test_an_address_that_no_pod_has_never_counts(cluster: DemoCluster, watching: WatchedEndpoints) -> None:
    """A foreign slice of an app's Service would otherwise send visitors, and waker's own probes, anywhere."""
    put(cluster, "shop", ["10.0.0.1", "10.96.0.1"], unready=("10.96.0.2",))
    watching.watch(SHOP, "shop")
    await watching.shows(SHOP, "shop", "10.0.0.1")
    assert not await watching.endpoints.try_addresses(SHOP, [("shop", "http")])
    await watching.shows(SHOP, "shop", "10.0.0.1")
    put(cluster, "shop", ["10.96.0.1"], unready=("10.96.0.2",))
    await watching.shows(SHOP, "shop")
    assert watching.endpoints.pick(SHOP, "shop", "http", frozenset({"10.96.0.1", "10.96.0.2"})) is None


@pytest.mark.usefixtures("_pods")
async def test_who_else_answers_is_known_after_a_moment(cluster: DemoCluster, watching: WatchedEndpoints) -> None:
    """At first the slice may be known, and the pod not yet."""
    put_pod(cluster, "10.0.0.7", owner="backup", kind="Job")
    put(cluster, "shop", ["10.0.0.1", "10.0.0.7", WAKER], unready=("10.0.0.8",))
    watching.watch(SHOP, "shop")
    await watching.shows(SHOP, "shop", "10.0.0.1")
    assert watching.endpoints.strangers(SHOP) == ()
    watching.clock[0] += STRANGE_AFTER
    await watching.endpoints.try_addresses(SHOP, [("shop", "http")])
    assert watching.endpoints.strangers(SHOP) == ("10.0.0.7",)
    put(cluster, "shop", ["10.0.0.1"])
    await watching.changed.wait()
    await watching.shows(SHOP, "shop", "10.0.0.1")
    assert watching.endpoints.strangers(SHOP) == ()


async def test_the_pod_may_come_after_its_address(cluster: DemoCluster, watching: WatchedEndpoints) -> None:
    put(cluster, "shop", ["10.0.0.1"])
    watching.watch(SHOP, "shop")
    await watching.changed.wait()
    assert watching.endpoints.ready(SHOP, "shop", "http") == ()
    put_pod(cluster, "10.0.0.1")
    await watching.shows(SHOP, "shop", "10.0.0.1")
    cluster.verbs.remove(kinds.PODS, Key("default", "shop-10-0-0-1"))
    await watching.shows(SHOP, "shop")


@pytest.mark.usefixtures("_pods")
async def test_wakers_own_address_is_never_an_apps(cluster: DemoCluster, watching: WatchedEndpoints) -> None:
    put_pod(cluster, WAKER)
    put(cluster, "shop", ["10.0.0.1", WAKER])
    watching.watch(SHOP, "shop")
    await watching.shows(SHOP, "shop", "10.0.0.1")


async def test_accepts() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        assert await accepts(Address("127.0.0.1", server.sockets[0].getsockname()[1]))
    assert not await accepts(Address("127.0.0.1", 1))


async def test_without_replicas_nothing_is_asked(watching: WatchedEndpoints) -> None:
    """In a wake nothing comes before the patch that sets them; once they are 0 again, nothing is watched any more."""
    asleep = replace(workload(SHOP), replicas=0)
    watching.endpoints.watch(asleep, [service("shop", SHOP)], watching.tasks)
    assert watching.endpoints.watched() == []
    watching.watch(SHOP, "shop")
    assert watching.endpoints.watched() == [SHOP]
    watching.endpoints.watch(asleep, [service("shop", SHOP)], watching.tasks)
    assert watching.endpoints.watched() == []
