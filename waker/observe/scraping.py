"""What the scraper asks of the rest: which pods there are, how to have one count something, whom to report to.

The scraper itself knows nothing of the cluster (`traffic.scrape`); `service` makes both.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from waker import names
from waker.metrics import Metrics
from waker.observe.cluster import ClusterCache
from waker.observe.controllers import IngressControllers
from waker.observe.door_listing import proving_ways
from waker.observe.live_settings import LiveConfig
from waker.observe.unread_pods import UnreadPods
from waker.plan.model import AppId, Pod
from waker.plan.routes.route import HttpTarget
from waker.settings.ingress_class import ignore_after
from waker.traffic.controllers import Adapter, SeriesKey, interest
from waker.traffic.controllers.configured import parts
from waker.traffic.dependencies import AskPrometheus, ScraperDependencies
from waker.traffic.name_proof import Primed
from waker.traffic.prometheus import Prometheus
from waker.traffic.queries import AskNumber, QueryDependencies


@dataclass(frozen=True, slots=True)
class Scraping:
    """The parts that know. `report` writes an Event about the settings."""

    cluster: ClusterCache
    config: LiveConfig
    metrics: Metrics
    controllers: IngressControllers
    prime: Callable[[Adapter, Pod, HttpTarget], Awaitable[bool]]
    report: Callable[[names.EventReason, str], None]
    leading: Callable[[], bool]

    def dependencies(
        self,
        prometheus: Prometheus,
        on_visit: Callable[[AppId], None],
        on_known: Callable[[AppId], None],
        clock: Callable[[], datetime],
    ) -> ScraperDependencies:
        """All of it, as the scraper wants it."""
        unread = UnreadPods(self.metrics, clock, self._interval, self.cluster.served_by, self._report_if_leading)
        return ScraperDependencies(
            clock=clock,
            pods=self._pods,
            departed=self.controllers.pods.departed,
            interval=self._interval,
            on_visit=on_visit,
            on_known=on_known,
            prime=self._prime,
            on_scrape=self._count,
            on_round=unread.look,
            ignore_after=self._ignore_after,
            prometheus=partial(self._ask, prometheus),
            workload_versions=self._workload_versions,
            pods_changed=self.controllers.pods.changed,
            adapter=self.controllers.namespaces.scraped_adapter,
        )

    def queries(
        self,
        prometheus: Prometheus,
        on_visit: Callable[[AppId], None],
        on_known: Callable[[AppId], None],
        clock: Callable[[], datetime],
    ) -> QueryDependencies:
        """Likewise, as those want it who ask for activity."""
        return QueryDependencies(
            clock=clock,
            interval=self._interval,
            delay=lambda: self.config.live.activity_delay,
            ask=partial(self._ask_number, prometheus),
            on_visit=on_visit,
            on_known=on_known,
        )

    def _ask_number(self, prometheus: Prometheus) -> AskNumber | None:
        url = self.config.live.prometheus_url
        return partial(prometheus.number, url) if url else None

    def _interval(self) -> timedelta:
        return self.config.live.scrape_interval

    def _ignore_after(self, controller: str) -> timedelta | None:
        settings = self.config.live.classes.get(parts(controller).name)
        return ignore_after(settings) if settings else None

    def _report_if_leading(self, reason: names.EventReason, sentence: str) -> None:
        """What every replica sees."""
        if self.leading():
            self.report(reason, sentence)

    def _pods(self, adapter: Adapter) -> Sequence[Pod]:
        found = self.controllers.pods.pods(adapter)
        for sentence in self.controllers.pods.newly_ignored(adapter.controller):
            self.report(names.EventReason.IGNORED_PODS, sentence)
        return found

    async def _prime(self, adapter: Adapter, pod: Pod, after: str) -> Primed:
        ways = proving_ways(self.cluster, self.config.live, adapter.controller, after)
        way, another = next(ways, None), next(ways, None)
        if way is None:
            return Primed()
        arrived = await self.prime(adapter, pod, way.target)
        keys = frozenset(interest(adapter, way.backend).keys) if arrived else frozenset[SeriesKey]()
        return Primed(keys, way.backend.namespace, alone=another is None)

    def _count(self, controller: str, read_at: datetime | None) -> None:
        self.metrics.scrapes.labels(controller).inc()
        if read_at:
            self.metrics.scraped_at.labels(controller).set(read_at.timestamp())
        else:
            self.metrics.scrape_failures.labels(controller).inc()

    def _ask(self, prometheus: Prometheus) -> AskPrometheus | None:
        url = self.config.live.prometheus_url
        return partial(prometheus.read, url) if url else None

    def _workload_versions(self, adapter: Adapter) -> str:
        return repr([self.cluster.workload_versions(each) for each in adapter.selectors])
