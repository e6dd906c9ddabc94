"""What is known of one ingress controller: its pods, when each was read, and why that is not enough.

No IO and no clock: `scrape` tells it what it has seen and asks what cannot be known. Knowledge is whole or it is a
sentence: one pod that cannot be read may be the one that is visited.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from waker.plan.model import Pod
from waker.settings.times import format_duration
from waker.traffic.controllers import Adapter, SeriesKey
from waker.traffic.ledger import Ledger, Scrape
from waker.traffic.targets import PrometheusSample

FRESH: Final = 3  # intervals: one page may fail and one be late before a pod's traffic is unknown
# A pod that is not ready may still finish what it was given: Kubernetes and cloud load balancers drain for up to 5 min.
# Later than that a page that cannot be read tells nothing about visitors, and must not keep a cluster awake for ever.
GRACE: Final = timedelta(minutes=5)


@dataclass(slots=True)
class ControllerPod:
    """A controller pod. `problem` ends a sentence that begins with its name."""

    pod: Pod
    since: datetime  # when it was first seen
    asked_at: datetime | None = None  # for the last page that was read whole
    read_at: datetime | None = None
    sampled: float = 0.0  # by Prometheus's clock, if that is asked
    size: int = 0  # of its last page, in bytes
    problem: str = "has not been read yet"
    missed: bool = False  # it could not be read when that was first tried
    unready_since: datetime | None = None

    def excused(self, now: datetime) -> bool:
        """True: it has not been ready for so long that nobody is waiting for its page."""
        return bool(self.unready_since and self.unready_since + GRACE <= now)

    def why_not_sampled(
        self, reading: PrometheusSample | None, asked_at: datetime, adapter: Adapter, interval: timedelta
    ) -> str:
        """Why Prometheus's answer says nothing of it, "" if it does."""
        if not reading:
            return f"is not known to Prometheus: it has no {adapter.proof} of it; have it scraped, and {adapter.enable}"
        if reading.age > (FRESH * interval).total_seconds():
            return (
                f"was last scraped by Prometheus more than {format_duration(FRESH * interval)} ago; "
                "look at that target, and let scrape-interval be as long as Prometheus's own"
            )
        if adapter.process and reading.scrape.started is None:
            return f"is not known to Prometheus whole: it has no {adapter.process.metric} of it"
        if asked_at - timedelta(seconds=reading.age) < self.since:
            return "has not been scraped by Prometheus since waker saw it first"
        return ""


@dataclass(slots=True)
class ScrapedController:
    """A controller that somebody follows. `begun`: all its pods have been read once; pods that come now count from 0."""

    adapter: Adapter
    baselined: bool = False
    pods: dict[str, ControllerPod] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)

    def update(self, pods: Iterable[Pod], now: datetime) -> list[Pod]:
        """Its pods as they are now. Gives those that may have been visited since they were last read, and nobody can tell.

        They are gone, or a container of theirs began again: then the pod counts from 0.
        """
        found = {pod.uid: pod for pod in pods if pod.address}
        gone = [self.pods.pop(uid) for uid in self.pods.keys() - found.keys()]
        lost = [each.pod for each in gone if self.ledger.forget(each.pod.uid) or not each.unready_since]
        for uid, pod in found.items():
            each = self.pods.setdefault(uid, ControllerPod(pod, now))
            if pod.restarts > each.pod.restarts and (self.ledger.restart(uid) or not each.unready_since):
                lost.append(pod)
            each.pod = pod
            each.unready_since = None if pod.ready else each.unready_since or now
        return lost

    def why_unknown(self, now: datetime, interval: timedelta) -> str:
        """Why its visitors are not all known, "" if they are."""
        return next(self.unknowns(now, interval), "")

    def unknowns(self, now: datetime, interval: timedelta) -> Iterator[str]:
        """Everything that hides visitors: a sentence for each."""
        title = self.adapter.title
        if not self.pods:
            labels = " or ".join(map(str, self.adapter.selectors))
            yield f"no pod of {title} was found (labels: {labels}); if it has others, set controller.CLASS.selector"
        for each, page in self._counting(now):
            stale = not each.read_at or each.read_at < now - FRESH * interval
            if stale or not page or not page.proven:
                yield f"{title} pod {each.pod.namespace}/{each.pod.name} {each.problem or 'was not read lately'}"

    def why_not_listed(self, keys: Sequence[SeriesKey], now: datetime) -> str:
        """Why the pages that were read do not answer for this series, "" if they do. `keys`: all its spellings."""
        name = "/".join(keys[0])
        for each, page in self._counting(now):
            pod = f"{self.adapter.title} pod {each.pod.namespace}/{each.pod.name}"
            if page and not page.keys.issuperset(keys):
                return f"{pod} has not been read for {name} yet"
            if page and self.adapter.lists_all and each.pod.ready and not keys_on(page, keys):
                return f"{pod} does not know {name}"
        if not self.adapter.names_proven and not any(page and keys_on(page, keys) for _, page in self._counting(now)):
            return (
                f"{self.adapter.title} has counted nothing as {name} yet, a name that waker's authors could not try; "
                "it is known from the first visit on"
            )
        return ""

    def read_until(self, now: datetime) -> datetime | None:
        """Up to when all pods have been read; None if some has not."""
        asked = [each.asked_at for each, _ in self._counting(now)]
        return None if None in asked else min((at for at in asked if at), default=None)

    def _counting(self, now: datetime) -> Iterator[tuple[ControllerPod, Scrape | None]]:
        return ((each, self.ledger.last(uid)) for uid, each in self.pods.items() if not each.excused(now))


def keys_on(page: Scrape, keys: Iterable[SeriesKey]) -> bool:
    """Whether any of these series stands on the page."""
    return not page.tallies.keys().isdisjoint(keys)
