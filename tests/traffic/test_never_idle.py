"""The promise, over random histories: a visited app is never called idle, and what was not read is never called known.

Controller pods come, go, restart in place, drop series, fail to answer and forward requests of waker's own. Meanwhile apps
are visited under either of two spellings, and get requests that do not count. The metrics pages are real text; only the
network is left out.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.traffic.offline import offline_scraper, scrape_of
from waker.errors import ScrapeError
from waker.plan.model import AppId, Kind, Pod
from waker.traffic import rounds
from waker.traffic.controller_pod import FRESH_INTERVALS
from waker.traffic.controllers import TRAEFIK, Adapter, Interest, LostCounts, SeriesKey, Values
from waker.traffic.ledger import Scrape

INTERVAL = timedelta(seconds=15)
APPS = [AppId(Kind.DEPLOYMENT, "team-a", name) for name in ("shop", "blog")]
BESIDE = f"{TRAEFIK.controller}@web/beside"  # a second controller of the same class
INTERESTS = [
    Interest(
        TRAEFIK.controller, (f"team-a-{app.name}-80@kubernetes",), ((f"team-a-{app.name}-80@kubernetesingressnginx",),)
    )
    for app in APPS
]
ONCE = replace(TRAEFIK, not_visits=(*TRAEFIK.not_visits, Values("code", frozenset({"404"}))))
STRICT = replace(ONCE, lost_counts=LostCounts.STRICT)
IGNORE = replace(ONCE, lost_counts=LostCounts.IGNORE)


@dataclass
class IdlePod:
    """A controller pod as it really is."""

    name: str
    started: float
    controller: str = TRAEFIK.controller
    counts: dict[SeriesKey, int] = field(default_factory=dict)
    heads: dict[SeriesKey, int] = field(default_factory=dict)
    ignored: dict[SeriesKey, int] = field(default_factory=dict)
    unread: dict[SeriesKey, list[datetime]] = field(default_factory=dict)  # visits since the last complete scrape
    gone: set[SeriesKey] = field(default_factory=set)  # dropped since the last complete scrape
    answers: bool = True
    read_at: datetime | None = None

    def pod(self) -> Pod:
        return Pod("ingress", self.name, self.name, "10.0.0.1", ready=True, ports={})

    def page(self) -> bytes:
        kinds = ((self.counts, "GET", "200"), (self.heads, "HEAD", "200"), (self.ignored, "GET", "404"))
        lines = [
            f'traefik_service_requests_total{{code="{code}",method="{method}",service="{key[0]}"}} {count}'
            for counts, method, code in kinds
            for key, count in counts.items()
        ]
        other = 'traefik_service_requests_total{service="other"} 1'
        return "\n".join([f"process_start_time_seconds {self.started}", other, *lines]).encode()


class IdleScene:
    """The truth, beside a scraper that has to find it out."""

    def __init__(self, adapter: Adapter, *, several: bool = False) -> None:
        self.adapter = adapter
        self.now = datetime(2026, 1, 31, 12, tzinfo=UTC)
        self.pods = [IdlePod("t-0", 0), IdlePod("t-1", 0, BESIDE if several else TRAEFIK.controller)]
        self.gone: list[IdlePod] = []
        self.created = 2
        self.visits: list[tuple[AppId, datetime]] = []
        self.scraper = offline_scraper(
            lambda: self.now,
            INTERVAL,
            pods=lambda of: [each.pod() for each in self.pods if each.controller == of.controller],
            departed=self.departed,
            adapter=lambda name: replace(adapter, controller=name),
        )
        for app, interest in zip(APPS, INTERESTS, strict=True):
            both = {interest, interest._replace(controller=BESIDE)} if several else {interest}
            self.scraper.watch(app, frozenset(both))

    def departed(self, adapter: Adapter) -> list[Pod]:
        found = [each for each in self.gone if each.controller == adapter.controller]
        self.gone = [each for each in self.gone if each not in found]
        return [each.pod() for each in found]

    async def fetch(
        self, _: object, adapter: Adapter, pod: Pod, keys: frozenset[SeriesKey], size: int
    ) -> tuple[Scrape, int]:
        source = next(each for each in self.pods if each.name == pod.name)
        if not source.answers:
            raise ScrapeError("does not answer")
        source.read_at = self.now
        source.unread.clear()
        source.gone.clear()
        page = source.page()
        return scrape_of(page, adapter, keys), len(page)

    def do(self, what: str, which: int, app: int) -> None:
        self.now += timedelta(seconds=1)
        source, key = self.pods[which % 2], INTERESTS[app].keys[which // 2]
        match what:
            case "visit" if key in source.gone:
                pass  # dropped and grown to the very same number between two scrapes: no counter can tell
            case "visit":
                source.counts[key] = source.counts.get(key, 0) + 1
                source.unread.setdefault(key, []).append(self.now)
                self.visits.append((APPS[app], self.now))
            case "check" | "uncounted check":
                if what == "check":
                    source.heads[key] = source.heads.get(key, 0) + 1
                self.scraper.discount(source.pod(), INTERESTS[app])
            case "ignored":
                source.ignored[key] = source.ignored.get(key, 0) + 1
            case "restart":
                self.lose(source)
                source.counts.clear()
                source.heads.clear()
                source.ignored.clear()
                source.started += 10
            case "drop" if key not in source.unread:  # nor what was counted and dropped between two scrapes
                source.counts.pop(key, None)
                source.heads.pop(key, None)
                source.gone.add(key)
            case "silence":
                source.answers = not source.answers
            case "replace":
                self.lose(source)
                self.pods.remove(source)
                self.gone.append(source)
                self.pods.append(IdlePod(f"t-{self.created}", 0, source.controller))
                self.created += 1

    def lose(self, source: IdlePod) -> None:
        """What it has counted since it was read goes with it. By default waker need not make up for that more than once."""
        if self.adapter.lost_counts is not LostCounts.STRICT:
            lost = {at for visits in source.unread.values() for at in visits}
            self.visits = [each for each in self.visits if each[1] not in lost]
        source.unread.clear()

    def check(self) -> None:
        """Against the truth, right after a round."""
        read = [each.read_at for each in self.pods]
        stale = any(at is None or at < self.now - FRESH_INTERVALS * INTERVAL for at in read)
        read_until = min(at or datetime.min.replace(tzinfo=UTC) for at in read)
        for app in APPS:
            traffic = self.scraper.traffic(app)
            assert bool(traffic.unknown) or not stale, "what was not read is not known"
            assert traffic.unknown or traffic.visited_at
            for visited, at in self.visits:
                if visited == app and at <= read_until and not traffic.unknown:
                    assert traffic.visited_at
                    assert traffic.visited_at >= at, "a visit between two complete scrapes of every pod"


STEP = st.tuples(
    st.sampled_from(
        [
            *("visit", "visit", "round", "round", "check", "uncounted check"),
            *("ignored", "restart", "drop", "silence", "replace"),
        ]
    ),
    st.integers(0, 3),
    st.integers(0, len(APPS) - 1),
)


async def live(scene: IdleScene, steps: Iterable[tuple[str, int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounds, "fetch", scene.fetch)
        for what, which, app in steps:
            scene.do(what, which, app)
            if what == "round":
                scene.now += INTERVAL
                await scene.scraper.round()
                scene.check()


@pytest.mark.parametrize(
    ("adapter", "several"),
    [(STRICT, False), (ONCE, False), (IGNORE, False), (STRICT, True), (ONCE, True), (IGNORE, True)],
    ids=[f"{pods}{each}" for pods in ("", "two controllers, ") for each in ("strict", "once", "ignore")],
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEP, max_size=40))
def test_a_visited_app_is_never_idle_and_the_unknown_never_known(
    adapter: Adapter, several: bool, steps: list[tuple[str, int, int]]
) -> None:
    asyncio.run(live(IdleScene(adapter, several=several), steps))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.sampled_from([("visit", 0, 1), ("visit", 3, 1), ("check", 0, 0), ("ignored", 2, 0), ("round", 0, 0)]),
        max_size=30,
    )
)
def test_an_app_that_nobody_visits_becomes_idle(steps: list[tuple[str, int, int]]) -> None:
    async def lives() -> None:
        scene = IdleScene(ONCE)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rounds, "fetch", scene.fetch)
            await scene.scraper.round()
            start = scene.now
            for what, which, app in steps:
                scene.do(what, which, app)
                await scene.scraper.round()
            assert scene.scraper.traffic(APPS[0]).visited_at == start
            assert not scene.scraper.traffic(APPS[0]).unknown

    asyncio.run(lives())
