"""The ingress controller: it follows the store with a lag, and forwards requests to ready endpoints.

`cluster` runs it; `routing` decides where a request goes, `metrics` counts it. Clients and scrapers see what Traefik v3
would show them: 404 without a route, 503 "no available server" without an endpoint, 502 if the server does not respond,
its own X-Forwarded-* headers, and metrics on a separate port. In the cluster it is a pod and an IngressClass. Tests clear
`following` to stop it from following changes.
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
from waker.demo.metrics import ServedRequest
from waker.demo.routing import CONTROLLER, RoutedServer, RouteTarget, Table, sources, table_of
from waker.demo.verbs import DEFAULT_CLASS, Verbs

NAME: Final = "traefik"  # of its namespace, its class and its pod
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
    """Serves one store between `start` and `stop`, and follows its changes while `run` runs."""

    def __init__(self, verbs: Verbs, lag: timedelta) -> None:
        self.metrics = metrics.DemoMetrics()
        self.table = Table()
        self.following = asyncio.Event()
        self.following.set()
        self.port = 0
        self.metrics_port = 0
        self._verbs = verbs
        self._lag = lag.total_seconds()
        self._followed_version = 0
        self._reloaded = asyncio.Condition()
        self._round_robin = count()
        self._runners = [
            web.ServerRunner(web.Server(handler, access_log=None, handler_cancellation=True), shutdown_timeout=1)
            for handler in (self._forward, self._serve_metrics)
        ]
        self._client: aiohttp.ClientSession | None = None

    async def start(self, port: int = 0) -> None:
        """Start to listen. `port` and `metrics_port` are set afterwards."""
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
        """Stop listening, after requests in flight have ended."""
        for runner in self._runners:
            await runner.cleanup()
        if self._client is not None:
            await self._client.close()

    async def run(self) -> None:
        """Follow the store's changes until it is closed."""
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
        """Wait until it has followed every change that is in the store now."""
        current = self._verbs.store.version
        relevant = (INGRESSES, INGRESS_CLASSES, SERVICES, ENDPOINT_SLICES)
        async with self._reloaded:
            await self._reloaded.wait_for(
                lambda: (
                    not any(
                        change.version <= current
                        for resource in relevant
                        for change in self._verbs.store.since(resource, self._followed_version)
                    )
                )
            )

    def manifests(self) -> list[Obj]:
        """The objects that represent it in the cluster."""
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
        self._followed_version = store.version
        kinds = (INGRESSES, INGRESS_CLASSES, SERVICES, ENDPOINT_SLICES)
        ingresses, classes, services, slices = (store.all(kind) for kind in kinds)
        table = table_of(sources(ingresses, classes, services, slices))
        if table != self.table:
            self.table = table
            self.metrics.reloaded(table.services(), self._verbs.now().timestamp())
        async with self._reloaded:
            self._reloaded.notify_all()

    async def _serve_metrics(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/metrics":
            return web.Response(status=404, text=NO_ROUTE)
        return web.Response(body=self.metrics.exposition().encode(), headers={"Content-Type": metrics.CONTENT_TYPE})

    async def _forward(self, request: web.BaseRequest) -> web.StreamResponse:
        target = self.table.find(request.host, request.path)
        if target is None or not target.servers:
            code, text = (503, NO_SERVER) if target else (404, NO_ROUTE)
            self.metrics.count(ServedRequest(code, request.method, "", 0.0, request.content_length or 0, len(text)))
            return web.Response(status=code, text=text)
        started = perf_counter()
        self.metrics.open += 1
        code, sent = CLIENT_GONE, 0
        try:
            response = await self._forward_to(request, target)
            code, sent = response.status, response.body_length
            return response
        finally:
            self.metrics.open -= 1
            seconds, received = perf_counter() - started, request.content_length or 0
            self.metrics.count(ServedRequest(code, request.method, target.service, seconds, received, sent))

    async def _forward_to(self, request: web.BaseRequest, target: RouteTarget) -> web.StreamResponse:
        if self._client is None:
            return web.Response(status=502, text=BAD_GATEWAY)
        server = target.servers[next(self._round_robin) % len(target.servers)]
        response: web.StreamResponse | None = None
        try:
            async with self._client.request(
                request.method,
                url_at(server, request),
                headers=headers_to_forward(request),
                data=body_chunks(request) if request.can_read_body else None,
                allow_redirects=False,
                skip_auto_headers=(hdrs.USER_AGENT, hdrs.CONTENT_TYPE, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING),
            ) as upstream:
                headers = end_to_end(upstream.headers)
                response = web.StreamResponse(status=upstream.status, reason=upstream.reason, headers=headers)
                await response.prepare(request)
                async for chunk in upstream.content.iter_any():
                    await response.write(chunk)
                with suppress(ConnectionError):
                    await response.write_eof()
        except aiohttp.ClientError:
            if response is None:
                return web.Response(status=502, text=BAD_GATEWAY)
            if request.transport is not None:
                request.transport.abort()  # half a response must not look complete
            return response
        return response


async def body_chunks(request: web.BaseRequest) -> AsyncIterator[bytes]:
    """The body of a request as it arrives."""
    async for chunk in request.content.iter_any():
        yield chunk


def url_at(server: RoutedServer, request: web.BaseRequest) -> URL:
    """The URL at a server, with path and query exactly as the visitor sent them."""
    return URL(f"http://{server.host}:{server.port}{request.raw_path}", encoded=True)


def end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """The headers without those that concern one connection only."""
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP)


def headers_to_forward(request: web.BaseRequest) -> CIMultiDict[str]:
    """The headers of a request for the server. The visitor's own X-Forwarded-* are replaced."""
    headers = CIMultiDict((k, v) for k, v in end_to_end(request.headers).items() if not k.lower().startswith(FORWARDED))
    visitor = request.remote or ""
    facts = {"For": visitor, "Host": request.host, "Port": "80", "Proto": "http", "Server": NAME}
    headers.update({f"X-Forwarded-{name}": value for name, value in facts.items()})
    headers["X-Real-Ip"] = visitor
    return headers
