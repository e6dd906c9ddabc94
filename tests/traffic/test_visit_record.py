"""What one process writes and the next one reads: it never makes an app look idle for longer than it is.

The promise is tried over random histories: controller pods that come, go, restart and drop series, visits at any time,
processes that write, crash and start. The pages are real text; only the network is left out.
"""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import cast

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from waker.errors import ScrapeError
from waker.plan.model import AppId, Kind, Pod
from waker.traffic import rounds
from waker.traffic.controllers import CONTOUR, TRAEFIK, Adapter, Interest, SeriesKey
from waker.traffic.dependencies import ScraperDependencies
from waker.traffic.exposition import Exposition
from waker.traffic.ledger import Scrape, ScrapeBuilder
from waker.traffic.scrape import Scraper
from waker.traffic.visit_record import AHEAD, TRUSTED_FOR, RecordedVisit, VisitRecord, decode, encode

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
INTERVAL = timedelta(seconds=15)
IDLE_AFTER = timedelta(seconds=40)
SHOP, BLOG = (AppId(Kind.DEPLOYMENT, "team-a", name) for name in ("shop", "blog"))
APPS = (SHOP, BLOG)


@dataclass
class RecordServer:
    """A controller pod as it really is. Its start is told as Traefik does, or as an uptime as Envoy does."""

    name: str
    started: float
    counts: dict[AppId, int] = field(default_factory=dict)
    unread: set[AppId] = field(default_factory=set)  # visited since the last good page
    dropped: set[AppId] = field(default_factory=set)  # since the last good page
    answers: bool = True
    restarts: int = 0  # of its container, as Kubernetes counts them

    def pod(self) -> Pod:
        return Pod("ingress", self.name, self.name, "10.0.0.1", ready=True, ports={}, restarts=self.restarts)


@dataclass
class RecordWorld:
    """The truth, and the process that has to find it out. `staff` is what the Deployment of the controller tells."""

    adapter: Adapter = TRAEFIK
    now: datetime = NOW + timedelta(milliseconds=300)
    servers: list[RecordServer] = field(default_factory=list)
    born: int = 0
    stored: str = ""
    visits: dict[AppId, datetime] = field(default_factory=dict)
    life: str = "uid"
    gone: list[Pod] = field(default_factory=list)  # since the process last asked
    scraper: Scraper = field(init=False)

    def __post_init__(self) -> None:
        self.join()
        self.join()
        self.start()

    def join(self) -> None:
        self.born += 1
        self.servers.append(RecordServer(f"t-{self.born}", self.now.timestamp()))

    def start(self) -> None:
        """A new process; the old one has crashed."""

        async def nothing(adapter: Adapter, pod: Pod) -> None:
            pass

        outside = ScraperDependencies(
            clock=lambda: self.now,
            interval=lambda: INTERVAL,
            pods=lambda _: [each.pod() for each in self.servers],
            departed=lambda _: [self.gone.pop() for _ in list(self.gone)],
            prime=nothing,
            on_visit=lambda _: None,
            on_scrape=lambda _controller, _read_at: None,
            workload_versions=lambda _: str(self.born),
        )
        self.scraper = Scraper(cast(aiohttp.ClientSession, None), outside)
        self.gone.clear()
        self.scraper.recall(decode(self.stored))
        self.follow()

    def follow(self) -> None:
        for app in APPS:
            interest = Interest(self.adapter.controller, self.key(app))
            self.scraper.watch(app, frozenset({interest}), self.life)

    def key(self, app: AppId) -> SeriesKey:
        return (f"team-a-{app.name}-80@kubernetes",)

    def page(self, server: RecordServer) -> bytes:
        metric, label = self.adapter.requests.metric, self.adapter.requests.labels[0]
        counts = {**server.counts} if self.adapter is TRAEFIK else {app: server.counts.get(app, 0) for app in APPS}
        lines = [f'{metric}{{{label}="{self.key(app)[0]}"}} {count}' for app, count in counts.items()]
        process = self.adapter.process
        assert process
        up = self.now.timestamp() - server.started
        lines.append(f"{process.metric} {server.started if self.adapter is TRAEFIK else int(up)}")
        return "\n".join([f'{metric}{{{label}="other"}} 1', *lines]).encode()

    async def fetch(
        self, _: object, adapter: Adapter, pod: Pod, keys: frozenset[SeriesKey], size: int
    ) -> tuple[Scrape, int]:
        server = next(each for each in self.servers if each.name == pod.name)
        if not server.answers:
            raise ScrapeError("does not answer")
        server.dropped.clear()
        server.unread.clear()
        reader, sums = Exposition(adapter.wanted), ScrapeBuilder(adapter, keys)
        sums.add(reader.feed(self.page(server)))
        sums.add(reader.finish())
        return sums.scrape(), reader.bytes

    async def round(self) -> None:
        self.now += INTERVAL
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rounds, "fetch", self.fetch)
            await self.scraper.round()

    def sleeps(self, app: AppId) -> bool:
        """What would be decided."""
        traffic = self.scraper.traffic(app)
        return bool(not traffic.unknown and traffic.visited_at and self.now - traffic.visited_at >= IDLE_AFTER)

    async def do(self, what: str, which: int, app: AppId) -> None:  # noqa: C901 a list of what can happen
        self.now += timedelta(seconds=3)
        server = self.servers[which % len(self.servers)]
        match what:
            case "visit" if app not in server.dropped:  # dropped and grown to the very same: no counter can tell
                server.counts[app] = server.counts.get(app, 0) + 1
                server.unread.add(app)
                self.visits[app] = self.now
            case "round":
                await self.round()
            case "write":
                self.stored = encode(self.scraper.record())
            case "crash":
                self.start()
            case "restart":
                server.counts.clear()
                server.started = self.now.timestamp()
                server.restarts += 1
            case "drop" if app not in server.unread:  # likewise what was counted and dropped between two pages
                server.counts.pop(app, None)
                server.dropped.add(app)
            case "silence":
                server.answers = not server.answers
            case "come":
                self.join()
            case "go" if len(self.servers) > 1:
                self.servers.remove(server)
                self.gone.append(server.pod())
            case "wake":
                self.life += "+"
                self.follow()


@pytest.fixture(params=[TRAEFIK, CONTOUR], ids=["start time", "uptime"])
def world(request: pytest.FixtureRequest) -> RecordWorld:
    return RecordWorld(request.param)


async def quiet(world: RecordWorld) -> datetime:
    """Both apps visited, then known and quiet, and written down. When they were last visited, as known."""
    await world.round()
    for app in APPS:
        await world.do("visit", 0, app)
    await world.round()
    visited = world.now
    await world.round()
    await world.do("write", 0, SHOP)
    return visited


async def test_a_clock_goes_on_where_it_was_left(world: RecordWorld) -> None:
    visited = await quiet(world)
    await world.do("crash", 0, SHOP)
    assert world.scraper.traffic(SHOP).visited_at is None, "not by what is written alone"
    assert world.scraper.traffic(SHOP).unknown
    await world.round()
    traffic = world.scraper.traffic(SHOP)
    assert traffic.unknown == ""
    assert traffic.visited_at
    assert visited <= traffic.visited_at <= visited + timedelta(seconds=1)


@pytest.mark.parametrize(
    "meanwhile",
    [
        pytest.param(["visit"], id="a visit"),
        pytest.param(["restart"], id="a pod restarted"),
        pytest.param(["restart", "visit"], id="a pod restarted and counted as much again"),
        pytest.param(["come"], id="a pod came"),
        pytest.param(["go"], id="a pod went"),
        pytest.param(["come", "go last"], id="a pod came and went"),
        pytest.param(["drop"], id="its series is gone"),
        pytest.param(["wake"], id="it slept and woke"),
    ],
)
async def test_whatever_happened_meanwhile_it_counts_as_visited(world: RecordWorld, meanwhile: list[str]) -> None:
    await quiet(world)
    for what in meanwhile:
        await world.do(what.split()[0], -1 if what.endswith("last") else 0, SHOP)
    await world.do("crash", 0, SHOP)
    await world.round()
    assert world.scraper.traffic(SHOP).visited_at == world.now


async def test_what_happened_to_another_app_does_not_matter(world: RecordWorld) -> None:
    visited = await quiet(world)
    await world.do("visit", 0, BLOG)
    await world.do("crash", 0, SHOP)
    await world.round()
    found = world.scraper.traffic(SHOP).visited_at
    assert found
    assert found <= visited + timedelta(seconds=1)
    assert world.scraper.traffic(BLOG).visited_at == world.now


async def test_a_pod_that_does_not_answer_is_waited_for(world: RecordWorld) -> None:
    visited = await quiet(world)
    world.servers[1].answers = False
    await world.do("crash", 0, SHOP)
    await world.round()
    assert world.scraper.traffic(SHOP).unknown
    world.servers[1].answers = True
    await world.round()
    found = world.scraper.traffic(SHOP).visited_at
    assert found
    assert found <= visited + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("later", "trusted"),
    [
        pytest.param(TRUSTED_FOR - 2 * INTERVAL, True, id="soon enough"),
        pytest.param(TRUSTED_FOR, False, id="too late"),
        pytest.param(-AHEAD - 3 * INTERVAL, False, id="written in the future"),
    ],
)
async def test_it_is_trusted_for_a_while(world: RecordWorld, later: timedelta, trusted: bool) -> None:
    await quiet(world)
    world.now += later
    if later > timedelta() or world.adapter is TRAEFIK:  # an uptime in the past is younger
        await world.do("crash", 0, SHOP)
        await world.round()
        assert (world.scraper.traffic(SHOP).visited_at != world.now) is trusted


def test_a_record_survives_being_written() -> None:
    starts = {"traefik.io/ingress-controller": {"uid-1": 1769860800.25}}
    apps = {
        SHOP: RecordedVisit(NOW, "abcdefghijkl"),
        AppId(Kind.STATEFUL_SET, "b", "db"): RecordedVisit(NOW - TRUSTED_FOR, "x"),
    }
    record = VisitRecord(NOW, starts, apps)
    assert decode(encode(record)) == record
    assert not record.news(decode(encode(record)))


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", "null", "5", "{", "[" * 100_000,
        '{"written":1,"starts":{},"apps":{"x":[1,"a"]}}',
        '{"written":1,"starts":{},"apps":{"Pod/a/b":[1,"a"]}}',
        '{"written":"x","starts":{},"apps":{}}',
        '{"written":1e300,"starts":{},"apps":{}}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_nothing(text: str) -> None:
    assert decode(text) is None


def test_a_thousand_apps_are_far_below_what_a_configmap_holds() -> None:
    apps = {
        AppId(Kind.DEPLOYMENT, f"team-{n % 40:02}", f"{'a-rather-long-application-name'}-{n:04}"): RecordedVisit(
            NOW, "abcdefghijkl"
        )
        for n in range(1000)
    }
    pods = {f"12345678-1234-1234-1234-{n:012}": 1769860800.25 for n in range(20)}
    text = encode(VisitRecord(NOW, {"k8s.io/ingress-nginx": pods}, apps))
    assert len(text) < 100_000
    assert len(json.loads(text)["apps"]) == 1000


def test_news_are_other_times_other_counts_and_other_pods() -> None:
    old = VisitRecord(NOW, {"c": {"a": 1.0}}, {SHOP: RecordedVisit(NOW, "x"), BLOG: RecordedVisit(NOW, "y")})
    later = NOW + INTERVAL
    assert not replace(old, written_at=later).news(old)
    assert not replace(old, apps={SHOP: old.apps[SHOP]}).news(old), "that BLOG is visited again needs no saying"
    assert replace(old, apps={SHOP: RecordedVisit(later, "x")}).news(old)
    assert replace(old, apps={SHOP: RecordedVisit(NOW, "z")}).news(old)
    assert replace(old, starts={"c": {"b": 1.0}}).news(old)
    assert replace(old, starts={"c": {"a": 9.0}}).news(old)
    assert old.news(None)


STEP = st.tuples(
    st.sampled_from(
        ["visit", "visit", "round", "round", "round", "write", "write", "crash", "restart", "drop", "silence", "come", "go",
         "wake"]
    ),
    st.integers(0, 2),
    st.sampled_from(APPS),
)  # fmt: skip


@pytest.mark.parametrize("adapter", [TRAEFIK, CONTOUR], ids=["start time", "uptime"])
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEP, max_size=40))
def test_nobody_sleeps_before_an_idle_period_has_passed(adapter: Adapter, steps: list[tuple[str, int, AppId]]) -> None:
    """A visit may be too late to be in the pages of this very round; every earlier one is known."""

    async def lives(steps: Iterable[tuple[str, int, AppId]]) -> None:
        world = RecordWorld(adapter)
        for what, which, app in steps:
            await world.do(what, which, app)
            for each, visited in world.visits.items():
                if what == "round" and all(server.answers for server in world.servers):
                    assert not world.sleeps(each) or world.now - visited >= IDLE_AFTER

    asyncio.run(lives(steps))
