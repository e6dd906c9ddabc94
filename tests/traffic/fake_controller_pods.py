"""Controller pods for tests of the scraper: one real HTTP server plays them all, each at an address of its own.

A test adds pods with a metrics page (`traefik`, `contour` and `nginx` write the text), changes pages, and runs rounds of
the scraper at times of its choice. The fixture `scene` in conftest.py starts and stops it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from waker.plan.model import AppId, Kind, Pod
from waker.traffic.controllers import (
    CONTOUR,
    HAPROXY_INGRESS,
    INGRESS_NGINX,
    TRAEFIK,
    Adapter,
    Interest,
    SeriesKey,
    adapter_for,
)
from waker.traffic.dependencies import ScraperDependencies
from waker.traffic.name_proof import Primed
from waker.traffic.scrape import Scraper

INTERVAL = timedelta(seconds=15)
SHOP, BLOG = AppId(Kind.DEPLOYMENT, "team-a", "shop"), AppId(Kind.STATEFUL_SET, "team-b", "blog")
AT_TRAEFIK = Interest(TRAEFIK.controller, ("team-a-shop-80@kubernetes",))
BLOG_AT_TRAEFIK = Interest(TRAEFIK.controller, ("team-b-blog-http@kubernetes",))
AT_NGINX = Interest(INGRESS_NGINX.controller, ("team-a", "shop", "web"))
AT_HAPROXY = Interest(HAPROXY_INGRESS.controller, ("team-a_shop_80",))
AT_CONTOUR = Interest(CONTOUR.controller, ("team-a_shop_80",))

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class ScrapeScene:
    """Time, pods and their pages; every pod has an address of its own on the loopback, all on one port."""

    port: int = 0
    now: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)
    interval: timedelta = INTERVAL
    ignore_after: timedelta | None = None  # a policy of the user
    pods: dict[str, list[Pod]] = field(default_factory=dict)
    pages: dict[str, str | Answer] = field(default_factory=dict)
    visits: list[AppId] = field(default_factory=list)
    known: list[AppId] = field(default_factory=list)  # in the order in which it was reported
    scrapes: list[tuple[str, bool]] = field(default_factory=list)  # controller, and whether it was complete
    primed: list[str] = field(default_factory=list)
    counted_as: frozenset[SeriesKey] = frozenset()  # waker's own requests, which pods are primed with
    keepers: dict[str, frozenset[SeriesKey]] = field(default_factory=dict)  # likewise, of several namespaces
    requests: list[web.Request] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)  # of every adapter
    scraper: Scraper = field(init=False)

    def add(self, adapter: Adapter, name: str, page: str | Answer, *, ready: bool = True) -> Pod:
        address = f"127.0.0.{10 + len(self.pages)}"
        pod = Pod("ingress", name, f"uid-of-{name}", address, ready, {"metrics": self.port})
        self.pods.setdefault(adapter.controller, []).append(pod)
        self.pages[address] = page
        return pod

    def change(self, pod: Pod, page: str | Answer) -> None:
        self.pages[pod.address] = page

    def replace(self, adapter: Adapter, *pods: Pod) -> None:
        self.pods[adapter.controller] = list(pods)

    async def round(self, *, after: timedelta = INTERVAL) -> None:
        self.now += after
        self.visits.clear()
        await self.scraper.round()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        assert request.transport
        page = self.pages[request.transport.get_extra_info("sockname")[0]]
        return web.Response(text=page) if isinstance(page, str) else await page(request)

    async def prime(self, _: Adapter, pod: Pod, after: str) -> Primed:
        self.primed.append(pod.name)
        if not self.keepers:
            return Primed(self.counted_as)
        found = sorted(self.keepers, key=lambda each: (each <= after, each))
        return Primed(self.keepers[found[0]], found[0], alone=len(found) == 1)

    def adapter(self, name: str) -> Adapter | None:
        found = adapter_for(name)
        return found and replace(found, **self.changes)

    def dependencies(self) -> ScraperDependencies:
        return ScraperDependencies(
            clock=lambda: self.now,
            interval=lambda: self.interval,
            pods=lambda adapter: self.pods.get(adapter.controller, []),
            prime=self.prime,
            on_visit=self.visits.append,
            on_known=self.known.append,
            adapter=self.adapter,
            ignore_after=lambda _: self.ignore_after,
            on_scrape=lambda controller, read_at: self.scrapes.append((controller, read_at is not None)),
        )


def traefik(shop: float | None = None, blog: float | None = None, *, started: float = 1000) -> str:
    """Traefik's page with the requests that it has counted for the shop and the blog."""
    lines = [f"process_start_time_seconds {started}"]
    for interest, value in ((AT_TRAEFIK, shop), (BLOG_AT_TRAEFIK, blog)):
        if value is not None:
            lines.append(f'traefik_service_requests_total{{code="200",service="{interest.key[0]}"}} {value}')
    return "\n".join(lines)


def contour(*clusters: tuple[str, int, int]) -> str:
    """Envoy's page with clusters: name, requests in total, requests that are open."""
    lines = ["envoy_server_uptime{} 60", 'envoy_cluster_upstream_rq_total{envoy_cluster_name="xds"} 5']
    for name, total, active in clusters:
        lines.append(f'envoy_cluster_upstream_rq_total{{envoy_cluster_name="{name}"}} {total}')
        lines.append(f'envoy_cluster_upstream_rq_active{{envoy_cluster_name="{name}"}} {active}')
    return "\n".join(lines)


def nginx(shop: int, reloads: int) -> str:
    """ingress-nginx's page with the requests of the shop."""
    labels = dict(zip(INGRESS_NGINX.requests.labels, AT_NGINX.key, strict=True))
    series = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return (
        f"process_start_time_seconds 1000\nnginx_ingress_controller_success {reloads}\n"
        f'nginx_ingress_controller_requests{{method="GET",{series}}} {shop}'
    )


def haproxy(shop: int, started: float) -> str:
    """HAProxy's page with the sessions of the shop."""
    return (
        f'haproxy_backend_sessions_total{{proxy="team-a_shop_80"}} {shop}\nhaproxy_backend_sessions_total{{proxy="x"}} 1\n'
        f"haproxy_process_start_time_seconds {started}"
    )


def refuse(status: int) -> Answer:
    """An answer with this status instead of a page."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    return answer


async def watched(scene: ScrapeScene, *interests: Interest, app: AppId = SHOP) -> None:
    """Watch an app, and run a round."""
    scene.scraper.watch(app, frozenset(interests))
    await scene.round()
