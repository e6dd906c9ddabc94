"""Controller pods as they really are, and one waker process after the other that has to find out who visits.

Each new process knows of the one before only what it recorded. The metrics pages are real text; only the network is left
out: `RecordScene.fetch` stands in for it.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.traffic.offline import offline_scraper, scrape_of
from waker.errors import ScrapeError
from waker.plan.model import AppId, Container, Kind, Pod
from waker.traffic import rounds
from waker.traffic.controllers import TRAEFIK, Adapter, Interest, LostCounts, SeriesKey
from waker.traffic.ledger import Scrape
from waker.traffic.scrape import Scraper
from waker.traffic.visit_record import decode, encode

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
INTERVAL = timedelta(seconds=15)
IDLE_AFTER = timedelta(seconds=40)
SHOP, BLOG = (AppId(Kind.DEPLOYMENT, "team-a", name) for name in ("shop", "blog"))
APPS = (SHOP, BLOG)


@dataclass
class CountingPod:
    """A controller pod as it really is. It shows its start time as Traefik does, or its uptime as Envoy does."""

    name: str
    started: float
    counts: dict[AppId, int] = field(default_factory=dict)
    unread: set[AppId] = field(default_factory=set)  # visited since the last complete scrape
    dropped: set[AppId] = field(default_factory=set)  # since the last complete scrape
    answers: bool = True
    restarts: int = 0  # of its container, as Kubernetes counts them

    def pod(self) -> Pod:
        return Pod(
            "ingress",
            self.name,
            self.name,
            "10.0.0.1",
            ready=True,
            ports={},
            containers=(Container(restarts=self.restarts),),
        )


@dataclass
class RecordScene:
    """The truth, and the waker process that has to find it out. `created` pods stand for the version of their Deployment."""

    adapter: Adapter = TRAEFIK
    now: datetime = NOW + timedelta(milliseconds=300)
    pods: list[CountingPod] = field(default_factory=list)
    created: int = 0
    stored: str = ""
    visits: dict[AppId, datetime] = field(default_factory=dict)
    incarnation: str = "uid"
    gone: list[Pod] = field(default_factory=list)  # since the process last asked for them
    scraper: Scraper = field(init=False)

    def __post_init__(self) -> None:
        self.join()
        self.join()
        self.start()

    def join(self) -> None:
        self.created += 1
        self.pods.append(CountingPod(f"t-{self.created}", self.now.timestamp()))

    def start(self) -> None:
        """A new process; the old one has crashed."""
        self.scraper = offline_scraper(
            lambda: self.now,
            INTERVAL,
            pods=lambda _: [each.pod() for each in self.pods],
            departed=lambda _: [self.gone.pop() for _ in list(self.gone)],
            adapter=lambda _: replace(self.adapter, lost_counts=LostCounts.STRICT),
            workload_versions=lambda _: str(self.created),
        )
        self.gone.clear()
        self.scraper.recall(decode(self.stored))
        self.watch_apps()

    def watch_apps(self) -> None:
        for app in APPS:
            interest = Interest(self.adapter.controller, self.key(app))
            self.scraper.watch(app, frozenset({interest}), self.incarnation)

    def key(self, app: AppId) -> SeriesKey:
        return (f"team-a-{app.name}-80@kubernetes",)

    def page(self, pod: CountingPod) -> bytes:
        metric, label = self.adapter.requests.metric, self.adapter.requests.labels[0]
        counts = {**pod.counts} if self.adapter is TRAEFIK else {app: pod.counts.get(app, 0) for app in APPS}
        lines = [f'{metric}{{{label}="{self.key(app)[0]}"}} {count}' for app, count in counts.items()]
        process = self.adapter.process
        assert process
        up = self.now.timestamp() - pod.started
        lines.append(f"{process.metric} {pod.started if self.adapter is TRAEFIK else int(up)}")
        return "\n".join([f'{metric}{{{label}="other"}} 1', *lines]).encode()

    async def fetch(
        self, _: object, adapter: Adapter, pod: Pod, keys: frozenset[SeriesKey], size: int
    ) -> tuple[Scrape, int]:
        source = next(each for each in self.pods if each.name == pod.name)
        if not source.answers:
            raise ScrapeError("does not answer")
        source.dropped.clear()
        source.unread.clear()
        page = self.page(source)
        return scrape_of(page, adapter, keys), len(page)

    async def round(self) -> None:
        self.now += INTERVAL
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rounds, "fetch", self.fetch)
            await self.scraper.round()

    def sleeps(self, app: AppId) -> bool:
        """Whether waker would put the app to sleep now."""
        traffic, lost_at = self.scraper.traffic(app), self.scraper.certainty(app).doubted_at
        if traffic.unknown or not traffic.visited_at:
            return False
        return self.now - max(traffic.visited_at, lost_at or traffic.visited_at) >= IDLE_AFTER

    async def do(self, what: str, which: int, app: AppId) -> None:  # noqa: C901 a list of what can happen
        self.now += timedelta(seconds=3)
        pod = self.pods[which % len(self.pods)]
        match what:
            case "visit" if app not in pod.dropped:  # dropped and grown to the very same: no counter can tell
                pod.counts[app] = pod.counts.get(app, 0) + 1
                pod.unread.add(app)
                self.visits[app] = self.now
            case "round":
                await self.round()
            case "write":
                self.stored = encode(self.scraper.record())
            case "crash":
                self.start()
            case "restart":
                pod.counts.clear()
                pod.started = self.now.timestamp()
                pod.restarts += 1
            case "drop" if app not in pod.unread:  # nor what was counted and dropped between two scrapes
                pod.counts.pop(app, None)
                pod.dropped.add(app)
            case "silence":
                pod.answers = not pod.answers
            case "come":
                self.join()
            case "go" if len(self.pods) > 1:
                self.pods.remove(pod)
                self.gone.append(pod.pod())
            case "wake":
                self.incarnation += "+"
                self.watch_apps()
