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
from waker.observe.controller_namespaces import ControllerNamespaces
from waker.observe.controller_pods import ControllerPods
from waker.observe.door_listing import ways
from waker.observe.live_settings import LiveConfig
from waker.observe.unread_pods import UnreadPods
from waker.plan.model import AppId, Pod
from waker.plan.routes.route import HttpTarget
from waker.settings.ingress_class import ignore_after
from waker.traffic.controllers import Adapter
from waker.traffic.controllers.configured import controller_name
from waker.traffic.dependencies import AskPrometheus, ScraperDependencies
from waker.traffic.prometheus import Prometheus


@dataclass(frozen=True, slots=True)
class Scraping:
    """The parts that know. `report` writes an Event about the settings."""

    cluster: ClusterCache
    config: LiveConfig
    metrics: Metrics
    controller_pods: ControllerPods
    prime: Callable[[Adapter, Pod, HttpTarget], Awaitable[None]]
    controller_namespaces: ControllerNamespaces
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
            departed=self.controller_pods.departed,
            interval=self._interval,
            on_visit=on_visit,
            on_known=on_known,
            prime=self._prime,
            on_scrape=self._count,
            on_round=unread.look,
            ignore_after=self._ignore_after,
            prometheus=partial(self._ask, prometheus),
            workload_versions=self._workload_versions,
            adapter=self.controller_namespaces.scraped_adapter,
        )

    def _interval(self) -> timedelta:
        return self.config.live.scrape_interval

    def _ignore_after(self, controller: str) -> timedelta | None:
        settings = self.config.live.classes.get(controller.partition("@")[2])
        return ignore_after(settings) if settings else None

    def _report_if_leading(self, reason: names.EventReason, sentence: str) -> None:
        """What every replica sees."""
        if self.leading():
            self.report(reason, sentence)

    def _pods(self, adapter: Adapter) -> Sequence[Pod]:
        found = self.controller_pods.pods(adapter)
        for sentence in self.controller_pods.newly_ignored(adapter.controller):
            self.report(names.EventReason.IGNORED_PODS, sentence)
        return found

    async def _prime(self, adapter: Adapter, pod: Pod) -> None:
        way = next(ways(self.cluster, controller_name(adapter.controller)), None)
        if way:
            await self.prime(adapter, pod, way)

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
