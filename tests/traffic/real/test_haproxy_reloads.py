"""Debian's HAProxy, reloaded as HAProxy Ingress does it and read by the real scraper: what a loss means depends on whose it is.

A new process takes the listening sockets over, and the old one drains. All counters begin at 0 then. waker's own move of a
route is such a reload: taken for a visit, it would turn the app back, which reloads again, so that nothing would ever sleep.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from tests.plan.building import app as sleepy
from tests.plan.building import at_waker
from tests.traffic.real.programs import STARTS_WITHIN, Proxy, app, free_ports, program
from waker.plan.model import AppId, Kind, Pod
from waker.plan.routes.route import CountedBackend
from waker.plan.sleep_due import sleep_due
from waker.plan.snapshot import Snapshot
from waker.traffic.controllers import HAPROXY_INGRESS, Adapter, LostCounts, interest
from waker.traffic.dependencies import ScraperDependencies
from waker.traffic.name_proof import Primed
from waker.traffic.scrape import Scraper
from waker.traffic.watched_apps import ONE_LOSS

pytestmark = pytest.mark.skipif(not program("haproxy"), reason="haproxy is not installed (Debian: haproxy)")

SHOP = AppId(Kind.DEPLOYMENT, "team-a", "shop")
COUNTED = interest(HAPROXY_INGRESS, CountedBackend("team-a", "front", "shop", "http", "http", 80))
AT_APP, AT_WAKER = COUNTED.key[0], "team-a_kubesleeper-waker_20001"
INTERVAL = timedelta(seconds=15)
IDLE = timedelta(minutes=30)

CONFIG = """
global
    stats socket {socket} level admin expose-fd listeners
    hard-stop-after 30s
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    timeout tunnel 30s
frontend http
    bind 127.0.0.1:{http}
    default_backend {leads_to}
frontend stats
    bind 127.0.0.1:{stat}
    http-request use-service prometheus-exporter if {{ path /metrics }}
backend {at_app}
    server s1 127.0.0.1:{app}
backend {at_waker}
    server s1 127.0.0.1:{app}
"""


@dataclass
class Reloading:
    """HAProxy, each reload of it a process of its own, and a scraper that reads it. `later`: how far its clock is ahead."""

    folder: Path
    port: int  # of the app
    session: aiohttp.ClientSession
    http: int = 0
    stat: int = 0
    later: timedelta = timedelta()
    lost_counts: LostCounts = LostCounts.ONCE
    started: float | None = None  # of the newest process
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)
    visits: list[AppId] = field(default_factory=list)
    proxy: Proxy = field(init=False)
    scraper: Scraper = field(init=False)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    async def start(self) -> None:
        self.http, self.stat = free_ports(2)
        await self._run(AT_APP)
        pod = Pod("ingress", "h-1", "uid", "127.0.0.1", ready=True, ports={"metrics": self.stat})
        self.proxy = Proxy(self.processes[0], self.session, HAPROXY_INGRESS, pod, self.http)
        await self.proxy.started()

        async def prime(_adapter: Adapter, _pod: Pod, _after: str) -> Primed:
            return Primed()

        self.scraper = Scraper(
            self.session,
            ScraperDependencies(
                clock=self.now,
                interval=lambda: INTERVAL,
                pods=lambda _: [pod],
                prime=prime,
                on_visit=self.visits.append,
                on_scrape=lambda _name, _at: None,
                adapter=lambda _: replace(HAPROXY_INGRESS, lost_counts=self.lost_counts),
            ),
        )
        self.scraper.watch(SHOP, frozenset({COUNTED}))

    async def _run(self, leads_to: str, *options: str) -> None:
        config = self.folder / "haproxy.cfg"
        names = {"leads_to": leads_to, "at_app": AT_APP, "at_waker": AT_WAKER}
        ports = {"http": self.http, "stat": self.stat, "app": self.port}
        config.write_text(CONFIG.format(socket=self.folder / "s", **names, **ports))
        command = [program("haproxy"), "-db", "-f", str(config), *options]
        self.processes.append(await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL))

    async def reload(self, leads_to: str) -> None:
        """The new process takes the listening sockets from the old one, which then finishes what it has.

        Not within a second of the last one: start times are whole seconds.
        """
        await self.proxy.until(lambda scrape: datetime.now(UTC).timestamp() > (scrape.started or 0) + 1)
        before = (await self.proxy.scrape()).started
        await self._run(leads_to, "-x", str(self.folder / "s"), "-sf", str(self.processes[-1].pid))
        self.started = (await self.proxy.until(lambda scrape: scrape.started != before)).started

    async def read_anew(self, read: Callable[[], Awaitable[None]]) -> None:
        """Read until the scraper has a page of the newest process. Both accept connections for a moment."""
        controller = self.scraper.controller(HAPROXY_INGRESS.controller)
        newest = self.started
        async with asyncio.timeout(STARTS_WITHIN):
            while not (controller and (last := controller.ledger.last("uid")) and last.started == newest):
                await read()

    async def known(self) -> None:
        await self.scraper.round()
        assert not self.scraper.traffic(SHOP).unknown

    async def stop(self) -> None:
        for each in self.processes:
            if each.returncode is None:
                each.kill()
            await each.wait()

    def seen(self) -> Snapshot:
        """The app in the middle of its way down, as it is known here: its routes lead to waker."""
        traffic, certainty = self.scraper.traffic(SHOP), self.scraper.certainty(SHOP)
        found = sleepy(replicas=1).seen
        return replace(found, traffic=traffic, certainty=certainty, routes=(at_waker(swapped=self.now()),))


@pytest.fixture
async def haproxy(tmp_path: Path) -> AsyncIterator[Reloading]:
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(app())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        found = Reloading(tmp_path, port, session)
        stack.push_async_callback(found.stop)
        async with asyncio.timeout(STARTS_WITHIN):
            await found.start()
        yield found


async def visited(haproxy: Reloading) -> datetime:
    """Somebody visits the shop. Returns when that was seen."""
    await haproxy.known()
    assert await haproxy.proxy.get() == 200
    await haproxy.known()
    assert haproxy.visits == [SHOP]
    haproxy.visits.clear()
    at = haproxy.scraper.traffic(SHOP).visited_at
    assert at
    return at


async def moved(haproxy: Reloading) -> None:
    """waker reads every pod, moves the route, and reads on until HAProxy has followed."""
    await haproxy.scraper.read_now(SHOP)
    haproxy.scraper.moved([HAPROXY_INGRESS.controller])
    await haproxy.reload(AT_WAKER)
    await haproxy.read_anew(haproxy.scraper.read_urgent)


async def test_wakers_own_move_is_no_visit_and_the_app_is_due(haproxy: Reloading) -> None:
    at = await visited(haproxy)
    haproxy.later += IDLE + INTERVAL
    await haproxy.known()
    await moved(haproxy)
    assert (haproxy.visits, haproxy.scraper.traffic(SHOP).visited_at) == ([], at)
    assert haproxy.scraper.certainty(SHOP).doubted_at, "its pods stay a while"
    assert haproxy.scraper.certainty(SHOP).loses_counts
    haproxy.later += INTERVAL
    await haproxy.known()
    due = sleep_due(haproxy.seen(), haproxy.now())
    assert due.due, due.reason


async def test_wakers_own_check_is_no_visit_though_a_page_shows_it_as_open(haproxy: Reloading) -> None:
    at = await visited(haproxy)
    haproxy.scraper.moved([HAPROXY_INGRESS.controller])
    with haproxy.scraper.asking(haproxy.proxy.pod, [COUNTED]) as discount:
        async with haproxy.proxy.websocket():  # a check that takes its time
            reading = asyncio.create_task(haproxy.scraper.read_urgent())
            done, _ = await asyncio.wait([reading], timeout=0.3)  # far longer than it takes to read the page
            assert not done
        discount(COUNTED, 1)
    await reading
    assert (haproxy.visits, haproxy.scraper.traffic(SHOP).visited_at) == ([], at)


async def test_even_where_each_loss_counts_its_own_does_not(haproxy: Reloading) -> None:
    haproxy.lost_counts = LostCounts.STRICT
    at = await visited(haproxy)
    await moved(haproxy)
    assert (haproxy.visits, haproxy.scraper.traffic(SHOP).visited_at) == ([], at)


async def test_who_came_before_the_move_is_seen_although_the_reload_takes_the_count_along(haproxy: Reloading) -> None:
    at = await visited(haproxy)
    haproxy.later += IDLE
    await haproxy.proxy.get()
    await moved(haproxy)
    assert haproxy.visits == [SHOP]
    assert (haproxy.scraper.traffic(SHOP).visited_at or at) > at


async def test_an_open_websocket_is_a_visit_through_the_move(haproxy: Reloading) -> None:
    await visited(haproxy)
    async with haproxy.proxy.websocket() as socket:
        await haproxy.known()
        haproxy.visits.clear()
        await moved(haproxy)
        await socket.send_str("still here")
        assert await socket.receive_str() == "still here"
        assert set(haproxy.visits) == {SHOP}, "the old process drains, and no page shows it"
        clock = haproxy.scraper.watched(SHOP)
        assert clock
        assert clock.because == "perhaps still open at HAProxy Ingress pod ingress/h-1 since before it reloaded"


@pytest.mark.parametrize(
    ("lost_counts", "extends"),
    [
        pytest.param(LostCounts.ONCE, [True, False], id="once"),
        pytest.param(LostCounts.STRICT, [True, True], id="strict"),
        pytest.param(LostCounts.IGNORE, [False, False], id="ignore"),
    ],
)
async def test_somebody_elses_reload_extends_the_clock_once_or_always_or_never(
    haproxy: Reloading, lost_counts: LostCounts, extends: list[bool]
) -> None:
    haproxy.lost_counts = lost_counts
    at = await visited(haproxy)
    extended = []
    for _ in range(2):
        haproxy.later += 2 * ONE_LOSS
        await haproxy.known()
        await haproxy.reload(AT_APP)
        began = haproxy.now()
        await haproxy.read_anew(haproxy.known)
        seen, doubted = haproxy.scraper.traffic(SHOP).visited_at, haproxy.scraper.certainty(SHOP).doubted_at
        extended.append(max(seen or at, doubted or at) >= began)
    assert extended == extends
    strict = lost_counts is LostCounts.STRICT
    assert (haproxy.scraper.traffic(SHOP).visited_at == at) is not strict, "nobody was seen"
