"""Skipper with its own Kubernetes client, fed by a fake API server: the names that it really uses, and what it counts."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.traffic.real.programs import Proxy, app, free_ports, program, running
from waker.plan.model import Pod
from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers import SKIPPER
from waker.traffic.ledger import Ledger, Movement

pytestmark = pytest.mark.skipif(
    not program("skipper"), reason="skipper is not built (tests/traffic/real/build-skipper, needs Go)"
)

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
BACKEND = CountedBackend("team-a", "shop", "shop-web", "http", "http", 80, host="shop.example.org", path="/")
SHOP = SKIPPER.spellings(BACKEND)[0]
NO_PATH = SKIPPER.spellings(BACKEND._replace(host="blog.example.org", path=""))[0]
DEFAULT = SKIPPER.spellings(BACKEND._replace(object_name="rest", default_backend=True))[0]


def listed(port: int) -> dict[str, list[dict[str, Any]]]:
    """The objects of the API server, by the last word of the path."""
    backend = {"service": {"name": "shop-web", "port": {"name": "http"}}}
    paths = {
        "shop.example.org": {"path": "/", "pathType": "Prefix"},
        "blog.example.org": {"pathType": "ImplementationSpecific"},
    }
    rules = [{"host": host, "http": {"paths": [path | {"backend": backend}]}} for host, path in paths.items()]
    address = {"addresses": [{"ip": "127.0.0.1"}], "ports": [{"name": "http", "port": port}]}
    return {
        "ingresses": [
            {"metadata": {"namespace": "team-a", "name": "shop"}, "spec": {"rules": rules}},
            {"metadata": {"namespace": "team-a", "name": "rest"}, "spec": {"defaultBackend": backend}},
        ],
        "services": [
            {
                "metadata": {"namespace": "team-a", "name": "shop-web"},
                "spec": {"type": "ClusterIP", "ports": [{"name": "http", "port": 80, "targetPort": port}]},
            }
        ],
        "endpoints": [{"metadata": {"namespace": "team-a", "name": "shop-web"}, "subsets": [address]}],
    }


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async with app() as port:
        http, metrics = free_ports(2)
        objects = listed(port)

        async def answer(request: web.Request) -> web.Response:
            return web.json_response({"items": objects.get(request.path.rpartition("/")[2], [])})

        api = web.Application()
        api.router.add_get("/{path:.*}", answer)
        async with TestServer(api) as server:
            pod = Pod("kube-system", "s-1", "uid", "127.0.0.1", ready=True, ports={"metrics-port": metrics})
            command = [
                *(program("skipper"), "-kubernetes", f"-kubernetes-url=http://127.0.0.1:{server.port}"),
                *(f"-address=127.0.0.1:{http}", f"-support-listener=127.0.0.1:{metrics}"),
                *("-metrics-flavour=prometheus", "-serve-route-counter", "-enable-ratelimits=false"),
                *("-experimental-upgrade", "-wait-first-route-load", "-wait-for-healthcheck-interval=0s"),
            ]
            async with running(command, SKIPPER, pod, http) as proxy:
                yield proxy


async def test_its_names_are_those_that_are_built_forward(proxy: Proxy) -> None:
    for host in ("shop.example.org", "blog.example.org", "nobody.example.org"):
        assert await proxy.get(host=host) == 200
    scrape = await proxy.scrape(SHOP, NO_PATH, DEFAULT)
    assert scrape.tallies.keys() == {SHOP, NO_PATH, DEFAULT}
    assert scrape.proven
    assert scrape.started


async def test_a_visit_is_seen_when_it_ends_and_nobody_else_is_visited(proxy: Proxy) -> None:
    ledger = Ledger()
    ledger.baseline("uid", await proxy.scrape(SHOP, NO_PATH))
    assert ledger.observe("uid", await proxy.scrape(SHOP, NO_PATH), NOW) == Movement({})
    await proxy.get()
    assert ledger.observe("uid", await proxy.scrape(SHOP, NO_PATH), NOW).visits.keys() == {SHOP}


async def test_a_websocket_is_never_counted(proxy: Proxy) -> None:
    before = await proxy.scrape(SHOP)
    async with proxy.websocket() as socket:
        await socket.send_str("hello")
        assert await socket.receive_str() == "hello"
    assert (await proxy.scrape(SHOP)).tallies == before.tallies
    assert "websockets, open or ended" in SKIPPER.blind_to
