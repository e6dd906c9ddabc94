"""The scraper against a real HTTP server that plays controller pods: what is known, what is not, and since when."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from waker.plan.model import AppId, Kind, Pod
from waker.plan.snapshot import Certainty, Traffic
from waker.traffic import exposition, fetch
from waker.traffic.controller import FRESH, GRACE
from waker.traffic.controllers import CONTOUR, INGRESS_NGINX, TRAEFIK, Adapter, Interest
from waker.traffic.dependencies import ScraperDependencies
from waker.traffic.scrape import SHOWN_AFTER, Scraper

INTERVAL = timedelta(seconds=15)
SHOP, BLOG = AppId(Kind.DEPLOYMENT, "team-a", "shop"), AppId(Kind.STATEFUL_SET, "team-b", "blog")
AT_TRAEFIK = Interest(TRAEFIK.controller, ("team-a-shop-80@kubernetes",))
BLOG_AT_TRAEFIK = Interest(TRAEFIK.controller, ("team-b-blog-http@kubernetes",))
AT_NGINX = Interest(INGRESS_NGINX.controller, ("team-a", "shop", "web"))
AT_CONTOUR = Interest(CONTOUR.controller, ("team-a_shop_80",))

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class ScrapeWorld:
    """Time, pods and their pages; every pod has an address of its own on the loopback, all on one port."""

    port: int = 0
    now: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)
    interval: timedelta = INTERVAL
    pods: dict[str, list[Pod]] = field(default_factory=dict)
    pages: dict[str, str | Answer] = field(default_factory=dict)
    visits: list[AppId] = field(default_factory=list)
    told: list[tuple[str, bool]] = field(default_factory=list)
    primed: list[str] = field(default_factory=list)
    asked: list[web.Request] = field(default_factory=list)
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
        self.asked.append(request)
        assert request.transport
        page = self.pages[request.transport.get_extra_info("sockname")[0]]
        return web.Response(text=page) if isinstance(page, str) else await page(request)

    async def prime(self, _: Adapter, pod: Pod) -> None:
        self.primed.append(pod.name)

    def outside(self) -> ScraperDependencies:
        return ScraperDependencies(
            clock=lambda: self.now,
            interval=lambda: self.interval,
            pods=lambda adapter: self.pods.get(adapter.controller, []),
            prime=self.prime,
            on_visit=self.visits.append,
            on_scrape=lambda controller, read_at: self.told.append((controller, read_at is not None)),
        )


@pytest.fixture
async def world() -> AsyncIterator[ScrapeWorld]:
    here, app = ScrapeWorld(), web.Application()
    app.router.add_get("/{path:.*}", here.answer)
    server = TestServer(app, host="0.0.0.0")
    await server.start_server()
    async with aiohttp.ClientSession() as session:
        here.port, here.scraper = server.port or 0, Scraper(session, here.outside())
        yield here
    await server.close()


def traefik(shop: float | None = None, blog: float | None = None, *, started: float = 1000) -> str:
    lines = [f"process_start_time_seconds {started}"]
    for interest, value in ((AT_TRAEFIK, shop), (BLOG_AT_TRAEFIK, blog)):
        if value is not None:
            lines.append(f'traefik_service_requests_total{{code="200",service="{interest.key[0]}"}} {value}')
    return "\n".join(lines)


def contour(*clusters: tuple[str, int, int]) -> str:
    lines = ["envoy_server_uptime{} 60", 'envoy_cluster_upstream_rq_total{envoy_cluster_name="xds"} 5']
    for name, total, active in clusters:
        lines.append(f'envoy_cluster_upstream_rq_total{{envoy_cluster_name="{name}"}} {total}')
        lines.append(f'envoy_cluster_upstream_rq_active{{envoy_cluster_name="{name}"}} {active}')
    return "\n".join(lines)


async def followed(world: ScrapeWorld, *interests: Interest, app: AppId = SHOP) -> None:
    world.scraper.watch(app, frozenset(interests))
    await world.round()


async def test_the_clock_starts_when_all_pods_have_been_read(world: ScrapeWorld) -> None:
    world.add(TRAEFIK, "t-1", traefik(shop=5))
    second = world.add(TRAEFIK, "t-2", refuse(500))
    assert world.scraper.traffic(SHOP) == Traffic(unknown="its traffic is not watched yet")
    await followed(world, AT_TRAEFIK)
    assert world.scraper.traffic(SHOP).visited_at is None
    assert "t-2" in world.scraper.traffic(SHOP).unknown
    world.change(second, traefik(shop=7))
    await world.round()
    assert world.scraper.traffic(SHOP) == Traffic(world.now)
    assert world.visits == [], "what was counted before is no visit"


async def test_a_visit_through_any_pod_moves_the_clock(world: ScrapeWorld) -> None:
    first = world.add(TRAEFIK, "t-1", traefik(shop=5, blog=1))
    second = world.add(TRAEFIK, "t-2", traefik(shop=5))
    world.scraper.watch(BLOG, frozenset({BLOG_AT_TRAEFIK}))
    await followed(world, AT_TRAEFIK)
    start = world.now
    await world.round()
    assert (world.scraper.traffic(SHOP), world.visits) == (Traffic(start), [])
    world.change(second, traefik(shop=6))
    await world.round()
    assert (world.scraper.traffic(SHOP), world.visits) == (Traffic(world.now), [SHOP])
    assert world.scraper.traffic(BLOG) == Traffic(start)
    world.change(first, traefik(shop=5, blog=2))
    await world.round()
    assert (world.scraper.traffic(BLOG), world.visits) == (Traffic(world.now), [BLOG])


async def test_an_app_at_two_controllers_needs_both(world: ScrapeWorld) -> None:
    world.add(TRAEFIK, "t-1", traefik(shop=5))
    await followed(world, AT_TRAEFIK, AT_CONTOUR)
    assert world.scraper.traffic(SHOP).unknown == (
        "no pod of Contour was found (labels: app=envoy in projectcontour or "
        "app.kubernetes.io/name=contour,app.kubernetes.io/component=envoy); if it has others, set controller.CLASS.selector"
    )
    envoy = world.add(CONTOUR, "e-1", contour(("team-a_shop_80", 0, 0)))
    await world.round()
    assert world.scraper.traffic(SHOP) == Traffic(world.now)
    world.change(envoy, contour(("team-a_shop_80", 1, 0)))
    await world.round()
    assert world.visits == [SHOP]


async def test_an_open_request_is_a_visit_as_long_as_it_lasts(world: ScrapeWorld) -> None:
    envoy = world.add(CONTOUR, "e-1", contour(("team-a_shop_80", 3, 0)))
    await followed(world, AT_CONTOUR)
    world.change(envoy, contour(("team-a_shop_80", 4, 1)))
    for _ in range(3):
        await world.round()
        assert world.scraper.traffic(SHOP) == Traffic(world.now)
    last = world.now
    world.change(envoy, contour(("team-a_shop_80", 4, 0)))
    await world.round()
    assert world.scraper.traffic(SHOP) == Traffic(last)


async def test_envoy_is_asked_for_the_two_lines_that_matter_only(world: ScrapeWorld) -> None:
    world.add(CONTOUR, "e-1", contour(("team-a_shop_80", 3, 0)))
    await followed(world, AT_CONTOUR)
    (request,) = world.asked
    assert request.path == "/stats/prometheus"
    assert dict(request.query) == {"filter": r"^(cluster\..*\.upstream_rq_(total|active)|server\.uptime)$"}


async def test_a_name_that_was_never_tried_is_unknown_until_it_counts(world: ScrapeWorld) -> None:
    adapter = replace(TRAEFIK, names_proven=False)
    world.scraper = Scraper(world.scraper._rounds._session, replace(world.outside(), adapter=lambda _: adapter))
    pods = [world.add(TRAEFIK, name, traefik(blog=5)) for name in ("t-1", "t-2")]
    await followed(world, AT_TRAEFIK)
    assert "counted nothing as team-a-shop-80@kubernetes yet" in world.scraper.traffic(SHOP).unknown
    world.change(pods[1], traefik(blog=5, shop=1))
    await world.round()
    assert world.scraper.traffic(SHOP) == Traffic(world.now), "one pod of them proves the name"


async def test_a_backend_that_envoy_does_not_know_is_unknown(world: ScrapeWorld) -> None:
    envoy = world.add(CONTOUR, "e-1", contour(("team-a_other_80", 3, 0)))
    await followed(world, AT_CONTOUR)
    assert world.scraper.traffic(SHOP).unknown == "Contour pod ingress/e-1 does not know team-a_shop_80"
    world.change(envoy, contour(("team-a_shop_80", 0, 0)))
    await world.round()
    assert not world.scraper.traffic(SHOP).unknown


def refuse(status: int) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    return answer


async def hang_up(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(traefik(shop=5).encode())
    assert request.transport
    request.transport.abort()
    return response


@pytest.mark.parametrize(
    ("page", "why"),
    [
        pytest.param(
            refuse(404), "answered its metrics page with HTTP 404; run Traefik with", id="metrics switched off"
        ),
        pytest.param(refuse(302), "HTTP 302", id="redirects are not followed"),
        pytest.param(hang_up, "broke off its metrics page", id="half a page"),
        pytest.param(traefik() + '\ntraefik_service_requests_total{x="1\n', "malformed line", id="malformed"),
        pytest.param(traefik(shop=float("nan")), "is no count", id="not a number"),
        pytest.param("<html>welcome</html>", "shows no traefik_service_requests_total yet", id="another page"),
        pytest.param(traefik(), "shows no traefik_service_requests_total yet; if that stays, run", id="counts nothing"),
    ],
)
async def test_a_page_that_says_nothing_is_unknown_after_three_intervals(
    world: ScrapeWorld, page: str | Answer, why: str
) -> None:
    first = world.add(TRAEFIK, "t-1", traefik(shop=5))
    world.add(TRAEFIK, "t-2", traefik(shop=5))
    await followed(world, AT_TRAEFIK)
    start = world.now
    world.change(first, page)
    await world.round()
    known_at_once = world.scraper.traffic(SHOP)
    assert known_at_once.visited_at == start
    for _ in range(3):
        await world.round()
    unknown = world.scraper.traffic(SHOP)
    assert unknown.visited_at == start, "unknown does not move the clock"
    assert unknown.unknown.startswith("Traefik pod ingress/t-1 ")
    assert why in unknown.unknown
    world.change(first, traefik(shop=5))
    await world.round()
    assert not world.scraper.traffic(SHOP).unknown


async def test_one_failed_page_is_not_yet_unknown(world: ScrapeWorld) -> None:
    pod = world.add(TRAEFIK, "t-1", traefik(shop=5))
    await followed(world, AT_TRAEFIK)
    world.change(pod, refuse(503))
    await world.round()
    assert world.scraper.traffic(SHOP).unknown == ""
    assert world.told == [(TRAEFIK.controller, True), (TRAEFIK.controller, False)]


async def test_a_pod_that_cannot_be_reached(world: ScrapeWorld) -> None:
    world.pods[TRAEFIK.controller] = [Pod("ingress", "t-1", "uid", "127.0.0.9", ready=True, ports={"metrics": 1})]
    await followed(world, AT_TRAEFIK)
    assert world.scraper.traffic(SHOP).unknown == "Traefik pod ingress/t-1 cannot be reached at 127.0.0.9:1"


async def test_a_pod_that_hangs_does_not_make_others_unknown(world: ScrapeWorld) -> None:
    world.interval, released = timedelta(seconds=0.2), asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response(text=traefik(shop=6))

    stuck = world.add(TRAEFIK, "t-1", traefik(shop=5))
    world.add(CONTOUR, "envoy-1", contour(("team-b_blog_80", 5, 0)))
    await followed(world, AT_TRAEFIK)
    await followed(world, Interest(CONTOUR.controller, ("team-b_blog_80",)), app=BLOG)
    world.change(stuck, hang)
    for _ in range(FRESH + 1):
        await world.round(after=world.interval)
    assert world.scraper.traffic(BLOG).unknown == ""
    assert world.scraper.traffic(SHOP).unknown == "Traefik pod ingress/t-1 was not read lately"
    released.set()
    await world.round(after=world.interval)
    assert (world.visits, world.scraper.traffic(SHOP).unknown) == ([SHOP], "")


async def test_a_pod_that_counts_nothing_yet_is_primed(world: ScrapeWorld) -> None:
    pod = world.add(TRAEFIK, "t-1", traefik())
    await followed(world, AT_TRAEFIK)
    assert world.primed == ["t-1"]
    world.change(pod, traefik(blog=1))
    await world.round()
    assert world.primed == ["t-1"]
    assert world.scraper.traffic(SHOP) == Traffic(world.now), "the app's own series comes with its first visitor"


async def test_a_prime_that_fails_is_no_crash(world: ScrapeWorld) -> None:
    world.primed = BrokenScrape()
    world.add(TRAEFIK, "t-1", traefik())
    await followed(world, AT_TRAEFIK)
    assert world.scraper.traffic(SHOP).unknown


class BrokenScrape(list[str]):
    def append(self, _: str) -> None:
        raise aiohttp.ClientConnectionError


async def test_a_new_pod_may_have_been_visited_before_it_was_read(world: ScrapeWorld) -> None:
    world.add(TRAEFIK, "t-1", traefik(shop=5, blog=1))
    world.scraper.watch(BLOG, frozenset({BLOG_AT_TRAEFIK}))
    await followed(world, AT_TRAEFIK)
    start = world.now
    world.add(TRAEFIK, "t-2", traefik(shop=1, blog=0))
    await world.round()
    assert (world.scraper.traffic(SHOP), world.scraper.traffic(BLOG)) == (Traffic(world.now), Traffic(start))


async def test_a_pod_that_is_gone_took_its_last_count_along(world: ScrapeWorld) -> None:
    first = world.add(TRAEFIK, "t-1", traefik(shop=5))
    world.add(TRAEFIK, "t-2", traefik(shop=5))
    await followed(world, AT_TRAEFIK)
    world.replace(TRAEFIK, first)
    await world.round()
    assert (world.scraper.traffic(SHOP), world.visits) == (Traffic(world.now), [SHOP])
    gone = world.now
    await world.round()
    assert world.scraper.traffic(SHOP) == Traffic(gone)


async def test_a_restart_in_place_starts_the_clocks_again(world: ScrapeWorld) -> None:
    pod = world.add(TRAEFIK, "t-1", traefik(shop=5))
    await followed(world, AT_TRAEFIK)
    world.change(pod, traefik(shop=5, started=2000))
    await world.round()
    assert world.scraper.traffic(SHOP) == Traffic(world.now)


async def test_a_pod_that_is_not_ready_is_waited_for_but_not_for_ever(world: ScrapeWorld) -> None:
    world.add(TRAEFIK, "t-1", traefik(shop=5))
    world.add(TRAEFIK, "t-2", refuse(503), ready=False)
    await followed(world, AT_TRAEFIK)
    assert "t-2" in world.scraper.traffic(SHOP).unknown, "it may still serve"
    await world.round(after=GRACE)
    assert world.scraper.traffic(SHOP) == Traffic(world.now)


async def test_a_pod_that_is_not_ready_is_still_read(world: ScrapeWorld) -> None:
    world.add(TRAEFIK, "t-1", traefik(shop=5))
    draining = world.add(TRAEFIK, "t-2", traefik(shop=5), ready=False)
    await followed(world, AT_TRAEFIK)
    world.change(draining, traefik(shop=6))
    await world.round()
    assert world.visits == [SHOP]


async def test_a_pod_without_address_is_none(world: ScrapeWorld) -> None:
    pod = world.add(TRAEFIK, "t-1", traefik(shop=5))
    world.replace(TRAEFIK, pod, replace(pod, uid="pending", address=""))
    await followed(world, AT_TRAEFIK)
    assert world.scraper.traffic(SHOP) == Traffic(world.now)


async def test_a_newly_followed_series_starts_the_clock(world: ScrapeWorld) -> None:
    pod = world.add(TRAEFIK, "t-1", traefik(shop=5, blog=9))
    await followed(world, AT_TRAEFIK)
    start = world.now
    world.scraper.watch(SHOP, frozenset({AT_TRAEFIK, BLOG_AT_TRAEFIK}))
    assert "has not been read for team-b-blog-http@kubernetes yet" in world.scraper.traffic(SHOP).unknown
    assert world.scraper.traffic(SHOP).visited_at == start
    await world.round()
    assert (world.scraper.traffic(SHOP), world.visits) == (Traffic(world.now), [])
    again = world.now
    world.scraper.watch(SHOP, frozenset({BLOG_AT_TRAEFIK}))
    world.change(pod, traefik(shop=6, blog=9))
    await world.round()
    assert world.scraper.traffic(SHOP) == Traffic(again), "one series less starts nothing"


async def test_a_forgotten_app_begins_anew(world: ScrapeWorld) -> None:
    world.add(TRAEFIK, "t-1", traefik(shop=5))
    await followed(world, AT_TRAEFIK)
    world.scraper.forget(SHOP)
    await world.round()
    assert len(world.asked) == 1, "nobody follows, nobody is asked"
    await followed(world, AT_TRAEFIK)
    assert world.scraper.traffic(SHOP) == Traffic(world.now)


@pytest.mark.parametrize(
    ("interests", "why"),
    [
        pytest.param([], "no ingress controller counts its visits", id="no route"),
        pytest.param(
            [Interest("example.org/x", ())], "ingress controller example.org/x is not one", id="unknown controller"
        ),
        pytest.param([Interest("", ())], "ingress controller of no class is not one", id="no controller"),
    ],
)
async def test_what_nobody_counts_is_unknown(world: ScrapeWorld, interests: Iterable[Interest], why: str) -> None:
    await followed(world, *interests)
    assert world.scraper.traffic(SHOP).unknown.startswith(why)


async def test_our_own_requests_are_no_visits(world: ScrapeWorld) -> None:
    pod = world.add(CONTOUR, "envoy-1", contour(("team-a_shop_80", 5, 0)))
    await followed(world, AT_CONTOUR)
    world.scraper.discount(pod, AT_CONTOUR, 2)
    world.change(pod, contour(("team-a_shop_80", 7, 0)))
    await world.round()
    assert world.visits == []
    world.scraper.discount(pod, AT_TRAEFIK)


async def test_one_that_envoy_never_counted_does_not_hide_a_visit(world: ScrapeWorld) -> None:
    pod = world.add(CONTOUR, "envoy-1", contour(("team-a_shop_80", 5, 0)))
    await followed(world, AT_CONTOUR)
    world.scraper.discount(pod, AT_CONTOUR)
    await world.round(after=timedelta(seconds=1))
    world.change(pod, contour(("team-a_shop_80", 6, 0)))
    await world.round(after=timedelta(seconds=1))
    assert world.visits == [SHOP]


async def test_ours_are_not_taken_off_where_the_page_tells_them_apart(world: ScrapeWorld) -> None:
    pod = world.add(TRAEFIK, "t-1", traefik(shop=5))
    await followed(world, AT_TRAEFIK)
    world.scraper.discount(pod, AT_TRAEFIK)
    world.change(pod, traefik(shop=6))
    await world.round()
    assert world.visits == [SHOP]


async def test_what_is_certain_ends_a_little_before_the_oldest_page(world: ScrapeWorld) -> None:
    first = world.add(TRAEFIK, "t-1", traefik(shop=5))
    world.add(TRAEFIK, "t-2", traefik(shop=5))
    await followed(world, AT_TRAEFIK)
    read = world.now
    assert world.scraper.certainty(SHOP) == Certainty(read - SHOWN_AFTER)
    world.change(first, refused)
    await world.round()
    assert world.scraper.certainty(SHOP) == Certainty(read - SHOWN_AFTER), "one was not read again"


async def refused(_: web.Request) -> web.StreamResponse:
    return web.Response(status=500)


def nginx(shop: int, reloads: int) -> str:
    labels = dict(zip(INGRESS_NGINX.requests.labels, AT_NGINX.key, strict=True))
    series = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return (
        f"process_start_time_seconds 1000\nnginx_ingress_controller_success {reloads}\n"
        f'nginx_ingress_controller_requests{{method="GET",{series}}} {shop}'
    )


async def test_a_reload_leaves_a_doubt_once_for_each_pod_until_the_next_visit(world: ScrapeWorld) -> None:
    one, two = (world.add(INGRESS_NGINX, name, nginx(5, 2)) for name in ("n-1", "n-2"))
    await followed(world, AT_NGINX)
    doubts = []
    for pod, page in (
        (one, nginx(5, 3)),  # a reload
        (two, nginx(5, 3)),  # which another pod follows later
        (one, nginx(5, 4)),  # another one
        (one, nginx(6, 4)),  # a visit
        (one, nginx(6, 5)),  # and one more reload
    ):
        world.change(pod, page)
        await world.round()
        doubts.append(world.scraper.certainty(SHOP).doubted_at == world.now)
    assert doubts == [True, True, False, False, True]


async def test_a_large_page_is_asked_for_packed_and_read_in_turns(
    world: ScrapeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def packed(request: web.Request) -> web.StreamResponse:
        filler = "".join(f'traefik_other{{n="{n:0200}"}} {n}\n' for n in range(5000))
        response = web.Response(text=filler + traefik(shop=5))
        response.enable_compression()
        return response

    sliced: list[int] = []
    feed = exposition.Exposition.feed

    def counted(self: exposition.Exposition, chunk: bytes) -> Any:
        sliced.append(len(chunk))
        return feed(self, chunk)

    monkeypatch.setattr(exposition.Exposition, "feed", counted)
    world.add(TRAEFIK, "t-1", packed)
    await followed(world, AT_TRAEFIK)
    await world.round()
    assert [request.headers["Accept-Encoding"] for request in world.asked] == ["identity", "gzip"]
    assert max(sliced) <= fetch.SLICE
    assert sum(sliced) > 2 << 20
    assert not world.scraper.traffic(SHOP).unknown


async def test_a_page_without_end_is_given_up(world: ScrapeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(fetch, "TIMEOUT", aiohttp.ClientTimeout(total=30))

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b'x{a="b"} 1\n' * 1000)

    world.add(INGRESS_NGINX, "n-1", endless)
    await followed(world, Interest(INGRESS_NGINX.controller, ("team-a", "shop", "shop")))
    assert "the page has more than 1 MB" in world.scraper.traffic(SHOP).unknown


async def test_the_first_follower_of_a_controller_does_not_wait_for_the_next_round(world: ScrapeWorld) -> None:
    read = asyncio.Event()

    async def note(_: web.Request) -> web.StreamResponse:
        read.set()
        return web.Response(text=traefik(shop=5))

    world.add(TRAEFIK, "t-1", note)
    running = asyncio.create_task(world.scraper.run())
    await asyncio.sleep(0)
    world.scraper.watch(SHOP, frozenset({AT_TRAEFIK}))
    async with asyncio.timeout(INTERVAL.total_seconds() / 2):
        await read.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_container_that_began_again_may_have_been_visited_before(world: ScrapeWorld) -> None:
    pod = world.add(TRAEFIK, "t-1", traefik(shop=5))
    await followed(world, AT_TRAEFIK)
    world.replace(TRAEFIK, replace(pod, restarts=1))
    world.change(pod, traefik(shop=5))
    await world.round()
    assert world.scraper.traffic(SHOP) == Traffic(world.now)
    last = world.now
    await world.round()
    assert world.scraper.traffic(SHOP) == Traffic(last), "once"


async def test_an_app_is_the_sum_over_its_spellings(world: ScrapeWorld) -> None:
    other = BLOG_AT_TRAEFIK.key
    pod = world.add(TRAEFIK, "t-1", traefik(shop=5))
    await followed(world, AT_TRAEFIK._replace(others=(other,)))
    world.change(pod, traefik(shop=5, blog=1))
    await world.round()
    assert world.visits == [SHOP]
    world.scraper.discount(pod, AT_TRAEFIK._replace(others=(other,)))
    world.change(pod, traefik(shop=6, blog=2))
    await world.round()
    assert world.visits == [SHOP], "one was ours, the other was not"


async def test_a_history_of_websockets_outlives_a_sleep(world: ScrapeWorld) -> None:
    page = traefik() + '\ntraefik_service_requests_total{protocol="websocket",service="team-a-shop-80@kubernetes"} 1'
    pod = world.add(TRAEFIK, "t-1", page)
    await followed(world, AT_TRAEFIK)
    assert world.scraper.traffic(SHOP) == Traffic(world.now, lasting=True)
    world.scraper.unwatch(SHOP)
    world.change(pod, traefik(blog=1))
    await followed(world, AT_TRAEFIK)
    assert world.scraper.traffic(SHOP).lasting, "its series went with its sleep"
    world.scraper.forget(SHOP)
    await followed(world, AT_TRAEFIK)
    assert not world.scraper.traffic(SHOP).lasting


async def test_settings_are_followed_at_the_next_round(world: ScrapeWorld) -> None:
    adapters = {TRAEFIK.controller: TRAEFIK}
    outside = replace(world.outside(), adapter=adapters.get)
    world.scraper = Scraper(world.scraper._rounds._session, outside)
    pod = world.add(TRAEFIK, "t-1", traefik(shop=5))
    await followed(world, AT_TRAEFIK)
    adapters[TRAEFIK.controller] = replace(TRAEFIK, path="/elsewhere")
    await world.round()
    assert [request.path for request in world.asked] == ["/metrics", "/elsewhere"]
    assert world.scraper.traffic(SHOP).unknown == ""
    assert pod.ready
