"""The ingress controller: follows the store after a lag, and passes requests on to ready endpoints.

It behaves like Traefik v3, as far as clients and scrapers see: 404 without a route, 503 "no available server" without
an endpoint, 502 if the server does not answer, X-Forwarded-* of its own making, metrics on a port of their own. It is
in the cluster as a pod and an IngressClass. Tests can clear `following` to keep it from following at all.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from itertools import count
from time import perf_counter
from typing import Final

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from waker.demo import metrics
from waker.demo.kinds import ENDPOINT_SLICES, INGRESS_CLASSES, INGRESSES, SERVICES, Obj
from waker.demo.metrics import Served
from waker.demo.routing import CONTROLLER, RoutedServer, RouteTarget, Table, sources, table_of
from waker.demo.verbs import DEFAULT_CLASS, Verbs

NAME: Final = "traefik"  # of its namespace, its class and its label
HOP_BY_HOP: Final = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailers",
        "transfer-encoding",
        "upgrade",
    )
)
FORWARDED: Final = "x-forwarded-"
NO_ROUTE: Final = "404 page not found\n"
NO_SERVER: Final = "no available server\n"
BAD_GATEWAY: Final = "Bad Gateway"
CLIENT_GONE: Final = 499


class DemoIngress:
    """Serves one store. Lives between `start` and `stop`, and follows while `run` runs."""

    def __init__(self, verbs: Verbs, lag: timedelta) -> None:
        self.metrics = metrics.DemoMetrics()
        self.table = Table()
        self.following = asyncio.Event()
        self.following.set()
        self.port = 0
        self.metrics_port = 0
        self._verbs = verbs
        self._lag = lag.total_seconds()
        self._version = 0
        self._followed = asyncio.Condition()
        self._turn = count()
        self._runners = [
            web.ServerRunner(web.Server(handler, access_log=None, handler_cancellation=True), shutdown_timeout=1)
            for handler in (self._pass_on, self._scraped)
        ]
        self._client: aiohttp.ClientSession | None = None

    async def start(self, port: int = 0) -> None:
        """Listen; `port` and `metrics_port` are known afterwards."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        self._client = aiohttp.ClientSession(
            timeout=timeout,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
        )
        for runner, wanted in zip(self._runners, (port, 0), strict=True):
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", wanted).start()
        self.port, self.metrics_port = (int(runner.addresses[0][1]) for runner in self._runners)

    async def stop(self) -> None:
        """Let requests in flight end, and listen no longer."""
        for runner in self._runners:
            await runner.cleanup()
        if self._client is not None:
            await self._client.close()

    async def run(self) -> None:
        """Follow the store until it is closed."""
        with self._verbs.store.subscribe(INGRESSES, INGRESS_CLASSES, SERVICES, ENDPOINT_SLICES) as changes:
            await self._reload()
            while not changes.closed:
                if not await changes.wait():
                    continue
                await asyncio.sleep(self._lag)
                await self.following.wait()
                await changes.wait(0)
                await self._reload()

    async def caught_up(self) -> None:
        """Wait until everything that is in the store now is followed."""
        wanted = self._verbs.store.version
        relevant = (INGRESSES, INGRESS_CLASSES, SERVICES, ENDPOINT_SLICES)
        async with self._followed:
            await self._followed.wait_for(
                lambda: (
                    not any(
                        change.version <= wanted
                        for resource in relevant
                        for change in self._verbs.store.since(resource, self._version)
                    )
                )
            )

    def manifests(self) -> list[Obj]:
        """How it shows itself in the cluster."""
        ports = {"web": self.port, "metrics": self.metrics_port}
        declared = [{"name": name, "containerPort": number} for name, number in ports.items()]
        address = {"podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]}
        return [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME}},
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "IngressClass",
                "metadata": {"name": NAME, "annotations": {DEFAULT_CLASS: "true"}},
                "spec": {"controller": CONTROLLER},
            },
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": NAME, "namespace": NAME, "labels": {"app.kubernetes.io/name": NAME}},
                "spec": {"containers": [{"name": NAME, "image": "traefik:v3", "ports": declared}]},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], **address},
            },
        ]

    async def _reload(self) -> None:
        store = self._verbs.store
        self._version = store.version
        kinds = (INGRESSES, INGRESS_CLASSES, SERVICES, ENDPOINT_SLICES)
        ingresses, classes, services, slices = (store.all(kind) for kind in kinds)
        table = table_of(sources(ingresses, classes, services, slices))
        if table != self.table:
            self.table = table
            self.metrics.reloaded(table.services(), self._verbs.now().timestamp())
        async with self._followed:
            self._followed.notify_all()

    async def _scraped(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/metrics":
            return web.Response(status=404, text=NO_ROUTE)
        return web.Response(body=self.metrics.page().encode(), headers={"Content-Type": metrics.CONTENT_TYPE})

    async def _pass_on(self, request: web.BaseRequest) -> web.StreamResponse:
        target = self.table.find(request.host, request.path)
        if target is None or not target.servers:
            code, text = (503, NO_SERVER) if target else (404, NO_ROUTE)
            self.metrics.count(Served(code, request.method, "", 0.0, request.content_length or 0, len(text)))
            return web.Response(status=code, text=text)
        began = perf_counter()
        self.metrics.open += 1
        code, sent = CLIENT_GONE, 0
        try:
            response = await self._ask(request, target)
            code, sent = response.status, response.body_length
            return response
        finally:
            self.metrics.open -= 1
            seconds, received = perf_counter() - began, request.content_length or 0
            self.metrics.count(Served(code, request.method, target.service, seconds, received, sent))

    async def _ask(self, request: web.BaseRequest, target: RouteTarget) -> web.StreamResponse:
        if self._client is None:
            return web.Response(status=502, text=BAD_GATEWAY)
        server = target.servers[next(self._turn) % len(target.servers)]
        response: web.StreamResponse | None = None
        try:
            async with self._client.request(
                request.method,
                url_at(server, request),
                headers=forwarded(request),
                data=pieces(request) if request.can_read_body else None,
                allow_redirects=False,
                skip_auto_headers=(hdrs.USER_AGENT, hdrs.CONTENT_TYPE, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING),
            ) as answer:
                response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=kept(answer.headers))
                await response.prepare(request)
                async for piece in answer.content.iter_any():
                    await response.write(piece)
                with suppress(ConnectionError):
                    await response.write_eof()
        except aiohttp.ClientError:
            if response is None:
                return web.Response(status=502, text=BAD_GATEWAY)
            if request.transport is not None:
                request.transport.abort()  # half an answer must not look whole
            return response
        return response


async def pieces(request: web.BaseRequest) -> AsyncIterator[bytes]:
    """The body as it comes in."""
    async for piece in request.content.iter_any():
        yield piece


def url_at(server: RoutedServer, request: web.BaseRequest) -> URL:
    """The same path and query, at a server, as the visitor wrote them."""
    return URL(f"http://{server.host}:{server.port}{request.raw_path}", encoded=True)


def kept(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """The headers that are not about one connection."""
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP)


def forwarded(request: web.BaseRequest) -> CIMultiDict[str]:
    """The request's headers, with what the visitor claimed about X-Forwarded-* replaced by what is known."""
    headers = CIMultiDict((k, v) for k, v in kept(request.headers).items() if not k.lower().startswith(FORWARDED))
    visitor = request.remote or ""
    known = {"For": visitor, "Host": request.host, "Port": "80", "Proto": "http", "Server": NAME}
    headers.update({f"X-Forwarded-{name}": value for name, value in known.items()})
    headers["X-Real-Ip"] = visitor
    return headers
