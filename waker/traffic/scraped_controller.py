"""What is known of one ingress controller: its pods, when each was read last, and why that is not enough.

No IO and no clock: `rounds` notes what it has read, `scrape` and `explain` ask what is unknown. The answer is all or
nothing: a single pod that cannot be read may be the one that visitors use, so it makes the whole controller unknown.
Every reason is a sentence for people.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from waker.plan.model import Pod
from waker.settings.durations import format_duration
from waker.traffic.controllers import Adapter, SeriesKey
from waker.traffic.ledger import Ledger, Scrape
from waker.traffic.targets import PrometheusSample

FRESH_INTERVALS: Final = 3  # one scrape may fail and one be late before a pod's traffic is unknown
# A pod that is not ready may still finish what it was given: Kubernetes and cloud load balancers drain for up to 5 min.
# After that, a pod that cannot be read must not keep the whole cluster awake.
GRACE: Final = timedelta(minutes=5)


@dataclass(slots=True)
class ControllerPod:
    """One pod of a controller, and how reading it went. `problem` ends a sentence that begins with the pod's name."""

    pod: Pod
    first_seen_at: datetime
    asked_at: datetime | None = None  # when the last complete scrape was asked for
    read_at: datetime | None = None
    counted_at: datetime | None = None  # when a page of it last showed that it counts
    sampled_at: float = 0.0  # the newest sample's time in seconds since 1970, by Prometheus's clock
    size: int = 0  # of its last metrics page, in bytes
    problem: str = "has not been read yet"
    has_failed: bool = False  # at least one scrape of it did
    unready_since: datetime | None = None

    @property
    def unread_since(self) -> datetime:
        """When its visits were last known; when it was first seen, if they never were."""
        return self.counted_at or self.first_seen_at

    def drained(self, now: datetime) -> bool:
        """Whether it has been unready for so long that it serves nobody any more."""
        return bool(self.unready_since and self.unready_since + GRACE <= now)

    def why_not_sampled(
        self, sample: PrometheusSample | None, asked_at: datetime, adapter: Adapter, interval: timedelta
    ) -> str:
        """Why Prometheus's answer does not cover this pod, "" if it does."""
        if not sample:
            return f"has no {adapter.proof} in Prometheus; let Prometheus scrape this pod, and {adapter.enable}"
        if sample.age > (FRESH_INTERVALS * interval).total_seconds():
            return (
                f"was last scraped by Prometheus more than {format_duration(FRESH_INTERVALS * interval)} ago; "
                "check that target, and set scrape-interval to at least Prometheus's own interval"
            )
        if adapter.process and sample.scrape.started is None:
            return f"has no {adapter.process.metric} in Prometheus; let Prometheus keep that metric"
        if asked_at - timedelta(seconds=sample.age) < self.first_seen_at:
            return "has not been scraped by Prometheus since waker first saw it"
        return ""


@dataclass(slots=True)
class ScrapedController:
    """A controller that counts visits of at least one watched app.

    `baselined`: all its pods have been read once, so a pod that appears from now on counts from 0. `ignore_after`: the user
    ignores a pod that has not been read for so long, while others are; None: it makes the controller unknown for ever.
    """

    adapter: Adapter
    baselined: bool = False
    ignore_after: timedelta | None = None
    pods: dict[str, ControllerPod] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)

    def update(self, pods: Iterable[Pod], now: datetime) -> list[Pod]:
        """Take over the controller's present pods. Returns those whose last visits may never have been read.

        These are pods that are gone, and pods of which a container has restarted: their counters begin at 0 again.
        """
        present = {pod.uid: pod for pod in pods if pod.address}
        gone = [self.pods.pop(uid) for uid in self.pods.keys() - present.keys()]
        lost = [each.pod for each in gone if self.ledger.forget(each.pod.uid) or not each.unready_since]
        for uid, pod in present.items():
            known = self.pods.setdefault(uid, ControllerPod(pod, now))
            if pod.restarts > known.pod.restarts and (self.ledger.restart(uid) or not known.unready_since):
                lost.append(pod)
            known.pod = pod
            known.unready_since = None if pod.ready else known.unready_since or now
        return lost

    def why_unknown(self, now: datetime, interval: timedelta) -> str:
        """The first reason why visits may be unknown, "" if all are known."""
        return next(self.unknowns(now, interval), "")

    def unknowns(self, now: datetime, interval: timedelta) -> Iterator[str]:
        """Every reason why visits may be unknown, a sentence each."""
        title = self.adapter.title
        if not self.pods:
            labels = " or ".join(map(str, self.adapter.selectors))
            fix = "if its pods have others, or are elsewhere, set controller.CLASS.selector and namespace"
            yield f"no pod of {title} has the labels {labels}; {fix}"
        late = "has not been read lately; if that stays, set a longer scrape-interval"
        for each, _ in self._serving(now):
            if not self.is_read(each, now, interval):
                yield f"{title} pod {each.pod.namespace}/{each.pod.name} {each.problem or late}"

    def is_read(self, each: ControllerPod, now: datetime, interval: timedelta) -> bool:
        """Whether the visits that this pod counts are known."""
        scrape = self.ledger.last(each.pod.uid)
        fresh = each.read_at is not None and each.read_at >= now - FRESH_INTERVALS * interval
        return fresh and scrape is not None and scrape.proven

    def ignored(self, now: datetime) -> frozenset[str]:
        """The uids of the pods that the user ignores, see `ignore_after`. None is, where that would leave nobody to count."""
        if self.ignore_after is None:
            return frozenset()
        serving = {uid: each for uid, each in self.pods.items() if not each.drained(now)}
        late = frozenset(uid for uid, each in serving.items() if each.unread_since + self.ignore_after <= now)
        return late if late < serving.keys() else frozenset()

    def why_not_listed(self, keys: Sequence[SeriesKey], now: datetime) -> str:
        """Why the last scrapes say nothing about this series, "" if they do. `keys`: all its spellings."""
        name, title = "/".join(keys[0]), self.adapter.title
        for each, scrape in self._serving(now):
            pod = f"{title} pod {each.pod.namespace}/{each.pod.name}"
            if scrape and not scrape.keys.issuperset(keys):
                return f"{pod} has not been read for {name} yet"
            if scrape and self.adapter.lists_all and each.pod.ready and not has_any(scrape, keys):
                return f"{pod} does not list {name}; check that {title} serves this route"
        if not self.adapter.names_proven and not any(
            scrape and has_any(scrape, keys) for _, scrape in self._serving(now)
        ):
            return (
                f"{title} has counted nothing as {name} yet, and waker is not sure of that name; "
                "visit the app once through its ingress"
            )
        return ""

    def read_until(self, now: datetime) -> datetime | None:
        """Up to when all pods have been read; None if one of them has not."""
        asked = [each.asked_at for each, _ in self._serving(now)]
        return None if None in asked else min((at for at in asked if at), default=None)

    def _serving(self, now: datetime) -> Iterator[tuple[ControllerPod, Scrape | None]]:
        """The pods that may serve visitors now, each with its last scrape."""
        ignored = self.ignored(now)
        found = ((uid, each) for uid, each in self.pods.items() if uid not in ignored and not each.drained(now))
        return ((each, self.ledger.last(uid)) for uid, each in found)


def has_any(scrape: Scrape, keys: Iterable[SeriesKey]) -> bool:
    """Whether any of these series was on the metrics page."""
    return not scrape.tallies.keys().isdisjoint(keys)
