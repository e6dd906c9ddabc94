"""The ingress: what visitors get, what servers see, what is counted, and when changes take effect."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest

from waker.demo.cluster import DemoCluster, Options
from waker.demo.kinds import DEPLOYMENTS, ENDPOINT_SLICES, INGRESSES, Key, key_of
from waker.demo.samples import manifests
from waker.demo.verbs import PatchType

from .conftest import QUICK, is_ready

SHOP = "default-shop-http@kubernetes"
SHOP_KEY = Key("default", "shop")


def scale(cluster: DemoCluster, replicas: int) -> None:
    cluster.verbs.patch(DEPLOYMENTS, SHOP_KEY, PatchType.MERGE, {"spec": {"replicas": replicas}})


async def test_a_visitor_gets_the_apps_page(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    async with session.get(cluster.ingress_url()) as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert "The Corner Shop" in await answer.text()


async def test_bodies_are_streamed_both_ways(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    sent = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await sent.wait()
        yield b"second"

    async with session.post(cluster.ingress_url() + "echo", data=body()) as answer:
        assert await answer.content.read(5) == b"first"  # before the rest has been sent
        sent.set()
        assert await answer.read() == b"second"


async def test_the_server_gets_headers_that_the_ingress_sets(
    cluster: DemoCluster, session: aiohttp.ClientSession
) -> None:
    claimed = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil", "X-Real-Ip": "6.6.6.6", "X-Own": "kept"}
    async with session.get(cluster.ingress_url() + "echo?a=%2F%20b", headers=claimed) as answer:
        head = json.loads(answer.headers["X-Head"])
    headers = {name.lower(): value for name, value in head["headers"].items()}
    assert (headers["host"], headers["x-own"]) == ("shop.localhost", "kept")
    assert (headers["x-forwarded-for"], headers["x-forwarded-host"]) == ("127.0.0.1", "shop.localhost")
    assert (headers["x-forwarded-proto"], headers["x-real-ip"]) == ("http", "127.0.0.1")


async def test_no_route_and_no_server(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    async with session.get(cluster.ingress_url(), headers={"Host": "other.localhost"}) as answer:
        assert (answer.status, await answer.text()) == (404, "404 page not found\n")
    scale(cluster, 0)
    await cluster.until(lambda: is_ready(cluster, 0))
    await cluster.ingress.caught_up()
    async with session.get(cluster.ingress_url()) as answer:
        assert (answer.status, await answer.text()) == (503, "no available server\n")
    assert cluster.ingress.metrics.requests(SHOP) == 0


async def test_a_server_that_no_longer_exists(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    """The ingress does not know yet that the pod is gone. This is why waker moves routes before it deletes pods."""
    cluster.ingress.following.clear()
    scale(cluster, 0)
    await cluster.until(lambda: not cluster.objects("Pod", "default"))
    async with session.get(cluster.ingress_url()) as answer:
        assert (answer.status, await answer.text()) == (502, "Bad Gateway")
    assert cluster.ingress.metrics.requests(SHOP) == 1


async def test_a_request_is_counted_when_it_ends(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    finish = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await finish.wait()

    async with session.post(cluster.ingress_url() + "echo", data=body()) as answer:
        await answer.content.read(5)
        assert (cluster.ingress.metrics.requests(SHOP), cluster.ingress.metrics.open) == (0, 1)
        finish.set()
        await answer.read()
    async with session.get(cluster.metrics_url) as answer:
        exposition = await answer.text()
    assert (
        f'traefik_service_requests_total{{code="200",method="POST",protocol="http",service="{SHOP}"}} 1' in exposition
    )


async def test_a_request_in_flight_is_finished_before_its_pod_ends(
    cluster: DemoCluster, session: aiohttp.ClientSession
) -> None:
    finish = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await finish.wait()
        yield b"last"

    async with session.post(cluster.ingress_url() + "echo", data=body()) as answer:
        await answer.content.read(5)
        scale(cluster, 0)
        await cluster.until(lambda: is_ready(cluster, 1) is False)
        finish.set()
        assert await answer.read() == b"last"
    await cluster.until(lambda: not cluster.objects("Pod", "default"))


async def test_changes_take_effect_after_the_lag(session: aiohttp.ClientSession) -> None:
    async with DemoCluster(Options(lag=timedelta(milliseconds=150))) as cluster:
        cluster.load(manifests(QUICK, "default"))
        await cluster.until(lambda: is_ready(cluster, 1))
        await cluster.ingress.caught_up()
        loop = asyncio.get_running_loop()
        started = loop.time()
        change = {"op": "replace", "path": "/spec/rules/0/host", "value": "new.localhost"}
        cluster.verbs.patch(INGRESSES, SHOP_KEY, PatchType.JSON, [change])
        assert cluster.ingress.table.find("shop.localhost", "/") is not None
        await cluster.ingress.caught_up()
        assert loop.time() - started >= 0.15
        assert cluster.ingress.table.find("shop.localhost", "/") is None
        assert cluster.ingress.table.find("new.localhost", "/") is not None


async def test_a_swap_to_a_service_without_selector(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    """As KubeSleeper does it: its own Service and EndpointSlice in the app's namespace."""
    (own,) = cluster.objects("EndpointSlice", "default")
    mirrored = {"name": "http", "port": own["ports"][0]["port"]}
    cluster.load(
        [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "w"},
                "spec": {"ports": [{"name": "http", "port": 80, "targetPort": mirrored["port"]}]},
            },
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {"name": "w-1", "labels": {"kubernetes.io/service-name": "w"}},
                "addressType": "IPv4",
                "ports": [mirrored],
                "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True, "serving": True}}],
            },
        ]
    )
    path = "/spec/rules/0/http/paths/0/backend/service/name"
    cluster.verbs.patch(INGRESSES, SHOP_KEY, PatchType.JSON, [{"op": "replace", "path": path, "value": "w"}])
    await cluster.ingress.caught_up()
    async with session.get(cluster.ingress_url()) as answer:
        assert answer.status == 200
    assert cluster.ingress.metrics.requests("default-w-http@kubernetes") == 1


async def test_each_pod_listens_on_its_own_port(cluster: DemoCluster, session: aiohttp.ClientSession) -> None:
    scale(cluster, 2)
    await cluster.until(lambda: is_ready(cluster, 2))
    await cluster.ingress.caught_up()
    numbers = {each["ports"][0]["port"] for each in cluster.objects("EndpointSlice", "default")}
    assert len(numbers) == 2
    pods = set()
    for _ in range(4):
        async with session.get(cluster.ingress_url()) as answer:
            pods.add(answer.headers["X-Pod"])
    assert pods == {key_of(pod).name for pod in cluster.objects("Pod", "default")}


@pytest.mark.parametrize("target", ["http", 8080])
async def test_a_target_port_by_name_or_number(cluster: DemoCluster, target: str | int) -> None:
    ports = [{"name": "http", "port": 80, "targetPort": target}]
    spec = {"selector": {"app": "shop"}, "ports": ports}
    cluster.load([{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "other"}, "spec": spec}])
    await cluster.until(lambda: len(cluster.objects("EndpointSlice", "default")) == 2)
    one, other = cluster.objects("EndpointSlice", "default")
    assert one["ports"] == other["ports"]


async def test_slices_follow_a_deleted_service(cluster: DemoCluster) -> None:
    cluster.verbs.delete(ENDPOINT_SLICES, key_of(cluster.objects("EndpointSlice", "default")[0]))
    await cluster.until(lambda: is_ready(cluster, 1))  # the controller creates it again
    cluster.verbs.delete(DEPLOYMENTS, SHOP_KEY)
    await cluster.until(lambda: not cluster.objects("Pod", "default"))
