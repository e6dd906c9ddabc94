"""One pod of an ingress controller: whether visitors may reach it, what it takes along when it goes, how reading it went.

No IO and no clock: `rounds` notes what it has read, `scraped_controller` asks.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from waker.plan.model import Container, Pod
from waker.settings.durations import format_duration
from waker.traffic.controllers import Adapter
from waker.traffic.name_proof import NameProof
from waker.traffic.targets import PrometheusSample

FRESH_INTERVALS: Final = 3  # one scrape may fail and one be late before a pod's traffic is unknown
# A pod that is not ready may still finish what it was given: Kubernetes and cloud load balancers drain for up to 5 min.
# After that, a pod that cannot be read must not keep the whole cluster awake.
GRACE: Final = timedelta(minutes=5)
OUT_OF_ROTATION: Final = timedelta(seconds=5)  # after a pod turned unready nobody sends it anything new
TO_THE_END: Final = timedelta(seconds=5)  # a pod that was read so shortly before it went has shown all it had
CLOCKS: Final = timedelta(seconds=5)  # by which two nodes may differ


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
    running: bool = True  # its counting container
    ready_after: int = -1  # that it was ready after so many restarts has been taken into account
    loss_told: bool = False  # its container ended, and that its counts are lost was said then
    ready_since: datetime | None = None
    asked_at: datetime | None = None  # when the last complete scrape was asked for
    last_asked_at: datetime | None = None  # likewise, the one before it
    read_at: datetime | None = None
    took: timedelta = timedelta()  # from when it was to be read until it was
    counted_at: datetime | None = None  # when a page of it last showed that it counts
    reloaded_for: datetime | None = None  # the last move of waker's own for which it was seen to reload
    sampled_at: float = 0.0  # the newest sample's time in seconds since 1970, by Prometheus's clock
    size: int = 0  # of its last metrics page, in bytes
    problem: str = "has not been read yet"
    unready_since: datetime | None = None
    names: NameProof = field(default_factory=NameProof)

    @property
    def unread_since(self) -> datetime:
        """When its visits were last known; when it was first seen, if they never were."""
        return self.counted_at or self.first_seen_at

    def may_serve(self, adapter: Adapter, now: datetime) -> bool:
        """Whether visitors may reach it now. One that has not been ready since it began has none, nor has one that ended.

        At its node's own address it is reached whatever Kubernetes says of it.
        """
        if not self.running:
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
        # It may have got ready and ended between two looks.
        served_after = -1 if pod.ready_after is None else pod.ready_after
        if served_after > self.ready_after:
            self.served, self.unready_since, self.ready_after = True, now, served_after
        ended = before.running and not after.running
        began_again = after.restarts > before.restarts and not (pod.ready and shows_start)
        lost = (ended or began_again) and self.may_have_lost(adapter, now)
        if ended or began_again:
            self.served, self.loss_told = False, self.loss_told or lost
        self.pod, self.running = pod, after.running
        self.ready_after = max(self.ready_after, pod.restarts) if pod.ready else self.ready_after
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
