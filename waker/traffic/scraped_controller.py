"""What is known of one ingress controller: its pods, when each was read last, and why that is not enough.

No IO and no clock: `rounds` notes what it has read, `scrape` and `explain` ask what is unknown. The answer is all or
nothing: a single pod that cannot be read may be the one that visitors use, so it makes the whole controller unknown.
Every reason is a sentence for people.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from waker.plan.model import Container, Pod
from waker.settings.durations import format_duration
from waker.traffic.controllers import Adapter, SeriesKey
from waker.traffic.ledger import Ledger, Scrape
from waker.traffic.name_proof import NameProof
from waker.traffic.targets import PrometheusSample

FRESH_INTERVALS: Final = 3  # one scrape may fail and one be late before a pod's traffic is unknown
PATIENCE: Final = timedelta(minutes=10)  # however long a round takes
# A pod that is not ready may still finish what it was given: Kubernetes and cloud load balancers drain for up to 5 min.
# After that, a pod that cannot be read must not keep the whole cluster awake.
GRACE: Final = timedelta(minutes=5)
OUT_OF_ROTATION: Final = timedelta(seconds=5)  # after a pod turned unready nobody sends it anything new
TO_THE_END: Final = timedelta(seconds=5)  # a pod that was read so shortly before it went has shown all it had
SETTLES: Final = timedelta(seconds=5)  # after a controller's known lag
CLOCKS: Final = timedelta(seconds=5)  # by which two nodes may differ
DAY: Final = timedelta(days=1)
MOST_LOSSES: Final = 1_000  # that are remembered


def counting_container(pod: Pod, adapter: Adapter) -> Container:
    """The container that serves and counts: whose ports are the adapter's. If no container declares them, all as one."""
    ports = [each for each in (adapter.metrics, adapter.proxy, adapter.tls) if each]
    wanted = {name for each in ports for name in (*each.names, str(each.of(pod)))}
    found = [each for each in pod.containers if each.ports & wanted] or pod.containers
    restarts = sum(each.restarts for each in found)
    return Container(restarts=restarts, running=not found or any(each.running for each in found))


@dataclass(slots=True)
class ControllerPod:
    """One pod of a controller, and how reading it went. `problem` ends a sentence that begins with the pod's name.

    `served`: it may have had requests that are not counted yet, or whose count is lost.
    """

    pod: Pod
    first_seen_at: datetime
    served: bool = True
    loss_told: bool = False  # its container ended, and that its counts are lost was said then
    ready_since: datetime | None = None
    asked_at: datetime | None = None  # when the last complete scrape was asked for
    read_at: datetime | None = None
    took: timedelta = timedelta()  # from when it was to be read until it was
    sampled_at: float = 0.0  # the newest sample's time in seconds since 1970, by Prometheus's clock
    size: int = 0  # of its last metrics page, in bytes
    problem: str = "has not been read yet"
    unready_since: datetime | None = None
    names: NameProof = field(default_factory=NameProof)

    def may_serve(self, adapter: Adapter, now: datetime) -> bool:
        """Whether visitors may reach it now. One that has not been ready since it began has none, nor has one that ended.

        At its node's own address it is reached whatever Kubernetes says of it.
        """
        if not counting_container(self.pod, adapter).running:
            return False
        return self.unready_since is None or (self.served and not self._excused(adapter, now))

    def _excused(self, adapter: Adapter, now: datetime) -> bool:
        """Whether it has been unready for so long that it serves nobody any more."""
        after = adapter.excuse_after or (None if self.pod.on_node else GRACE)
        return bool(after and self.unready_since and self.unready_since + after <= now)

    def renew(self, pod: Pod, adapter: Adapter, now: datetime, *, shows_start: bool) -> bool:
        """Take over what Kubernetes says of it now. True if what it had counted is lost, as its container ended or restarted.

        `shows_start`: its page tells when its process began. Then that tells of a restart while it is ready.
        """
        before, after = counting_container(self.pod, adapter), counting_container(pod, adapter)
        ended = before.running and not after.running
        began_again = after.restarts > before.restarts and not (pod.ready and shows_start)
        lost = (ended or began_again) and self.may_have_lost(adapter, now)
        if ended or began_again:
            self.served, self.loss_told = False, self.loss_told or lost
        self.pod = pod
        self.unready_since = None if pod.ready else self.unready_since or now
        self.ready_since = self.ready_since or now if pod.ready else None
        self.served = self.served or pod.ready or (pod.on_node and after.running)
        return lost

    def may_have_lost(self, adapter: Adapter, now: datetime) -> bool:
        """Whether visits of it may go uncounted if it ends now: not if it was read to its end, or served nobody."""
        if not self.served or self._excused(adapter, now):
            return False
        at_rest = self.unready_since and not self.pod.on_node and self.unready_since + OUT_OF_ROTATION
        return not (at_rest and self.asked_at and self.asked_at >= max(at_rest, now - TO_THE_END))

    def excuse(self) -> str:
        """What to do about a pod that is not ready, and cannot be left out for that."""
        if not self.unready_since or not self.pod.on_node:
            return ""
        fix = "set controller.CLASS.excuse-after if it does not"
        return f"; it is not ready, but may take visitors at its node's own address: {fix}"

    def began_while_ready(self, started: float) -> bool:
        """Whether a process that began at `started`, in seconds since 1970, has followed one that had visitors."""
        return self.ready_since is not None and started > (self.ready_since + CLOCKS).timestamp()

    def is_urgent(self, adapter: Adapter, now: datetime) -> bool:
        """Whether it should be read at once: it serves and has never been read, or it is about to go."""
        return self.may_serve(adapter, now) and (self.read_at is None or self.unready_since is not None)

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

    `baselined`: all its pods have been read once, so a pod that appears from now on counts from 0. `moved_at`: when waker last
    moved one of its routes.
    """

    adapter: Adapter
    baselined: bool = False
    pods: dict[str, ControllerPod] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    moved_at: datetime | None = None
    losses: deque[tuple[datetime, str]] = field(default_factory=lambda: deque(maxlen=MOST_LOSSES))  # and of which pod

    def update(self, pods: Iterable[Pod], now: datetime) -> list[str]:
        """Take over the controller's present pods. Returns for each that may have lost visits what happened to it.

        These are pods that are gone, and pods whose container ended or restarted: their counters begin at 0 again.
        """
        present = {pod.uid: pod for pod in pods if pod.address}
        lost = []
        for uid in self.pods.keys() - present.keys():
            gone = self.pods.pop(uid)
            self.ledger.forget(uid)
            if gone.may_have_lost(self.adapter, now):
                lost.append(self.lost(gone.pod, "went away", now))
        for uid, pod in present.items():
            known = self.pods.get(uid)
            if known is None:
                known = self.pods[uid] = ControllerPod(pod, now, not self.baselined or pod.terminating)
            last = self.ledger.last(uid)
            process = self.adapter.process
            shows_start = bool(process and process.sign > 0 and last and last.started is not None)
            restarts = counting_container(known.pod, self.adapter).restarts
            if known.renew(pod, self.adapter, now, shows_start=shows_start):
                lost.append(self.lost(pod, "began again", now))
            if counting_container(pod, self.adapter).restarts > restarts and not shows_start:
                self.ledger.restart(uid)
        return lost

    def lost(self, pod: Pod, what: str, now: datetime) -> str:
        """Note that visits may have gone uncounted at a pod. Returns a sentence for people."""
        self.losses.append((now, pod.name))
        day = sum(1 for at, name in self.losses if name == pod.name and at > now - DAY)
        often = f", {day} times in 24 h" if day > 1 else ""
        return f"visits may have been lost: {self.adapter.title} pod {pod.name} {what}{often}"

    def moved_just_now(self, now: datetime) -> bool:
        """Whether the controller may only now follow a move of waker's own."""
        return self.moved_at is not None and now <= self.moved_at + self.adapter.lag + SETTLES

    def urgent(self, now: datetime) -> frozenset[str]:
        """The pods, by uid, that should be read at once and again and again: so what is lost is seconds."""
        reloads = self.adapter.reloads_on_move and self.moved_just_now(now)
        return frozenset(uid for uid, each in self.pods.items() if reloads or each.is_urgent(self.adapter, now))

    def why_unknown(self, now: datetime, interval: timedelta) -> str:
        """The first reason why visits may be unknown, "" if all are known."""
        return next(self.unknowns(now, interval), "")

    def unknowns(self, now: datetime, interval: timedelta) -> Iterator[str]:
        """Every reason why visits may be unknown, a sentence each."""
        title = self.adapter.title
        if not self.pods:
            labels = " or ".join(map(str, self.adapter.selectors))
            elsewhere = "if its pods have others, or are elsewhere, set controller.CLASS.selector and namespace"
            fix = self.adapter.instead or elsewhere
            yield f"no pod of {title} has the labels {labels}; {fix}"
        slowest = max((each.took for each in self.pods.values()), default=timedelta())
        why = f", as reading all {len(self.pods)} pods takes {format_duration(slowest)}" if slowest > interval else ""
        late = f"has not been read lately{why}; if that stays, set a longer scrape-interval"
        for each, scrape in self._serving(now):
            stale = not each.read_at or each.read_at < now - min(FRESH_INTERVALS * max(interval, slowest), PATIENCE)
            if stale or not scrape or not scrape.proven:
                yield f"{title} pod {each.pod.namespace}/{each.pod.name} {each.problem or late}{each.excuse()}"

    def why_not_listed(self, keys: Sequence[SeriesKey], now: datetime) -> str:
        """Why the last scrapes say nothing about this series, "" if they do. `keys`: all its spellings."""
        name, title = "/".join(keys[0]), self.adapter.title
        for each, scrape in self._serving(now):
            pod = f"{title} pod {each.pod.namespace}/{each.pod.name}"
            if scrape and not scrape.keys.issuperset(keys):
                return f"{pod} has not been read for {name} yet"
            odd = next((scrape.strange[key] for key in keys if key in scrape.strange), "") if scrape else ""
            if odd:
                return f"{pod} {odd}"
            if scrape and self.adapter.lists_all and each.pod.ready and not has_any(scrape, keys):
                return f"{pod} does not list {name}; check that {title} serves this route"
        if any(scrape and has_any(scrape, keys) for _, scrape in self._serving(now)):
            return ""
        for each, _ in self._serving(now):
            pod = f"{title} pod {each.pod.namespace}/{each.pod.name}"
            if each.names.wrong:
                other = "/".join(min(each.names.keys))
                why = f"{pod} does not count waker's own requests as {other}, so nobody knows whether it has counted {name}"
                return f"{why}; visit the app once through its ingress, or set controller.CLASS.adapter or metric"
            if not (self.adapter.names_proven or each.names.given):
                why = (
                    f"{pod} has counted nothing as {name} yet, and it is not proved yet that it counts under such names"
                )
                return f"{why}; visit the app once through its ingress"
        return ""

    def read_until(self, now: datetime) -> datetime | None:
        """Up to when all pods have been read; None if one of them has not."""
        asked = [each.asked_at for each, _ in self._serving(now)]
        return None if None in asked else min((at for at in asked if at), default=None)

    def _serving(self, now: datetime) -> Iterator[tuple[ControllerPod, Scrape | None]]:
        """The pods that may serve visitors now, each with its last scrape."""
        return ((each, self.ledger.last(uid)) for uid, each in self.pods.items() if each.may_serve(self.adapter, now))


def has_any(scrape: Scrape, keys: Iterable[SeriesKey]) -> bool:
    """Whether any of these series was on the metrics page."""
    return not scrape.tallies.keys().isdisjoint(keys)
